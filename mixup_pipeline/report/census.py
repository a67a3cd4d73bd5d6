"""The census of a source's images as a table: what was found, what is done about it, and which option changes that."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixup_pipeline.report.words import one_line
from mixup_pipeline.sources.census import LARGE_ENLARGEMENT, CensusSummary
from mixup_pipeline.spec import ImageOptions, Shape, counted, shape_text

HEAD = ("", "found", "what is done", "option")
_COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}
_FITTED = {"crop": "cropped to fit", "pad": "padded to fit", "stretch": "distorted to fit"}
_MOST_REASONS = 8
_WIDTH = 108


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: what was counted, what was found, what is done about it, the option that changes that."""

    what: str
    found: str
    done: str = ""
    option: str = ""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        return self.what, self.found, self.done, self.option


def census_rows(
    census: CensusSummary,
    options: ImageOptions,
    shape: Shape | None,
    bad: Mapping[str, int] | None = None,
    *,
    skips: bool = False,
) -> list[Row]:
    """The table.

    options: how images are brought to one form. shape: the one that they get; None if they cannot have one. bad: how
    many records are bad, by reason. skips: whether these are left out.
    """
    channels = census.channels
    same = set(census.colours) == {_COLOURS[channels]}
    one_kind = "left as they are" if same else f"all are made {_COLOURS[channels]}"
    rows = [
        Row(what="sizes", found=_sizes(census), done=_resizing(census, options, shape), option="--image-size"),
        Row(what="aspects", found=_listed(census.aspects), done=_fitting(census, options), option="--resize"),
        Row(what="formats", found=_listed(census.formats), done="all are read"),
        Row(what="colours", found=_listed(census.colours), done=one_kind, option="--channels"),
    ]
    if census.with_alpha:
        kept = channels == 4
        done = "kept" if kept else "laid over white"
        rows.append(
            Row(what="alpha", found=_images(census.with_alpha), done=done, option=f"--channels {3 if kept else 4}")
        )
    if set(census.bits) != {"8"}:
        found = ", ".join(f"{bits} bits {count:,}" for bits, count in census.bits.items())
        rows.append(Row(what="depth", found=found, done="rounded to 8 bits"))
    if census.turned:
        turned = options.exif == "apply"
        done = "turned upright" if turned else "left as stored"
        other = f"--exif {'ignore' if turned else 'apply'}"
        rows.append(Row(what="EXIF", found=f"{census.turned:,} not upright", done=done, option=other))
    if census.animated:
        rows.append(Row(what="animated", found=_images(census.animated), done="the first picture is used"))
    if census.enlarged:
        found = f"{census.enlarged:,} more than {LARGE_ENLARGEMENT}-fold"
        rows.append(Row(what="enlarged", found=found, done="little was in them", option="a smaller --image-size"))
    most = sorted((bad or {}).items(), key=lambda item: -item[1])
    for number, (reason, count) in enumerate(most[:_MOST_REASONS]):
        what, done, option = ("", "", "")
        if number == 0:
            what, option = "bad", f"--on-bad-record {'fail' if skips else 'skip'}"
            done = "left out" if skips else "stop a run"
        rows.append(Row(what=what, found=f"{count:,}: {one_line(reason)}", done=done, option=option))
    if len(most) > _MOST_REASONS:
        rows.append(Row(what="", found=f"and {len(most) - _MOST_REASONS} more reasons"))
    return rows


def table_lines(rows: Sequence[Row]) -> list[str]:
    """The table for a terminal. What is long goes on below."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in HEAD:
        table.add_column(Text(name), no_wrap=name in ("", "option"))
    for row in rows:
        table.add_row(*map(Text, row.cells))
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return [f"  {line.rstrip()}" for line in captured.get().splitlines()]


def changes_text(census: CensusSummary, options: ImageOptions, shape: Shape) -> str:
    """What was done to images, on one line; empty if they are as they were stored."""
    other_colours = sum(count for kind, count in census.colours.items() if kind != _COLOURS[shape[2]])
    parts = {
        f"brought to {shape_text(shape[:2])}": census.resized,
        "turned upright": census.turned if options.turned else 0,
        f"made {_COLOURS[shape[2]]}": other_colours,
        "of these laid over white": 0 if shape[2] == 4 else census.with_alpha,
        f"enlarged more than {LARGE_ENLARGEMENT}-fold": census.enlarged,
    }
    return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)


def _sizes(census: CensusSummary) -> str:
    if census.sizes == 1:
        return f"all {shape_text(census.smallest)} (height x width)"
    return f"{census.sizes:,} from {shape_text(census.smallest)} to {shape_text(census.largest)} (height x width)"


def _resizing(census: CensusSummary, options: ImageOptions, shape: Shape | None) -> str:
    if shape is None:
        return "refused: one size is needed"
    if options.size is None or not census.resized:
        return "left as they are"
    return f"{_images(census.resized)} brought to {shape_text(shape[:2])}"


def _fitting(census: CensusSummary, options: ImageOptions) -> str:
    if options.size is None:
        return ""
    return f"{census.cropped:,} {_FITTED['crop']}" if options.resize == "crop" else _FITTED[options.resize]


def _images(count: int) -> str:
    return counted(count, "image")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
