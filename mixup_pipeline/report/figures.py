"""Shared by all matplotlib figures: colours for light and dark, and rendering with the same bytes every time."""

import io
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

_SETTINGS = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "mixup",
    "font.size": 9,
    "text.parse_math": False,  # a class may be called $x$
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_PNG_DPI = 144
_OTHER_SCRIPTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Hiragino Sans", "Arial Unicode MS")


@dataclass(frozen=True)
class Theme:
    """The colours of one scheme, which the page's style sheet uses too. on_first: text on the first colour."""

    paper: str
    ink: str
    muted: str
    first: str
    second: str
    on_first: str


LIGHT = Theme(paper="#ffffff", ink="#1b1f24", muted="#656d76", first="#2f6fb0", second="#c2571a", on_first="#ffffff")
DARK = Theme(paper="#161b22", ink="#e6edf3", muted="#9198a1", first="#6cb0f5", second="#f0965a", on_first="#0d1117")


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One picture and how to draw it. name: of its file, without suffix. alt: what it shows, in words."""

    name: str
    title: str
    alt: str
    caption: str
    draw: Callable[[Theme], Figure]


def render(draw: Callable[[Theme], Figure], theme: Theme, *, kind: str) -> bytes:
    """The file of a figure: kind "png" or "svg"."""
    return render_kinds(draw, theme, (kind,))[0]


def render_kinds(draw: Callable[[Theme], Figure], theme: Theme, kinds: Sequence[str]) -> list[bytes]:
    """The file of a figure in each of these kinds, "png" or "svg". It is drawn and laid out once."""
    colours = {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "text.color": theme.ink,
        "axes.labelcolor": theme.muted,
        "axes.edgecolor": theme.muted,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "legend.labelcolor": theme.ink,
    }
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's own settings are
        mpl.rcParams.update({**_SETTINGS, **colours, "font.family": _families()})
        figure = draw(theme)
        FigureCanvasAgg(figure)
        files = []
        for kind in kinds:
            files.append(_file(figure, kind))
            figure.set_layout_engine("none")  # the next file keeps this layout
    return files


def _file(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        figure.savefig(buffer, format=kind, dpi=_PNG_DPI, metadata=metadata)
    _report(raised, kind)
    return buffer.getvalue()


def _report(raised: list[warnings.WarningMessage], kind: str) -> None:
    """Log once that fonts lack some characters (not for SVG, which uses the reader's fonts). Pass on other warnings."""
    missing = [warning for warning in raised if "missing from font" in str(warning.message)]
    for warning in raised:
        if warning not in missing:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if missing and kind == "png":
        logging.getLogger(__name__).warning(
            "Note: no font here has some characters of the class names, so they are drawn as boxes: install one, such "
            "as Noto Sans CJK"
        )


@cache
def _families() -> list[str]:
    """The default font, then the installed ones of those that have the scripts it lacks."""
    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]


def plain_axes(figure: Figure) -> Axes:
    """Empty axes over the whole figure, measured in inches from its top left corner."""
    axes = figure.add_axes((0, 0, 1, 1))
    width, height = figure.get_size_inches()
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    return axes
