"""How to train: a frozen value that checks itself when it is made."""

from dataclasses import asdict, dataclass
from typing import Any

from mixup_pipeline.config import MAX_SEED, check_integer
from mixup_pipeline.config.kinds import Choice, Integer, Number, Several, Switch, Text
from mixup_pipeline.config.mix import AUGMENTATIONS
from mixup_pipeline.config.option import check_declared, option
from mixup_pipeline.errors import UsageError

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "gpu")
_MAX_EPOCHS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides the result of a training run on given records.

    Each field is an option of mixup-train, whose help says what it means. learning_rate is the highest; with schedule
    "cosine" it falls to 0 at the last step.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    model: str = option(
        "tutorial-cnn",
        Text(),
        help="tutorial-cnn, resnet20, resnet18 for images, cnn1d for series, cnn2d for spectrograms, mlp for all; or "
        "package.module:function, called with (shape, num_classes).",
    )
    epochs: int = option(10, Integer(1, _MAX_EPOCHS), help="Epoch e reads copy e mod K of the shards.")
    steps: int | None = option(None, Integer(1, 10**12), help="Train so many steps instead.")
    batch_size: int = option(64, Integer(1, 1_000_000), help="Examples a step, over all devices.")
    optimizer: str = option("adam", Choice(OPTIMIZERS), help="sgd has momentum 0.9.")
    learning_rate: float = option(3e-3, Number(1e-8, 100), help="At the start, or after the warm-up.")
    schedule: str = option("constant", Choice(SCHEDULES), help="cosine: down to 0 at the end.")
    warmup: float = option(
        0.0, Number(0, 0.9), metavar="P", help="Share of all steps in which the learning rate rises from 0."
    )
    weight_decay: float = option(0.0, Number(0, 1), help="Decoupled, of kernels only; for adamw and sgd.")
    val_share: float = option(
        0.0,
        Number(0, 0.9),
        metavar="P",
        help="Hold out this share of the training examples, whole groups with --group-key, to choose the best epoch.",
    )
    augment: str | None = option(
        None,
        Several(AUGMENTATIONS),
        metavar="LIST",
        without="none",
        optional_in_manifest=True,
        help="Of images: flip, crop or flip,crop, as mixup-augment draws them, anew in each epoch.",
    )
    clean_last_epochs: int = option(0, Integer(0, _MAX_EPOCHS), metavar="N", help="End on so many unmixed epochs.")
    label_smoothing: float = option(0.0, Number(0, 0.99), help="For unmixed labels.")
    dropout: float | None = option(
        None, Number(0, 0.99), without="the model's own", help="Rate of the model's dropout."
    )
    precision: str = option("float32", Choice(PRECISIONS), help="Of the computation; labels and loss are float32.")
    seed: int = option(0, Integer(0, MAX_SEED), help="Of weights, dropout and the order of examples.")
    standardize: bool = option(
        False,
        Switch(),
        optional_in_manifest=True,
        help="Of numbers: bring each value of an input to mean 0 and spread 1 over the training examples.",
    )

    def __post_init__(self) -> None:
        check_declared(self)
        if self.weight_decay and self.optimizer == "adam":
            raise UsageError("--weight-decay is for adamw and sgd: adam has none, use --optimizer adamw")
        check_integer("clean-last-epochs", self.clean_last_epochs, 0, self.epochs)
        if self.clean_last_epochs and self.steps is not None:
            raise UsageError("--clean-last-epochs counts epochs, so it cannot be combined with steps: use --epochs")

    def identity(self) -> dict[str, Any]:
        """What tells runs apart. Options that are newer than some runs are left out where they change nothing."""
        fields = asdict(self)
        for name in ("standardize", "augment"):
            if not fields[name]:
                del fields[name]
        return fields
