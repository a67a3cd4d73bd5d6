"""The page about the images of a source: the census as a table, and a picture of their sizes."""

import numpy as np
from matplotlib.figure import Figure

from mixup_pipeline.dataset.source_census import SourceCensus
from mixup_pipeline.report.census import HEAD, Row, census_rows
from mixup_pipeline.report.figures import DARK, LIGHT, Theme, render
from mixup_pipeline.report.html import Chart, chart, html_page
from mixup_pipeline.report.words import one_line
from mixup_pipeline.sources.census import sizes_of
from mixup_pipeline.spec import counted

_MOST_DOTS = 2000


def rows_of(found: SourceCensus) -> list[Row]:
    """The table of a source's census."""
    options = found.source.spec.images
    return census_rows(found.summary, options, found.shape, found.bad)


def census_page(found: SourceCensus, command: str) -> str:
    """The HTML of the page. command: how to make it again."""
    return html_page(
        "census.html.j2",
        name=one_line(found.source.name),
        split=found.source.split,
        images=counted(found.summary.images, "image"),
        refusal=one_line(found.refusal, 1000),
        head=HEAD,
        rows=rows_of(found),
        charts=[_sizes_chart(found)],
        command=command,
    )


def _sizes_chart(found: SourceCensus) -> Chart:
    sizes = sizes_of(found.census, turned=found.source.spec.images.turned)
    shown = sizes.most_common(_MOST_DOTS)
    heights, widths = np.array([size for size, _ in shown]).T
    counts = np.array([count for _, count in shown])
    areas = 8 + 200 * np.sqrt((counts - 1) / max(1, counts.sum()))

    def draw(theme: Theme) -> Figure:
        figure = Figure((4.4, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.scatter(widths, heights, s=areas, color=theme.first, alpha=0.6, linewidths=0)
        most = 1.08 * max(widths.max(), heights.max())
        axes.plot([0, most], [0, most], color=theme.muted, linewidth=0.8, linestyle=":")
        if found.shape is not None:
            axes.scatter([found.shape[1]], [found.shape[0]], marker="+", s=120, color=theme.second, label="brought to")
            figure.legend(frameon=False, loc="outside upper center")
        axes.set(xlabel="width (pixels)", ylabel="height (pixels)", xlim=(0, most), ylim=(0, most), aspect="equal")
        return figure

    summary = found.summary
    more = f" The {_MOST_DOTS:,} most frequent of {len(sizes):,} sizes are drawn." if len(sizes) > _MOST_DOTS else ""
    return chart(
        "Width and height",
        (render(draw, LIGHT, kind="svg"), render(draw, DARK, kind="svg")),
        f"Widths and heights of {summary.images:,} images in {summary.sizes:,} sizes.",
        f"A dot a size, larger for more images; squares lie on the dotted line.{more}",
    )
