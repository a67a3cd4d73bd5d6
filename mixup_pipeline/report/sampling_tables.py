"""What the evaluation examples tell: other examples, example by example, class by class. Of classification only."""

from collections.abc import Mapping, Sequence
from typing import Any

from mixup_pipeline.report.table import Table, interval_text
from mixup_pipeline.report.words import one_line

_LEVEL = 0.05
_MOST_CLASSES = 20
_ENDS = 10


def sampling_tables(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], noise: str) -> list[Table]:
    """How sure the differences are, and the accuracy on each class; none where predictions are no classes.

    rows: the arms, the baseline first.
    """
    if "per_class" not in rows[0]:
        return []
    return [_sure_table(rows[1:], noise), _class_table(results, rows, noise)]


def _sure_table(rows: Sequence[Mapping[str, Any]], noise: str) -> Table:
    """The difference for other seeds, for other seeds and examples; and what McNemar's test says of each seed."""
    lines = []
    for row in rows:
        difference = row["measures"]["accuracy"]["difference"]
        pairs, correlation = difference["mcnemar"], difference["correlation"]
        found = sum(p < _LEVEL for p in pairs["p"])
        lines.append(
            (
                row["cell"]["arm"],
                interval_text(difference["t"]),
                interval_text(difference["both"]),
                "" if correlation is None else f"{correlation:+.2f}",
                f"{pairs['only_arm']:,.1f}",
                f"{pairs['only_baseline']:,.1f}",
                f"{found} of {len(pairs['p'])}",
            )
        )
    head = (
        "arm",
        "other seeds, points",
        "other seeds and examples, points",
        "correlation with the baseline",
        "right in the arm only",
        "in the baseline only",
        "seeds with McNemar p < 0.05",
    )
    return Table(f"Accuracy on other seeds and other examples{noise}", head, tuple(lines))


def _class_table(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], noise: str) -> Table:
    """The accuracy on each class, or on those that change most, in %, with the changes in points."""
    accuracy = rows[0]["per_class"]["accuracy"]
    known = [number for number, value in enumerate(accuracy) if value is not None]
    chosen, which = known, ""
    if len(known) > _MOST_CLASSES:
        changes = [row["per_class"]["difference"] for row in rows[1:]]
        most = {number: max((one[number] for one in changes), key=abs) for number in known}
        ordered = sorted(known, key=most.__getitem__)
        chosen, which = [*ordered[:_ENDS], *ordered[-_ENDS:]], f", the {2 * _ENDS} of {len(known):,} that change most"
    names = results["class_names"]
    lines = [
        (
            one_line(names[number]) if names and number < len(names) else str(number),
            f"{100 * accuracy[number]:.2f}",
            *(f"{100 * row['per_class']['difference'][number]:+.2f}" for row in rows[1:]),
        )
        for number in chosen
    ]
    head = ("class", "baseline, %", *(f"{row['cell']['arm']} − baseline" for row in rows[1:]))
    return Table(f"Accuracy by class{noise}{which}; differences in points, not corrected", head, tuple(lines))
