"""Choosing the input and the label, and saying why."""

from dataclasses import replace
from typing import Any

import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.choosing import Described, choose
from mixup_pipeline.sources.feature import Feature, Schema
from tests.sources.features import CLASS, IMAGE, INTEGER, PIXELS, TEXT, VECTOR, chosen


@pytest.mark.parametrize(
    ("schema", "options", "keys"),
    [
        ({"image": IMAGE, "label": CLASS}, {}, ("image", "label")),
        ({"photo": IMAGE, "species": CLASS, "count": INTEGER}, {}, ("photo", "species")),
        ({"photo": IMAGE, "count": INTEGER, "text": TEXT}, {"num_classes": 3}, ("photo", "count")),
        ({"photo": IMAGE, "box": VECTOR, "label": CLASS}, {}, ("photo", "label")),
        ({"a": IMAGE, "b": IMAGE, "label": CLASS}, {"image_key": "b"}, ("b", "label")),
        ({"image": IMAGE, "label": CLASS, "fine": CLASS}, {"label_key": "fine"}, ("image", "fine")),
        ({"image": IMAGE, "label": CLASS, "fine": CLASS}, {"hint": "fine"}, ("image", "fine")),
        ({"image": IMAGE, "label": CLASS, "fine": CLASS}, {"hint": "fine", "label_key": "label"}, ("image", "label")),
        ({"image": IMAGE, "label": CLASS, "box": VECTOR}, {"image_key": "box"}, ("box", "label")),
        ({"embedding": VECTOR, "label": VECTOR}, {}, ("embedding", "label")),
        ({"embedding": VECTOR, "target": VECTOR}, {"label_key": "target"}, ("embedding", "target")),
        ({"pixels": PIXELS, "label": CLASS}, {}, ("pixels", "label")),
        ({"image": IMAGE, "mask": IMAGE, "label": CLASS}, {}, ("image", "label")),
        ({"a": IMAGE, "b": IMAGE, "label": CLASS}, {"input_hint": "b"}, ("b", "label")),
        ({"a": IMAGE, "text": TEXT, "label": CLASS}, {"input_hint": "text"}, ("a", "label")),
    ],
)
def test_the_input_and_the_label(schema: Schema, options: dict[str, Any], keys: tuple[str, str]) -> None:
    spec = chosen(schema, **options)
    assert (spec.input_key, spec.label_key) == keys


@pytest.mark.parametrize(
    ("schema", "options", "said"),
    [
        (
            {"left": IMAGE, "right": IMAGE, "label": CLASS},
            {},
            r"--image-key is needed: .* has 2 that it could be: left, right \(Image\)$",
        ),
        (
            {"text": TEXT, "label": CLASS},
            {},
            r"can be mixed: it has label \(ClassLabel\), text \(Text\): allowed",
        ),
        (
            {"image": IMAGE, "b": CLASS, "a": CLASS},
            {},
            r"--label-key is needed: .*: a, b \(ClassLabel\)$",
        ),
        (
            {"image": IMAGE, "a": INTEGER, "b": VECTOR, "c": INTEGER},
            {"label_key": "x"},
            r"it has a, c \(integer\), b \(vector\), image \(Image\)$",
        ),
        (
            {"image": IMAGE} | {f"n{number:02}": INTEGER for number in range(15)},
            {},
            r"has 15 that it could be: n00, .*, n11 \(integer\) and 3 more$",
        ),
        ({"image": IMAGE}, {}, r"no feature of the schema can be the label: it has image \(Image\): allowed are one"),
        (
            {"image": IMAGE, "label": CLASS},
            {"image_key": "x"},
            "--image-key x: .* has no feature 'x'; it has im",
        ),
        (
            {"image": IMAGE, "label": CLASS},
            {"label_key": "x"},
            "--label-key x: .* has no feature 'x'; it has im",
        ),
        (
            {"text": TEXT, "label": CLASS},
            {"image_key": "text"},
            "says Text, which cannot be mixed: allowed",
        ),
        (
            {"image": IMAGE, "label": CLASS},
            {"image_key": "label"},
            "says ClassLabel, which cannot be mixed",
        ),
        (
            {"image": IMAGE, "text": TEXT},
            {"label_key": "text"},
            "says Text, which cannot be a label: allowed",
        ),
        ({"image": IMAGE, "label": INTEGER}, {}, "num-classes is needed: the schema does not say how many classes"),
        ({"image": IMAGE, "label": VECTOR}, {"num_classes": 9}, "--num-classes 9: label .* holds 8 values"),
    ],
)
def test_what_cannot_be_chosen_is_a_usage_error(schema: Schema, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen(schema, **options)


@pytest.mark.parametrize(
    ("label", "options", "expected"),
    [
        (CLASS, {}, (10, "class", 0)),
        (CLASS, {"num_classes": 12}, (12, "class", 0)),
        (INTEGER, {"num_classes": 3}, (3, "class", 0)),
        (Feature(text="", label_kind="class", num_classes=5, first_class=1), {}, (5, "class", 1)),
        (VECTOR, {}, (8, "soft", 0)),
        (VECTOR, {"num_classes": 8}, (8, "soft", 0)),
        (Feature(text="", input_kind="vector", label_kind="soft", shape=(None,)), {"num_classes": 6}, (6, "soft", 0)),
    ],
)
def test_the_number_of_classes(label: Feature, options: dict[str, Any], expected: tuple[int, str, int]) -> None:
    spec = chosen({"image": IMAGE, "label": label}, **options)
    assert (spec.num_classes, spec.label_kind, spec.first_class) == expected


@pytest.mark.parametrize(
    ("feature", "encoding"),
    [(IMAGE, "encoded"), (PIXELS, "raw"), (VECTOR, "vector")],
    ids=["image", "pixels", "vector"],
)
def test_encodings(feature: Feature, encoding: str) -> None:
    spec = chosen({"input": feature, "label": CLASS})
    assert (spec.encoding, spec.shape) == (encoding, feature.shape)


def test_a_table_asks_for_the_only_label_that_it_has() -> None:
    described = Described(schema={"a": VECTOR, "target": INTEGER}, where="a.csv", packs_columns=True)
    schema = {"a": replace(INTEGER, label_kind=None, is_number=True), "target": INTEGER}
    with pytest.raises(
        UsageError, match=r"--label-key is needed: a\.csv has one that it could be: target \(integer\)$"
    ):
        choose(replace(described, schema=schema), SourceConfig(src="x"))


def test_one_feature_cannot_be_input_and_label() -> None:
    with pytest.raises(UsageError, match="no feature of the schema can be the label"):
        chosen({"scores": VECTOR})


def test_what_was_chosen_is_said_with_its_rule() -> None:
    schema = {"image": IMAGE, "mask": IMAGE, "label": CLASS, "fine": CLASS, "id": TEXT}
    choice = choose(Described(schema=schema, where="it"), SourceConfig(src="x"))
    assert choice.input_rule == "Image, called image, before mask"
    assert choice.label_rule == "ClassLabel, called label, before fine"
    assert choice.classes_from == "features.json"
    assert choice.dropped == ("fine", "id", "mask")
    only = choose(
        Described(schema={"a": IMAGE, "b": VECTOR, "c": CLASS, "n": INTEGER}, where="it"), SourceConfig(src="x")
    )
    assert (only.input_rule, only.label_rule) == (
        "Image, the only image, before b",
        "ClassLabel, the only label with classes, before b, n",
    )
    asked = choose(Described(schema=schema, where="it"), SourceConfig(src="x", image_key="mask", num_classes=7))
    assert (asked.input_rule, asked.classes_from) == ("Image, asked for by --image-key", "--num-classes")
    named = choose(Described(schema=schema, where="it", supervised=("mask", "fine")), SourceConfig(src="x"))
    assert (named.spec.input_key, named.spec.label_key) == ("mask", "fine")
    assert named.input_rule == "Image, named by the dataset"


def test_names_of_classes_say_how_many_there_are() -> None:
    schema = {"image": IMAGE, "label": INTEGER}
    described = Described(schema=schema, where="it", class_names=lambda key: ("ant", "bee") if key == "label" else None)
    choice = choose(described, SourceConfig(src="x"))
    assert (choice.spec.num_classes, choice.class_names, choice.classes_from) == (
        2,
        ("ant", "bee"),
        "the number of class names",
    )
    other = choose(described, SourceConfig(src="x", num_classes=3))
    assert (other.class_names, other.notes) == (None, ("class names left out: there are 2 for 3 classes",))


def test_labels_that_do_not_count_from_0_are_said() -> None:
    label = Feature(text="INT", label_kind="class", num_classes=5, first_class=1)
    choice = choose(Described(schema={"image": IMAGE, "label": label}, where="it"), SourceConfig(src="x"))
    assert choice.notes == ("labels count from 1: they are stored from 0",)
