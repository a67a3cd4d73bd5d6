"""Probes: what is measured of a trained network besides its accuracy.

How well its confidence matches its accuracy, how accurate it is under attack, and how confident on noise and outliers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison.cells import number_name
from mixup_pipeline.errors import UsageError, first_line
from mixup_pipeline.mixing.randomness import generator
from mixup_pipeline.spec import Shape, shape_text
from mixup_pipeline.training.batches import without_autotuning
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.metrics import reliability
from mixup_pipeline.training.tasks import Task
from mixup_pipeline.training.tensorflow_import import import_keras, import_tensorflow

RELIABILITY = "reliability"
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


def probe_names(task: Task, attacks: Sequence[float], outliers: Sequence[str]) -> list[str]:
    """The names of all probes for these attacks and outliers; none where no prediction is one class."""
    if not task.with_classes:
        return []
    return [RELIABILITY, NOISE, *map(attack_name, attacks), *outliers]


def probe(name: str, learner: Learner, evaluation: Evaluation, outliers: Mapping[str, Evaluation]) -> Any:
    """The result of one probe, in values of JSON."""
    if name == RELIABILITY:
        return reliability(evaluation.predict(learner), evaluation.truth)
    if name == NOISE:
        return noise_confidence(learner)
    if name.startswith(_FGSM):
        return fgsm_accuracy(learner, evaluation, float(name.removeprefix(_FGSM)))
    return _confidence(outliers[name].predict(learner))


def fgsm_accuracy(learner: Learner, evaluation: Evaluation, size: float) -> float:
    """Accuracy under the fast gradient sign method (Goodfellow et al. 2015), white box, one step.

    Each pixel, 0 to 1, moves by `size` in the direction that raises the loss, and is cut to that range. It is not
    rounded to 256 levels.

    Raises UsageError for a model that Keras cannot rebuild for floats.
    """
    tf = import_tensorflow()
    twin = float_twin(learner, evaluation.records.shape)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def count_right(images: Any, labels: Any) -> Any:
        inputs = tf.cast(images, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = learner.model.loss(labels, twin(inputs, training=False))
        attacked = tf.clip_by_value(inputs + 255 * size * tf.sign(tape.gradient(loss, inputs)), 0, 255)
        found = tf.argmax(twin(attacked, training=False), 1)
        return tf.reduce_sum(tf.cast(found == tf.argmax(labels, 1), tf.int64))

    right = sum(int(count_right(images, labels)) for images, labels in evaluation.batches)
    return right / len(evaluation.truth)


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


def float_twin(learner: Learner, shape: Shape) -> Any:
    """A copy of the network for float inputs, with the same weights: uint8 pixels have no gradient.

    Raises UsageError for a model that Keras cannot rebuild for floats.
    """
    keras = import_keras()
    try:
        twin = keras.models.clone_model(learner.build(), input_tensors=keras.Input(shape, dtype="float32"))
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        raise UsageError(
            f"--fgsm: model {learner.config.model} cannot be rebuilt for float inputs ({first_line(error)}): leave it "
            f"out"
        ) from error
    twin.set_weights(learner.model.get_weights())
    return twin
