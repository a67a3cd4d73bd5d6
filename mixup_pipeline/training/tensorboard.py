"""The history for TensorBoard: one scalar for each measure and epoch, over the steps."""

import errno
import re
from pathlib import Path

from mixup_pipeline.storage.atomic import output_error
from mixup_pipeline.training.run_folder import Row
from mixup_pipeline.training.tensorflow_import import import_tensorflow

_TRAINING = ("loss", "weighted_accuracy", "dominant_accuracy")
_AROUND = re.compile(r"\{\{.*?\}\}|\[Op:.*")  # what TensorFlow adds around the message of the system
_NOT_MEASURED = ("epoch", "step", "seconds")


def log_row(folder: Path, row: Row) -> None:
    """Add one finished epoch to the event files in the folder: train/… on training examples, clean/… on clean ones.

    Raises OutputError if they cannot be written.
    """
    tf = import_tensorflow()
    try:
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(step=int(row["step"])):
            for name, value in row.items():
                if name not in _NOT_MEASURED:
                    tf.summary.scalar(f"{'train' if name in _TRAINING else 'clean'}/{name}", value)
        writer.close()
    except tf.errors.OpError as error:
        number = errno.ENOSPC if isinstance(error, tf.errors.ResourceExhaustedError) else errno.EIO
        said = _AROUND.sub("", error.message.partition("\n")[0]).rpartition("; ")[2].strip()
        raise output_error(folder, OSError(number, said)) from error
