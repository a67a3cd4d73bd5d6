"""The run: its JSON round trip, its id, and the names and numbers derived from it."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.records.encoding import encode
from mixup_pipeline.records.ids import Ids
from mixup_pipeline.run.run import Run, estimated_record_bytes, resolve_config
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.spec import ExampleSpec, ImageOptions

FILE = IndexedFile(
    name="mnist-train.tfrecord-00000-of-00002",
    path="/data/mnist-train.tfrecord-00000-of-00002",
    examples=600,
    skipped=0,
    fingerprint="ab" * 32,
)
EMPTY = dataclasses.replace(FILE, name="mnist-train.tfrecord-00001-of-00002", examples=0)
SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(None, None, 1), num_classes=10)
RUN = Run(
    name="mnist_mixup",
    split="train",
    config=MixConfig(copies=3, num_shards=4, label_format="dense"),
    spec=SPEC,
    shape=(28, 28, 1),
    num_examples=600,
    class_names=("zero", "one"),
    files=(FILE, EMPTY),
)

OTHER_CONFIG: dict[str, Any] = {
    "alpha": 0.3,
    "pairing": "near-label",
    "bandwidth": 0.5,
    "copies": 4,
    "augment": "flip,crop",
    "prob": 0.5,
    "keep_originals": True,
    "seed": 1,
    "limit": 600,
    "image_format": "webp",
    "quality": 80,
    "label_format": "compact",
    "num_shards": 5,
    "on_bad_record": "skip",
}
OTHER_SPEC: dict[str, Any] = {
    "input_key": "picture",
    "label_key": "class",
    "encoding": "raw",
    "shape": (28, 28, 1),
    "num_classes": 11,
    "label_kind": "soft",
    "first_class": 1,
    "class_texts": ("ant", "bee"),
    "images": ImageOptions(size=(28, 28)),
    "columns": ("height", "width"),
    "dtype": "float16",
    "keep": (("site", "text"),),
    "group_key": "patient",
}


def with_config(**changes: Any) -> Run:
    return dataclasses.replace(RUN, config=dataclasses.replace(RUN.config, **changes))


def with_file(**changes: Any) -> Run:
    return dataclasses.replace(RUN, files=(dataclasses.replace(FILE, **changes), EMPTY))


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        dataclasses.replace(RUN, class_names=None),
        dataclasses.replace(RUN, shape=(5,), spec=dataclasses.replace(SPEC, encoding="vector", shape=(None,))),
        with_config(**OTHER_CONFIG),
        with_file(name="zażółć.tfrecord"),
    ],
)
def test_a_run_survives_json(run: Run) -> None:
    again = from_json(json.loads(json.dumps(to_json(run))), Run)
    assert again == run
    assert again.run_id == run.run_id


def test_the_tables_below_change_every_field() -> None:
    assert [*OTHER_CONFIG, "method"] == [field.name for field in dataclasses.fields(MixConfig)]
    assert list(OTHER_SPEC) == [field.name for field in dataclasses.fields(ExampleSpec)]


@pytest.mark.parametrize("field", OTHER_CONFIG)
def test_the_run_id_changes_with_every_field_of_the_config(field: str) -> None:
    by_field: dict[str, dict[str, Any]] = {
        "quality": {"image_format": "jpeg", "quality": 95},
        "bandwidth": {"pairing": "near-label"},
    }
    needed = by_field.get(field, {})
    assert with_config(**needed | {field: OTHER_CONFIG[field]}).run_id != with_config(**needed).run_id


@pytest.mark.parametrize("field", OTHER_SPEC)
def test_the_run_id_changes_with_every_field_of_the_schema(field: str) -> None:
    spec = dataclasses.replace(SPEC, shape=(28, 29, 1))
    other = dataclasses.replace(spec, **{field: OTHER_SPEC[field]})
    assert dataclasses.replace(RUN, spec=other).run_id != dataclasses.replace(RUN, spec=spec).run_id


@pytest.mark.parametrize("change", [{"name": "x"}, {"examples": 599}, {"skipped": 1}, {"fingerprint": "cd" * 32}])
def test_the_run_id_changes_with_the_content_of_the_source(change: dict[str, Any]) -> None:
    assert with_file(**change).run_id != RUN.run_id


@pytest.mark.parametrize("change", [{"name": "fashion_mixup"}, {"split": "extra"}, {"files": (FILE,)}])
def test_the_run_id_changes_with_the_name_the_split_and_the_files(change: dict[str, Any]) -> None:
    assert dataclasses.replace(RUN, **change).run_id != RUN.run_id


def test_the_run_id_does_not_change_with_the_location_of_the_source() -> None:
    assert with_file(path="/elsewhere/spool/00000").run_id == RUN.run_id


@pytest.mark.parametrize("field", ["alpha", "prob"])
def test_equal_configs_have_one_run_id(field: str) -> None:
    whole, decimal = with_config(**{field: 1}), with_config(**{field: 1.0})
    assert whole == decimal
    assert whole.run_id == decimal.run_id


def test_the_run_id_is_pinned() -> None:
    assert RUN.run_id == "1ce3aeddc489b321b89b4b0655385b316172e0f75e197a5f989aebcb6b6b9281"


def test_shards_of_all_passes_are_numbered_in_one_range() -> None:
    run = with_config(keep_originals=True)
    names = [run.shard_name(number, shard) for number in range(run.num_passes) for shard in range(run.num_shards)]
    assert names == [f"mnist_mixup-train.tfrecord-{position:05d}-of-00016" for position in range(16)]


@pytest.mark.parametrize(
    ("keep_originals", "copies"), [(False, [0, 1, 2]), (True, [0, 1, 2, None])], ids=["copies only", "with originals"]
)
def test_the_originals_are_the_last_pass(keep_originals: bool, copies: list[int | None]) -> None:
    run = with_config(keep_originals=keep_originals)
    assert [run.copy_of(number) for number in range(run.num_passes)] == copies


@pytest.mark.parametrize(
    ("asked", "num_classes", "resolved"),
    [
        ("auto", 10, "dense"),
        ("auto", 1000, "dense"),
        ("auto", 1001, "compact"),
        ("dense", 5000, "dense"),
        ("compact", 10, "compact"),
    ],
)
def test_a_resolved_config_leaves_nothing_open(asked: str, num_classes: int, resolved: str) -> None:
    config = resolve_config(MixConfig(label_format=asked, seed=3), num_classes=num_classes, num_shards=7)
    assert config == MixConfig(label_format=resolved, seed=3, num_shards=7)


@pytest.mark.parametrize("label_format", ["dense", "compact"])
@pytest.mark.parametrize(("shape", "num_classes"), [((28, 28, 1), 10), ((224, 224, 3), 1000), ((512,), 100)])
def test_the_estimated_size_of_a_record_is_about_its_size(
    shape: tuple[int, ...], num_classes: int, label_format: str
) -> None:
    encoding = "encoded" if len(shape) == 3 else "vector"
    spec = dataclasses.replace(SPEC, num_classes=num_classes, encoding=encoding)
    layout = dataclasses.replace(
        RUN,
        shape=shape,
        config=MixConfig(label_format=label_format),
        spec=spec,
    ).layout
    columns: dict[str, Any] = {
        layout.input.key: np.zeros((1, *shape), np.float32 if len(shape) == 1 else np.uint8),
        "mixup/lam": np.ones(1, np.float32),
        "mixup/base_id": Ids.of([f"{FILE.name}__123456".encode()]),
        "mixup/partner_id": Ids.of([f"{FILE.name}__7".encode()]),
        "mixup/base_label": np.array([3], np.int32),
        "mixup/partner_label": np.array([num_classes - 1], np.int32),
    }
    if label_format == "dense":
        columns["label"] = np.zeros((1, num_classes), np.float32)
    size = len(encode(columns, layout))
    assert size - 100 <= estimated_record_bytes(spec, shape, label_format, (FILE, EMPTY)) <= size + 100
