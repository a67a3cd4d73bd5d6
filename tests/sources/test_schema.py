"""Schemas: the content of .pbtxt and shipped schemas, and names of classes."""

from dataclasses import replace
from pathlib import Path

import pytest

from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.schema import given_class_names, read_class_names, read_schema
from tests.sources.features import CLASS, INTEGER, TEXT, VECTOR, chosen

# .pbtxt


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('name: "it" type: BYTES image_domain { }', Feature(text="", input_kind="encoded", shape=(None, None, None))),
        ('name: "it" type: BYTES', TEXT),
        ('name: "it" type: FLOAT shape { dim { size: 8 } }', VECTOR),
        ('name: "it" type: FLOAT', Feature(text="", input_kind="vector", label_kind="soft", shape=(None,))),
        ('name: "it" type: INT', INTEGER),
        ('name: "it" type: INT int_domain { min: 0 max: 9 }', CLASS),
        (
            'name: "it" type: INT int_domain { min: 1 max: 10 }',
            Feature(text="", label_kind="class", num_classes=10, first_class=1),
        ),
        ('name: "it" type: INT int_domain { min: 1 }', replace(INTEGER, first_class=1)),
        ('name: "it"', TEXT),
    ],
)
def test_features_of_tf_metadata(tmp_path: Path, written: str, read: Feature) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_text(f"# a comment\nfeature {{ {written} }}\n")
    found = read_schema(str(path))["it"]
    assert (found.input_kind, found.label_kind) == (read.input_kind, read.label_kind)
    assert (found.num_classes, found.first_class) == (read.num_classes, read.first_class)
    if read.input_kind is not None:
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


# Names of classes


@pytest.mark.parametrize(
    ("text", "names"),
    [("ant\nbee\n", ("ant", "bee")), ("ant\n\n  bee ", ("ant", "bee")), ("", ()), ("Ärmel\r\n猫", ("Ärmel", "猫"))],
)
def test_class_names_as_tfds_reads_them(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    (tmp_path / "a-label.labels.txt").write_text(text, encoding="utf-8")
    assert read_class_names(tmp_path, "a/label") == names
    assert read_class_names(tmp_path, "other") is None


@pytest.mark.parametrize("text", ["names.txt", "NAMES.CSV", "a.json", "lists/names", "/no/such/file"])
def test_a_file_of_names_that_is_not_there_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=f"^--class-names {text}: no such file: give one, or names separated by comma"):
        given_class_names(text)


@pytest.mark.parametrize("text", ["a.txt,b", "cat/dog,ant", "ant", ".txt.old"])
def test_names_that_look_like_no_file_are_names(text: str) -> None:
    assert given_class_names(text) == tuple(text.split(","))


def test_a_file_of_names_goes_before_its_look(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ant\nbee\n")
    assert given_class_names(str(tmp_path / "names.txt")) == ("ant", "bee")
