"""Input kind `encoded`: an image file, PNG or JPEG."""

from functools import partial
from typing import Any

import numpy as np
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
        """Decode to uint8 (n, height, width, channels) by `decode`, so that training sees what mixing sees."""
        decoded = tf.numpy_function(partial(self._decoded, shape), [values], tf.uint8, stateful=False)
        return tf.ensure_shape(decoded, (None, *shape))

    def _decoded(self, shape: Shape, files: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Of object[n]. A method, since a function within `tensor` would be traced by TensorFlow, and slow."""
        images = np.empty((len(files), *shape), np.uint8)
        for row, data in enumerate(files):
            images[row] = self.decode(data, shape, "")
        return images


KIND = EncodedInput()
