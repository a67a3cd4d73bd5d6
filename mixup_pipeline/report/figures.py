"""What all matplotlib figures share: colours for light and dark, and rendering that gives the same bytes every time."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_SETTINGS = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "mixup",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # a class may be called $x$
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_PNG_DPI = 144


@dataclass(frozen=True)
class Theme:
    """Colours of one scheme; the page's style sheet has the same. on_first: text upon the first colour."""

    paper: str
    ink: str
    muted: str
    first: str
    second: str
    on_first: str


LIGHT = Theme(paper="#ffffff", ink="#1b1f24", muted="#656d76", first="#2f6fb0", second="#c2571a", on_first="#ffffff")
DARK = Theme(paper="#161b22", ink="#e6edf3", muted="#9198a1", first="#6cb0f5", second="#f0965a", on_first="#0d1117")


def render(draw: Callable[[Theme], Figure], theme: Theme, *, kind: str) -> bytes:
    """The file of a figure: kind "png" or "svg"."""
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
    with mpl.rc_context({**_SETTINGS, **colours}):
        figure = draw(theme)
        FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=_PNG_DPI, metadata=metadata)
    return buffer.getvalue()


def plain_axes(figure: Figure) -> Axes:
    """One axes over a whole figure, measured in inches from its top left corner, with nothing drawn."""
    axes = figure.add_axes((0, 0, 1, 1))
    width, height = figure.get_size_inches()
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    return axes
