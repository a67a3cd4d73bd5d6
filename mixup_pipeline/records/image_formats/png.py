"""Image format `png`: a PNG file, which is lossless."""

from mixup_pipeline.records.image_formats import ImageFormat
from mixup_pipeline.records.images import encode_png

FORMAT = ImageFormat(
    content="file", input_kind="encoded", encode=lambda image, _: encode_png(image), tfds_encoding="png"
)
