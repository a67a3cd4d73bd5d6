"""Shared by the pages: templates, charts for light and dark, images inside the file. No network, no script."""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.images import encode_png
from mixup_pipeline.report.figures import DARK, LIGHT
from mixup_pipeline.report.shown_inputs import DOTTED, shown_line
from mixup_pipeline.spec import shape_text

SMALL_IMAGE = 64
"""Images up to this many pixels a side are shown as pixels, larger ones are smoothed."""
_QUALITY = 90
_LINE = "#2f7fd0"
"""The colour of a drawn vector, which can be seen on white and on black."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart: its files as data URIs. alt: what it shows, in words."""

    title: str
    light: str
    dark: str
    alt: str
    caption: str


def html_page(template: str, **values: Any) -> str:
    """A template of this package, filled in. All values that it uses must be given."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mixup_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(light=LIGHT, dark=DARK, **values)


def chart(title: str, files: tuple[bytes, bytes], alt: str, caption: str) -> Chart:
    """A chart from two SVG files, for light and for dark."""
    light, dark = (_data_uri(file, "image/svg+xml") for file in files)
    return Chart(title=title, light=light, dark=dark, alt=alt, caption=caption)


def image_uri(image: npt.NDArray[np.uint8]) -> str:
    """A data URI of uint8 (h, w, c): a PNG of a small image, whose pixels are shown, and a JPEG of a larger one."""
    if max(image.shape[:2]) <= SMALL_IMAGE:
        return _data_uri(encode_png(image), "image/png")
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError(f"OpenCV cannot write a {shape_text(image.shape)} image as JPEG")
    return _data_uri(data.tobytes(), "image/jpeg")


def line_uri(vector: npt.NDArray[np.float32], low: float, high: float) -> str:
    """A data URI of an SVG that draws a vector as a line, from `low` at the bottom to `high` at the top."""
    points = shown_line(vector, low, high)
    path = " ".join(f"{300 * x:.1f},{100 - 96 * y - 2:.1f}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>'
    dots = "".join(f'<circle cx="{300 * x:.1f}" cy="{98 - 96 * y:.1f}" r="3" fill="{_LINE}"/>' for x, y in points)
    shape = line + (dots if len(points) <= DOTTED else "")
    return _data_uri(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 308 108">{shape}</svg>'.encode(), "image/svg+xml"
    )


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
