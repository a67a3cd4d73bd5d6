"""Write the files that follow from the code; a test fails where one is out of date.

docs/commands.md                   the commands' own --help
pipelines/dataflow/metadata.json   the flex template's parameters: the options of mixup-augment
schemas/manifest.schema.json       the options and bounds of a manifest
schemas/*.schema.json              the others are written by hand, but for bounds and choices that the code has

python scripts/generate_files.py
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from mixup_pipeline.cli import augment, compare, inspect, train, verify
from mixup_pipeline.cli.template import metadata
from mixup_pipeline.comparison.compare_config import AXES, MAX_SEEDS
from mixup_pipeline.comparison.folder import RESULTS_VERSION
from mixup_pipeline.comparison.probes import SURE
from mixup_pipeline.config import ALPHA_RANGE, MAX_COPIES, MAX_EXAMPLES
from mixup_pipeline.config.option import json_schema_of
from mixup_pipeline.dataset.manifest_schema import manifest_schema
from mixup_pipeline.spec import MAX_CLASSES, MAX_EXAMPLE_BYTES
from mixup_pipeline.training.metrics import ECE_BINS
from mixup_pipeline.training.train import RESULT_VERSION
from mixup_pipeline.training.train_config import TrainConfig

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "mixup-augment": augment.main,
    "mixup-compare": compare.main,
    "mixup-inspect": inspect.main,
    "mixup-train": train.main,
    "mixup-verify": verify.main,
}
_WIDTH = 120


def commands_page(commands: Mapping[str, click.Command] = COMMANDS) -> str:
    """docs/commands.md: the help of each command."""
    parts = ["# Commands\n\nExit codes: 0 done, 2 wrong usage, 1 anything else. Made by `scripts/generate_files.py`.\n"]
    for name, command in commands.items():
        context = command.make_context(name, [], resilient_parsing=True, terminal_width=110, max_content_width=110)
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def mixed_example_schema() -> dict[str, Any]:
    """The schema of one mixed record, with the code's bounds."""
    schema = _written("mixed_example")
    schema["$defs"]["class"]["items"]["maximum"] = MAX_CLASSES - 1
    schema["properties"]["features"]["maxItems"] = MAX_EXAMPLE_BYTES // 4
    schema["properties"]["label"]["maxItems"] = MAX_CLASSES
    return schema


def train_result_schema() -> dict[str, Any]:
    """The schema of result.json, with the code's bounds and the options that TrainConfig declares."""
    schema = _written("train_result")
    schema["properties"]["format_version"]["const"] = RESULT_VERSION
    schema["properties"]["config"] = json_schema_of(TrainConfig)
    schema["$defs"]["epoch"]["properties"]["ece"]["description"] = f"Expected calibration error, {ECE_BINS} bins."
    return schema


def comparison_schema() -> dict[str, Any]:
    """The schema of results.json, with the code's bounds and the options that TrainConfig declares."""
    schema = _written("comparison")
    schema["properties"]["format_version"]["const"] = RESULTS_VERSION
    config, defs = schema["properties"]["config"]["properties"], schema["$defs"]
    config["train"] = json_schema_of(TrainConfig)
    config["seeds"]["maximum"] = MAX_SEEDS
    config["alpha"] = {"type": "number", "minimum": ALPHA_RANGE[0], "maximum": ALPHA_RANGE[1]}
    config["copies"] = {"type": "integer", "minimum": 1, "maximum": MAX_COPIES}
    config["subset"] = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_EXAMPLES}
    config["sweeps"]["items"]["properties"]["axis"]["enum"] = list(AXES)
    cell = defs["cell"]["properties"]
    cell["alpha"] |= {"minimum": ALPHA_RANGE[0], "maximum": ALPHA_RANGE[1]}
    cell["copies"] |= {"minimum": 1, "maximum": MAX_COPIES}
    cell["subset"] |= {"minimum": 1, "maximum": MAX_EXAMPLES}
    run = schema["properties"]["runs"]["items"]["properties"]
    run["seed"]["maximum"] = MAX_SEEDS - 1
    run["probes"]["properties"]["reliability"] |= {"minItems": ECE_BINS, "maxItems": ECE_BINS}
    sure = run["probes"]["additionalProperties"]["oneOf"][1]["properties"]["sure"]
    sure["description"] = f"Share of examples above {SURE}."
    return schema


def _written(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((ROOT / f"schemas/{name}.schema.json").read_text())
    return schema


def as_text(content: Any, indent: int = 0, key: str = "") -> str:
    """JSON with every value on one line where it fits beside its key, and else each of its parts on a line."""
    line = key + json.dumps(content, ensure_ascii=False)
    if not isinstance(content, dict | list) or indent + len(line) < _WIDTH:
        return line
    if isinstance(content, dict):
        parts = [as_text(value, indent + 2, f"{json.dumps(name)}: ") for name, value in content.items()]
    else:
        parts = [as_text(item, indent + 2) for item in content]
    opening, closing = "{}" if isinstance(content, dict) else "[]"
    inner = ",\n".join(" " * (indent + 2) + part for part in parts)
    return f"{key}{opening}\n{inner}\n{' ' * indent}{closing}"


FILES: dict[str, Callable[[], str]] = {
    "docs/commands.md": commands_page,
    "pipelines/dataflow/metadata.json": lambda: as_text(metadata()) + "\n",
    "schemas/comparison.schema.json": lambda: as_text(comparison_schema()) + "\n",
    "schemas/manifest.schema.json": lambda: as_text(manifest_schema()) + "\n",
    "schemas/mixed_example.schema.json": lambda: as_text(mixed_example_schema()) + "\n",
    "schemas/train_result.schema.json": lambda: as_text(train_result_schema()) + "\n",
}
"""How each file is made, by its path in the repository."""


if __name__ == "__main__":
    for path, made in FILES.items():
        (ROOT / path).write_text(made())
