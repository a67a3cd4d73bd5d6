"""The census of a source alone, before anything is mixed: every image is decoded, so that all bad ones are found."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.dataset.left_out import reason_of
from mixup_pipeline.errors import SourceError
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.census import Census, CensusSummary, one_shape, summary_of
from mixup_pipeline.sources.scan import scan_all
from mixup_pipeline.sources.source import Source
from mixup_pipeline.spec import Shape


@dataclass(frozen=True, kw_only=True)
class SourceCensus:
    """What a source holds.

    shape: the shape that its images would be brought to; None if they differ and no option gives them one.
    refusal: what is said then. bad: how many records cannot be used, by reason.
    """

    source: Source
    census: Census
    summary: CensusSummary
    shape: Shape | None
    refusal: str
    bad: Mapping[str, int]


def take_census(config: SourceConfig, on_file: Callable[[int, int], None] = lambda done, total: None) -> SourceCensus:
    """Look at every record of a source. on_file: called with the number of files done, and of all.

    Raises UsageError or SourceError if it cannot be read, or holds no image files.
    """
    source = open_source(config)
    parts, bad = [], Counter[str]()
    with ExitStack() as opened:
        for scanned in scan_all(source, MixConfig(on_bad_record="skip"), opened):
            parts.append(scanned.census)
            bad.update(reason_of(one.reason) for one in scanned.left_out)
            on_file(len(parts), len(source.files))
    census, refusal = Census.of(parts), ""
    try:
        shape = one_shape(census, source.spec)
    except SourceError as error:
        shape, refusal = None, str(error)
    summary = summary_of(census, source.spec, shape)
    if summary is None:
        what = f"; {sum(bad.values()):,} records are bad, such as: {next(iter(bad))}" if bad else ""
        raise SourceError(f"{config.src}: holds no image files, so there is no census{what}")
    return SourceCensus(source=source, census=census, summary=summary, shape=shape, refusal=refusal, bad=bad)
