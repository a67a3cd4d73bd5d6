"""Schemas: the content of features.json, .pbtxt and shipped schemas, and the choice of the input and the label."""

from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.schema import Feature, Schema, read_features_json, read_schema, spec_of
from mixup_pipeline.spec import ExampleSpec
from tests.datasets import image_feature, label_feature, tensor_feature, write_features

IMAGE = Feature(kind="image", shape=(None, None, 3))
PIXELS = Feature(kind="bytes", shape=(4, 4, 1))
VECTOR = Feature(kind="floats", shape=(8,))
CLASS = Feature(kind="integer", num_classes=10)
INTEGER = Feature(kind="integer")
TEXT = Feature(kind="other")


def chosen(schema: Schema, hint: str | None = None, **options: Any) -> ExampleSpec:
    return spec_of(schema, SourceConfig(src="x", **options), where="the schema", label_hint=hint)


# features.json


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (image_feature((28, 28, 1)), Feature(kind="image", shape=(28, 28, 1))),
        (image_feature((None, None, 3)), Feature(kind="image", shape=(None, None, 3))),
        (image_feature((5, 5, 1)) | {"image": {"dtype": "uint16", "shape": {}}}, Feature(kind="other")),
        (label_feature(10), CLASS),
        (tensor_feature("uint8", (4, 4, 1), "bytes"), PIXELS),
        (tensor_feature("uint8", (4, 4, 1), "zlib"), TEXT),
        (tensor_feature("uint8", (4, 4, 1)), TEXT),
        (tensor_feature("float32", (8,)), VECTOR),
        (tensor_feature("float32", (8,), "bytes"), TEXT),
        (tensor_feature("float32", (8, 2)), TEXT),
        (tensor_feature("float64", (8,)), TEXT),
        (tensor_feature("int64", ()), INTEGER),
        (tensor_feature("int32", ()) | {"pythonClassName": "a.b.Scalar"}, INTEGER),
        (tensor_feature("int64", (3,)), TEXT),
        ({"pythonClassName": "tensorflow_datasets.core.features.text_feature.Text", "text": {}}, TEXT),
        ({"pythonClassName": "os.system"}, TEXT),
        ({"pythonClassName": ""}, TEXT),
    ],
)
def test_features_as_tfds_writes_them(tmp_path: Path, written: dict[str, Any], read: Feature) -> None:
    found = read_features_json(write_features(tmp_path / "features.json", {"it": written}))["it"]
    assert (found.kind, found.num_classes, found.first_class) == (read.kind, read.num_classes, read.first_class)
    if read.kind != "other":
        assert found.shape == read.shape


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[", b"[]", b"{}", b'{"featuresDict": {}}', b'{"featuresDict": {"features": []}}', b"\xff\x00\xfe"),
        b'{"featuresDict": {"features": {"a": {}}}}',
        b'{"featuresDict": {"features": {"a": 1}}}',
        b'{"featuresDict": {"features": {"a": {"pythonClassName": 1}}}}',
        b'{"featuresDict": {"features": {"a": {"pythonClassName": "x.ClassLabel", "classLabel": {}}}}}',
        b'{"featuresDict": {"features": {"a": {"pythonClassName": "x.Image", "image": {"shape": null}}}}}',
    ],
)
def test_what_is_no_features_json_is_a_source_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "features.json"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"features\.json: is not a features\.json as TFDS 4 writes it") as caught:
        read_schema(str(path))
    assert "\n" not in str(caught.value)


# .pbtxt


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('name: "it" type: BYTES image_domain { }', Feature(kind="image", shape=(None, None, None))),
        ('name: "it" type: BYTES', TEXT),
        ('name: "it" type: FLOAT shape { dim { size: 8 } }', VECTOR),
        ('name: "it" type: FLOAT', Feature(kind="floats", shape=(None,))),
        ('name: "it" type: INT', INTEGER),
        ('name: "it" type: INT int_domain { min: 0 max: 9 }', CLASS),
        ('name: "it" type: INT int_domain { min: 1 max: 10 }', Feature(kind="integer", num_classes=10, first_class=1)),
        ('name: "it" type: INT int_domain { min: 1 }', Feature(kind="integer", first_class=1)),
        ('name: "it"', TEXT),
    ],
)
def test_features_of_tf_metadata(tmp_path: Path, written: str, read: Feature) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_text(f"# a comment\nfeature {{ {written} }}\n")
    found = read_schema(str(path))["it"]
    assert (found.kind, found.num_classes, found.first_class) == (read.kind, read.num_classes, read.first_class)
    if read.kind != "other":
        assert found.shape == read.shape


@pytest.mark.parametrize("content", [b"feature {", b'feature { nme: "x" }', b"hello\nworld", b"{}", b"\x00\xff\xfe"])
def test_what_is_no_pbtxt_is_a_source_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"schema\.pbtxt: is not a TF Metadata schema") as caught:
        read_schema(str(path))
    assert "\n" not in str(caught.value)


# Names and files


def test_shipped_schemas() -> None:
    slim = chosen(read_schema("tfslim_imagenet"))
    assert (slim.input_key, slim.label_key) == ("image/encoded", "image/class/label")
    assert (slim.num_classes, slim.first_class, slim.label_kind) == (1000, 1, "class")
    plain = chosen(read_schema("tfds_image"), num_classes=7)
    assert (plain.input_key, plain.label_key, plain.num_classes, plain.first_class) == ("image", "label", 7, 0)
    with pytest.raises(UsageError, match="num-classes is needed"):
        chosen(read_schema("tfds_image"))


@pytest.mark.parametrize("schema", ["imagenet", "tfds_image.pbtxt", "no/such/file.json", "manifest"])
def test_an_unknown_schema_lists_the_shipped_ones(schema: str) -> None:
    with pytest.raises(UsageError, match=f"schema '{schema}': no such file; .* tfds_image, tfslim_imagenet"):
        read_schema(schema)


@pytest.mark.parametrize("name", ["schema.txt", "features", "schema.pb", "features.json.bak"])
def test_a_schema_file_must_say_its_kind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match=r"its name must end in \.json .* or \.pbtxt"):
        read_schema(str(tmp_path / name))


def test_a_file_goes_before_a_shipped_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tfds_image").write_text("{}")
    with pytest.raises(UsageError, match="its name must end in"):
        read_schema("tfds_image")


# Choosing the input and the label


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
    ],
)
def test_the_input_and_the_label(schema: Schema, options: dict[str, Any], keys: tuple[str, str]) -> None:
    spec = chosen(schema, **options)
    assert (spec.input_key, spec.label_key) == keys


@pytest.mark.parametrize(
    ("schema", "options", "said"),
    [
        ({"left": IMAGE, "right": IMAGE, "label": CLASS}, {}, "image-key is needed: .* candidates: left, right"),
        ({"text": TEXT, "label": CLASS}, {}, "image-key is needed: .* candidates: none"),
        ({"image": IMAGE, "b": CLASS, "a": CLASS}, {}, "label-key is needed: .* candidates: a, b"),
        ({"image": IMAGE}, {}, "label-key is needed: .* candidates: none"),
        ({"image": IMAGE, "label": CLASS}, {"image_key": "x"}, "image-key: the schema has no feature 'x'; it has im"),
        ({"image": IMAGE, "label": CLASS}, {"label_key": "x"}, "label-key: the schema has no feature 'x'; it has im"),
        ({"text": TEXT, "label": CLASS}, {"image_key": "text"}, "'text' of the schema is neither an image nor a float"),
        ({"image": IMAGE, "label": CLASS}, {"image_key": "label"}, "'label' of the schema is neither an image nor"),
        ({"image": IMAGE, "text": TEXT}, {"label_key": "text"}, "'text' of the schema is neither an integer nor"),
        ({"image": IMAGE, "label": INTEGER}, {}, "num-classes is needed: the schema does not say how many classes"),
        ({"image": IMAGE, "label": VECTOR}, {"num_classes": 9}, "num-classes is 9, but soft label .* holds 8 values"),
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
        (Feature(kind="integer", num_classes=5, first_class=1), {}, (5, "class", 1)),
        (VECTOR, {}, (8, "soft", 0)),
        (VECTOR, {"num_classes": 8}, (8, "soft", 0)),
        (Feature(kind="floats", shape=(None,)), {"num_classes": 6}, (6, "soft", 0)),
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


def test_one_feature_cannot_be_input_and_label() -> None:
    with pytest.raises(UsageError, match="label-key is needed"):
        chosen({"scores": VECTOR})
