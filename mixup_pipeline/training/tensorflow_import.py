"""Import TensorFlow and Keras without the many log lines that they print meanwhile.

Native libraries write to the file descriptor, not through Python, so the descriptor is redirected. If the import fails,
what was written is shown.
"""

import importlib
import os
import sys
import tempfile
from types import ModuleType


def import_tensorflow() -> ModuleType:
    """The tensorflow module, set to log errors only."""
    tensorflow = _import("tensorflow")
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


def import_keras() -> ModuleType:
    """The keras module, with TensorFlow as its backend."""
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
