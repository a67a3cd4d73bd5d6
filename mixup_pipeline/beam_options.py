"""Beam options: the preset of an engine, overridden by what the user gives after `--`. Unknown options are errors."""

import contextlib
import difflib
import io
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import create_runner

from mixup_pipeline.errors import UsageError


def preset_flags(engine: str) -> list[str]:
    """The flags of a preset in `pipelines/`."""
    preset = json.loads((resources.files("mixup_pipeline.pipelines") / f"{engine}.json").read_text())
    return [f"--{option}={value}" for option, value in preset["options"].items()]


def pipeline_options(beam_args: Sequence[str]) -> PipelineOptions:
    """The local preset with the user's options after it.

    Raises UsageError for an option Beam does not know, a value it does not take, or a runner that cannot do this job.
    """
    flags = [*preset_flags("local"), *beam_args]
    parsers: list[Any] = []
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = PipelineOptions(flags)
            options.get_all_options(add_extra_args_fn=parsers.append)
            unknown = parsers[0].parse_known_args(flags)[1]
    except SystemExit as error:
        reason = complaint.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        raise UsageError(f"Beam options after '--': {reason}") from error
    if unknown:
        known = [flag for action in parsers[0]._actions for flag in action.option_strings]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else "options of mixup-augment itself go before '--'"
        raise UsageError(f"Beam options after '--': Beam does not know {unknown[0]!r}: {hint}")
    runner = options.view_as(StandardOptions).runner or ""
    if "dask" in runner.lower():
        raise UsageError("Beam options after '--': DaskRunner loses outputs of this pipeline: use another runner")
    try:
        create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"Beam options after '--': --runner={runner} is none that Beam can make: {error}") from error
    return options
