"""Import TensorFlow and Keras without the many log lines that they print meanwhile.

If the import fails, the notes are shown.
"""

import importlib
import os
import sys
from types import ModuleType

from mixup_pipeline.process import stderr_held_back


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
    with stderr_held_back():
        return importlib.import_module(name)


def can_name(path: str) -> bool:
    """Whether TensorFlow takes this path. It must be UTF-8; Python keeps other bytes as lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in path)
