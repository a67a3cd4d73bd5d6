"""Image format `jpeg`: a JPEG file. It is small, and its pixels are not exactly those that were mixed."""

import cv2

from mixup_pipeline.records.image_formats import ImageFormat
from mixup_pipeline.records.images import encode_file

FORMAT = ImageFormat(
    content="file",
    input_kind="encoded",
    encode=lambda image, quality: encode_file(".jpg", image, cv2.IMWRITE_JPEG_QUALITY, quality),
    lossy=True,
    opaque=True,
    max_side=65_500,
    tfds_encoding="jpeg",
)
