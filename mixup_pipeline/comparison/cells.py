"""Arms and cells. A cell is one arm under one setting; it is trained once for every seed."""

from dataclasses import dataclass

from mixup_pipeline.config.registry import PAIRINGS

_ONLY_IF_ASKED = ("class-balanced", "near-label", "cross-group", "within-group")
"""Pairings that answer a question of their own: of rare classes, of real values, of groups."""


LEAST_SEEDS = 3
"""Fewer show nothing: an effect cannot be told from the spread between seeds."""


def known_arms() -> tuple[str, ...]:
    """The arms that are compared unless others are asked for: the baseline, pairings, and mixup online."""
    return ("baseline", *(pairing for pairing in PAIRINGS if pairing not in _ONLY_IF_ASKED), "online")


def all_arms() -> tuple[str, ...]:
    """All arms that can be compared: the known ones, then those that must be asked for."""
    return (*known_arms(), *(pairing for pairing in PAIRINGS if pairing in _ONLY_IF_ASKED))


def number_name(value: float) -> str:
    """A number as it stands in names. Numbers that differ, however little, have different names."""
    return repr(float(value)).removesuffix(".0")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One arm under one setting.

    alpha: None for the baseline. copies: None for arms that are not mixed ahead of training. subset: the number of
    random training examples; None for all. corrupt: the share of training labels that are wrong.
    """

    arm: str
    alpha: float | None = None
    copies: int | None = None
    subset: int | None = None
    corrupt: float = 0.0

    @property
    def condition(self) -> tuple[int | None, float]:
        """(subset, corrupt): the training examples. Arms are compared only under the same condition."""
        return self.subset, self.corrupt

    @property
    def name(self) -> str:
        """The name of its folder, which messages show too."""
        parts = [self.arm]
        parts += [f"alpha{number_name(self.alpha)}"] if self.alpha is not None else []
        parts += [f"copies{self.copies}"] if self.copies is not None else []
        parts += [f"subset{self.subset}"] if self.subset is not None else []
        parts += [f"corrupt{number_name(self.corrupt)}"] if self.corrupt else []
        return "-".join(parts)
