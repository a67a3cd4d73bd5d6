"""The flex template of Dataflow: its parameters become a mixup-augment command, which does all the rest.

Dataflow hands parameters over as `--name=value`, among the flags that it adds for Beam itself. There are no flags
without a value, and names are written with underscores: `--within_class=true` stands for `--within-class`.

    python -m mixup_pipeline.cli.template IMAGE

prints the specification of the template, as `gcloud dataflow flex-template build` makes it.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from mixup_pipeline.cli.augment import main
from mixup_pipeline.cli.augment_options import DECLARATIONS, augment_options
from mixup_pipeline.cli.common import run_program, shown_errors
from mixup_pipeline.config.kinds import Switch
from mixup_pipeline.config.option import Option
from mixup_pipeline.errors import UsageError

ALWAYS = ("--engine=dataflow", "--no-wait")
_DESCRIPTION = (
    "Mixes a labelled dataset with itself (MixUp) and writes TFRecord shards with a manifest. One seed gives the same "
    "bytes for any number of workers."
)
_IMAGE = {
    "name": "sdk_container_image",
    "label": "Image of the workers",
    "helpText": "The image of this template, which is that of the workers too.",
    "regexes": ["^.+/.+$"],
}
"""The one parameter that is an option of Beam."""
_SWITCH = {"true": True, "false": False}


def offered(declarations: Sequence[type[Any]] = DECLARATIONS) -> dict[str, Option]:
    """The options of mixup-augment that are parameters of the template, by the parameter's name."""
    return {option.name: option for option in augment_options(declarations) if not option.not_in_template}


def metadata(declarations: Sequence[type[Any]] = DECLARATIONS) -> dict[str, Any]:
    """The metadata of the template: a parameter for each option that it offers, those that must be given first."""
    parameters = [_parameter(option) for option in offered(declarations).values()]
    return {
        "name": "mixup-pipeline",
        "description": _DESCRIPTION,
        "parameters": sorted([*parameters, _IMAGE], key=lambda parameter: "isOptional" in parameter),
    }


def _parameter(option: Option) -> dict[str, Any]:
    label = option.label or option.name.replace("_", " ").capitalize()
    parameter: dict[str, Any] = {"name": option.name, "label": label, "helpText": _help_text(option)}
    if not option.required:
        parameter["isOptional"] = True
    if option.kind.regex:
        parameter["regexes"] = [option.kind.regex]
    return parameter


def _help_text(option: Option) -> str:
    if option.template_help:
        return option.template_help
    parts = [option.help]
    parts += [f"Allowed: {option.kind.allowed}."] if option.kind.allowed else []
    parts += [f"Default: {option.default_text}."] if option.default_text else []
    return " ".join(parts)


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
        if not isinstance(option.kind, Switch):
            ours.append(f"--{option.words}={value}")
        elif value not in _SWITCH:
            raise UsageError(f"parameter {name} must be true or false, got {value!r}")
        elif _SWITCH[value]:
            ours.append(f"--{option.words}")
    return [*ours, "--", *beam]


def specification(image: str) -> dict[str, Any]:
    """The file that a launch names: which image, with which parameters."""
    return {
        "image": image,
        "metadata": metadata(),
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
