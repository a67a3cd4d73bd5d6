"""How to train: frozen values that check themselves at birth."""

from dataclasses import dataclass

from mixup_pipeline.config import MAX_SEED, check_choice, check_integer, check_number
from mixup_pipeline.errors import UsageError

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides the result of a training run on given records.

    model: "tutorial-cnn", "resnet20", "mlp" or package.module:function. epochs: passes; steps: stop after so many steps
    instead. learning_rate: at the start; schedule "cosine" lets it fall to 0 at the last step.
    weight_decay: decoupled (adamw, sgd). clean_last_epochs: so many of the last epochs read unmixed examples.
    dropout: None leaves the model's own. precision: of the computation; labels and loss are float32 always.
    shuffle_buffer: records held to shuffle.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    model: str = "tutorial-cnn"
    epochs: int = 10
    steps: int | None = None
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 3e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    clean_last_epochs: int = 0
    label_smoothing: float = 0.0
    dropout: float | None = None
    precision: str = "float32"
    seed: int = 0
    shuffle_buffer: int = 16_384

    def __post_init__(self) -> None:
        check_integer("epochs", self.epochs, 1, 1_000_000)
        if self.steps is not None:
            check_integer("steps", self.steps, 1, 10**12)
        check_integer("batch-size", self.batch_size, 1, 1_000_000)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_number("learning-rate", self.learning_rate, 1e-8, 100)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_number("weight-decay", self.weight_decay, 0, 1)
        if self.weight_decay and self.optimizer == "adam":
            raise UsageError("weight-decay is for adamw and sgd: adam has none, use --optimizer adamw")
        check_integer("clean-last-epochs", self.clean_last_epochs, 0, self.epochs)
        if self.clean_last_epochs and self.steps is not None:
            raise UsageError("clean-last-epochs counts epochs, so it cannot be joined with steps: use --epochs")
        check_number("label-smoothing", self.label_smoothing, 0, 0.99)
        if self.dropout is not None:
            check_number("dropout", self.dropout, 0, 0.99)
        check_choice("precision", self.precision, PRECISIONS)
        check_integer("seed", self.seed, 0, MAX_SEED)
        check_integer("shuffle-buffer", self.shuffle_buffer, 0, 100_000_000)

    def check_mixing_online(self) -> None:
        """Raise UsageError where examples mixed online would be their own partners, for want of shuffling."""
        if self.shuffle_buffer < self.batch_size:
            raise UsageError(
                f"shuffle-buffer must be from {self.batch_size:,}, the batch size, to mix online, got "
                f"{self.shuffle_buffer:,}: examples would be mixed with themselves"
            )
