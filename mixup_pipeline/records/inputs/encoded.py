"""Input kind `encoded`: an image file of any format that `records.images` reads."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.facts import Facts
from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.spec import AS_STORED, ExampleSpec, ImageOptions, Shape, shape_text


class EncodedInput(InputKind):
    """An input that is an image file."""

    takes_image_options = True

    def facts(self, data: bytes, spec: ExampleSpec) -> Facts:
        """The facts in the file's header. Its size must be that of the schema, if it is not brought to another."""
        facts = image_facts(data)
        if spec.images.size is None:
            shape = facts.shape(turned=spec.images.turned)
            if not spec.fits((*shape[:2], spec.shape[2] or shape[2])):
                raise ValueError(f"the example is {shape_text(shape)}, the schema says {shape_text(spec.shape)}")
        return facts

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The size in the file's header, and the channels that hold its colours."""
        return image_facts(data).shape(turned=spec.images.turned)

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to uint8 (height, width, channels), as the spec's image options say."""
        return decode(data, shape, spec.images)

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """A string: the file."""
        return tf.io.FixedLenFeature([], tf.string)

    def tensor(self, tf: Any, values: Any, shape: Shape, images: ImageOptions = AS_STORED) -> Any:
        """Decode to uint8 (n, height, width, channels) by `decode`, so that training sees what mixing sees."""
        decoded = tf.numpy_function(partial(self._decoded, shape, images), [values], tf.uint8, stateful=False)
        return tf.ensure_shape(decoded, (None, *shape))

    def _decoded(self, shape: Shape, images: ImageOptions, files: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Of object[n]. A method, since a function within `tensor` would be traced by TensorFlow, and slow."""
        decoded = np.empty((len(files), *shape), np.uint8)
        for row, data in enumerate(files):
            decoded[row] = decode(data, shape, images)
        return decoded


KIND = EncodedInput()
