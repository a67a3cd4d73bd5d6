"""Decision regions of a small classifier on real data with two features, trained without and with mixup.

The data are sepal length and width of Fisher's Iris flowers (R. A. Fisher, "The use of multiple measurements in
taxonomic problems", 1936). Both networks start from the same weights and take the same number of steps. The only
difference: for one of them the feature vectors and labels are mixed, anew in every step.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.mixing.arithmetic import mix_class_ids, mix_vectors
from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.mixing.randomness import words
from mixup_pipeline.training.tensorflow_import import import_keras

Floats = npt.NDArray[np.float32]

STEPS = 2000
_HIDDEN = (64, 64)
_LEARNING_RATE = 0.01
_CELLS = 200
_MARGIN = 0.5  # cm around the data
_SURE = 0.95


@dataclass(frozen=True, kw_only=True)
class Flowers:
    """points: float32(150, 2) in cm. class_ids: int32[150]. axes: the names of the two features."""

    points: Floats
    class_ids: npt.NDArray[np.int32]
    class_names: tuple[str, ...]
    axes: tuple[str, str]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The edges of the plane shown: left, right, bottom, top, in cm."""
        (left, bottom), (right, top) = self.points.min(0) - _MARGIN, self.points.max(0) + _MARGIN
        return float(left), float(right), float(bottom), float(top)


@dataclass(frozen=True, kw_only=True)
class Regions:
    """What one network predicts over the plane.

    probabilities: float32(200, 200, 3), rows from the bottom. accuracy: on the flowers it was trained on.
    """

    probabilities: Floats
    accuracy: float

    @property
    def mean_confidence(self) -> float:
        return float(self.probabilities.max(-1).mean())

    @property
    def sure(self) -> float:
        """The share of the plane where one class has a probability above 0.95."""
        return float((self.probabilities.max(-1) > _SURE).mean())


def read_flowers() -> Flowers:
    """The bundled Iris data."""
    text = (resources.files("mixup_pipeline") / "data/iris.csv").read_text()
    header, *rows = csv.reader(text.splitlines())
    names = tuple(sorted({row[-1] for row in rows}))
    return Flowers(
        points=np.array([row[:2] for row in rows], np.float32),
        class_ids=np.array([names.index(row[-1]) for row in rows], np.int32),
        class_names=names,
        axes=(header[0], header[1]),
    )


def train_both(flowers: Flowers, *, alpha: float, seed: int, steps: int = STEPS) -> tuple[Regions, Regions]:
    """The regions of two networks: trained without mixup, and with λ ~ Beta(alpha, alpha)."""
    unmixed = mix_class_ids(
        flowers.class_ids, flowers.class_ids, np.ones(len(flowers.points), np.float32), num_classes=3
    )
    batches = [mixed_batch(flowers, alpha=alpha, seed=seed, step=step) for step in range(steps)]
    without = _train(flowers, [(flowers.points, unmixed)] * steps, seed)
    return without, _train(flowers, batches, seed)


def mixed_batch(flowers: Flowers, *, alpha: float, seed: int, step: int) -> tuple[Floats, Floats]:
    """All flowers, each mixed with another: float32(150, 2) and soft labels float32(150, 3)."""
    base, class_ids = np.arange(len(flowers.points)), flowers.class_ids
    partner = PAIRINGS["any"].pair(class_ids, step, seed, ())
    lam = draw_lam(0, len(base), alpha=alpha, seed=seed, copy=step).astype(np.float32)
    soft_labels = mix_class_ids(class_ids, class_ids[partner], lam, num_classes=len(flowers.class_names))
    return mix_vectors(flowers.points, base, partner, lam), soft_labels


def _train(flowers: Flowers, batches: Sequence[tuple[Floats, Floats]], seed: int) -> Regions:
    keras = import_keras()
    centre, spread = flowers.points.mean(0), flowers.points.std(0)
    weights = keras.initializers.GlorotUniform(seed=int(words(1, seed, "boundary")[0] >> np.uint64(33)))
    hidden = [keras.layers.Dense(width, "relu", kernel_initializer=weights.clone()) for width in _HIDDEN]
    output = keras.layers.Dense(len(flowers.class_names), "softmax", kernel_initializer=weights.clone())
    model = keras.Sequential([keras.Input((2,)), *hidden, output])
    model.compile(
        keras.optimizers.Adam(_LEARNING_RATE), "categorical_crossentropy", jit_compile=False, steps_per_execution=100
    )
    inputs, soft_labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    model.fit((inputs - centre) / spread, soft_labels, batch_size=len(flowers.points), shuffle=False, verbose=0)
    left, right, bottom, top = flowers.extent
    plane = np.stack(np.meshgrid(np.linspace(left, right, _CELLS), np.linspace(bottom, top, _CELLS)), -1)
    predicted = np.asarray(model((plane.astype(np.float32).reshape(-1, 2) - centre) / spread))
    correct = np.asarray(model((flowers.points - centre) / spread)).argmax(-1) == flowers.class_ids
    return Regions(probabilities=predicted.reshape(_CELLS, _CELLS, -1), accuracy=float(correct.mean()))
