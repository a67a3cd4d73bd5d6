"""What was asked for in an output folder: the described source and the configuration.

Kept in the work folder, where workers read it, so that the job graph only names the folder: its size does not grow with
the number of source files.
"""

from dataclasses import dataclass

from mixup_pipeline.config import MixConfig
from mixup_pipeline.sources.source import Source


@dataclass(frozen=True, kw_only=True)
class Request:
    """Two commands are the same run where their requests are equal."""

    source: Source
    config: MixConfig
