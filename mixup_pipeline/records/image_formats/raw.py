"""Image format `raw`: the uint8 bytes of the pixels, row by row. The largest format, and the fastest to read."""

from mixup_pipeline.records.image_formats import ImageFormat

FORMAT = ImageFormat(content="uint8", input_kind="raw")
