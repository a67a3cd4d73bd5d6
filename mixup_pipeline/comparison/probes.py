"""What else a trained network is asked: how sure it is and rightly so, under attack, and of what it never saw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError, first_line
from mixup_pipeline.mixing.randomness import generator
from mixup_pipeline.spec import Shape, shape_text
from mixup_pipeline.training.batches import fixed
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.metrics import reliability
from mixup_pipeline.training.tensorflow_import import import_keras, import_tensorflow

NOISE = "uniform noise"
SURE = 0.9
_NUM_NOISE = 2_000
_BATCH = 512


def check_probes(records: ExampleFiles, attacks: Sequence[float], outliers: Mapping[str, Evaluation]) -> None:
    """Before anything is trained, whether networks for these examples can be asked all that.

    Raises UsageError for attacks on vectors, and for outliers of another shape.
    """
    if attacks and len(records.shape) != 3:
        raise UsageError("fgsm: attacks images, these examples are vectors: leave it out")
    for name, other in outliers.items():
        if other.records.shape != records.shape:
            raise UsageError(
                f"outliers {name}: its examples are {shape_text(other.records.shape)}, those of {records.name} "
                f"{shape_text(records.shape)}: choose a dataset of that shape"
            )


def reliability_of(learner: Learner, evaluation: Evaluation) -> list[tuple[float, float, float]]:
    """(share, accuracy, mean confidence) of each bin of confidence."""
    return reliability(evaluation.predict(learner), evaluation.class_ids)


def fgsm_accuracy(learner: Learner, evaluation: Evaluation, size: float) -> float:
    """Accuracy under the fast gradient sign method (Goodfellow et al. 2015), white box, one step.

    A pixel of 0 to 1 is moved by `size` against the network and cut to that range; it is not rounded to 256 levels.

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
    return right / len(evaluation.class_ids)


def noise_confidence(learner: Learner, shape: Shape) -> dict[str, float]:
    """How sure the network is of 2,000 inputs of pure noise: uniform pixels, or standard normal vectors."""
    rng = generator(0, "outlier-noise")
    size = (_NUM_NOISE, *shape)
    inputs: npt.NDArray[Any] = (
        rng.standard_normal(size, np.float32) if len(shape) == 1 else rng.integers(0, 256, size, np.uint8)
    )
    return _confidence(
        learner.predict(fixed(import_tensorflow().data.Dataset.from_tensor_slices(inputs).batch(_BATCH)))
    )


def outlier_confidence(learner: Learner, outliers: Evaluation) -> dict[str, float]:
    """How sure the network is of examples of another dataset."""
    return _confidence(outliers.predict(learner))


def _confidence(probabilities: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
    most = probabilities.max(1)
    return {"confidence": float(most.mean()), "sure": float((most > SURE).mean())}


def float_twin(learner: Learner, shape: Shape) -> Any:
    """The network with the same variables' values for float inputs, since pixels of uint8 have no gradient.

    Raises UsageError for a model that Keras cannot rebuild for floats.
    """
    keras = import_keras()
    try:
        twin = keras.models.clone_model(learner.build(), input_tensors=keras.Input(shape, dtype="float32"))
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        raise UsageError(
            f"fgsm: model {learner.config.model} cannot be rebuilt for float inputs ({first_line(error)}): leave it out"
        ) from error
    twin.set_weights(learner.model.get_weights())
    return twin
