"""Models: those of this package by name, and any user function that makes a Keras model.

A model takes a batch of inputs as they are stored, uint8 images or float32 numbers, and gives outputs (n, num_classes):
probabilities or logits, or for regression values. Which of the two is found out.
"""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixup_pipeline.errors import UsageError, first_line
from mixup_pipeline.spec import Shape, shape_text
from mixup_pipeline.training.built_in import Model, cnn1d, cnn2d, mlp, resnet18, resnet20, tutorial_cnn
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.tensorflow_import import import_keras

_SMALLEST_SIDE = 8


@dataclass(frozen=True)
class BuiltIn:
    """A model of this package: (shape, num_classes, dropout, task=, dtype=) → model, and which inputs it takes.

    dropout: None for the model's default. takes: as text.
    """

    build: Callable[..., Model]
    fits: Callable[[Interface], bool]
    takes: str


def _is_picture(interface: Interface) -> bool:
    return interface.is_image and len(interface.shape) == 3 and min(interface.shape[:2]) >= _SMALLEST_SIDE


def _is_series(interface: Interface) -> bool:
    return not interface.is_image and len(interface.shape) in (1, 2) and interface.shape[0] >= _SMALLEST_SIDE


def _is_plane(interface: Interface) -> bool:
    return not interface.is_image and len(interface.shape) in (2, 3) and min(interface.shape[:2]) >= _SMALLEST_SIDE


_IMAGES = f"images of at least {_SMALLEST_SIDE}x{_SMALLEST_SIDE}"
MODELS: dict[str, BuiltIn] = {
    "tutorial-cnn": BuiltIn(tutorial_cnn, _is_picture, _IMAGES),
    "resnet20": BuiltIn(resnet20, _is_picture, _IMAGES),
    "resnet18": BuiltIn(resnet18, _is_picture, _IMAGES),
    "mlp": BuiltIn(mlp, lambda interface: True, "all examples"),
    "cnn1d": BuiltIn(cnn1d, _is_series, f"series of at least {_SMALLEST_SIDE} numbers, or of so many steps"),
    "cnn2d": BuiltIn(
        cnn2d, _is_plane, f"numbers of at least {_SMALLEST_SIDE}x{_SMALLEST_SIDE}, with channels or without"
    ),
}


def check_model(name: str, interface: Interface) -> None:
    """Raise UsageError, which names the models that fit, if a model of this package does not take such examples."""
    if name not in MODELS or MODELS[name].fits(interface):
        return
    fitting = " or ".join(other for other, model in MODELS.items() if model.fits(interface))
    raise UsageError(f"--model {name}: takes {MODELS[name].takes}, these examples are {interface}: use {fitting}")


def build_model(name: str, interface: Interface, dropout: float | None = None) -> Model:
    """A new model. name: of one in MODELS, or `package.module:function`, called with (shape, num_classes).

    Raises UsageError for an unknown name, for inputs that the model cannot take, and for a function that cannot be
    imported or does not return a Keras model.
    """
    if name in MODELS:
        check_model(name, interface)
        return MODELS[name].build(
            interface.shape, interface.num_classes, dropout, task=interface.task_name, dtype=interface.dtype
        )
    if dropout is not None:
        raise UsageError(f"--dropout is for {', '.join(MODELS)}: the function {name} decides on its own")
    build = user_function(name)
    try:
        model = build(interface.shape, interface.num_classes)
    except Exception as error:  # whatever the user's own function raises
        raise UsageError(f"--model {name}: raised {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(model, import_keras().Model):
        raise UsageError(f"--model {name}: returned a {type(model).__name__}, a keras.Model is needed")
    return model


def set_precision(precision: str) -> None:
    """Let models that are built from now on compute in this precision. Their variables are float32."""
    import_keras().config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")


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


def in_units(model: Model, interface: Interface) -> Model:
    """The model before a layer that multiplies its outputs by a spread and adds a mean, which are among its weights.

    So the outputs are in the units of the labels. They are set by `set_units`; until then the layer changes nothing.
    """
    keras, size = import_keras(), (interface.num_classes,)

    class ToUnits(keras.layers.Layer):  # type: ignore[misc, name-defined]  # Keras is imported late
        """x · spread + mean."""

        def build(self, input_shape: Any) -> None:
            self.mean = self.add_weight(name="mean", shape=size, initializer="zeros", trainable=False)
            self.spread = self.add_weight(name="spread", shape=size, initializer="ones", trainable=False)

        def call(self, outputs: Any) -> Any:
            return outputs * self.spread + self.mean

    return keras.Sequential([keras.Input(interface.shape, dtype=interface.dtype), model, ToUnits(dtype="float32")])


def set_scales(model: Model, mean: Any, spread: Any) -> None:
    """Set the layer of a `standardized` model, which may be in units. mean, spread: of the shape of an input."""
    first = model.layers[0]
    layer = first if hasattr(first, "scale") else first.layers[0]
    layer.mean.assign(mean)
    layer.scale.assign(1 / spread)


def set_units(model: Model, mean: Any, spread: Any) -> None:
    """Set the layer of a model that is `in_units`. mean, spread: float[num_classes]."""
    model.layers[-1].mean.assign(mean)
    model.layers[-1].spread.assign(spread)


def gives_logits(model: Model, interface: Interface) -> bool:
    """Whether a model outputs logits, and not predictions. It is run on two inputs to find out.

    Raises UsageError if it cannot take the examples, or its output is not (n, num_classes).
    """
    import numpy as np

    inputs, num_classes = interface.zeros(2), interface.num_classes
    inputs[1] = 1
    try:
        outputs = np.asarray(import_keras().ops.convert_to_numpy(model(inputs, training=False)), np.float64)
    except Exception as error:  # whatever the user's own model raises
        raise UsageError(
            f"the model does not take these examples, {inputs.dtype} {shape_text(interface.shape)}: {first_line(error)}"
        ) from error
    if outputs.shape != (2, num_classes):
        raise UsageError(f"the model's output is {outputs.shape[1:]} an example, ({num_classes},) is needed")
    return interface.task.gives_logits(model, outputs)


def user_function(name: str) -> Callable[..., Model]:
    """The function of a user that makes a model. Raises UsageError if it cannot be imported."""
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
