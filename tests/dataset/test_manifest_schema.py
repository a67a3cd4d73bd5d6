"""The manifest's schema and the code agree: every config that can be run can be verified, and no others."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mixup_pipeline.config import MAX_COPIES, MAX_EXAMPLES, MAX_SEED, MAX_SHARDS, MixConfig
from mixup_pipeline.config.kinds import Choice, Integer, Kind, Number, Several, Switch
from mixup_pipeline.config.mix import LOSSY_FORMATS
from mixup_pipeline.config.option import Option, options_of
from mixup_pipeline.config.typed_json import to_json
from mixup_pipeline.dataset.manifest import FORMAT_VERSION
from mixup_pipeline.dataset.manifest_schema import manifest_schema
from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.totals import LAM_BINS
from mixup_pipeline.records.names import shard_name
from mixup_pipeline.run.run import resolve_config
from mixup_pipeline.spec import MAX_CLASSES, MAX_EXAMPLE_BYTES, ExampleSpec

SCHEMA = manifest_schema()
CONFIG = Draft202012Validator(SCHEMA["properties"]["config"])
OPTIONS = options_of(MixConfig)
LARGEST = MixConfig(
    alpha=1000, copies=MAX_COPIES, prob=1, seed=MAX_SEED, limit=MAX_EXAMPLES, num_shards=MAX_SHARDS, keep_originals=True
)
SMALLEST = MixConfig(alpha=0.001, copies=1, prob=0, seed=0, limit=1, num_shards=1)


def values(kind: Kind) -> st.SearchStrategy[Any]:
    if isinstance(kind, Integer):
        return st.integers(kind.low, kind.high) | st.sampled_from([kind.low, kind.high])
    if isinstance(kind, Number):
        return st.floats(kind.low, kind.high) | st.sampled_from([kind.low, kind.high])
    if isinstance(kind, Choice):
        return st.sampled_from([*kind.choices])
    if isinstance(kind, Several):
        names = st.lists(st.sampled_from(kind.choices), min_size=1, unique=True)
        return names.map(lambda some: ",".join(name for name in kind.choices if name in some))
    assert isinstance(kind, Switch)
    return st.booleans()


def allowed(option: Option) -> st.SearchStrategy[Any]:
    return st.none() | values(option.kind) if option.default is None else values(option.kind)


def outside(kind: Kind) -> list[Any]:
    """Values just outside the range of an option."""
    if isinstance(kind, Integer):
        return [kind.low - 1, kind.high + 1]
    if isinstance(kind, Number):
        return [kind.low - 1e-9, kind.high * (1 + 1e-9)]
    return ["no such choice"] if isinstance(kind, Choice | Several) else ["true"]


def stored(config: MixConfig, num_classes: int, num_shards: int) -> Any:
    """The JSON of a config in a manifest."""
    resolved = resolve_config(config, num_classes=num_classes, num_shards=config.num_shards or num_shards)
    return to_json(resolved)


def settled(fields: dict[str, Any]) -> MixConfig:
    """A config of these values; only lossy formats have a quality, and only one pairing a bandwidth."""
    fields = fields | ({} if fields["image_format"] in LOSSY_FORMATS else {"quality": None})
    return MixConfig(**fields | ({} if fields["pairing"] == "near-label" else {"bandwidth": None}))


configs = st.fixed_dictionaries({name: allowed(option) for name, option in OPTIONS.items()}).map(settled)


@given(configs, st.integers(1, MAX_CLASSES), st.integers(1, MAX_SHARDS))
@example(LARGEST, MAX_CLASSES, MAX_SHARDS)
@example(SMALLEST, 1, 1)
@example(MixConfig(), 10, 1)
def test_every_config_is_valid_once_it_is_settled(config: MixConfig, num_classes: int, num_shards: int) -> None:
    CONFIG.validate(stored(config, num_classes, num_shards))


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, option in OPTIONS.items() for value in outside(option.kind)]
)
def test_values_just_outside_are_refused_by_both(name: str, value: Any) -> None:
    with pytest.raises(UsageError):
        MixConfig(**{name: value})
    assert not CONFIG.is_valid(stored(MixConfig(), 10, 1) | {name: value})


@pytest.mark.parametrize("name", ["label_format", "num_shards"])
def test_what_a_run_settles_is_not_open_in_a_manifest(name: str) -> None:
    assert not CONFIG.is_valid(stored(MixConfig(), 10, 1) | {name: OPTIONS[name].default})


def test_a_config_has_all_of_its_fields_and_no_other() -> None:
    config = stored(MixConfig(), 10, 1)
    assert SCHEMA["properties"]["config"]["required"] == list(config)
    assert not CONFIG.is_valid(config | {"more": 1})
    for name in config:
        assert not CONFIG.is_valid({key: value for key, value in config.items() if key != name})


def test_the_other_bounds_are_those_of_the_code() -> None:
    fields, source = SCHEMA["properties"], SCHEMA["properties"]["source"]["properties"]
    assert fields["format_version"] == {"enum": [2, FORMAT_VERSION]}
    assert fields["num_classes"]["maximum"] == MAX_CLASSES
    assert fields["shape"]["items"]["maximum"] == MAX_EXAMPLE_BYTES
    assert fields["shards"]["items"]["properties"]["copy"]["maximum"] == MAX_COPIES - 1
    assert fields["totals"]["properties"]["lam_histogram"]["minItems"] == LAM_BINS
    assert source["examples"]["maximum"] == MAX_EXAMPLES
    spec = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(28, 28, 1), num_classes=10)
    assert source["schema"]["required"] == list(to_json(spec))


@pytest.mark.parametrize("number", [0, 99_999, 100_000, MAX_SHARDS * MAX_COPIES - 1])
def test_the_names_of_all_shards_are_valid(number: int) -> None:
    name = Draft202012Validator(SCHEMA["properties"]["shards"]["items"]["properties"]["name"])
    assert name.is_valid(shard_name("mnist_mixup", "train", number, MAX_SHARDS * MAX_COPIES))
    assert not name.is_valid("mnist_mixup-train.tfrecord-0000-of-00010")
