"""Image format `webp`: a lossy WebP file, smaller than JPEG and slower to make."""

import cv2

from mixup_pipeline.records.image_formats import ImageFormat
from mixup_pipeline.records.images import encode_file

FORMAT = ImageFormat(
    content="file",
    input_kind="encoded",
    encode=lambda image, quality: encode_file(".webp", image, cv2.IMWRITE_WEBP_QUALITY, quality),
    lossy=True,
    in_colour=True,
    max_side=16_383,
)
