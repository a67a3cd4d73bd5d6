"""Importing TensorFlow and Keras without the page of notes that they write to the terminal meanwhile.

Their native libraries write past Python, so the descriptor itself is diverted; if the import fails, what was written is
shown.
"""

import importlib
import os
import sys
import tempfile
from types import ModuleType


def import_tensorflow() -> ModuleType:
    """The tensorflow module, which logs errors only."""
    tensorflow = _import("tensorflow")
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


def import_keras() -> ModuleType:
    """The keras module, on TensorFlow."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    return _import("keras")


def _import(name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            return importlib.import_module(name)
        except Exception:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
