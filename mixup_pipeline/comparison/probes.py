"""Probes: what is measured of a trained network besides its accuracy.

How well its confidence matches its accuracy, as it is and after temperature scaling, how accurate it is under attack,
and how confident on noise and outliers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison.attack import Attack
from mixup_pipeline.comparison.calibration import calibrated, fit_temperature
from mixup_pipeline.comparison.cells import number_name
from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.randomness import generator
from mixup_pipeline.spec import shape_text
from mixup_pipeline.training.batches import without_autotuning
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.metrics import reliability
from mixup_pipeline.training.tasks import Floats
from mixup_pipeline.training.tensorflow_import import import_tensorflow

RELIABILITY = "reliability"
CALIBRATED = "calibrated"
NOISE = "uniform noise"
_FGSM = "fgsm "
SURE = 0.9
_NUM_NOISE = 2_000
_BATCH = 512


def check_probes(records: ExampleFiles, attacks: Sequence[float], outliers: Mapping[str, Evaluation]) -> None:
    """Refuse probes that do not fit the examples, before anything is trained.

    Raises UsageError for attacks on what is no image, for outliers of another shape, and for both where no prediction
    is one class.
    """
    is_image = records.input_kind.is_image and len(records.shape) == 3
    for option in (["fgsm"] if attacks else []) + (["outliers"] if outliers else []):
        if not records.task.with_classes:
            raise UsageError(f"--{option}: is for labels of one class, this is {records.task.name}: leave it out")
        if option == "fgsm" and not is_image:
            raise UsageError("--fgsm: attacks images, these examples are vectors: leave it out")
    for name, other in outliers.items():
        if other.records.shape != records.shape or other.records.input_kind.is_image != records.input_kind.is_image:
            raise UsageError(
                f"--outliers {name}: its examples are {shape_text(other.records.shape)}, those of {records.name} "
                f"{shape_text(records.shape)}: choose a dataset of that shape"
            )


def attack_name(size: float) -> str:
    """The name of the probe for an attack of this size."""
    return f"{_FGSM}{number_name(size)}"


class Probes:
    """What is measured of the networks of a comparison, besides the measures of their task."""

    def __init__(
        self, evaluation: Evaluation, attacks: Sequence[float], outliers: Mapping[str, Evaluation], *, held_out: bool
    ) -> None:
        """held_out: whether examples are held out of training, on which a temperature can be fitted."""
        self._evaluation, self._outliers = evaluation, outliers
        self._attack: tuple[Learner, Attack] | None = None
        self.names = (
            [RELIABILITY, *([CALIBRATED] if held_out else []), NOISE, *map(attack_name, attacks), *outliers]
            if evaluation.records.task.with_classes
            else []
        )
        """The names of all probes; none where no prediction is one class."""

    def check_outliers(self, measured: Mapping[str, Any]) -> None:
        """Raise UsageError if one was measured on other records of the same name."""
        for name, other in self._outliers.items():
            if name in measured and measured[name].get("records") != other.records.fingerprint:
                raise UsageError(
                    f"--outliers {name}: finished runs were measured on other records of this name: choose another "
                    f"--out"
                )

    def attack(self, learner: Learner) -> Attack:
        """The attack on networks of a learner. Raises UsageError for a model that cannot be attacked."""
        if self._attack is None or self._attack[0] is not learner:
            self._attack = learner, Attack(learner, self._evaluation.records.shape)
        return self._attack[1]

    def measure(
        self, names: Sequence[str], learner: Learner, found: Floats, held_out: Evaluation | None
    ) -> dict[str, Any]:
        """The results of some probes, in values of JSON. found: what the network predicts on evaluation examples."""
        return {name: self._measure(name, learner, found, held_out) for name in names}

    def _measure(self, name: str, learner: Learner, found: Floats, held_out: Evaluation | None) -> Any:
        truth = self._evaluation.truth
        if name == RELIABILITY:
            return reliability(found, truth)
        if name == CALIBRATED and held_out is not None:
            return calibrated(found, truth, fit_temperature(held_out.predict(learner), held_out.truth))
        if name == NOISE:
            return noise_confidence(learner)
        if name.startswith(_FGSM):
            return self.attack(learner).measure(self._evaluation, float(name.removeprefix(_FGSM)))
        other = self._outliers[name]
        return {**_confidence(other.predict(learner)), "records": other.records.fingerprint}


def noise_confidence(learner: Learner) -> dict[str, float]:
    """Confidence on 2,000 inputs of pure noise: uniform pixels, or standard normal numbers."""
    rng = generator(0, "outlier-noise")
    size = (_NUM_NOISE, *learner.interface.shape)
    inputs: npt.NDArray[Any] = (
        rng.integers(0, 256, size, np.uint8) if learner.interface.is_image else rng.standard_normal(size, np.float32)
    )
    return _confidence(
        learner.predict(without_autotuning(import_tensorflow().data.Dataset.from_tensor_slices(inputs).batch(_BATCH)))
    )


def _confidence(probabilities: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
    """The mean of the highest probability, and the share of examples where it is above 0.9."""
    most = probabilities.max(1)
    return {"confidence": float(most.mean()), "sure": float((most > SURE).mean())}
