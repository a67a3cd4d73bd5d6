"""What is compared: arms, the settings they are tried under, and the cells that come of it.

A cell is one arm under one setting; it is trained once for every seed. Two questions that need the same cell share it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from mixup_pipeline.config import ALPHA_RANGE, MAX_COPIES, MAX_EXAMPLES, check_choice, check_integer, check_number
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.train_config import TrainConfig

AXES = ("copies", "alpha", "limit")
_NOT_MIXED_AHEAD = ("baseline", "online")
_DEFAULT_COPIES = 10
MAX_SEEDS = 1000
_SPELLED: dict[str, type[int] | type[float]] = {"copies": int, "alpha": float, "limit": int}


def known_arms() -> tuple[str, ...]:
    """All arms that may be compared: the baseline, one for every pairing that is registered, and mixup online."""
    return ("baseline", *PAIRINGS, "online")


def number_name(value: float) -> str:
    """A number in a name: two that differ, however little, have two names."""
    return repr(float(value)).removesuffix(".0")


def attack_name(size: float) -> str:
    """The name of an attack of this size among the probes."""
    return f"fgsm {number_name(size)}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One arm under one setting.

    alpha: None for the baseline. copies: None where nothing is mixed ahead of training. limit: so many examples of the
    training split, None for all. corrupt: share of training labels that are wrong.
    """

    arm: str
    alpha: float | None = None
    copies: int | None = None
    limit: int | None = None
    corrupt: float = 0.0

    @property
    def condition(self) -> tuple[int | None, float]:
        """What is alike for all arms that may be compared: the examples they train on."""
        return self.limit, self.corrupt

    @property
    def name(self) -> str:
        """A name for its folder, and for people."""
        parts = [self.arm]
        parts += [f"alpha{number_name(self.alpha)}"] if self.alpha is not None else []
        parts += [f"copies{self.copies}"] if self.copies is not None else []
        parts += [f"limit{self.limit}"] if self.limit is not None else []
        parts += [f"corrupt{number_name(self.corrupt)}"] if self.corrupt else []
        return "-".join(parts)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One setting tried at several values: the axis and its values in ascending order."""

    axis: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_choice("sweep", self.axis, AXES)
        if not self.values:
            raise UsageError(f"sweep {self.axis}: no values: write {self.axis}=1,2,5")
        for value in self.values:
            if self.axis == "alpha":
                check_number("sweep alpha", value, *ALPHA_RANGE)
            else:
                check_integer(
                    f"sweep {self.axis}", int(value), 1, MAX_COPIES if self.axis == "copies" else MAX_EXAMPLES
                )
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Everything that decides the results of a comparison on given data.

    arms: some of `known_arms`, "baseline" among them; all by default. seeds: how many, 0 … seeds−1.
    copies: mixed ahead for the shard arms; None for as many as there are epochs, at most 10. limit: train on so many
    examples of the split, drawn anew for every seed; None for all.
    sweeps: settings tried at several values. corrupt_labels: shares of wrong training labels, each a comparison of its
    own. fgsm: sizes of an attack on pixels of 0 to 1. outliers: datasets whose images belong to no class.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    arms: tuple[str, ...] = field(default_factory=known_arms)
    seeds: int = 5
    alpha: float = 0.2
    copies: int | None = None
    limit: int | None = None
    train: TrainConfig = field(default_factory=TrainConfig)
    sweeps: tuple[Sweep, ...] = ()
    corrupt_labels: tuple[float, ...] = (0.0,)
    fgsm: tuple[float, ...] = ()
    outliers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = known_arms()
        for arm in self.arms:
            check_choice("arms", arm, known)
        if "baseline" not in self.arms or len(set(self.arms)) < 2:
            raise UsageError(f"arms must name baseline and at least one other of {', '.join(known[1:])}")
        object.__setattr__(self, "arms", tuple(arm for arm in known if arm in self.arms))
        check_integer("seeds", self.seeds, 1, MAX_SEEDS)
        check_number("alpha", self.alpha, *ALPHA_RANGE)
        if self.copies is None:
            most = _DEFAULT_COPIES if self.train.steps else min(_DEFAULT_COPIES, self.train.epochs)
            object.__setattr__(self, "copies", most)
        check_integer("copies", self.copies or 0, 1, MAX_COPIES)
        if self.limit is not None:
            check_integer("limit", self.limit, 1, MAX_EXAMPLES)
        for share in self.corrupt_labels:
            check_number("corrupt-labels", share, 0, 1)
        for size in self.fgsm:
            check_number("fgsm", size, 0, 1)
        axes = [sweep.axis for sweep in self.sweeps]
        if len(set(axes)) < len(axes):
            raise UsageError("sweep: each of copies, alpha and limit once: write all values into one, as alpha=0.2,1,8")
        if self.train.clean_last_epochs or self.train.label_smoothing:
            raise UsageError("clean-last-epochs and label-smoothing are for mixup-train: they differ between arms")
        if "online" in self.arms:
            self.train.check_mixing_online()
        if self.train.steps is None:
            unread: list[float] = [
                c for s in self.sweeps if s.axis == "copies" for c in s.values if c > self.train.epochs
            ]
            unread += [self.copies] if self.copies and self.copies > self.train.epochs else []
            if unread:
                raise UsageError(
                    f"copies {unread[0]:g}: {self.train.epochs} epochs read as many copies at most: use more --epochs"
                )

    def cells(self) -> list[Cell]:
        """All cells, each once: the arms under every share of wrong labels, then what the sweeps add."""
        found: list[Cell] = []
        for corrupt in self.corrupt_labels:
            found += [self.cell(arm, corrupt=corrupt) for arm in self.arms]
            for sweep in self.sweeps:
                found += [cell for value in sweep.values for cell in self.swept(sweep.axis, value, corrupt)]
        return list(dict.fromkeys(found))

    def cell(self, arm: str, *, corrupt: float) -> Cell:
        """An arm under the settings that are not swept."""
        return Cell(
            arm=arm,
            alpha=None if arm == "baseline" else float(self.alpha),
            copies=None if arm in _NOT_MIXED_AHEAD else self.copies,
            limit=self.limit,
            corrupt=corrupt,
        )

    def swept(self, axis: str, value: float, corrupt: float) -> list[Cell]:
        """The cells of one value of a sweep: all arms; one that a setting does not concern stays as it is."""
        change: dict[str, Any] = {axis: _SPELLED[axis](value)}
        cells = [self.cell(arm, corrupt=corrupt) for arm in self.arms]
        return [cell if axis != "limit" and getattr(cell, axis) is None else replace(cell, **change) for cell in cells]


def parse_sweep(text: str) -> Sweep:
    """A sweep as it is written on the command line: alpha=0.2,1,8.

    Raises UsageError where it is not of that form.
    """
    axis, _, values = text.partition("=")
    check_choice("sweep", axis, AXES)
    return Sweep(axis=axis, values=parse_numbers(f"sweep {axis}", values, _SPELLED[axis]))


def parse_numbers(option: str, text: str, kind: type[Any] = float) -> tuple[Any, ...]:
    """Numbers with commas between them.

    Raises UsageError naming the option and the part that is no number.
    """
    numbers = []
    for part in text.split(","):
        try:
            numbers.append(kind(part))
        except ValueError as error:
            what = "a whole number" if kind is int else "a number"
            raise UsageError(f"{option}: {part.strip()!r} is not {what}: write numbers with commas between") from error
    return tuple(dict.fromkeys(numbers))
