"""The history for TensorBoard: one scalar for each measure and epoch, over the steps."""

import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path

from mixup_pipeline.config.registry import TASKS
from mixup_pipeline.storage.atomic import output_error
from mixup_pipeline.training.saved_state import Row
from mixup_pipeline.training.tensorflow_import import import_tensorflow

_AROUND = re.compile(r"\{\{.*?\}\}|\[Op:.*")  # what TensorFlow adds around the message of the system
_EVENTS = "events.out.tfevents."
_NOT_MEASURED = ("epoch", "step", "seconds")


def log_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Add finished epochs to the event files in the folder: train/… on training examples, clean/… on clean ones.

    Raises OutputError if they cannot be written.
    """
    tf = import_tensorflow()
    try:
        training = {"loss", *(one.name for task in TASKS.values() for one in task.training)}
        writer = tf.summary.create_file_writer(str(folder))
        for row in rows:
            with writer.as_default(step=int(row["step"])):
                for name, value in row.items():
                    if name not in _NOT_MEASURED:
                        tf.summary.scalar(f"{'train' if name in training else 'clean'}/{name}", value)
        writer.close()
    except tf.errors.OpError as error:
        number = errno.ENOSPC if isinstance(error, tf.errors.ResourceExhaustedError) else errno.EIO
        said = _AROUND.sub("", error.message.partition("\n")[0]).rpartition("; ")[2].strip()
        raise output_error(folder, OSError(number, said)) from error


def flush_log(folder: Path) -> None:
    """Flush all event files to disk, which TensorFlow does not. Raises OutputError if that is not possible."""
    try:
        for path in _event_files(folder):
            with path.open("rb") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise output_error(folder, error) from error


def clear_log(folder: Path) -> None:
    """Remove event files, which a stop may have left damaged or with an epoch too many.

    Raises OutputError if they cannot be removed.
    """
    try:
        for path in _event_files(folder):
            path.unlink()
    except OSError as error:
        raise output_error(folder, error) from error


def _event_files(folder: Path) -> list[Path]:
    """The event files in the folder. No link is followed."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.name.startswith(_EVENTS)]
    return [path for path in found if path.is_file() and not path.is_symlink()]
