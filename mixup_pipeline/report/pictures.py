"""Pictures as files: a preview of mixed examples, histograms that help to choose α, and decision regions."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from rich.cells import cell_len

from mixup_pipeline.dataset.mixed_examples import MixedExample
from mixup_pipeline.dataset.overview import Overview, expected_nearly_unmixed
from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.report.figures import LIGHT, Theme, plain_axes, render
from mixup_pipeline.report.html import SMALL_IMAGE
from mixup_pipeline.report.shown_inputs import DOTTED, drawn, map_image, shown_image, shown_line, value_range
from mixup_pipeline.report.words import label_text, share_text, short_name
from mixup_pipeline.training.boundary import Flowers, Regions

_MIXED, _PARENT, _CAPTION, _TITLE, _GAP, _MARGIN = 1.5, 0.56, 0.19, 0.3, 0.08, 0.2  # inches
_MOST_COLUMNS = 6
_PIXELS_AN_INCH = 288
_LETTERS_AN_INCH = 13
_CLASS_COLOURS = ("#2f6fb0", "#c2571a", "#3a8a4d")
_DRAWS = 90_000
_BINS = 100


def preview(overview: Overview, examples: Sequence[MixedExample]) -> bytes:
    """PNG: each mixed example with its top two classes, their weights and λ above it, and its parents beside it."""
    return render(lambda theme: _preview(overview, examples, theme), LIGHT, kind="png")


def beta(alphas: Sequence[float], seed: int) -> bytes:
    """PNG: histograms of 90,000 λ ~ Beta(α, α) in 100 bins for each α, drawn as mixing draws them."""
    return render(lambda theme: _beta(alphas, seed, theme), LIGHT, kind="png")


def boundary(flowers: Flowers, panels: Sequence[tuple[str, Regions]]) -> bytes:
    """PNG: for each network, the plane in the colours of its classes, blended by their probabilities."""
    return render(lambda theme: _boundary(flowers, panels), LIGHT, kind="png")


def _preview(overview: Overview, examples: Sequence[MixedExample], theme: Theme) -> Figure:
    with_parents = examples[0].base is not None
    columns = min(_MOST_COLUMNS, math.ceil(math.sqrt(len(examples))))
    rows = math.ceil(len(examples) / columns)
    width = _MIXED + (_GAP + _PARENT if with_parents else 0) + _MARGIN
    height = _TITLE + _MIXED + _MARGIN
    figure = Figure((columns * width + _MARGIN, rows * height + _MARGIN))
    axes = plain_axes(figure)
    for number, example in enumerate(examples):
        left, top = _MARGIN + number % columns * width, _MARGIN + number // columns * height
        axes.text(
            left, top, _title(overview, example, int(width * _LETTERS_AN_INCH)), size=7.5, weight="bold", va="top"
        )
        axes.text(left, top + 0.135, _lam_line(example), size=6, va="top", color=theme.muted)
        top += _TITLE
        limits = _limits(example)
        _draw_input(axes, example.found.input, left, top, _MIXED, limits, theme)
        if example.base is None or example.partner is None:
            continue
        names = [overview.class_name(class_id) for class_id in example.found.class_ids or ()] or ["base", "partner"]
        weights = example.lam, 1 - example.lam
        for parent, image in enumerate((example.base, example.partner)):
            x, y = left + _MIXED + _GAP, top + parent * (_PARENT + _CAPTION)
            _draw_input(axes, image, x, y, _PARENT, limits, theme)
            caption = f"{short_name(names[parent], 8)}: {weights[parent]:.2f}"
            axes.text(x, y + _PARENT + 0.03, caption, size=5.5, va="top", color=theme.muted)
    return figure


def _title(overview: Overview, example: MixedExample, columns: int) -> str:
    """The top classes. Their names are cut only as far as needed."""
    titles = (label_text(overview, example, most=most) for most in range(columns, 3, -1))
    return next((title for title in titles if cell_len(title) <= columns), "")


def _lam_line(example: MixedExample) -> str:
    if example.found.base_id == example.found.partner_id:
        return "left unmixed, λ = 1"
    return f"λ = {example.lam:.4f}" if example.copy == 0 else f"λ = {example.lam:.4f}, copy {example.copy}"


def _limits(example: MixedExample) -> tuple[float, float]:
    """The range of the values of an example and its parents, which are drawn to one scale."""
    return value_range(
        [drawn(values) for values in (example.found.input, example.base, example.partner) if values is not None]
    )


def _draw_input(
    axes: Axes,
    values: npt.NDArray[Any],
    left: float,
    top: float,
    size: float,
    limits: tuple[float, float],
    theme: Theme,
) -> None:
    """Draw an input in a square: an image, numbers as a map of colours, or the values of a vector as a line."""
    values, most = drawn(values), round(size * _PIXELS_AN_INCH)
    if values.ndim > 1:
        image = shown_image(values, most) if values.ndim == 3 else map_image(values, *limits, most)
        _draw_image(axes, image, left, top, size, theme)
        return
    points = shown_line(values, *limits)
    marker = "." if len(points) <= DOTTED else ""
    inside = 0.9 * size
    axes.plot(
        left + 0.05 * size + points[:, 0] * inside,
        top + size - 0.05 * size - points[:, 1] * inside,
        color=theme.first,
        linewidth=0.8,
        marker=marker,
        markersize=2,
    )
    axes.add_patch(_frame((left, top), size, size, theme))


def _frame(corner: tuple[float, float], width: float, height: float, theme: Theme) -> Rectangle:
    """A thin border, so that the end of what is white can be seen."""
    return Rectangle(corner, width, height, fill=False, edgecolor=theme.muted, linewidth=0.4)


def _draw_image(axes: Axes, image: npt.NDArray[np.uint8], left: float, top: float, size: float, theme: Theme) -> None:
    """Draw an image as large as fits into a square, centred, with a border."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    left, top = left + (size - width * scale) / 2, top + (size - height * scale) / 2
    axes.imshow(
        image.repeat(3, axis=2) if image.shape[2] == 1 else image,  # exact, which a colour map is not
        extent=(left, left + width * scale, top + height * scale, top),
        interpolation="nearest" if max(height, width) <= SMALL_IMAGE else "auto",
        aspect="auto",
    )
    axes.add_patch(_frame((left, top), width * scale, height * scale, theme))


def _beta(alphas: Sequence[float], seed: int, theme: Theme) -> Figure:
    columns = min(3, len(alphas))
    rows = math.ceil(len(alphas) / columns)
    figure = Figure((2.6 * columns, 1.9 * rows + 0.2), layout="constrained")
    for number, alpha in enumerate(alphas):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.hist(draw_lam(0, _DRAWS, alpha=alpha, seed=seed, copy=0), bins=_BINS, range=(0, 1), color=theme.first)
        axes.set_title(f"α = {alpha:g}: {share_text(expected_nearly_unmixed(alpha))} nearly unmixed", size=8)
        axes.tick_params(labelsize=7)
    figure.supxlabel(f"mixing weight λ ({_DRAWS:,} draws, {_BINS} bins)", size=8)
    return figure


def _boundary(flowers: Flowers, panels: Sequence[tuple[str, Regions]]) -> Figure:
    colours = np.array([to_rgb(colour) for colour in _CLASS_COLOURS])  # (classes, 3)
    figure = Figure((4.1 * len(panels), 4.2), layout="constrained")
    left, right, bottom, top = flowers.extent
    for number, (title, regions) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        blend = 0.35 + 0.65 * (regions.probabilities @ colours)  # paler than the points
        axes.imshow(blend.clip(0, 1), extent=flowers.extent, origin="lower", aspect="auto", interpolation="bilinear")
        plane = np.linspace(left, right, blend.shape[1]), np.linspace(bottom, top, blend.shape[0])
        for class_id, name in enumerate(flowers.class_names):
            others = np.delete(regions.probabilities, class_id, -1).max(-1)
            lead = regions.probabilities[..., class_id] - others
            axes.contour(*plane, lead, levels=[0], colors="black", linewidths=0.7)
            points = flowers.points[flowers.class_ids == class_id]
            axes.scatter(
                points[:, 0],
                points[:, 1],
                s=12,
                color=_CLASS_COLOURS[class_id],
                edgecolor="black",
                linewidth=0.5,
                label=name,
            )
        caption = f"{regions.sure:.0%} of the plane above 0.95, training accuracy {regions.accuracy:.0%}"
        axes.set_title(f"{title}\n{caption}", size=8)
        axes.set(xlabel=flowers.axes[0], ylabel=flowers.axes[1] if number == 0 else "")
    axes.legend(loc="upper right", fontsize=7)
    return figure
