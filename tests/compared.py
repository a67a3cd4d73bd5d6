"""Results of a comparison as mixup-compare writes them, made up in no time: for what is shown of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.compare_config import CompareConfig, parse_sweep
from mixup_pipeline.comparison.folder import RESULTS_VERSION
from mixup_pipeline.comparison.summary import summarize
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.training.train_config import TrainConfig

CONFIG = CompareConfig(
    seeds=5,
    train=TrainConfig(epochs=4),
    sweeps=(parse_sweep("copies=1,2,4"), parse_sweep("subset=500,2000"), parse_sweep("alpha=0.2,1")),
    corrupt_labels=(0.0, 0.4),
    fgsm=(0.02, 0.1),
    outliers=("fashion_mnist",),
)
OTHER_ARMS = ("nearest", "farthest", "hardest", "next", "p1", "p2", "a-policy-with-quite-a-long-name")
"""Pairings as a program may register them."""
GAIN = {"baseline": 0.0, "any": 0.02, "within-class": 0.0, "cross-class": 0.015, "online": 0.03}


@contextmanager
def other_arms() -> Iterator[None]:
    """Meanwhile OTHER_ARMS are registered, which makes twelve arms."""
    for name in OTHER_ARMS:
        PAIRINGS.register(name, PAIRINGS["any"])
    try:
        yield
    finally:
        for name in OTHER_ARMS:
            PAIRINGS.unregister(name)


def made_up(config: CompareConfig = CONFIG) -> dict[str, Any]:
    """Results in which any, cross-class and online are better than the baseline by GAIN, and within-class is not."""
    rng = np.random.default_rng(0)
    runs = [_run(config, cell, seed, rng) for cell in config.cells() for seed in range(config.seeds)]
    truth = rng.integers(0, 3, 400)
    right = {
        (Cell(**run["cell"]), run["seed"]): rng.random(len(truth)) < run["last"]["accuracy"] - 0.02 * truth
        for run in runs
    }
    return {
        "format_version": RESULTS_VERSION,
        "command": "mixup-compare --src shapes --out compared",
        "source": asdict(SourceConfig(src="shapes")),
        "evaluation": asdict(SourceConfig(src="shapes", split="test", allow_eval_split=True)),
        "config": asdict(config),
        "class_names": ["round", "square", "a<b>c"],
        "shape": [8, 8, 1],
        "examples": {
            "training": [900, 900],
            "held_out": [100, 100] if config.train.val_share else [0, 0],
            "evaluation": 400,
        },
        "runs": runs,
        "summary": summarize(runs, right=right, truth=truth),
        "machine": {
            "system": "Linux",
            "cores": 2,
            "devices": ["/CPU:0"],
            "versions": {"python": "3.11", "tensorflow": "2.21"},
        },
        "seconds": 1.0,
    }


def _run(config: CompareConfig, cell: Cell, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    level = 0.85 + GAIN.get(cell.arm, 0.0) - 0.3 * cell.corrupt + 0.01 * seed - (0.1 if cell.subset else 0)
    history = []
    for epoch in range(1, config.train.epochs + 1):
        accuracy = level - 0.2 / epoch + 0.001 * float(rng.standard_normal())
        history.append(
            {
                "epoch": epoch,
                "step": 10 * epoch,
                "loss": 1 / epoch,
                "weighted_accuracy": accuracy,
                "dominant_accuracy": accuracy,
                "accuracy": accuracy,
                "nll": 0.8 / epoch,
                "ece": 0.05,
                "brier": 0.2,
                "confidence": min(1.0, accuracy + 0.05),
                "seconds": 1.0,
            }
        )
    share = np.diff(np.linspace(0, 1, 16) ** 2)
    middles = (np.arange(15) + 0.5) / 15
    return {
        "cell": asdict(cell),
        "seed": seed,
        "steps": 10 * config.train.epochs,
        "seconds": 1.0,
        "last": history[-1],
        "best": max(history, key=lambda row: row["accuracy"]),
        "history": history,
        "probes": {
            "reliability": [[float(s), float(m) * 0.9, float(m)] for s, m in zip(share, middles, strict=True)],
            "uniform noise": {"confidence": 0.6, "sure": 0.1},
            **({"calibrated": {"temperature": 1.2, "nll": 0.3, "ece": 0.02}} if config.train.val_share else {}),
            **{f"fgsm {size:g}": {"accuracy": level - 3 * size, "zero_gradients": size / 10} for size in config.fgsm},
            **{name: {"confidence": 0.7, "sure": 0.2} for name in config.outliers},
        },
    }


def made_up_samples(config: CompareConfig = CONFIG) -> dict[str, tuple[Any, Any]]:
    """Eight 8×8 grey images of every arm, with labels of two classes."""
    rng = np.random.default_rng(1)
    samples = {}
    for arm in config.arms:
        lam = np.ones(8) if arm == "baseline" else rng.uniform(0, 1, 8)
        labels = np.stack([lam, 1 - lam, np.zeros(8)], axis=1).astype(np.float32)
        samples[arm] = rng.integers(0, 256, (8, 8, 8, 1), np.uint8), labels
    return samples
