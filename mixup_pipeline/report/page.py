"""The page: one self-contained HTML file about a mixed dataset. No network, no script."""

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.columns import Columns
from mixup_pipeline.dataset.lam_fit import SIGNIFICANCE, LamFit
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.mixed_examples import MixedExample
from mixup_pipeline.dataset.overview import Overview, expected_nearly_unmixed
from mixup_pipeline.report.census import HEAD, Row, census_rows
from mixup_pipeline.report.charts import balance_charts, lam_bins, lam_charts, pair_charts
from mixup_pipeline.report.column_charts import column_chart
from mixup_pipeline.report.command import augment_command
from mixup_pipeline.report.html import SMALL_IMAGE, Chart, chart, html_page, image_uri, line_uri
from mixup_pipeline.report.shown_inputs import drawn, map_image, shown_image, value_range
from mixup_pipeline.report.words import (
    is_regression,
    kinds_text,
    label_parts,
    label_size,
    label_text,
    one_line,
    pairing_text,
    share_text,
    size_text,
    size_text_of,
    unmixed_text,
)
from mixup_pipeline.spec import counted

_MOST_TABLE_CLASSES = 30
_SHOWN_PIXELS = 560
"""Of the longer side of a large mixed image; its parents have half of it."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One fact at a glance."""

    label: str
    value: str
    note: str


def page(
    overview: Overview, examples: Sequence[MixedExample], lam_fit: LamFit | None, columns: Columns | None = None
) -> str:
    """The HTML of the page.

    examples: a sample to show, with parents if the source is available. lam_fit: the test of λ; None if there were too
    few λ. columns: a sample of the values of vectors; None for other inputs.
    """
    manifest = overview.manifest
    classes, pairs = overview.classes, overview.pairs
    few = manifest.num_classes <= _MOST_TABLE_CLASSES
    return html_page(
        "page.html.j2",
        overview=overview,
        manifest=manifest,
        name=one_line(manifest.name),
        cards=_cards(overview),
        pictures=[_picture(overview, example) for example in examples],
        provenance=_provenance(overview, examples),
        charts=[*_charts(overview, lam_fit), *column_chart(columns)],
        class_table=None
        if classes is None or not few
        else list(zip(range(len(classes.before)), classes.before, classes.after, strict=True)),
        pair_table=None if pairs is None or not few else pairs.tolist(),
        class_name=lambda class_id: one_line(overview.class_name(class_id), 40),
        census_head=HEAD,
        census=_census(manifest),
        command=augment_command(manifest),
        share=share_text,
        counted=counted,
    )


def _census(manifest: Manifest) -> list[Row]:
    """The rows about the images of the source; none if its inputs are no image files."""
    source = manifest.source
    bad = None if source.left_out is None else source.left_out.reasons
    if source.census is None:
        return []
    return census_rows(source.census, source.schema.images, manifest.shape, bad, skips=True)


def _cards(overview: Overview) -> list[Card]:
    manifest, config, totals = overview.manifest, overview.config, overview.totals
    share = overview.nearly_unmixed
    expected = share_text(expected_nearly_unmixed(config.alpha))
    shards = len(manifest.shards)
    return [
        Card(label="Examples", value=f"{totals.examples:,}", note=kinds_text(totals)),
        Card(label="λ ~ Beta(α, α)", value=f"α = {config.alpha:g}", note=pairing_text(config)),
        Card(
            label="Nearly unmixed",
            value="none mixed" if share is None else share_text(share),
            note=f"λ below 0.05 or above 0.95; Beta expects {expected}",
        ),
        Card(label="Left unmixed", value=f"{totals.unmixed:,}", note=unmixed_text(overview)),
        Card(
            label="Source",
            value=f"{manifest.source.examples:,}",
            note=f"examples {size_text_of(manifest.shape)}, {label_size(manifest.source.schema)}",
        ),
        Card(label="Shards", value=f"{shards:,}", note=size_text(overview.num_bytes)),
    ]


def _charts(overview: Overview, lam_fit: LamFit | None) -> list[Chart]:
    charts = []
    if overview.nearly_unmixed is not None:
        charts.append(_lam_chart(overview, lam_fit))
    classes, pairs = overview.classes, overview.pairs
    if classes is not None:
        change = np.abs(classes.after - classes.before)
        largest = one_line(overview.class_name(int(change.argmax())))
        charts.append(
            chart(
                "Class balance",
                balance_charts(overview, classes),
                f"Shares of {counted(len(change), 'class')} before and after mixing. The largest change is "
                f"{change.max():.2%}, of class {largest}.",
                "Share of the source's examples, and of the soft labels of all outputs.",
            )
        )
    if pairs is not None and pairs.sum():
        charts.append(
            chart(
                "Class pairs",
                pair_charts(overview, pairs),
                f"Heat map of {pairs.sum():,} mixed examples by base class and partner class: from {pairs.min():,} to "
                f"{pairs.max():,} a pair of classes, {share_text(np.trace(pairs) / pairs.sum())} within a class.",
                f"Base class down, partner class across. {share_text(np.trace(pairs) / pairs.sum())} of the pairs are "
                f"within a class.",
            )
        )
    return charts


def _lam_chart(overview: Overview, lam_fit: LamFit | None) -> Chart:
    alpha, mean = overview.config.alpha, overview.totals.lam_mean
    if lam_fit is None:
        verdict = "Too few λ lie inside (0.000001, 0.999999) for a Kolmogorov–Smirnov test."
    else:
        answer = "no difference from" if lam_fit.fits else "NOT distributed as"
        verdict = (
            f"Kolmogorov–Smirnov test of {lam_fit.tested:,} λ read from the shards: D = {lam_fit.statistic:.4f}, "
            f"p = {lam_fit.p_value:.3g}: {answer} Beta({alpha:g}, {alpha:g}) at the {SIGNIFICANCE:.0%} level. "
            f"(λ is stored as float32, so the test looks between 0.000001 and 0.999999.)"
        )
    return chart(
        "Mixing weight λ",
        lam_charts(overview),
        f"Histogram of {overview.totals.mixed:,} λ in {lam_bins(overview)} bins with the density of Beta({alpha:g}, "
        f"{alpha:g}) over it. Mean {mean:.3f}.",
        verdict,
    )


def _picture(overview: Overview, example: MixedExample) -> dict[str, Any]:
    found = example.found
    inputs = {"mixed": found.input, "base": example.base, "partner": example.partner}
    names = [overview.class_name(class_id) for class_id in found.class_ids or ()] or ["base", "partner"]
    shapes = drawn(found.input).shape
    is_line = len(shapes) == 1
    small = max(shapes[:2]) <= SMALL_IMAGE
    return {
        "title": label_text(overview, example, most=200),
        "classes": [(name, _part_text(overview, name, value)) for name, value in label_parts(overview, example)]
        or [("", "no class")],
        "lam": example.lam,
        "names": [_called(one_line(name)) for name in names],
        "map": _map_text(found.input) if len(shapes) == 2 else "",
        "kind": "vector" if is_line else "small" if small else "large",
        "uris": _line_uris(inputs) if is_line else _image_uris(inputs),
    }


def _map_text(values: npt.NDArray[Any]) -> str:
    return "Spectrograms of long vectors" if values.ndim == 1 else "Numbers"


def _part_text(overview: Overview, name: str, value: float) -> str:
    if is_regression(overview):
        return f"{name}: {value:g}" if name else f"{value:g}"
    return f"{value:.2f} of {_called(name)}"


def _called(name: str) -> str:
    """A class, told from a number."""
    return f"class {name}" if name.isdecimal() else name


def _image_uris(images: Mapping[str, Any]) -> dict[str, str | None]:
    """Images no larger than they are shown on a screen with two dots a pixel."""
    most = {role: _SHOWN_PIXELS if role == "mixed" else _SHOWN_PIXELS // 2 for role in images}
    shown = {role: None if image is None else drawn(image) for role, image in images.items()}
    low, high = value_range([values for values in shown.values() if values is not None])
    return {
        role: None
        if values is None
        else image_uri(
            shown_image(values, most[role]) if values.ndim == 3 else map_image(values, low, high, most[role])
        )
        for role, values in shown.items()
    }


def _line_uris(vectors: Mapping[str, Any]) -> dict[str, str | None]:
    low, high = value_range([vector for vector in vectors.values() if vector is not None])
    return {role: None if vector is None else line_uri(vector, low, high) for role, vector in vectors.items()}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """A table of mixed examples with their parents. What all ids begin with is said once, in front of the table."""

    outputs: str
    sources: str
    rows: list[dict[str, Any]]


def _provenance(overview: Overview, examples: Sequence[MixedExample]) -> Provenance:
    ids = [one_line(example.id) for example in examples]
    parents = [[one_line(example.found.base_id), one_line(example.found.partner_id)] for example in examples]
    outputs, sources = _beginning(ids), _beginning([parent for pair in parents for parent in pair])
    rows = []
    for example, name, (base, partner) in zip(examples, ids, parents, strict=True):
        classes = [one_line(overview.class_name(class_id), 40) for class_id in example.found.class_ids or ()]
        base_class, partner_class = classes or ("", "")
        rows.append(
            {
                "id": name[len(outputs) :],
                "lam": example.found.lam,
                "base": base[len(sources) :],
                "partner": partner[len(sources) :],
                "base_class": base_class,
                "partner_class": partner_class,
            }
        )
    return Provenance(outputs=outputs, sources=sources, rows=rows)


def _beginning(ids: Sequence[str]) -> str:
    """What all ids begin with, up to the end of a word, so that each keeps a part of its own."""
    common = os.path.commonprefix(list(ids))  # noqa: RUF071  # letters, not parts of a path
    return common[: max(common.rfind(mark) + len(mark) if mark in common else 0 for mark in ("-", "__"))]
