"""What tells a model from another under the same name: its graph, and of a user's function its source."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mixup_pipeline.training.built_in import Model
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.models import MODELS, build_model, set_precision, user_function
from mixup_pipeline.training.train_config import TrainConfig

_HISTORIES = ("keras_history", "input_layers", "output_layers")
_PASSING = ("shared_object_id", "registered_name", "module", "build_config", "compile_config")


def model_identity(config: TrainConfig, interface: Interface) -> dict[str, str]:
    """What tells a model from another under the same name: a hash of its graph, and of the source of a user's function.

    Raises UsageError as `build_model` does.
    """
    set_precision(config.precision)  # not that of the model that was built last
    told = {"graph": graph_hash(build_model(config.model, interface, config.dropout))}
    return told if config.model in MODELS else {**told, "source": source_hash(config.model)}


def graph_hash(model: Model) -> str:
    """What tells the graph of a model from others, whatever its layers are called.

    Of a model that has no description it is that of its weights' shapes.
    """
    shapes = json.dumps([list(weights.shape) for weights in model.weights])
    try:
        described = model.to_json()
    except (NotImplementedError, TypeError, ValueError):  # such as a subclass without get_config
        described = ""
    tree, names = json.loads(described or "{}"), dict[str, str]()
    _rename(tree, names)
    described = json.dumps(tree, sort_keys=True)
    return hashlib.sha256(f"{described}{shapes}".encode()).hexdigest()[:16]


def _rename(node: Any, names: dict[str, str], *, is_name: bool = False) -> Any:
    """Rename the layers in a description in place, by their order: automatic names count all layers of a process."""
    if isinstance(node, str):
        return names.setdefault(node, f"#{len(names)}") if is_name else node
    if isinstance(node, list):
        node[:] = [_rename(item, names, is_name=is_name) for item in node]
    elif isinstance(node, dict):
        for key in [key for key in node if key in _PASSING]:
            del node[key]
        for key, value in node.items():
            node[key] = _rename(value, names, is_name=key == "name" or key in _HISTORIES)
    return node


def source_hash(name: str) -> str:
    """What tells the source of a user's function from others: its file, and all that this imports from beside it."""
    user_function(name)  # which imports its module
    first = sys.modules[name.partition(":")[0]]
    root = (_file_of(first) or Path.cwd() / "_").parent
    found, todo = set[Path](), [first]
    while todo:
        module = todo.pop()
        path = _file_of(module)
        if path is not None and path not in found and path.is_relative_to(root):
            found.add(path)
            todo += _named_in(module)
    told = hashlib.sha256()
    for path in sorted(found):
        told.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return told.hexdigest()[:16]


def _named_in(module: ModuleType) -> list[ModuleType]:
    """The modules that a module imports, or imports something from."""
    values = [value for value in vars(module).values() if value is not None]
    owners = [sys.modules.get(str(getattr(value, "__module__", ""))) for value in values]
    return [other for other in (*values, *owners) if isinstance(other, ModuleType)]


def _file_of(module: ModuleType) -> Path | None:
    """The source file of a module, if it has one."""
    file = getattr(module, "__file__", None)
    return None if file is None or not file.endswith(".py") else Path(file).resolve()
