"""mixup-augment in a process of its own, so that Beam and TensorFlow are never loaded into one process."""

import subprocess
from collections.abc import Sequence

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.option import options_of
from mixup_pipeline.errors import SourceError
from mixup_pipeline.process.children import kept_alive, python_command

PROGRAM = "from mixup_pipeline.cli.augment import program; program()"


def source_options(source: SourceConfig) -> list[str]:
    """The options with which mixup-augment reads this source."""
    options: list[str] = []
    for name, option in options_of(SourceConfig).items():
        value = getattr(source, name)
        if value is True:
            options.append(f"--{option.words}")
        elif value not in (None, False):
            options += [f"--{option.words}", str(value)]
    return options


def run_augment(options: Sequence[str], doing: str) -> None:
    """Run mixup-augment with these options. doing: what for, for the message.

    Raises SourceError with the last line that it printed.
    """
    with kept_alive() as stdin:
        command = python_command(PROGRAM, *options, "--quiet")
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed without a message"])[-1].removeprefix("Error: ")
        raise SourceError(f"{doing}: {said}")
