"""Shared by the pages: templates, charts for light and dark, images inside the file. No network, no script."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.images import encode_png
from mixup_pipeline.report.figures import DARK, LIGHT

SMALL_IMAGE = 64
"""Images up to this many pixels a side are shown as pixels, larger ones are smoothed."""


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
    """A data URI of a PNG of uint8 (h, w, c)."""
    return _data_uri(encode_png(image), "image/png")


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
