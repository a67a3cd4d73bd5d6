"""Input kind `encoded`: an image file, PNG or JPEG."""

from typing import Any

import numpy.typing as npt

from mixup_pipeline.records.images import decode, image_shape
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.spec import ExampleSpec, Shape, shape_text


class EncodedInput(InputKind):
    """An input that is an image file."""

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The size in the file's header. A grey image in an RGB dataset counts as three channels."""
        height, width, channels = image_shape(data)
        return height, width, 3 if channels == 1 and spec.shape[2] == 3 else channels

    def decode(self, data: bytes, shape: Shape, key: str) -> npt.NDArray[Any]:
        """Decode to uint8 (height, width, channels)."""
        image = decode(data, shape[-1])
        if image.shape != shape:
            raise ValueError(f"the image is {shape_text(image.shape)}, others are {shape_text(shape)}")
        return image

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """A string: the file."""
        return tf.io.FixedLenFeature([], tf.string)

    def tensor(self, tf: Any, values: Any, shape: Shape) -> Any:
        """Decode to uint8 (n, height, width, channels), with exactly the pixels that `decode` returns."""

        def decoded(data: Any) -> Any:
            if shape[2] == 4:
                image = tf.io.decode_png(data, channels=4)
            else:  # decode_jpeg decodes PNG too
                image = tf.io.decode_jpeg(data, channels=shape[2], dct_method="INTEGER_ACCURATE")
            return tf.ensure_shape(image, shape)

        images = tf.map_fn(decoded, values, fn_output_signature=tf.TensorSpec(shape, tf.uint8))
        return tf.ensure_shape(images, (None, *shape))


KIND = EncodedInput()
