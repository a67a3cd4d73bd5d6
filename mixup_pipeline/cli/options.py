"""From declared options to options of Click, and the groups of options that several commands share."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, replace
from functools import reduce
from typing import Any, TypeVar

import click

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.config.kinds import Choice, Integer, Kind, Number, Switch
from mixup_pipeline.config.option import Option, options_of
from mixup_pipeline.config.source import IMAGE_OPTIONS
from mixup_pipeline.training.train_config import DEVICES, TrainConfig

Command = Callable[..., Any]
Config = TypeVar("Config")

READING = (
    "data_dir",
    "schema",
    "image_key",
    "label_key",
    "columns",
    "num_classes",
    "label_kind",
    "class_names",
    "keep",
    "group_key",
    *IMAGE_OPTIONS,
)
"""Fields of SourceConfig that say how a source is read: every command that reads one has them."""


def click_option(option: Option) -> Callable[[Command], Command]:
    """The option for a command of Click, which only parses it: the dataclass checks its range."""
    if isinstance(option.kind, Switch):
        return click.option(f"--{option.words}", is_flag=True, default=option.default, help=option.help)
    default = {"required": True} if option.default is MISSING else {"default": option.default}
    return click.option(
        f"--{option.words}", type=_click_type(option.kind), metavar=option.metavar, help=_help(option), **default
    )


def declared_options(options: Iterable[Option]) -> Callable[[Command], Command]:
    """A decorator that gives a command these options, in this order."""
    return lambda command: reduce(lambda made, option: click_option(option)(made), reversed([*options]), command)


def taken(declaration: type[Config], options: Mapping[str, Any]) -> Config:
    """The value of a dataclass from the options of a command. Raises UsageError for a value out of range."""
    return declaration(**{name: options[name] for name in options_of(declaration) if name in options})


def source_option(name: str, *, help: str | None = None, without: str | None = None) -> Callable[[Command], Command]:
    """One option of SourceConfig, with a help of its own where the command uses it for something of its own.

    without: what happens without it, where that is something else too.
    """
    option = options_of(SourceConfig)[name]
    return click_option(replace(option, help=help or option.help, without=without or option.without))


def reading_options(command: Command) -> Command:
    """How a source is read: fields of SourceConfig."""
    return declared_options(options_of(SourceConfig)[name] for name in READING)(command)


def bad_record_option(command: Command) -> Command:
    """What becomes of bad records, as mixup-augment has it."""
    return click_option(options_of(MixConfig)["on_bad_record"])(command)


def reading(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `reading_options` among the options of a command."""
    return {name: options[name] for name in READING}


def training_options(*, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """How to train: the fields of TrainConfig but those left out, and the device."""
    device = click.option(
        "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="auto: all GPUs, else CPU."
    )
    offered = [option for name, option in options_of(TrainConfig).items() if name not in without]
    return lambda command: declared_options(offered)(device(command))


def deterministic_option(command: Command) -> Command:
    """Whether only operations are used that give the same bits every time."""
    help_text = "The same bits every time on a GPU too, where that is slower."
    return click.option("--deterministic", is_flag=True, help=help_text)(command)


def _click_type(kind: Kind) -> Any:
    if isinstance(kind, Choice):
        return click.Choice([*kind.choices])
    return float if isinstance(kind, Number) else int if isinstance(kind, Integer) else str


def _help(option: Option) -> str:
    """The help with what Click leaves to be said: default and range. Choices stand beside the name already."""
    notes = [f"default: {option.default_text}"] if option.default_text else []
    notes += [option.kind.allowed] if isinstance(option.kind, Number | Integer) else []
    notes += ["required"] if option.required and option.default is not MISSING else []
    return f"{option.help}  [{'; '.join(notes)}]" if notes else option.help
