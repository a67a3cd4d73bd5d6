"""Importing Keras without the page of notes that TensorFlow writes to the terminal meanwhile."""

import os
import sys
import tempfile
from types import ModuleType


def import_keras() -> ModuleType:
    """The keras module on TensorFlow. Its native libraries write past Python, so the descriptor itself is diverted.

    If the import fails, what was written is shown.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" in sys.modules:
        return sys.modules["keras"]
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import keras
        except BaseException:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    return keras
