"""The request of a run: the described source and the configuration.

It is stored in the work folder, where workers read it. So the job graph only names the folder, and its size does not
grow with the number of source files.
"""

from dataclasses import dataclass

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.option import options_of
from mixup_pipeline.config.registry import INPUT_KINDS, PAIRINGS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.source import Source


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a command asks for. Two commands are the same run if their requests are equal."""

    source: Source
    config: MixConfig


def check_used(source: Source, config: MixConfig) -> None:
    """Raise UsageError for an option that nothing of this source, or of this pairing, would look at."""
    spec = source.spec
    if spec.group_key and not PAIRINGS[config.pairing].needs_groups:
        raise UsageError(
            f"--group-key is for --pairing cross-group and within-group: {config.pairing} does not look at groups"
        )
    if config.augment is not None and not INPUT_KINDS[spec.encoding].is_image:
        raise UsageError(f"--augment {config.augment}: feature {spec.input_key!r} holds no images: leave it out")
    if config.image_format != options_of(MixConfig)["image_format"].default and not INPUT_KINDS[spec.encoding].is_image:
        raise UsageError(
            f"--image-format {config.image_format}: feature {spec.input_key!r} holds no images: leave it out"
        )
