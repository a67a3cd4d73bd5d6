"""The features.json of TFDS: what each feature is, in both forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.errors import SourceError
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.schema import read_schema
from mixup_pipeline.sources.tfds_features import read_features_json
from tests.datasets import image_feature, label_feature, tensor_feature, write_features

MODULE = "tensorflow_datasets.core.features"


def feature(input_kind: str | None = None, label_kind: str | None = None, **more: Any) -> Feature:
    """Compared without its text."""
    return Feature(text="", input_kind=input_kind, label_kind=label_kind, **more)


FOUR, EIGHT = (4, 4, 1), (8,)
CLASSES: dict[str, Any] = {"label_kind": "class", "class_label": True, "classes_from": "features.json"}


@pytest.mark.parametrize(
    ("written", "text", "read"),
    [
        (image_feature((28, 28, 1)), "Image uint8 28x28x1", feature("encoded", shape=(28, 28, 1))),
        (image_feature((None, None, 3)), "Image uint8 ?x?x3", feature("encoded", shape=(None, None, 3))),
        (
            image_feature((5, 5, 1)) | {"image": {"dtype": "float32", "shape": {"dimensions": ["5", "5", "1"]}}},
            "Image float32 5x5x1",
            feature(shape=(5, 5, 1)),
        ),
        (label_feature(10), "ClassLabel of 10 classes", feature(num_classes=10, **CLASSES)),
        (label_feature(1) | {"classLabel": {}}, "ClassLabel", feature(num_classes=None, **CLASSES)),
        (
            tensor_feature("uint8", (4, 4, 1), "bytes"),
            "Tensor uint8 4x4x1, stored as bytes",
            feature("raw", shape=FOUR),
        ),
        (
            tensor_feature("uint8", (4, 4, 1), "zlib"),
            "Tensor uint8 4x4x1, stored as zlib",
            feature("zlib", shape=FOUR),
        ),
        (tensor_feature("uint8", FOUR), "Tensor uint8 4x4x1", feature("pixels", shape=(4, 4, 1))),
        (tensor_feature("float32", (8,)), "Tensor float32 8", feature("vector", "soft", shape=(8,))),
        (
            tensor_feature("float32", (8,), "bytes"),
            "Tensor float32 8, stored as bytes",
            feature("vector-bytes", shape=(8,)),
        ),
        (
            tensor_feature("float32", (8,), "zlib"),
            "Tensor float32 8, stored as zlib",
            feature("vector-zlib", shape=(8,)),
        ),
        (tensor_feature("float32", (8, 2)), "Tensor float32 8x2", feature("vector", shape=(8, 2))),
        (tensor_feature("float64", (8,)), "Tensor float64 8", feature("vector", "soft", shape=(8,))),
        (
            tensor_feature("bfloat16", (8, 3), "bytes"),
            "Tensor bfloat16 8x3, stored as bytes",
            feature("vector-bytes", shape=(8, 3), dtype="bfloat16"),
        ),
        (tensor_feature("string", (8,)), "Tensor string 8", feature(shape=(8,))),
        (tensor_feature("string", ()), "Tensor string", feature(label_kind="class", is_text=True)),
        (tensor_feature("float32", ()), "Tensor float32", feature(is_number=True)),
        (tensor_feature("int64", (3,)), "Tensor int64 3", feature("numbers", "one-hot", shape=(3,))),
        (
            {"pythonClassName": f"{MODULE}.text_feature.Text", "text": {}},
            "Text",
            feature(label_kind="class", is_text=True),
        ),
        ({"pythonClassName": "os.system"}, "system", feature()),
        ({"pythonClassName": ""}, "", feature()),
        (
            tensor_feature("bool", ()),
            "Tensor bool",
            feature(label_kind="class", num_classes=2, classes_from="dtype bool", is_number=True, dtype="bool"),
        ),
        *(
            (
                tensor_feature(dtype, ()) | {"pythonClassName": "a.b.Scalar"},
                f"Scalar {dtype}",
                feature(label_kind="class", is_number=True, dtype=dtype),
            )
            for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
        ),
    ],
)
def test_features_as_tfds_writes_them(tmp_path: Path, written: dict[str, Any], text: str, read: Feature) -> None:
    found = read_features_json(write_features(tmp_path / "features.json", {"it": written}))["it"]
    assert found.text == text
    assert vars(found) | {"text": ""} == vars(read)


IMAGE = {"type": f"{MODULE}.image_feature.Image", "content": {"shape": [8, None, 3], "dtype": "uint8"}}
LABEL = {"type": f"{MODULE}.class_label_feature.ClassLabel", "content": {"num_classes": 3}}
NUMBER = {"type": f"{MODULE}.tensor_feature.Tensor", "content": {"shape": [4], "dtype": "float32", "encoding": "none"}}
TEXT = {"type": f"{MODULE}.text_feature.Text", "content": {}}


@pytest.mark.parametrize("as_text", [False, True])
def test_the_form_that_wraps_the_message(tmp_path: Path, as_text: bool) -> None:
    content: Any = {"features": {"image": image_feature((8, 8, 1)), "label": label_feature(3)}}
    root = {
        "type": f"{MODULE}.features_dict.FeaturesDict",
        "content": json.dumps(content) if as_text else content,
        "proto_cls": "tensorflow_datasets.FeaturesDict",
    }
    (tmp_path / "features.json").write_text(json.dumps(root))
    found = read_features_json(tmp_path / "features.json")
    assert {key: value.text for key, value in found.items()} == {
        "image": "Image uint8 8x8x1",
        "label": "ClassLabel of 3 classes",
    }


def test_the_form_that_wraps_every_feature(tmp_path: Path) -> None:
    inner = {"type": f"{MODULE}.features_dict.FeaturesDict", "content": {"x": NUMBER}}
    features = {"image": IMAGE, "label": LABEL, "text": TEXT, "inner": inner}
    root = {"type": f"{MODULE}.features_dict.FeaturesDict", "content": features}
    (tmp_path / "features.json").write_text(json.dumps(root))
    found = read_features_json(tmp_path / "features.json")
    assert {key: value.text for key, value in found.items()} == {
        "image": "Image uint8 8x?x3",
        "label": "ClassLabel of 3 classes",
        "text": "Text",
        "inner/x": "Tensor float32 4",
    }
    assert found["label"].num_classes == 3


def test_features_within_a_dictionary_have_the_key_of_the_record(tmp_path: Path) -> None:
    inner = {
        "pythonClassName": f"{MODULE}.FeaturesDict",
        "featuresDict": {"features": {"image": image_feature((8, 8, 1))}},
    }
    found = read_features_json(write_features(tmp_path / "features.json", {"a": inner}))
    assert [*found] == ["a/image"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[", b"[]", b"{}", b'{"featuresDict": {}}', b'{"featuresDict": {"features": []}}', b"\xff\x00\xfe"),
        b'{"featuresDict": {"features": {"a": {}}}}',
        b'{"featuresDict": {"features": {"a": 1}}}',
        b'{"featuresDict": {"features": {"a": {"pythonClassName": 1}}}}',
        b'{"type": 1, "content": {}}',
        b'{"type": "x.FeaturesDict", "content": 1}',
        b'{"type": "x.FeaturesDict", "content": "{", "proto_cls": "x"}',
        b'{"featuresDict": {"features": {"a": {"pythonClassName": "x.ClassLabel"}}}}',
        b'{"featuresDict": {"features": {"a": {"pythonClassName": "x.Image", "image": {"shape": null}}}}}',
    ],
)
def test_what_is_no_features_json_is_a_source_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "features.json"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"features\.json: is not a features\.json as TFDS 4 writes it") as caught:
        read_schema(str(path))
    assert "\n" not in str(caught.value)
