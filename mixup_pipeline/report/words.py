"""Phrases that the terminal, the page and the pictures share."""

import math
from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size

from mixup_pipeline.config import MixConfig
from mixup_pipeline.dataset.mixed_examples import MixedExample
from mixup_pipeline.dataset.overview import Overview
from mixup_pipeline.mixing.totals import Totals
from mixup_pipeline.sources.source import Origin
from mixup_pipeline.spec import ExampleSpec, Shape, counted, shape_text

_SMALLEST_SHARE = 1e-6


def examples_text(totals: Totals) -> str:
    """How many examples, and of which kinds."""
    return f"{totals.examples:,} ({kinds_text(totals)})"


def size_text_of(shape: Shape) -> str:
    """The shape of examples, for after that word: "28x28x1", "of 13 values"."""
    return f"of {counted(shape[0], 'value')}" if len(shape) == 1 else shape_text(shape)


def kinds_text(totals: Totals) -> str:
    """How many examples of each kind."""
    parts = [f"{totals.mixed:,} mixed", f"{totals.unmixed:,} left unmixed"]
    if totals.originals:
        parts.append(f"{totals.originals:,} originals")
    return ", ".join(parts)


def unmixed_text(overview: Overview) -> str:
    """How many examples were left unmixed, and why."""
    if not overview.totals.unmixed:
        return "none"
    reasons = []
    if overview.by_prob:
        reasons.append(f"{overview.by_prob:,} by --prob {overview.config.prob:g}")
    if overview.alone:
        reasons.append(f"{overview.alone:,} without another example to be mixed with")
    return ", ".join(reasons)


def pairing_text(config: MixConfig) -> str:
    """The choices of a run besides α."""
    copies = config.copies
    augmented = f", augmented by {config.augment}" if config.augment else ""
    return f"pairing {config.pairing}, seed {config.seed}, {copies:,} {'copy' if copies == 1 else 'copies'}{augmented}"


def is_regression(overview: Overview) -> bool:
    """Whether labels are real values, and not weights of classes."""
    return overview.manifest.source.schema.label_kind == "regression"


def label_parts(overview: Overview, example: MixedExample, classes: int = 2) -> list[tuple[str, float]]:
    """What a label says first: the classes with the largest weights, or real values, each with its name."""
    if is_regression(overview):
        label = example.label[:classes]
        return [("" if len(example.label) == 1 else f"{number}", float(value)) for number, value in enumerate(label)]
    return [(one_line(overview.class_name(class_id)), weight) for class_id, weight in example.top_classes(classes)]


def label_text(overview: Overview, example: MixedExample, *, digits: int = 2, most: int = 24, classes: int = 2) -> str:
    """The classes of a label with the largest weights: "7: 0.62 · 1: 0.38"; of real values the first: "12.5"."""
    parts = label_parts(overview, example, classes)
    shown = "g" if is_regression(overview) else f".{digits}f"
    named = ((f"{short_name(name, most)}: " if name else "", value) for name, value in parts)
    return " · ".join(f"{name}{value:{shown}}" for name, value in named) or "no class"


def label_size(spec: ExampleSpec) -> str:
    """How many classes or values a label has."""
    if spec.label_kind == "regression":
        return counted(spec.num_classes, "value") + " to predict"
    return counted(spec.num_classes, "class")


def chosen_lines(spec: ExampleSpec, origin: Origin | None) -> dict[str, str]:
    """What is the input and the label, why, and what is left out, by the word that begins each line."""
    if origin is None:
        return {}
    classes = f"{label_size(spec)} by {origin.classes_from}"
    lines = {
        "input": f"{spec.input_key}, {origin.input_rule}",
        "label": f"{spec.label_key}, {origin.label_rule}; {classes}",
    }
    if origin.version is not None:
        lines["version"] = origin.version
    if spec.group_key:
        lines["groups"] = f"{spec.group_key}, asked for by --group-key"
    dropped = [key for key in origin.dropped if key != spec.group_key]
    if dropped:
        lines["dropped"] = ", ".join(dropped)
    return lines | {f"note{'' if number == 0 else number + 1}": note for number, note in enumerate(origin.notes)}


def listed_lines(lines: Mapping[str, str]) -> list[str]:
    """Facts as indented lines, each after the word that begins it."""
    return [f"  {key:9}{one_line(value, 1000)}" for key, value in lines.items()]


def share_text(share: float) -> str:
    """A share as a percentage with at most three digits; a small one with its first two."""
    if 0 < share < _SMALLEST_SHARE:
        return f"<{_SMALLEST_SHARE:.4%}"
    if 0 < share < 0.001:
        return f"{share:.{1 - math.floor(math.log10(100 * share))}%}"
    return f"{share:.1%}" if share < 0.9995 else f"{share:.0%}"


def size_text(num_bytes: int) -> str:
    """A size in kB, MB or GB (powers of 1000)."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:,.1f} {unit}"
    return f"{num_bytes / 1e3:,.1f} kB"


def one_line(text: str, most: int = 200) -> str:
    """Text from outside, safe for one line: printable characters only, cut to `most` columns of a terminal."""
    shown = "".join(character if character.isprintable() else "�" for character in text)
    return shown if cell_len(shown) <= most else set_cell_size(shown, most - 1).rstrip() + "…"


def short_name(name: str, most: int) -> str:
    """The name of a class on one line, cut in its middle: names that are long often begin alike, and end otherwise."""
    shown = one_line(name, 10_000)
    if cell_len(shown) <= most:
        return shown
    tail = most // 2 - 1
    return one_line(shown, most - tail) + (set_cell_size(shown[::-1], tail)[::-1] if tail > 0 else "")


def padded(text: str, columns: int) -> str:
    """Text aligned right in `columns` of a terminal, where some characters take two."""
    return " " * (columns - cell_len(text)) + text
