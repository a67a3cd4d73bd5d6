"""The models of this package: three for images, two for numbers in order, and one for anything.

Each takes a batch of inputs as they are stored. What the outputs pass at last is said by the task: softmax, sigmoid or
nothing.
"""

from typing import Any

from mixup_pipeline.spec import Shape
from mixup_pipeline.training.tasks import task_named
from mixup_pipeline.training.tensorflow_import import import_keras

Model = Any
"""keras.Model"""

CLASSIFICATION = "classification"
_FILTERS = (32, 64, 128)
_SMALL_SIDE = 64


def tutorial_cnn(
    shape: Shape, num_classes: int, dropout: float | None = None, *, task: str = CLASSIFICATION, dtype: str = "uint8"
) -> Model:
    """Two strided convolutions, dropout 0.1, global average pooling, dense: a small network of a Keras tutorial."""
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape, dtype=dtype),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.Dropout(0.1 if dropout is None else dropout),
            layers.GlobalAveragePooling2D(),
            *_ending(num_classes, task),
        ]
    )


def resnet20(
    shape: Shape, num_classes: int, dropout: float | None = None, *, task: str = CLASSIFICATION, dtype: str = "uint8"
) -> Model:
    """Three stages of three residual blocks with 16, 32 and 64 filters (He et al. 2016, section 4.2)."""
    keras = import_keras()
    layers = keras.layers

    def convolve(x: Any, filters: int, stride: int) -> Any:
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input(shape, dtype=dtype)
    x = layers.ReLU()(convolve(layers.Rescaling(1 / 127.5, offset=-1)(inputs), 16, 1))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            inner = convolve(layers.ReLU()(convolve(x, filters, stride)), filters, 1)
            if stride == 2:  # the identity, subsampled and padded with zero channels: no weights
                x = layers.AveragePooling2D(1, 2)(x)
                x = layers.Concatenate()([x, layers.Rescaling(0.0)(x)])
            x = layers.ReLU()(layers.Add()([x, inner]))
    return _classified(inputs, x, num_classes, dropout, task)


def resnet18(
    shape: Shape, num_classes: int, dropout: float | None = None, *, task: str = CLASSIFICATION, dtype: str = "uint8"
) -> Model:
    """Four stages of two residual blocks with 64 to 512 filters (He et al. 2016, table 1), for 32 to 224 pixels.

    Images of up to 64 pixels enter by a 3×3 convolution, larger ones by a 7×7 one with stride 2 and a pooling. The last
    scale of each block begins at 0 (Goyal et al. 2017).
    """
    keras = import_keras()
    layers = keras.layers

    def convolve(x: Any, filters: int, size: int, stride: int, scale: str = "ones") -> Any:
        x = layers.Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization(gamma_initializer=scale)(x)

    inputs = keras.Input(shape, dtype=dtype)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    if max(shape[:2]) <= _SMALL_SIDE:
        x = layers.ReLU()(convolve(x, 64, 3, 1))
    else:
        x = layers.ReLU()(convolve(x, 64, 7, 2))
        x = layers.MaxPooling2D(3, 2, "same")(x)
    for stage, filters in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            inner = convolve(layers.ReLU()(convolve(x, filters, 3, stride)), filters, 3, 1, "zeros")
            if stride == 2:
                x = convolve(x, filters, 1, stride)
            x = layers.ReLU()(layers.Add()([x, inner]))
    return _classified(inputs, x, num_classes, dropout, task)


def mlp(
    shape: Shape,
    num_classes: int,
    dropout: float | None = None,
    *,
    task: str = CLASSIFICATION,
    dtype: str | None = None,
) -> Model:
    """Two hidden layers of 256 units; inputs are flattened.

    dtype: "uint8" of pixels; None takes vectors as numbers and the rest as pixels.
    """
    keras = import_keras()
    layers = keras.layers
    dtype = dtype or ("float32" if len(shape) == 1 else "uint8")
    model = keras.Sequential([keras.Input(shape, dtype=dtype)])
    if dtype == "uint8":
        model.add(layers.Rescaling(1 / 255))
    if len(shape) > 1:
        model.add(layers.Flatten())
    for _ in range(2):
        model.add(layers.Dense(256, "relu"))
        if dropout:
            model.add(layers.Dropout(dropout))
    for layer in _ending(num_classes, task):
        model.add(layer)
    return model


def cnn1d(
    shape: Shape, num_classes: int, dropout: float | None = None, *, task: str = CLASSIFICATION, dtype: str = "float32"
) -> Model:
    """Three convolutions along a series, each a quarter as long as the one before, and global average pooling.

    shape: (length,) or (length, channels), such as of sound.
    """
    keras = import_keras()
    layers = keras.layers
    model = keras.Sequential([keras.Input(shape, dtype=dtype)])
    if len(shape) == 1:
        model.add(layers.Reshape((*shape, 1)))
    for filters in _FILTERS:
        model.add(layers.Conv1D(filters, 9, strides=4, padding="same", activation="relu"))
    return _pooled(model, layers.GlobalAveragePooling1D(), num_classes, dropout, task)


def cnn2d(
    shape: Shape, num_classes: int, dropout: float | None = None, *, task: str = CLASSIFICATION, dtype: str = "float32"
) -> Model:
    """Three convolutions over a plane of numbers, each half as high and wide, and global average pooling.

    shape: (height, width) or (height, width, channels), such as of spectrograms.
    """
    keras = import_keras()
    layers = keras.layers
    model = keras.Sequential([keras.Input(shape, dtype=dtype)])
    if len(shape) == 2:
        model.add(layers.Reshape((*shape, 1)))
    for filters in _FILTERS:
        model.add(layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu"))
    return _pooled(model, layers.GlobalAveragePooling2D(), num_classes, dropout, task)


def _classified(inputs: Any, x: Any, num_classes: int, dropout: float | None, task: str) -> Model:
    """The model from inputs to planes x, pooled and classified."""
    keras = import_keras()
    x = keras.layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    for layer in _ending(num_classes, task):
        x = layer(x)
    return keras.Model(inputs, x)


def _pooled(model: Model, pooling: Any, num_classes: int, dropout: float | None, task: str) -> Model:
    model.add(pooling)
    if dropout:
        model.add(import_keras().layers.Dropout(dropout))
    for layer in _ending(num_classes, task):
        model.add(layer)
    return model


def _ending(num_classes: int, task: str) -> list[Any]:
    """The last layers, in float32."""
    layers, activation = import_keras().layers, task_named(task).activation
    dense = layers.Dense(num_classes, dtype="float32")
    if activation is None:
        return [dense]
    last = (
        layers.Softmax(dtype="float32") if activation == "softmax" else layers.Activation(activation, dtype="float32")
    )
    return [dense, last]
