"""A comparison: what is compared on what, and who is told how it goes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.compare_config import CompareConfig
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.source import image_options
from mixup_pipeline.spec import ImageOptions
from mixup_pipeline.training.loop import Trainer
from mixup_pipeline.training.watch import OnStep

_NEWER = ("columns", "keep", "group_key", "label_kind", "class_names")
"""Fields of a source that folders of earlier comparisons do not hold."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared, trained on `source` and evaluated on `evaluation`.

    deterministic: use only operations that give the same bits every time. command: as typed, for the report.

    on_bad_record: what becomes of bad records of all these, as mixup-augment has it.
    """

    source: SourceConfig
    evaluation: SourceConfig
    config: CompareConfig = field(default_factory=CompareConfig)
    device: str = "auto"
    deterministic: bool = False
    command: str = ""
    on_bad_record: str = "fail"

    def identity(self) -> dict[str, Any]:
        """What every run depends on, and so must stay the same in a folder: the data and how to train."""
        train = self.config.train.identity()
        del train["seed"]
        source, evaluation = described(self.source), described(self.evaluation)
        for data in (source, evaluation):
            del data["data_dir"]
            for name in [name for name in _NEWER if data[name] is None]:
                del data[name]
        skipping = {} if self.on_bad_record == "fail" else {"on_bad_record": self.on_bad_record}
        return {"source": source, "evaluation": evaluation, "train": train, **skipping}


def described(source: SourceConfig) -> dict[str, Any]:
    """A source as results and identities hold it, with the split that is read. Image options are None by default."""
    images, default = image_options(source.images), image_options(ImageOptions(size=source.images.size))
    asked = {name: None if value == default[name] else value for name, value in images.items()}
    return {**asdict(source), "split": source.split_name, **asked, "image_size": images["image_size"]}


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """Functions that are told how a comparison goes.

    on_start: the trainer of a run, before its first step. on_step: steps done, of how many, and the running measures.
    on_end: a run has been trained. on_run: a finished run, trained now or found: its number, of how many, its cell, its
    seed and its result. on_note: something that the user should know. on_hint: the same, about how a condition is
    trained; it is said once, and the results do not keep it.
    """

    on_start: Callable[[Trainer], None] = lambda trainer: None
    on_step: OnStep = lambda done, total, measures: None
    on_end: Callable[[], None] = lambda: None
    on_run: Callable[[int, int, Cell, int, dict[str, Any]], None] = lambda number, total, cell, seed, result: None
    on_note: Callable[[str], None] = lambda note: None
    on_hint: Callable[[str], None] = lambda hint: None
