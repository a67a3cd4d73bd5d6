"""A one-step attack on a network: the fast gradient sign method (Goodfellow et al. 2015), white box.

It lowers the margin of the logits: the true class's logit minus the highest other one. The gradient of the loss would
vanish where a network is sure, so that one with saturated outputs would look robust without being so.
"""

from functools import cached_property
from typing import Any

from mixup_pipeline.errors import UsageError, first_line
from mixup_pipeline.spec import Shape
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.tensorflow_import import import_keras, import_tensorflow

_LEAST = 1e-30
_PIXELS = 255


class Attack:
    """Attacks networks of one learner. Its twin and its function are built once, whatever the weights and sizes."""

    def __init__(self, learner: Learner, shape: Shape) -> None:
        """shape: of an image.

        Raises UsageError for a model that Keras cannot rebuild for floats.
        """
        self._learner, self._twin = learner, float_twin(learner, shape)
        self._logits = logits_of(self._twin, from_logits=learner.from_logits)

    def measure(self, evaluation: Evaluation, size: float) -> dict[str, float]:
        """The accuracy under attack with the learner's weights of now, and the share of examples without a gradient.

        Each pixel, 0 to 1, moves by `size` in the direction that lowers the margin, and is cut to that range. It is not
        rounded to 256 levels. An example whose gradient is zero everywhere does not move: if there are many, the
        accuracy says little.
        """
        self._twin.set_weights(self._learner.model.get_weights())
        right = still = 0
        for images, labels in evaluation.batches:
            found = self._attacked(images, labels, size)
            right, still = right + int(found[0]), still + int(found[1])
        count = len(evaluation.truth)
        return {"accuracy": right / count, "zero_gradients": still / count}

    @cached_property
    def _attacked(self) -> Any:
        """A function (images, soft labels, size) → how many are classified rightly, how many have no gradient."""
        tf, logits_of_images = import_tensorflow(), self._logits

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def attacked(images: Any, labels: Any, size: Any) -> Any:
            inputs, truth = tf.cast(images, tf.float32), tf.argmax(labels, 1)
            true = tf.one_hot(truth, labels.shape[1], dtype=tf.float32)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                logits = tf.cast(logits_of_images(inputs), tf.float32)
                margin = tf.reduce_sum(logits * true, 1) - tf.reduce_max(
                    tf.where(true > 0, logits.dtype.min, logits), 1
                )
            gradient = tape.gradient(margin, inputs)
            moved = tf.clip_by_value(inputs - _PIXELS * size * tf.sign(gradient), 0, _PIXELS)
            right = tf.argmax(logits_of_images(moved), 1) == truth
            still = tf.reduce_all(tf.equal(tf.reshape(gradient, (tf.shape(inputs)[0], -1)), 0), 1)
            return tf.math.count_nonzero(right), tf.math.count_nonzero(still)

        return lambda images, labels, size: attacked(images, labels, tf.constant(size, tf.float32))


def float_twin(learner: Learner, shape: Shape) -> Any:
    """A copy of the network for float inputs: uint8 pixels have no gradient. Its weights are new ones.

    Raises UsageError for a model that Keras cannot rebuild for floats.
    """
    keras = import_keras()
    try:
        return keras.models.clone_model(learner.build(), input_tensors=keras.Input(shape, dtype="float32"))
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        raise UsageError(
            f"--fgsm: model {learner.config.model} cannot be rebuilt for float inputs ({first_line(error)}): leave it "
            f"out"
        ) from error


def logits_of(model: Any, *, from_logits: bool) -> Any:
    """A function (inputs) → logits of a model, whose last softmax is left out.

    Of a model that ends otherwise they are the logarithms of its probabilities, which have no gradient where a float
    cannot tell them from 0.
    """
    keras, last = import_keras(), model.layers[-1]
    if from_logits:
        return lambda inputs: model(inputs, training=False)
    if isinstance(last, keras.layers.Softmax):
        before = keras.Model(model.inputs, last.input)
        return lambda inputs: before(inputs, training=False)
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
        return lambda inputs: model(inputs, training=False)
    ops = keras.ops
    return lambda inputs: ops.log(ops.maximum(model(inputs, training=False), _LEAST))
