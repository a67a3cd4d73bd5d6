"""The flex template of Dataflow: its parameters become a mixup-augment command, which does all the rest.

Dataflow hands parameters over as `--name=value`, among the flags that it adds for Beam itself. There are no flags
without a value, and names are written with underscores: `--within_class=true` stands for `--within-class`.

    python -m mixup_pipeline.cli.template IMAGE

prints the specification of the template, as `gcloud dataflow flex-template build` makes it.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import click

from mixup_pipeline.cli.augment import main
from mixup_pipeline.cli.common import run_program, shown_errors
from mixup_pipeline.errors import UsageError

ALWAYS = ("--engine=dataflow", "--no-wait")
NOT_OFFERED: Mapping[str, str] = {
    "engine": "the template is for Dataflow",
    "no_wait": "a launch never waits: Dataflow starts the job once the launcher has ended",
    "dry_run": "a launch has to make a job; the plan is for the command line",
    "quiet": "a launch prints into a log, where what is printed helps",
    "debug": "the same; Beam's log would bury it",
    "version": "prints and launches nothing",
}
"""Options of mixup-augment that are no parameters of the template, each with the reason."""

_SWITCH = {"true": True, "false": False}


def offered() -> dict[str, click.Option]:
    """The options of mixup-augment that are parameters of the template, by the parameter's name."""
    options = {str(option.name): option for option in main.params if isinstance(option, click.Option)}
    return {name: option for name, option in options.items() if name not in NOT_OFFERED}


def command(flags: Sequence[str]) -> list[str]:
    """The arguments of mixup-augment for the flags of a launch; what is none of its options goes to Beam.

    Raises UsageError for a parameter without a value, or a switch that is neither true nor false.
    """
    options, ours, beam = offered(), [*ALWAYS], []
    for flag in flags:
        name, _, value = flag.removeprefix("--").partition("=")
        if name not in options:
            beam.append(flag)
            continue
        option = options[name]
        if not value:
            raise UsageError(f"parameter {name} has no value: leave it out, or give one as --{name}=VALUE")
        if not option.is_flag:
            ours.append(f"{option.opts[0]}={value}")
        elif value not in _SWITCH:
            raise UsageError(f"parameter {name} must be true or false, got {value!r}")
        elif _SWITCH[value]:
            ours.append(option.opts[0])
    return [*ours, "--", *beam]


def specification(image: str) -> dict[str, Any]:
    """The file that a launch names: which image, with which parameters."""
    metadata = json.loads((resources.files("mixup_pipeline.pipelines") / "dataflow/metadata.json").read_text())
    return {
        "image": image,
        "metadata": metadata,
        "sdkInfo": {"language": "PYTHON"},
        "defaultEnvironment": {"sdkContainerImage": image},
    }


def launch() -> None:
    """The program of the launcher."""
    with shown_errors(debug=False):
        sys.argv[1:] = command(sys.argv[1:])
    run_program(main)


if __name__ == "__main__":
    click.echo(json.dumps(specification(sys.argv[1]), indent=2))
