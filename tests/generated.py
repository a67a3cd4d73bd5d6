"""The script that writes the generated files, loaded as a module."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
SCRIPT = "scripts/generate_files.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_files", ROOT / SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = _load()
