"""A mixed dataset in the terminal, as plain text that can be piped too."""

import math
import shlex
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from mixup_pipeline.dataset.find import Appearance
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.mixed_examples import MixedExample
from mixup_pipeline.dataset.overview import Overview, beta_cdf, expected_nearly_unmixed
from mixup_pipeline.mixing.totals import LAM_BINS, NEARLY_UNMIXED
from mixup_pipeline.report.census import changes_text
from mixup_pipeline.report.words import (
    chosen_lines,
    examples_text,
    is_regression,
    label_size,
    label_text,
    one_line,
    padded,
    pairing_text,
    share_text,
    size_text,
    size_text_of,
    unmixed_text,
)
from mixup_pipeline.spec import counted, shape_text

_SHOWN_BINS = 20
_BAR = 40
_MAX_CLASSES = 20
_SHOWN_CLASSES = 10
_MAX_PAIRED_CLASSES = 12
_MAX_PAIRS = 8
_SHADES = " .:-=+*#%@"


def overview_text(overview: Overview) -> str:
    """The summary: facts, histogram of λ, class balance, class pairs."""
    parts = [_facts(overview), *_histogram(overview), *_balance(overview), *_pairs(overview)]
    return "\n\n".join(parts)


def _facts(overview: Overview) -> str:
    manifest, config, totals = overview.manifest, overview.config, overview.totals
    source = manifest.source
    skipped = f", {counted(source.skipped, 'bad record')} left out" if source.skipped else ""
    verifies = f"NO, {counted(len(overview.faults), 'fault')}" if overview.faults else "yes, by names and sizes"
    lines = {
        "source": f"{one_line(manifest.name.removesuffix('_mixup'))} {manifest.split}, "
        f"{counted(source.examples, 'example')} {size_text_of(manifest.shape)}, "
        f"{label_size(source.schema)}, "
        f"{counted(len(source.files), 'file')}{skipped}",
        **_image_line(manifest),
        **{key: one_line(line) for key, line in chosen_lines(source.schema, source.origin).items()},
        "mixing": f"λ ~ Beta({config.alpha:g}, {config.alpha:g}), {pairing_text(config)}",
        "examples": examples_text(totals),
        "unmixed": unmixed_text(overview),
        "shards": f"{len(manifest.shards):,}, {size_text(overview.num_bytes)}",
        "λ": _lam_line(overview),
        "verifies": f"{verifies} (mixup-verify {one_line(shlex.quote(str(overview.out)))} checks every byte)",
    }
    return "\n".join([one_line(str(overview.out)), *(f"  {key:10}{value}" for key, value in lines.items())])


def _lam_line(overview: Overview) -> str:
    share = overview.nearly_unmixed
    if share is None:
        return "none drawn: no example is mixed"
    expected = expected_nearly_unmixed(overview.config.alpha)
    return (
        f"mean {overview.totals.lam_mean:.3f}, {share_text(share)} nearly unmixed (below {NEARLY_UNMIXED} or above "
        f"{1 - NEARLY_UNMIXED}; Beta expects {share_text(expected)})"
    )


def _image_line(manifest: Manifest) -> dict[str, str]:
    """What was done to the images of the source, if anything was."""
    source = manifest.source
    changed = "" if source.census is None else changes_text(source.census, source.schema.images, manifest.shape)
    return {"images": changed} if changed else {}


def _histogram(overview: Overview) -> Iterable[str]:
    if overview.nearly_unmixed is None:
        return
    shares, expected = (
        values.reshape(_SHOWN_BINS, -1).sum(1) for values in (overview.lam_shares, overview.lam_expected)
    )
    top, width = max(shares.max(), expected.max()), LAM_BINS // _SHOWN_BINS / LAM_BINS
    lines = ["Mixing weight λ: share of mixed examples (| marks what Beta expects)"]
    for number, (share, wanted) in enumerate(zip(shares, expected, strict=True)):
        bar = list(_bar(share / top).ljust(_BAR + 1))
        bar[round(wanted / top * _BAR)] = "|"
        lines.append(f"  {number * width:.2f}-{(number + 1) * width:.2f} {''.join(bar)} {share_text(share):>6}")
    yield "\n".join(lines)


def _balance(overview: Overview) -> Iterable[str]:
    classes = overview.classes
    if classes is None:
        return
    order = np.arange(len(classes.before))
    heading = "Class balance: share of examples before, of label mass after"
    if len(order) > _MAX_CLASSES:
        changed = np.abs(classes.after - classes.before)
        order = np.sort(np.argsort(-changed, kind="stable")[:_MAX_CLASSES])
        heading += f" (the {_MAX_CLASSES} classes that changed most)"
    names = [one_line(overview.class_name(class_id), 20) for class_id in order]
    width, top = max(map(cell_len, names)), max(classes.before.max(), classes.after.max())
    lines = [heading]
    for name, class_id in zip(names, order, strict=True):
        before, after = classes.before[class_id], classes.after[class_id]
        lines.append(
            f"  {padded(name, width)} {_bar(after / top).ljust(_BAR)} {share_text(before):>6} -> {share_text(after):>6}"
        )
    yield "\n".join(lines)


def _pairs(overview: Overview) -> Iterable[str]:
    pairs = overview.pairs
    if pairs is None or not pairs.sum():
        return
    same = share_text(np.trace(pairs) / pairs.sum())
    lines = [f"Class pairs: base class down, partner class across; {same} are pairs within a class"]
    if len(pairs) > _MAX_PAIRED_CLASSES:
        lines += _top_pairs(overview, pairs)
    else:
        names = [one_line(overview.class_name(class_id), 10) for class_id in range(len(pairs))]
        width = max(*map(cell_len, names), len(f"{pairs.max():,}"))
        lines.append("  " + " ".join(padded(name, width) for name in ["", *names]))
        for name, row in zip(names, pairs, strict=True):
            lines.append("  " + " ".join([padded(name, width), *(f"{count:>{width},}" for count in row)]))
    yield "\n".join(lines)


def _top_pairs(overview: Overview, pairs: npt.NDArray[np.int64]) -> list[str]:
    """The most frequent pairs, for too many classes to show in a table."""
    best = np.argsort(-pairs, axis=None, kind="stable")[:_MAX_PAIRS]
    lines = [f"  {np.count_nonzero(pairs):,} of {pairs.size:,} pairs of classes occur; the most frequent are"]
    for base, partner in (divmod(int(code), len(pairs)) for code in best if pairs.flat[code]):
        names = (one_line(overview.class_name(class_id), 30) for class_id in (base, partner))
        lines.append(f"  {pairs[base, partner]:>9,}  {' + '.join(names)}")
    return lines


def find_text(overview: Overview, source_id: str, appearances: list[Appearance]) -> str:
    """Where an example of the source went, one line for each output."""
    source_id = one_line(source_id)
    if not appearances:
        outputs = f"{overview.totals.examples:,} outputs"
        return f"{source_id} is in none of the {outputs}: it was left out by --limit, or skipped as bad"
    lines = [f"{source_id} is in {len(appearances)} of {overview.totals.examples:,} outputs"]
    for found in appearances:
        beside = (
            "" if found.role in ("unmixed", "original") else f" with {1 - found.weight:.4f} of {one_line(found.other)}"
        )
        if beside and found.other_class is not None:
            beside += f" ({one_line(overview.class_name(found.other_class))})"
        where = "" if found.copy is None else f"copy {found.copy}, "
        lines.append(f"  {found.id}  {where}as {found.role}, weight {found.weight:.4f}{beside}")
    return "\n".join(lines)


def example_text(overview: Overview, example: MixedExample) -> str:
    """One mixed example explained: parents, λ, label, and its images drawn with characters."""
    found = example.found
    kind = "an original, unmixed" if example.copy is None else f"copy {example.copy}"
    kind += ", left unmixed" if example.copy is not None and found.base_id == found.partner_id else ""
    names = [f" ({_class(overview, class_id)})" for class_id in found.class_ids or ()] or ["", ""]
    lines = {
        "base": f"{found.lam:.6g} of {one_line(found.base_id)}{names[0]}",
        "partner": f"{1 - found.lam:.6g} of {one_line(found.partner_id)}{names[1]}",
        "λ": f"{found.lam!r}",
        "label": label_text(overview, example, digits=4, classes=_SHOWN_CLASSES) + _rest(overview, example),
        "mixed": _values(found.input),
    }
    heading = f"{example.id}: example {example.number:,}, {kind}"
    text = "\n".join([heading, *(f"  {key:9}{value}" for key, value in lines.items())])
    pictures = [image for image in (example.base, found.input, example.partner) if image is not None]
    if found.input.dtype != np.uint8:
        return text
    columns = [shaded(image) for image in pictures]
    titles = ["base", "mixed", "partner"] if len(columns) == 3 else ["mixed"]
    widths = [max(len(title), len(column[0])) for title, column in zip(titles, columns, strict=True)]
    rows = [
        [line.ljust(width) for line, width in zip(row, widths, strict=True)]
        for row in (titles, *zip(*columns, strict=True))
    ]
    return text + "\n\n" + "\n".join("  " + "   ".join(row).rstrip() for row in rows)


def shaded(image: npt.NDArray[np.uint8], most_columns: int = 28) -> list[str]:
    """Lines of characters for uint8(h, w, c): the brighter, the denser. Characters are about twice as high as wide."""
    height, width, channels = image.shape
    grey = image[..., : min(3, channels)].mean(axis=2)
    if channels == 4:
        grey = grey * (image[..., 3] / 255)
    columns = min(width, most_columns)
    rows = max(1, math.ceil(height * columns / width / 2))
    down, across = (np.linspace(0, size, count + 1).astype(int) for size, count in ((height, rows), (width, columns)))
    lines = []
    for top, bottom in zip(down, np.maximum(down[1:], down[:-1] + 1), strict=False):
        cells = [grey[top:bottom, left : max(right, left + 1)].mean() for left, right in pairwise(across)]
        lines.append("".join(_SHADES[min(len(_SHADES) - 1, int(cell / 256 * len(_SHADES)))] for cell in cells))
    return lines


def beta_text(alphas: Iterable[float]) -> str:
    """What each α does: a table with one row per α."""
    lines = ["  alpha   λ nearly unmixed (below 0.05 or above 0.95)   λ between 0.3 and 0.7"]
    for alpha in alphas:
        low, high = beta_cdf(np.array([0.3, 0.7]), alpha)
        lines.append(f"  {alpha:<7g} {share_text(expected_nearly_unmixed(alpha)):>6}{'':40}{share_text(high - low):>6}")
    return "\n".join(lines)


def _class(overview: Overview, class_id: int) -> str:
    """The name of a class; where the source does not count from 0, the label that it has there too."""
    first, name = overview.manifest.source.schema.first_class, one_line(overview.class_name(class_id))
    return f"{name}, label {class_id + first} in the source" if first else name


def _rest(overview: Overview, example: MixedExample) -> str:
    if is_regression(overview):
        more = len(example.label) - _SHOWN_CLASSES
        return f" and {counted(more, 'more value')}" if more > 0 else ""
    more = int(np.count_nonzero(example.label)) - _SHOWN_CLASSES
    return f" and {counted(more, 'more class')}" if more > 0 else ""


def _values(values: npt.NDArray[np.generic]) -> str:
    if values.ndim == 1:
        shown = ", ".join(f"{value:g}" for value in values[:8])
        return f"{counted(len(values), 'value')}: {shown}{', …' if len(values) > 8 else ''}"
    what = "pixels" if values.dtype == np.uint8 else "values"
    return f"{shape_text(values.shape)} {what} from {values.min():g} to {values.max():g}"


def _bar(share: float) -> str:
    return "█" * round(share * _BAR)
