"""The history as TensorBoard reads it: one scalar a measure and epoch, over the steps."""

from pathlib import Path

from mixup_pipeline.training.run_folder import Row
from mixup_pipeline.training.tensorflow_import import import_tensorflow

_TRAINING = ("loss", "weighted_accuracy", "dominant_accuracy")
_NOT_MEASURED = ("epoch", "step", "seconds")


def log_row(folder: Path, row: Row) -> None:
    """Add one finished epoch to the event files in the folder: train/… on mixed examples, clean/… on clean ones."""
    summary = import_tensorflow().summary
    writer = summary.create_file_writer(str(folder))
    with writer.as_default(step=int(row["step"])):
        for name, value in row.items():
            if name not in _NOT_MEASURED:
                summary.scalar(f"{'train' if name in _TRAINING else 'clean'}/{name}", value)
    writer.close()
