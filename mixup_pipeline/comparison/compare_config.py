"""What to compare: the arms, the settings they are tried under, and the cells that follow from them.

Two questions that need the same cell share it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from mixup_pipeline.comparison.cells import Cell, all_arms, known_arms
from mixup_pipeline.config import ALPHA_RANGE, MAX_COPIES, MAX_EXAMPLES, check_choice, check_integer, check_number
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.train_config import TrainConfig

MAX_SEEDS = 1000
AXES = ("copies", "alpha", "subset")
_AXIS_TYPES: dict[str, type[int] | type[float]] = {"copies": int, "alpha": float, "subset": int}
_NOT_MIXED_AHEAD = ("baseline", "online")
_DEFAULT_COPIES = 10


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One setting tried at several values: its name, and the values in ascending order.

    Raises UsageError naming the setting, the allowed range and the value received.
    """

    axis: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_choice("sweep", self.axis, AXES)
        if not self.values:
            raise UsageError(f"--sweep {self.axis}: no values: write {self.axis}=1,2,5")
        for value in self.values:
            if self.axis == "alpha":
                check_number("sweep alpha", value, *ALPHA_RANGE)
            else:
                most = MAX_COPIES if self.axis == "copies" else MAX_EXAMPLES
                check_integer(f"sweep {self.axis}", int(value), 1, most)
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Everything that decides the results of a comparison on given data.

    arms: some of `all_arms`, "baseline" among them; `known_arms` by default. seeds: how many, 0 … seeds−1.
    copies: how many are mixed ahead of training; None for one an epoch, at most 10.
    subset: train on this many random examples of the split, drawn anew for every seed; None for all.
    sweeps: settings tried at several values. corrupt_labels: shares of wrong training labels; the arms are compared
    under each. fgsm: sizes of an attack, pixels being 0 to 1. outliers: datasets whose images belong to no class.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    arms: tuple[str, ...] = field(default_factory=known_arms)
    seeds: int = 5
    alpha: float = 0.2
    copies: int | None = None
    subset: int | None = None
    train: TrainConfig = field(default_factory=TrainConfig)
    sweeps: tuple[Sweep, ...] = ()
    corrupt_labels: tuple[float, ...] = (0.0,)
    fgsm: tuple[float, ...] = ()
    outliers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", _checked_arms(self.arms))
        check_integer("seeds", self.seeds, 1, MAX_SEEDS)
        check_number("alpha", self.alpha, *ALPHA_RANGE)
        if self.copies is None:
            epochs = _DEFAULT_COPIES if self.train.steps else self.train.epochs
            object.__setattr__(self, "copies", min(_DEFAULT_COPIES, epochs))
        check_integer("copies", self.copies or 0, 1, MAX_COPIES)
        if self.subset is not None:
            check_integer("subset", self.subset, 1, MAX_EXAMPLES)
        for share in self.corrupt_labels:
            check_number("corrupt-labels", share, 0, 1)
        for size in self.fgsm:
            check_number("fgsm", size, 0, 1)
        axes = [sweep.axis for sweep in self.sweeps]
        if len(set(axes)) < len(axes):
            raise UsageError(
                "--sweep: each of copies, alpha and subset once: write all values into one, as alpha=0.2,1,8"
            )
        if self.train.clean_last_epochs or self.train.label_smoothing:
            raise UsageError("--clean-last-epochs and --label-smoothing are for mixup-train: they differ between arms")
        self._check_copies_are_read()

    def _check_copies_are_read(self) -> None:
        """Refuse more copies than epochs, which would be mixed for nothing. A run counted in steps may read any."""
        swept = [copies for sweep in self.sweeps if sweep.axis == "copies" for copies in sweep.values]
        unread = [copies for copies in (*swept, self.copies or 0) if copies > self.train.epochs]
        if unread and self.train.steps is None:
            raise UsageError(
                f"--copies {unread[0]:g}: {self.train.epochs} epochs read as many copies at most: use more --epochs"
            )

    def cells(self) -> list[Cell]:
        """All cells, each once: the arms under every share of wrong labels, then what the sweeps add."""
        found: list[Cell] = []
        for corrupt in self.corrupt_labels:
            found += [self.cell(arm, corrupt=corrupt) for arm in self.arms]
            for sweep in self.sweeps:
                found += [cell for value in sweep.values for cell in self._swept_cells(sweep.axis, value, corrupt)]
        return list(dict.fromkeys(found))

    def cell(self, arm: str, *, corrupt: float) -> Cell:
        """An arm under the settings that are not swept."""
        return Cell(
            arm=arm,
            alpha=None if arm == "baseline" else float(self.alpha),
            copies=None if arm in _NOT_MIXED_AHEAD else self.copies,
            subset=self.subset,
            corrupt=corrupt,
        )

    def _swept_cells(self, axis: str, value: float, corrupt: float) -> list[Cell]:
        """All arms at one value of a sweep. An arm that has no such setting stays as it is."""
        change: dict[str, Any] = {axis: _AXIS_TYPES[axis](value)}
        cells = [self.cell(arm, corrupt=corrupt) for arm in self.arms]
        return [cell if axis != "subset" and getattr(cell, axis) is None else replace(cell, **change) for cell in cells]


def _checked_arms(arms: tuple[str, ...]) -> tuple[str, ...]:
    """The arms, each once, in the order of `all_arms`."""
    known = all_arms()
    for arm in arms:
        check_choice("arms", arm, known)
    if "baseline" not in arms or len(set(arms)) < 2:
        raise UsageError(f"--arms must name baseline and at least one other of {', '.join(known[1:])}")
    return tuple(arm for arm in known if arm in arms)


def parse_sweep(text: str) -> Sweep:
    """A sweep as written on the command line: alpha=0.2,1,8.

    Raises UsageError if it is not of that form.
    """
    axis, _, values = text.partition("=")
    if axis == "limit":
        raise UsageError(f"--sweep limit is called subset now: write --sweep subset={values}")
    check_choice("sweep", axis, AXES)
    return Sweep(axis=axis, values=parse_numbers(f"sweep {axis}", values, _AXIS_TYPES[axis]))


def parse_numbers(option: str, text: str, kind: type[Any] = float) -> tuple[Any, ...]:
    """Numbers separated by commas, each once.

    Raises UsageError naming the option and the part that is no number.
    """
    numbers = []
    for part in text.split(","):
        try:
            numbers.append(kind(part))
        except ValueError as error:
            what = "a whole number" if kind is int else "a number"
            raise UsageError(
                f"--{option}: {part.strip()!r} is not {what}: write numbers with commas between"
            ) from error
    return tuple(dict.fromkeys(numbers))
