"""What to train on and how: a frozen value that checks itself when it is made."""

from dataclasses import dataclass, field
from pathlib import Path

from mixup_pipeline.config import ALPHA_RANGE, SourceConfig, check_number
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.train_config import TrainConfig

ONE_OF_BOTH = "give either --shards, a mixed dataset, or --src, an unmixed one to train the baseline on"


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train on, and what to evaluate on.

    Exactly one of shards, a mixed dataset, and src, an unmixed one. evaluation: clean examples.
    verify: check the shards "quick", by names and sizes, or "full", byte by byte.
    force: allow label smoothing on mixed labels.
    mix_online: mix the examples of src while training, with λ ~ Beta(mix_online, mix_online).
    on_bad_record: what to do with bad records of src and evaluation, as mixup-augment has it.

    Raises UsageError for options that do not go together.
    """

    evaluation: SourceConfig
    shards: Path | None = None
    src: SourceConfig | None = None
    config: TrainConfig = field(default_factory=TrainConfig)
    verify: str = "quick"
    force: bool = False
    mix_online: float | None = None
    on_bad_record: str = "fail"

    def __post_init__(self) -> None:
        if (self.shards is None) == (self.src is None):
            raise UsageError(ONE_OF_BOTH)
        mixed = self.src is None or self.mix_online is not None
        if self.config.label_smoothing and mixed and not self.force:
            raise UsageError(
                "--label-smoothing works against mixup, whose labels are soft already: leave it out, or add "
                "--force-label-smoothing"
            )
        if self.src is not None and self.config.clean_last_epochs:
            raise UsageError("--clean-last-epochs is for --shards: all epochs on --src are clean")
        if self.mix_online is not None:
            if self.shards is not None:
                raise UsageError("--mix-online is for --src: shards are mixed already")
            check_number("mix-online", self.mix_online, *ALPHA_RANGE)
