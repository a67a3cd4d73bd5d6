"""From runs to what is shown: corrected for all that was looked at, and silent where there is nothing."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.comparison import statistics, summary
from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.summary import summarize

ARMS = ("baseline", "any", "within-class", "cross-class", "online")


def runs_with(accuracies: dict[Cell, list[float]]) -> list[dict[str, Any]]:
    """Runs with these accuracies, one for each seed."""
    rest = {"nll": 0.5, "ece": 0.1, "brier": 0.2, "confidence": 0.9}
    return [
        {
            "cell": asdict(cell),
            "seed": seed,
            "steps": 9,
            "last": {"accuracy": value, **rest},
            "best": {"accuracy": value},
            "probes": {},
        }
        for cell, values in accuracies.items()
        for seed, value in enumerate(values)
    ]


def cell(arm: str, copies: int = 1) -> Cell:
    mixed_ahead = arm not in ("baseline", "online")
    return Cell(arm=arm, alpha=None if arm == "baseline" else 0.2, copies=copies if mixed_ahead else None)


def differences(accuracies: dict[Cell, list[float]]) -> list[dict[str, Any]]:
    rows = summarize(runs_with(accuracies))
    return [row["measures"]["accuracy"]["difference"] for row in rows if row["cell"]["arm"] != "baseline"]


@pytest.fixture(autouse=True)
def without_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """It decides nothing, and takes most of the time."""
    monkeypatch.setattr(statistics, "_bca_interval", lambda values: None)


@pytest.mark.parametrize("examples", [None, 1000])
def test_no_effect_is_rarely_shown(examples: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four arms, five seeds, nothing between them: one comparison in twenty may lead with an effect.

    examples: accuracies are shares of so many evaluation examples, and so often equal.
    """
    monkeypatch.setattr(summary, "_could_tell", lambda found, compared, in_percent: {})  # which takes long
    rng, led, tries = np.random.default_rng(0), 0, 1000
    for _ in range(tries):
        seeds = rng.normal(0.9, 0.01, 5)
        drawn = {cell(arm): seeds + rng.normal(0, 0.005, 5) for arm in ARMS}
        if examples is not None:
            drawn = {arm: np.round(values * examples) / examples for arm, values in drawn.items()}
        led += any(one["shown"] for one in differences({arm: values.tolist() for arm, values in drawn.items()}))
    assert led / tries <= 0.05


def test_an_effect_is_shown() -> None:
    rng = np.random.default_rng(0)
    seeds = rng.normal(0.9, 0.01, 8)
    gains = {"any": 0.02, "within-class": 0.0, "cross-class": -0.02}
    drawn = {cell(arm): (seeds + gains.get(arm, 0) + rng.normal(0, 0.002, 8)).tolist() for arm in ("baseline", *gains)}
    assert [(one["shown"], one["mean"] > 0) for one in differences(drawn)][::2] == [(True, True), (True, False)]
    assert not differences(drawn)[1]["shown"]


def test_what_is_shown_is_corrected_for_sweeps_too() -> None:
    """p = 0.02 shows something alone, and nothing among nine others."""
    values, base = [0.92, 0.935, 0.925, 0.94, 0.945], [0.9, 0.91, 0.92, 0.93, 0.91]
    alone = differences({cell("baseline"): base, cell("any"): values})
    assert alone[0]["shown"]
    assert alone[0]["p"] == pytest.approx(alone[0]["holm"])
    others = {cell("any", copies=copies): [base[(seed + copies) % 5] for seed in range(5)] for copies in range(2, 11)}
    found = differences({cell("baseline"): base, cell("any"): values, **others})
    assert found[0]["p"] == alone[0]["p"]
    assert found[0]["holm"] == pytest.approx(10 * found[0]["p"])
    assert not found[0]["shown"]


def test_what_the_seeds_could_tell_stands_beside() -> None:
    base = [0.9, 0.91, 0.92, 0.93, 0.91]
    [found] = differences({cell("baseline"): base, cell("any"): [0.901, 0.909, 0.921, 0.93, 0.911]})
    assert 0.0005 < found["detectable"] < 0.005
    assert found["seeds_for"] == {"0.005": 3, "0.01": 3}
    assert found["equivalent"]["shown"]
    few = differences({cell("baseline"): base[:2], cell("any"): base[1:3]})[0]
    assert (few["holm"], few["shown"], few["detectable"], few["equivalent"]) == (None, False, None, None)
