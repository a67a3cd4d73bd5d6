"""What the header of an image file says, before a pixel is decoded."""

from typing import NamedTuple

from mixup_pipeline.spec import Shape

MAX_IMAGE_PIXELS = 100_000_000
"""Of one image file. Decoding one takes 6 bytes a pixel for a moment, and up to 32 for some kinds of WebP and TIFF."""
UPRIGHT = 1
_SWAPPING = range(5, 9)
_CHANNELS = {
    "grey": 1,
    "grey with alpha": 4,
    "RGB": 3,
    "RGBA": 4,
    "palette": 3,
    "palette with alpha": 4,
    "CMYK": 3,
}
"""What an image of each kind of colours is decoded to: grey, RGB or RGBA."""


class ImageFacts(NamedTuple):
    """The facts of one image file. Images with equal facts are prepared in the same way.

    format: "JPEG", "PNG", "WebP", "GIF", "BMP" or "TIFF", by its bytes, whatever its name says. height, width: as
    stored. colours: the kind of its pixels, a key of `_CHANNELS`. depth: bits of a channel. orientation: 1 (upright) to
    8, as EXIF counts them. animated: whether more pictures follow the first.
    """

    format: str
    height: int
    width: int
    colours: str
    depth: int = 8
    orientation: int = UPRIGHT
    animated: bool = False

    @property
    def has_colour(self) -> bool:
        return not self.colours.startswith("grey")

    @property
    def has_alpha(self) -> bool:
        return _CHANNELS[self.colours] == 4

    def shape(self, *, turned: bool) -> Shape:
        """(height, width, channels) of the decoded image. turned: whether its orientation is applied."""
        size = (self.height, self.width)
        if turned and self.orientation in _SWAPPING:
            size = size[::-1]
        return (*size, _CHANNELS[self.colours])


Facts = ImageFacts | Shape
"""What is known of an input before it is decoded."""


def check_pixels(height: int, width: int) -> None:
    """Raise ValueError if an image claims no pixels, or more than can be decoded."""
    if not 0 < height * width <= MAX_IMAGE_PIXELS:
        raise ValueError(
            f"the image has too many pixels or none: its header says {height}x{width}, allowed are up to "
            f"{MAX_IMAGE_PIXELS // 1_000_000} million"
        )
