"""The bad records that a run left out: `skipped.csv` lists them, and the manifest counts them by reason."""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from mixup_pipeline.errors import printable
from mixup_pipeline.sources.file_formats import readable
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.sources.scan import LeftOut

SKIPPED_NAME = "skipped.csv"
_COLUMNS = ("file", "record", "offset", "reason")
_MOST_REASONS = 100
_OTHER = "other reasons"
_DETAIL = re.compile(r"\s*(\(.*?\)|: .*|'[^']*'|\"[^\"]*\")")
_NUMBER = re.compile(r"-?\d[\d,.x]*")


class LeftOutSummary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sha256: of skipped.csv. reasons: how many records were left out for each reason, most first."""

    sha256: str
    reasons: dict[str, int]


def skipped_text(records: Iterable[tuple[NamedFile, LeftOut]]) -> str:
    """The content of skipped.csv. records: the bad records, each with its file.

    An offset that is no byte of the source is left empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)  # a name may hold "\r"
    writer.writerow(_COLUMNS)
    for file, bad in records:
        name = f"{file.name}/{bad.member}" if bad.member else file.name
        offset = bad.offset if readable(file).byte_offsets else None
        writer.writerow((name, bad.record, offset, printable(bad.reason)))
    return text.getvalue()


def left_out_summary(text: str) -> LeftOutSummary | None:
    """The summary of skipped.csv; None if it lists nothing. Raises ValueError if this is not its text."""
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))[1:]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if any(len(row) != len(_COLUMNS) for row in rows):
        raise ValueError(f"a line does not hold {len(_COLUMNS)} values")
    counts = Counter(reason_of(row[3]) for row in rows)
    if not counts:
        return None
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    reasons = dict(by_count[:_MOST_REASONS])
    others = sum(count for _, count in by_count[_MOST_REASONS:])
    if others:
        reasons[_OTHER] = reasons.get(_OTHER, 0) + others
    return LeftOutSummary(sha256=hashlib.sha256(text.encode()).hexdigest(), reasons=reasons)


def reason_of(message: str) -> str:
    """What is wrong with a record in general: its message without what only this record has."""
    return _NUMBER.sub("N", _DETAIL.sub("", message)).strip() or message
