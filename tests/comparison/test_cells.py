"""Which cells a comparison has, and what is refused."""

from typing import Any

import pytest

from mixup_pipeline.comparison.cells import Cell, known_arms
from mixup_pipeline.comparison.compare_config import CompareConfig, Sweep, parse_numbers, parse_sweep
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.train_config import TrainConfig


def names(config: CompareConfig) -> list[str]:
    return [cell.name for cell in config.cells()]


def test_every_arm_once() -> None:
    assert names(CompareConfig(copies=3)) == [
        "baseline",
        "any-alpha0.2-copies3",
        "within-class-alpha0.2-copies3",
        "cross-class-alpha0.2-copies3",
        "online-alpha0.2",
    ]


def test_copies_are_as_many_as_epochs_up_to_ten() -> None:
    assert CompareConfig(train=TrainConfig(epochs=4)).copies == 4
    assert CompareConfig(train=TrainConfig(epochs=40)).copies == 10
    assert CompareConfig(train=TrainConfig(steps=50)).copies == 10


def test_a_sweep_adds_cells_only_for_the_arms_it_concerns() -> None:
    config = CompareConfig(arms=("baseline", "any", "online"), copies=2, sweeps=(parse_sweep("copies=1,2,5"),))
    assert names(config) == [
        "baseline",
        "any-alpha0.2-copies2",
        "online-alpha0.2",
        "any-alpha0.2-copies1",
        "any-alpha0.2-copies5",
    ]


def test_subsets_concern_every_arm_and_wrong_labels_multiply_all() -> None:
    config = CompareConfig(
        arms=("baseline", "any"), copies=1, corrupt_labels=(0.0, 0.5), sweeps=(parse_sweep("subset=500"),)
    )
    assert {cell.condition for cell in config.cells()} == {(None, 0.0), (500, 0.0), (None, 0.5), (500, 0.5)}
    assert len(config.cells()) == 8
    assert names(config)[-1] == "any-alpha0.2-copies1-subset500-corrupt0.5"


def test_alpha_concerns_all_that_mix() -> None:
    cells = CompareConfig(copies=1, sweeps=(parse_sweep("alpha=8,0.2,1"),)).cells()
    assert sorted({cell.alpha for cell in cells if cell.alpha is not None}) == [0.2, 1.0, 8.0]
    assert [cell for cell in cells if cell.arm == "baseline"] == [Cell(arm="baseline")]
    assert len(cells) == 1 + 4 * 3


def test_names_tell_cells_apart() -> None:
    sweeps = (parse_sweep("alpha=0.2,1,0.1234567,0.1234568"), parse_sweep("copies=1,2"), parse_sweep("subset=5,50"))
    cells = CompareConfig(copies=2, corrupt_labels=(0.0, 0.25, 0.2500001), sweeps=sweeps).cells()
    assert len({cell.name for cell in cells}) == len(cells) == len(set(cells))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"arms": ("any",)}, "arms must name baseline and at least one other"),
    ({"arms": ("baseline",)}, "arms must name baseline and at least one other"),
    ({"arms": ("baseline", "cutmix")}, "arms must be one of baseline, any, within-class, cross-class, online"),
    ({"seeds": 0}, "seeds must be a whole number from 1 to 1,000, got 0"),
    ({"alpha": 0.0}, "alpha must be a number from 0.001"),
    ({"copies": 11}, "copies 11: 10 epochs read as many copies at most"),
    ({"sweeps": (Sweep(axis="copies", values=(1, 20)),)}, "copies 20: 10 epochs read as many copies at most"),
    ({"sweeps": (Sweep(axis="subset", values=(5,)),) * 2}, "each of copies, alpha and subset once"),
    ({"corrupt_labels": (1.5,)}, "corrupt-labels must be a number from 0 to 1, got 1.5"),
    ({"fgsm": (-0.1,)}, "fgsm must be a number from 0 to 1"),
    ({"train": TrainConfig(clean_last_epochs=1)}, "are for mixup-train"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=[said[:30] for _, said in REFUSED])
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        CompareConfig(**changes)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("beta=1", "sweep must be one of copies, alpha, subset, got 'beta'"),
        ("alpha", "sweep alpha: '' is not a number"),
        ("copies=1,x", "sweep copies: 'x' is not a whole number"),
        ("copies=1.5", "sweep copies: '1.5' is not a whole number"),
        ("subset=0", "sweep subset must be a whole number from 1"),
        ("limit=500,1000", "sweep limit is called subset now: write --sweep subset=500,1000"),
        ("alpha=nan", "sweep alpha must be a number from"),
    ],
)
def test_sweeps_that_cannot_be_read_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_sweep(text)
    assert said in str(refused.value)


def test_numbers_are_read_once_each() -> None:
    assert parse_numbers("fgsm", "0.1, 0.02,0.1") == (0.1, 0.02)
    assert parse_sweep("alpha=8,1,0.2,1").values == (0.2, 1.0, 8.0)


def test_a_pairing_that_is_registered_is_an_arm() -> None:
    assert known_arms() == CompareConfig().arms == ("baseline", "any", "within-class", "cross-class", "online")
    PAIRINGS.register("next", PAIRINGS["any"])
    try:
        config = CompareConfig(arms=("online", "next", "baseline"), copies=2)
    finally:
        PAIRINGS.unregister("next")
    assert config.arms == ("baseline", "next", "online")
