"""The request of a run: the described source and the configuration.

It is stored in the work folder, where workers read it. So the job graph only names the folder, and its size does not
grow with the number of source files.
"""

from dataclasses import dataclass

from mixup_pipeline.config import MixConfig
from mixup_pipeline.sources.source import Source


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a command asks for. Two commands are the same run if their requests are equal."""

    source: Source
    config: MixConfig
