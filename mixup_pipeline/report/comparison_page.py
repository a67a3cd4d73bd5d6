"""The report of a comparison: report.html, one self-contained file, and its pictures as PNG."""

from dataclasses import dataclass

import numpy as np

from mixup_pipeline.report.comparison_charts import drawings
from mixup_pipeline.report.comparison_settings import settings
from mixup_pipeline.report.comparison_tables import Results, noise_text, note, tables
from mixup_pipeline.report.comparison_verdict import verdict
from mixup_pipeline.report.figures import DARK, LIGHT, Drawing, render, render_kinds
from mixup_pipeline.report.html import Chart, chart, html_page
from mixup_pipeline.report.sample_chart import Samples, sample_drawing
from mixup_pipeline.report.sweep_charts import noise_drawing
from mixup_pipeline.report.table import Table
from mixup_pipeline.report.words import one_line


@dataclass(frozen=True, kw_only=True)
class Report:
    """The page, and the pictures in it by the names of their files."""

    html: str
    pictures: dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class _Section:
    """The part of the page for one share of wrong labels."""

    id: str
    title: str
    verdict: str
    charts: list[Chart]
    tables: list[Table]


def report(results: Results, samples: Samples) -> Report:
    """The report made from results.json and the samples of the arms."""
    pictures: dict[str, bytes] = {}

    def shown(drawing: Drawing) -> Chart:
        light, pictures[f"{drawing.name}.png"] = render_kinds(drawing.draw, LIGHT, ("svg", "png"))
        return chart(drawing.title, (light, render(drawing.draw, DARK, kind="svg")), drawing.alt, drawing.caption)

    shares = results["config"]["corrupt_labels"]
    sections = [
        _Section(
            id=f"share{number}",
            title=f"The arms{noise_text(corrupt)}",
            verdict=verdict(results, corrupt),
            charts=[shown(drawing) for drawing in drawings(results, corrupt)],
            tables=tables(results, corrupt),
        )
        for number, corrupt in enumerate(shares)
    ]
    images = {arm: found for arm, found in samples.items() if found[0].dtype == np.uint8}
    overview = [shown(noise_drawing(results))] if len(shares) > 1 else []
    read = shown(sample_drawing(results, images)) if images else None
    html = html_page(
        "comparison.html.j2",
        name=one_line(results["source"]["src"]),
        results=results,
        settings=settings(results),
        sections=sections,
        overview=overview,
        read=read,
        note=note(results),
    )
    return Report(html=html, pictures=pictures)
