"""The configuration: every bad value is refused with the option, the allowed range and the value received."""

import dataclasses
import math
from typing import Any

import pytest

from mixup_pipeline.config import ADVISED_ALPHA, ALPHA_RANGE, MixConfig, SourceConfig
from mixup_pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("alpha", 0, "--alpha must be a number from 0.001 to 1,000, got 0"),
        ("alpha", -0.2, "--alpha must be a number from 0.001 to 1,000, got -0.2"),
        ("alpha", math.nan, "--alpha must be a number from 0.001 to 1,000, got nan"),
        ("alpha", math.inf, "--alpha must be a number from 0.001 to 1,000, got inf"),
        ("alpha", -math.inf, "--alpha must be a number from 0.001 to 1,000, got -inf"),
        ("alpha", 0.0009, "--alpha must be a number from 0.001 to 1,000, got 0.0009"),
        ("alpha", 2000, "--alpha must be a number from 0.001 to 1,000, got 2000"),
        (
            "pairing",
            "intra",
            "--pairing must be one of any, within-class, cross-class, class-balanced, near-label, cross-group, "
            "within-group, got 'intra'",
        ),
        ("copies", 0, "--copies must be a whole number from 1 to 10,000, got 0"),
        ("copies", -1, "--copies must be a whole number from 1 to 10,000, got -1"),
        ("copies", 10_001, "--copies must be a whole number from 1 to 10,000, got 10001"),
        ("copies", True, "--copies must be a whole number from 1 to 10,000, got True"),
        ("copies", 1.5, "--copies must be a whole number from 1 to 10,000, got 1.5"),
        ("prob", -0.1, "--prob must be a number from 0 to 1, got -0.1"),
        ("prob", 1.1, "--prob must be a number from 0 to 1, got 1.1"),
        ("prob", math.nan, "--prob must be a number from 0 to 1, got nan"),
        ("seed", -1, "--seed must be a whole number from 0 to 9,223,372,036,854,775,807, got -1"),
        ("seed", 2**63, "--seed must be a whole number from 0 to 9,223,372,036,854,775,807, got 9223372036854775808"),
        ("limit", 0, "--limit must be a whole number from 1 to 2,147,483,647, got 0"),
        ("limit", 2**31, "--limit must be a whole number from 1 to 2,147,483,647, got 2147483648"),
        ("image_format", "tiff", "--image-format must be one of raw, png, jpeg, webp, got 'tiff'"),
        ("quality", 80, "--quality is for --image-format jpeg and webp: raw loses nothing"),
        ("quality", 101, "--quality must be a whole number from 1 to 100, got 101"),
        ("label_format", "sparse", "--label-format must be one of auto, dense, compact, got 'sparse'"),
        ("num_shards", 0, "--num-shards must be a whole number from 1 to 1,000,000, got 0"),
        ("num_shards", 1_000_001, "--num-shards must be a whole number from 1 to 1,000,000, got 1000001"),
        ("on_bad_record", "ignore", "--on-bad-record must be one of fail, skip, got 'ignore'"),
    ],
)
def test_bad_values_are_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        MixConfig(**{field: value})
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alpha", 0.001),
        ("alpha", 1000),
        ("pairing", "any"),
        ("pairing", "within-class"),
        ("pairing", "cross-class"),
        ("copies", 1),
        ("copies", 10_000),
        ("prob", 0),
        ("prob", 1),
        ("seed", 0),
        ("seed", 2**63 - 1),
        ("limit", None),
        ("limit", 1),
        ("limit", 2**31 - 1),
        ("image_format", "png"),
        ("label_format", "compact"),
        ("num_shards", None),
        ("num_shards", 100_000),
        ("on_bad_record", "skip"),
    ],
)
def test_values_at_the_ends_of_the_range_are_accepted(field: str, value: Any) -> None:
    assert getattr(MixConfig(**{field: value}), field) == value


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        MixConfig().alpha = 1  # type: ignore[misc]


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(UsageError, match="copies"):
        dataclasses.replace(MixConfig(), copies=0)


def test_options_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        MixConfig(0.2)  # type: ignore[call-arg]


def test_the_default_alpha_is_advised_and_every_advised_alpha_is_allowed() -> None:
    assert ADVISED_ALPHA[0] <= MixConfig().alpha <= ADVISED_ALPHA[1]
    assert ALPHA_RANGE[0] <= ADVISED_ALPHA[0] < ADVISED_ALPHA[1] <= ALPHA_RANGE[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"src": ""}, "--src must name a TFDS dataset, a TFDS directory or TFRecord files, got nothing"),
        ({"src": "mnist", "num_classes": 0}, "--num-classes must be a whole number from 1 to 1,000,000, got 0"),
        (
            {"src": "a.csv", "class_names": "x,y", "label_kind": "regression"},
            "--class-names is for classes: labels of --label-kind regression have none, leave it out",
        ),
        ({"src": "mnist", "num_classes": True}, "--num-classes must be a whole number from 1 to 1,000,000, got True"),
    ],
)
def test_bad_sources_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        SourceConfig(**fields)
    assert str(raised.value) == message


def test_a_source_defaults_to_its_training_split() -> None:
    config = SourceConfig(src="mnist")
    assert config.split_name == "train"
    assert (config.split, config.allow_eval_split) == (None, False)
