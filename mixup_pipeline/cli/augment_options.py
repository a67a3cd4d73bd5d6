"""All options of mixup-augment, and those of them that decide no byte: where the output goes, what runs and prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mixup_pipeline.config import ENGINES, MixConfig, SourceConfig
from mixup_pipeline.config.kinds import Choice, Switch, Text
from mixup_pipeline.config.option import Option, check_declared, option, options_of


@dataclass(frozen=True, kw_only=True)
class AugmentOptions:
    """How mixup-augment runs, beside what is mixed (SourceConfig) and how (MixConfig).

    out is needed unless the run is dry. The engine's name is checked where its preset is read, which knows more to say.
    """

    out: str | None = option(
        None,
        Text(regex="^gs://[^/]+/.+$"),
        required=True,
        label="Output folder",
        help="Folder for the shards and their manifest, local, gs:// or s3://.",
        template_help="The gs:// folder for the shards and their manifest. The same launch into the same folder goes "
        "on where an earlier one stopped.",
    )
    within_class: bool = option(
        False,
        Switch(),
        label="Within a class",
        help="Short for --pairing within-class.",
        template_help="true is short for pairing within-class. Default: false.",
    )
    engine: str = option(
        "local",
        Text(),
        metavar=f"[{'|'.join(ENGINES)}]",
        help="Where Beam runs; its own options go after --.",
        not_in_template="the template is for Dataflow",
    )
    no_wait: bool = option(
        False,
        Switch(),
        help="Leave the job running on a distributed engine and print its id.",
        not_in_template="a launch never waits: Dataflow starts the job once the launcher has ended",
    )
    overwrite: bool = option(
        False, Switch(), help="Replace the run that the folder holds, once the new one is complete."
    )
    dry_run: bool = option(
        False,
        Switch(),
        help="Print the plan and write nothing.",
        not_in_template="a launch has to make a job; the plan is for the command line",
    )
    quiet: bool = option(
        False,
        Switch(),
        help="Print errors only.",
        not_in_template="a launch prints into a log, where what is printed helps",
    )
    debug: bool = option(
        False,
        Switch(),
        help="Show tracebacks and Beam's log.",
        not_in_template="a launch prints into a log, where Beam's own log would bury the error",
    )

    def __post_init__(self) -> None:
        check_declared(self)


DECLARATIONS = (MixConfig, SourceConfig, AugmentOptions)
"""The dataclasses whose fields are the options of mixup-augment."""


def augment_options(declarations: Sequence[type[Any]] = DECLARATIONS) -> list[Option]:
    """The options that dataclasses declare: those that must be given first, then one dataclass after another.

    An option with one choice is not offered.
    """
    declared = [option for declaration in declarations for option in options_of(declaration).values()]
    options = [option for option in declared if not isinstance(option.kind, Choice) or len(option.kind.choices) > 1]
    return sorted(options, key=lambda option: not option.required)
