"""Models: two for images, one for vectors or images, and any user function that makes a Keras model.

A model takes a batch of inputs as they are stored, uint8 images or float32 vectors, and outputs probabilities or
logits, (n, num_classes). Which of the two is found out from its output.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mixup_pipeline.errors import UsageError, first_line
from mixup_pipeline.spec import Shape, shape_text
from mixup_pipeline.training.tensorflow_import import import_keras

Model = Any
"""keras.Model"""
Build = Callable[..., Model]
"""(shape, num_classes, dropout) → model. dropout: None for the model's default."""

_SMALLEST_SIDE = 8


def tutorial_cnn(shape: Shape, num_classes: int, dropout: float | None = None) -> Model:
    """Two strided convolutions, dropout 0.1, global average pooling, softmax: a small network of a Keras tutorial."""
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape, dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.Dropout(0.1 if dropout is None else dropout),
            layers.GlobalAveragePooling2D(),
            layers.Dense(num_classes, dtype="float32"),
            layers.Softmax(dtype="float32"),
        ]
    )


def resnet20(shape: Shape, num_classes: int, dropout: float | None = None) -> Model:
    """Three stages of three residual blocks with 16, 32 and 64 filters (He et al. 2016, section 4.2)."""
    keras = import_keras()
    layers = keras.layers

    def convolve(x: Any, filters: int, stride: int) -> Any:
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input(shape, dtype="uint8")
    x = layers.ReLU()(convolve(layers.Rescaling(1 / 127.5, offset=-1)(inputs), 16, 1))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            inner = convolve(layers.ReLU()(convolve(x, filters, stride)), filters, 1)
            if stride == 2:  # the identity, subsampled and padded with zero channels: no weights
                x = layers.AveragePooling2D(1, 2)(x)
                x = layers.Concatenate()([x, layers.Rescaling(0.0)(x)])
            x = layers.ReLU()(layers.Add()([x, inner]))
    x = layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    outputs = layers.Softmax(dtype="float32")(layers.Dense(num_classes, dtype="float32")(x))
    return keras.Model(inputs, outputs)


def mlp(shape: Shape, num_classes: int, dropout: float | None = None) -> Model:
    """Two hidden layers of 256 units; images are flattened."""
    keras = import_keras()
    layers = keras.layers
    vector = len(shape) == 1
    model = keras.Sequential([keras.Input(shape, dtype="float32" if vector else "uint8")])
    if not vector:
        model.add(layers.Rescaling(1 / 255))
        model.add(layers.Flatten())
    for _ in range(2):
        model.add(layers.Dense(256, "relu"))
        if dropout:
            model.add(layers.Dropout(dropout))
    model.add(layers.Dense(num_classes, dtype="float32"))
    model.add(layers.Softmax(dtype="float32"))
    return model


MODELS: dict[str, Build] = {"tutorial-cnn": tutorial_cnn, "resnet20": resnet20, "mlp": mlp}


def build_model(name: str, shape: Shape, num_classes: int, dropout: float | None = None) -> Model:
    """A new model. name: of one in MODELS, or `package.module:function`, called with (shape, num_classes).

    Raises UsageError for an unknown name, for inputs that the model cannot take, and for a function that cannot be
    imported or does not return a Keras model.
    """
    if name in MODELS:
        if name != "mlp" and (len(shape) != 3 or min(shape[:2]) < _SMALLEST_SIDE):
            raise UsageError(
                f"--model {name}: takes images of at least {_SMALLEST_SIDE}x{_SMALLEST_SIDE}, these examples are "
                f"{shape_text(shape)}: use mlp"
            )
        return MODELS[name](shape, num_classes, dropout)
    if dropout is not None:
        raise UsageError(f"--dropout is for {', '.join(MODELS)}: the function {name} decides on its own")
    build = _function(name)
    try:
        model = build(shape, num_classes)
    except Exception as error:  # whatever the user's own function raises
        raise UsageError(f"--model {name}: raised {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(model, import_keras().Model):
        raise UsageError(f"--model {name}: returned a {type(model).__name__}, a keras.Model is needed")
    return model


def standardized(model: Model, shape: Shape) -> Model:
    """The model behind a layer that subtracts a mean and multiplies by a scale, which are among its weights.

    They are set by `set_scales`; until then the layer changes nothing.
    """
    keras = import_keras()

    class Standardize(keras.layers.Layer):  # type: ignore[misc, name-defined]  # Keras is imported late
        """(x − mean) · scale."""

        def build(self, input_shape: Any) -> None:
            self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.scale = self.add_weight(name="scale", shape=shape, initializer="ones", trainable=False)

        def call(self, inputs: Any) -> Any:
            return (inputs - self.mean) * self.scale

    return keras.Sequential([keras.Input(shape, dtype="float32"), Standardize(dtype="float32"), model])


def set_scales(model: Model, mean: Any, spread: Any) -> None:
    """Set the layer of a `standardized` model. mean, spread: float[d]."""
    layer = model.layers[0]
    layer.mean.assign(mean)
    layer.scale.assign(1 / spread)


def gives_probabilities(model: Model, shape: Shape, num_classes: int) -> bool:
    """Whether a model outputs probabilities, not logits. It is run on two inputs to find out.

    Raises UsageError if it cannot take the examples, or its output is not (n, num_classes).
    """
    import numpy as np

    dtype = np.float32 if len(shape) == 1 else np.uint8
    inputs = np.stack([np.zeros(shape, dtype), np.ones(shape, dtype)])
    try:
        outputs = np.asarray(import_keras().ops.convert_to_numpy(model(inputs, training=False)), np.float64)
    except Exception as error:  # whatever the user's own model raises
        raise UsageError(
            f"the model does not take these examples, {inputs.dtype} {shape_text(shape)}: {first_line(error)}"
        ) from error
    if outputs.shape != (2, num_classes):
        raise UsageError(f"the model's output is {outputs.shape[1:]} an example, ({num_classes},) is needed")
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-2))


def _function(name: str) -> Build:
    module, _, function = name.partition(":")
    if not module or not function:
        raise UsageError(f"--model {name!r}: unknown: use {', '.join(MODELS)}, or package.module:function")
    here = str(Path.cwd())
    if here not in sys.path:  # where a user's own module is
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # whatever the user's own module raises
        raise UsageError(
            f"--model {name}: cannot be imported ({type(error).__name__}: {first_line(error)}): it is looked for in "
            f"the "
            f"current folder and where Python looks"
        ) from error
    if not callable(found):
        raise UsageError(f"--model {name}: {module} has no function {function}")
    return found
