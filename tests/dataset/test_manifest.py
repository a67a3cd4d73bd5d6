"""The manifest: its JSON is that of format version 2, byte for byte, and reads back to an equal value."""

import hashlib
import json
import re
from collections.abc import Callable

import pytest

from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.dataset.descriptions import readable_json
from mixup_pipeline.dataset.manifest import Manifest, read_manifest
from mixup_pipeline.spec import ExampleSpec
from tests.mixed import KINDS, Mixed

FILES = ("manifest.json", "dataset_info.json", "features.json")
PINNED = {
    "pixels": ("551f41c4a79d5539", "fcb063dcda7b7fbe", "aa507f5980dac75e"),
    "vectors": ("f0d8b4de040901ca", "edc7c7198cdc83aa", "747731553cf76341"),
    "long names": ("de538caeb3ccc328", "4949bff9b19d3fa1", "aa507f5980dac75e"),
}
"""Hashes of the three files, without versions of libraries and folders of the source, which hold no image files."""


@pytest.mark.parametrize("kind", PINNED)
def test_json_files_are_pinned(mixed: Callable[[str], Mixed], kind: str) -> None:
    texts = [(mixed(kind).out / name).read_text() for name in FILES]
    plain = [re.sub(r'"versions": \{.*?\}', "", text, flags=re.DOTALL) for text in texts]
    plain = [re.sub(r'"(src|schema)": "[^"]*/', r'"\1": "/', text) for text in plain]
    assert tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in plain) == PINNED[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_is_written_as_it_was_read(mixed: Callable[[str], Mixed], kind: str) -> None:
    text = (mixed(kind).out / "manifest.json").read_text()
    assert readable_json(read_manifest(mixed(kind).out).to_json()) == text
    assert from_json(json.loads(text), Manifest) == read_manifest(mixed(kind).out)


@pytest.mark.parametrize(
    ("label_kind", "said"),
    [
        ("class", {"soft_labels": False}),
        ("soft", {"soft_labels": True}),
        ("tags", {"soft_labels": False, "label_kind": "tags"}),
    ],
)
def test_label_kinds_are_written_as_format_2_knows_them(label_kind: str, said: dict[str, object]) -> None:
    spec = ExampleSpec(
        input_key="image", label_key="label", encoding="raw", shape=(2, 2, 1), num_classes=3, label_kind=label_kind
    )
    fields = {"input_key": "image", "label_key": "label", "encoding": "raw", "shape": [2, 2, 1], "num_classes": 3}
    assert to_json(spec) == {**fields, **said, "first_class": 0}
    assert from_json(to_json(spec), ExampleSpec) == spec
