"""An option is declared once: one more field of MixConfig is on the command line, in the manifest's schema, in the flex
template's metadata and on the commands page."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mixup_pipeline.cli.augment import augment_command
from mixup_pipeline.cli.augment_options import AugmentOptions
from mixup_pipeline.cli.options import taken
from mixup_pipeline.cli.template import metadata
from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.config.kinds import Choice, Integer, Kind, Number, Switch, Text
from mixup_pipeline.config.option import check_declared, json_schema_of, option, options_of
from mixup_pipeline.config.registry import Registry
from mixup_pipeline.dataset.manifest_schema import manifest_schema
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.train_config import TrainConfig
from tests.generated import script

HELP = "How strongly the borders fade."


@dataclass(frozen=True, kw_only=True)
class Extended(MixConfig):
    """One more option."""

    border_width: float = option(1.5, Number(0.5, 12), metavar="W", help=HELP)


MORE = augment_command(Extended)
DECLARATIONS = (Extended, SourceConfig, AugmentOptions)


def parsed(*words: str) -> Extended:
    return taken(Extended, MORE.make_context("mixup-augment", ["--src", "mnist", *words]).params)


def test_one_more_option_is_parsed_with_its_default() -> None:
    assert parsed("--border-width", "3").border_width == 3.0
    assert parsed().border_width == 1.5
    assert parsed("--alpha", "0.4").alpha == 0.4


@pytest.mark.parametrize("value", ["0.4", "12.5", "nan"])
def test_one_more_option_is_checked(value: str) -> None:
    done = CliRunner().invoke(MORE, ["--src", "mnist_sample", "--dry-run", "--border-width", value])
    assert done.exit_code == 2
    assert done.stderr == f"Error: --border-width must be a number from 0.5 to 12, got {value}\n"


def test_one_more_option_runs() -> None:
    done = CliRunner().invoke(MORE, ["--src", "mnist_sample", "--dry-run", "--border-width", "12"])
    assert done.exit_code == 0, done.output
    assert "nothing was written" in done.stdout


def test_one_more_option_is_in_the_help_and_on_the_commands_page() -> None:
    line = rf"--border-width W +{re.escape(HELP)}  \[default: 1\.5; 0\.5 to 12\]"
    assert re.search(line, CliRunner().invoke(MORE, ["--help"], terminal_width=110).stdout)
    assert re.search(line, script.commands_page({"mixup-augment": MORE}))


def test_one_more_option_is_in_the_manifest_schema() -> None:
    config = manifest_schema(Extended)["properties"]["config"]
    assert config["properties"]["border_width"] == {
        "type": "number",
        "minimum": 0.5,
        "maximum": 12,
        "description": HELP,
    }
    assert config["required"] == [*manifest_schema()["properties"]["config"]["required"], "border_width"]


def test_one_more_option_is_a_parameter_of_the_template() -> None:
    added = [
        parameter for parameter in metadata(DECLARATIONS)["parameters"] if parameter not in metadata()["parameters"]
    ]
    assert added == [
        {
            "name": "border_width",
            "label": "Border width",
            "helpText": f"{HELP} Allowed: 0.5 to 12. Default: 1.5.",
            "isOptional": True,
            "regexes": [r"^[0-9]*\.?[0-9]+([eE]-?[0-9]+)?$"],
        }
    ]


def test_an_option_may_be_left_out_of_manifests_and_of_the_template() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Hidden(MixConfig):
        method: str = option(
            "mixup", Choice(("mixup", "other")), help="How.", optional_in_manifest=True, not_in_template="it is new"
        )

    config = manifest_schema(Hidden)["properties"]["config"]
    assert config["properties"]["method"]["enum"] == ["mixup", "other"]
    assert config["required"] == manifest_schema()["properties"]["config"]["required"]
    assert metadata((Hidden, SourceConfig, AugmentOptions)) == metadata()


@pytest.mark.parametrize("declaration", [MixConfig, SourceConfig, AugmentOptions, TrainConfig])
def test_every_help_is_a_sentence_and_every_default_is_allowed(declaration: type[Any]) -> None:
    for one in options_of(declaration).values():
        assert one.help.endswith(".")
        if not (one.required and one.name == "src"):
            assert one.check(one.default) == one.default


# Kinds

KINDS: list[tuple[Kind, list[Any], list[Any]]] = [
    (Number(0.5, 12), [0.5, 1, 12], [0.4999, 12.0001]),
    (Number(-2, 0), [-2, -0.5, 0], [-2.1, 0.1]),
    (Integer(1, 10), [1, 10], [0, 11, 1.5, "1", None]),
    (Integer(-3, 3), [-3, 3], [-4, 4]),
    (Choice(("raw", "png")), ["raw", "png"], ["bmp", "", None]),
    (Switch(), [True, False], [0, "true", None]),
    (Text(), ["", "words"], [3, None]),
]


@pytest.mark.parametrize(("kind", "good", "bad"), KINDS, ids=[str(kind) for kind, *_ in KINDS])
def test_a_kind_and_its_schema_take_the_same_values(kind: Kind, good: list[Any], bad: list[Any]) -> None:
    validator = Draft202012Validator(kind.schema())
    for value in good:
        assert kind.check("x", value) == value
        assert validator.is_valid(value)
        if kind.regex is not None:
            assert re.fullmatch(kind.regex, str(value).lower())
    for value in bad:
        with pytest.raises(UsageError, match=r"^--x must be .*, got "):
            kind.check("x", value)
        assert not validator.is_valid(value)


@pytest.mark.parametrize(("kind", "texts"), [(Number(0, 2), ["-1", "words", ""]), (Integer(0, 2), ["-1", "0.5", ""])])
def test_a_regex_refuses_what_is_no_such_number(kind: Kind, texts: list[str]) -> None:
    assert kind.regex is not None
    assert not [text for text in texts if re.fullmatch(kind.regex, text)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Number(0.001, 1000), "0.001 to 1,000"),
        (Integer(1, 10_000), "1 to 10,000"),
        (Integer(1, 2**31 - 1), "1 or more"),
        (Choice(("a",)), "a"),
        (Choice(("a", "b", "c")), "a, b or c"),
        (Switch(), ""),
        (Text(), ""),
    ],
)
def test_what_is_allowed_in_words(kind: Kind, said: str) -> None:
    assert kind.allowed == said


def test_a_choice_offers_what_is_registered_later() -> None:
    registry = Registry(first="nowhere:NOTHING")
    kind = Choice(registry)
    with pytest.raises(UsageError, match="must be one of first, got 'second'"):
        kind.check("x", "second")
    registry.register("second", object())
    assert kind.check("x", "second") == "second"
    assert kind.schema() == {"enum": ["first", "second"]}


def test_null_is_a_value_where_it_is_the_default() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Open:
        size: int | None = option(None, Integer(1, 9), help="Size.")
        kind: str | None = option(None, Choice(("a", "b")), help="Kind.")
        settled: int | None = option(None, Integer(1, 9), in_manifest=Integer(1, 9), help="Settled.")

        def __post_init__(self) -> None:
            check_declared(self)

    validator = Draft202012Validator(json_schema_of(Open))
    assert validator.is_valid({"size": None, "kind": None, "settled": 1})
    assert not validator.is_valid({"size": None, "kind": None, "settled": None})
    assert Open() == Open(size=None)
    with pytest.raises(UsageError, match="size must be a whole number from 1 to 9, got 0"):
        Open(size=0)


@given(st.floats(allow_nan=False), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_number_and_schema_agree_on_any_float(value: float, low: float, width: float) -> None:
    kind = Number(low, low + width)
    try:
        kind.check("x", value)
        fine = True
    except UsageError:
        fine = False
    assert Draft202012Validator(json.loads(json.dumps(kind.schema()))).is_valid(value) == fine
