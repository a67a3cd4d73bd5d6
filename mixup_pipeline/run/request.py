"""What was asked for in an output folder: the described source and the configuration.

Kept in the work folder, where workers read it, so that the job graph only names the folder: its size does not grow with
the number of source files.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from mixup_pipeline.config import MixConfig
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.source import Source, SourceFile
from mixup_pipeline.spec import ExampleSpec


@dataclass(frozen=True, kw_only=True)
class Request:
    """Two commands are the same run where their requests are equal."""

    source: Source
    config: MixConfig

    def as_json(self) -> dict[str, Any]:
        """The request in values of JSON."""
        fields: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return fields

    @classmethod
    def of(cls, work: WorkFolder) -> "Request":
        """The request that the work folder keeps."""
        fields = json.loads(work.request.read_bytes())
        source, spec = fields["source"], fields["source"]["spec"]
        names = source["class_names"]
        return cls(
            config=MixConfig(**fields["config"]),
            source=Source(
                name=source["name"],
                split=source["split"],
                files=tuple(SourceFile(**file) for file in source["files"]),
                spec=ExampleSpec(**{**spec, "shape": tuple(spec["shape"])}),
                class_names=None if names is None else tuple(names),
            ),
        )
