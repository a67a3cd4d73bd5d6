"""The flex template: its parameters are the options of mixup-augment, and its metadata is what Dataflow takes."""

import json
import re
import subprocess
import sys
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud.dataflow import ContainerSpec, SDKInfo, TemplateMetadata

from mixup_pipeline.cli import augment
from mixup_pipeline.cli.augment_options import augment_options
from mixup_pipeline.cli.template import ALWAYS, command, offered, specification
from mixup_pipeline.config.kinds import Choice, Integer, Number, Several, Switch
from mixup_pipeline.config.option import Option
from mixup_pipeline.errors import UsageError

ROOT = Path(__file__).parents[2]
METADATA = ROOT / "pipelines/dataflow/metadata.json"
SCHEMA = json.loads((ROOT / "tests/cli/template_metadata.schema.json").read_text())
PARAMETERS: dict[str, dict[str, Any]] = {
    parameter["name"]: parameter for parameter in json.loads(METADATA.read_text())["parameters"]
}
FOR_BEAM = {"sdk_container_image"}
REQUIRED = {"src", "out"} | FOR_BEAM
VALUES = {"true", "false", "0", "17", "0.25", "1e-3", "words", "-1", "1.5.2"}


def accepted(name: str, values: set[str]) -> set[str]:
    """Those values that match the regexes of a parameter, as the launch checks them."""
    regexes = PARAMETERS[name].get("regexes", [])
    return {value for value in values if all(re.fullmatch(regex, value) for regex in regexes)}


def test_the_metadata_is_valid() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    validator.check_schema(SCHEMA)
    validator.validate(json.loads(METADATA.read_text()))


@pytest.mark.parametrize(
    "damage",
    [{"name": "with-dash"}, {"isOptional": "true"}, {"regexes": ["("]}, {"help": "unknown"}, {"paramType": "FLOAT"}],
)
def test_the_schema_refuses_what_dataflow_would(damage: dict[str, Any]) -> None:
    metadata = json.loads(METADATA.read_text())
    metadata["parameters"][1] |= damage
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert not validator.is_valid(metadata)


def test_googles_own_client_reads_metadata_and_specification() -> None:
    """Its messages know every field of the API, and refuse any other."""
    read = TemplateMetadata.from_json(METADATA.read_text())
    assert [parameter.name for parameter in read.parameters] == list(PARAMETERS)
    made = ContainerSpec.from_json(json.dumps(specification("registry/mixup:1")))
    assert made.image == made.default_environment.sdk_container_image == "registry/mixup:1"
    assert made.sdk_info.language == SDKInfo.Language.PYTHON
    assert made.metadata == read


def test_every_option_of_mixup_augment_is_a_parameter_or_left_out_with_a_reason() -> None:
    options = {option.name for option in augment.main.params if isinstance(option, click.Option)}
    left_out = {option.name for option in augment_options() if option.not_in_template}
    assert set(PARAMETERS) - FOR_BEAM == options - left_out - {"version"}  # which prints and launches nothing
    assert left_out == {"engine", "no_wait", "dry_run", "quiet", "debug"}


def test_parameters_take_what_the_options_take() -> None:
    """Names that are optional, values of choices, numbers and switches, and the defaults in the text."""
    assert {name for name, parameter in PARAMETERS.items() if not parameter.get("isOptional")} == REQUIRED
    for name, option in offered().items():
        text, numbers = PARAMETERS[name]["helpText"], {"0", "17"}
        if isinstance(option.kind, Choice):
            assert accepted(name, VALUES | set(option.kind.choices)) == set(option.kind.choices)
        elif isinstance(option.kind, Several):
            assert accepted(name, VALUES | {"flip", "flip,crop", "flip,", "spin"}) == {"flip", "flip,crop"}
        elif isinstance(option.kind, Switch):
            assert accepted(name, VALUES) == {"true", "false"}
        elif isinstance(option.kind, Integer):
            assert accepted(name, VALUES) == numbers | (
                {"-1"} if isinstance(option.kind, Integer) and option.kind.low < 0 else set()
            )
        elif isinstance(option.kind, Number):
            assert accepted(name, VALUES) == numbers | {"0.25", "1e-3"}
        if option.default not in (MISSING, None):
            assert f"Default: {option.default_text}." in text


def test_no_parameter_is_an_option_of_beam() -> None:
    """Both arrive on one command line."""
    parsers: list[Any] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    of_beam = {flag.removeprefix("--") for action in parsers[0]._actions for flag in action.option_strings}
    assert not set(offered()) & of_beam
    assert of_beam >= FOR_BEAM


def test_parameters_become_the_command_and_the_rest_goes_to_beam() -> None:
    flags = [
        "--project=p",
        "--src=gs://bucket/a=b/train-*",
        "--runner=DataflowRunner",
        "--within_class=true",
        "--keep_originals=false",
        "--out=gs://bucket/out",
        "--num_shards=8",
        "--experiments=x",
    ]
    ours = ["--src=gs://bucket/a=b/train-*", "--within-class", "--out=gs://bucket/out", "--num-shards=8"]
    beam = ["--project=p", "--runner=DataflowRunner", "--experiments=x"]
    assert command(flags) == [*ALWAYS, *ours, "--", *beam]


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--within_class=yes", "within_class must be true or false, got 'yes'"),
        ("--overwrite", "overwrite has no value"),
        ("--limit=", "limit has no value"),
    ],
)
def test_a_bad_parameter_is_one_line(flag: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        command([flag])


def _value(option: Option) -> str:
    """One that is not the default."""
    if isinstance(option.kind, Choice):
        return [*option.kind.choices][-1]
    return {Switch: "true", Integer: "3", Number: "0.5"}.get(type(option.kind), "words")


def test_every_parameter_reaches_mixup_augment() -> None:
    """Click takes the translated command whole: each value arrives under the name of its option."""
    values = {name: _value(option) for name, option in offered().items()}
    arguments = command([f"--{name}={value}" for name, value in values.items()])
    found = augment.main.make_context("mixup-augment", arguments).params
    assert {name: str(found[name]).replace("True", "true") for name in values} == values
    assert (found["engine"], found["no_wait"]) == ("dataflow", True)


@pytest.mark.slow
def test_the_launcher_runs_the_command() -> None:
    """By the file that the image names; without a project it ends in the command's own error."""
    program = ROOT / "pipelines/dataflow/main.py"
    flags = ["--src=mnist_sample", "--out=gs://bucket/out", "--region=r"]
    with subprocess.Popen([sys.executable, program, *flags], stderr=subprocess.PIPE, text=True) as launcher:
        complaint = launcher.communicate(timeout=60)[1]  # `subprocess.run` is replaced in this folder
    assert launcher.returncode == 2
    assert "engine dataflow needs --project" in complaint
