"""The forms in which people write labels and numbers, alike in every kind of source that can hold them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import MixupError, RecordError, UsageError
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.source import Source
from tests.datasets import png, random_images
from tests.sources.tars import write_tar

COUNT = 6
IMAGES = random_images(COUNT, (4, 4, 1))
Writer = Callable[[Path, str, Sequence[Any]], Path]


def write_table(folder: Path, key: str, labels: Any, **columns: Any) -> Path:
    columns.setdefault("x", np.arange(2.0 * COUNT, dtype=np.float32).reshape(COUNT, 2).tolist())
    pa.parquet.write_table(pa.table({**columns, key: labels}), folder / "a.parquet", row_group_size=2)
    return folder / "a.parquet"


def parquet(folder: Path, key: str, labels: Sequence[Any]) -> Path:
    return write_table(folder, key, labels)


def image_list(folder: Path, key: str, labels: Sequence[Any]) -> Path:
    root = folder / "photos"
    root.mkdir(exist_ok=True)
    for number, image in enumerate(IMAGES):
        (root / f"{number}.png").write_bytes(png(image))
    lines = [json.dumps({"file_name": f"{number}.png", key: label}) for number, label in enumerate(labels)]
    (root / "metadata.jsonl").write_text("\n".join(lines))
    return root


def tar(folder: Path, key: str, labels: Sequence[Any]) -> Path:
    members = [
        member
        for number, label in enumerate(labels)
        for member in ((f"{number}.png", png(IMAGES[number])), (f"{number}.json", json.dumps({key: label}).encode()))
    ]
    return write_tar(folder / "a.tar", members)


every_kind = pytest.mark.parametrize("write", [parquet, image_list, tar], ids=["parquet", "jsonl", "tar"])


def opened(path: Path, **options: Any) -> Source:
    return open_source(SourceConfig(src=str(path), **{"label_key": "tags", **options}))


VECTORS = [[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1], [0, 1, 1]]


@every_kind
@pytest.mark.parametrize("options", [{}, {"num_classes": 3}, {"class_names": "sky,sea,dog"}])
def test_lists_of_0_and_1_are_vectors(tmp_path: Path, write: Writer, options: dict[str, Any]) -> None:
    spec = opened(write(tmp_path, "tags", VECTORS), label_kind="multi-label", **options).spec
    assert (spec.label_kind, spec.num_classes) == ("multi-hot", 3)
    check_mixed(write(tmp_path, "tags", VECTORS), tmp_path, np.array(VECTORS), label_kind="multi-label", **options)


def check_mixed(path: Path, folder: Path, labels: Any, **options: Any) -> None:
    """Labels of mixed examples follow from those of their parents, float32 (n, k), by the ids."""
    config = SourceConfig(src=str(path), **{"label_key": "tags", **options})
    augment(config, folder / "out", MixConfig())
    assert verify(folder / "out", against=config).faults == []
    labels, found = np.asarray(labels, np.float32), list(read_examples(folder / "out"))
    for mixed in found:
        base, partner = (int(mixed[f"mixup/{side}_id"].rpartition("__")[2]) for side in ("base", "partner"))
        lam = np.float32(mixed["mixup/lam"])
        np.testing.assert_array_equal(mixed["label"], lam * labels[base] + (np.float32(1) - lam) * labels[partner])
    assert len(found) == len(labels)


@every_kind
@pytest.mark.parametrize(
    ("lists", "classes"),
    [
        ([[0, 1], [], [2], [1, 2, 0], [0], [3]], 4),
        ([[0, 1], [1, 2], [3, 4], [0, 4], [2, 3], [1, 3]], 5),
        ([[0, 1], [1, 0], [0, 1], [1, 0], [0, 1], [0, 1]], 4),
        ([[0], [1], [2], [0], [1], [2]], 3),
    ],
    ids=["ragged", "pairs", "pairs of the first two", "one each"],
)
def test_other_lists_name_classes(tmp_path: Path, write: Writer, lists: list[list[int]], classes: int) -> None:
    expected = [[float(number in one) for number in range(classes)] for one in lists]
    path = write(tmp_path, "tags", lists)
    check_mixed(path, tmp_path, expected, label_kind="multi-label", num_classes=classes)


@pytest.mark.parametrize("write", [parquet, image_list], ids=["parquet", "jsonl"])
def test_the_largest_class_is_found_where_all_rows_are_looked_at(tmp_path: Path, write: Writer) -> None:
    lists = [[1, 2], [], [4], [2, 3], [1], [4]]
    source = opened(write(tmp_path, "tags", lists), label_kind="multi-label")
    assert (source.spec.num_classes, source.spec.first_class) == (4, 1)
    assert source.origin is not None
    assert source.origin.classes_from == "the labels, from 1 to 4"


@every_kind
def test_lists_of_texts_name_classes(tmp_path: Path, write: Writer) -> None:
    tags = [["sky", "sea"], ["dog"], [], ["sea"], ["Käfer", "dog"], ["sky"]]
    path = write(tmp_path, "tags", tags)
    expected = [[float(name in one) for name in ("Käfer", "dog", "sea", "sky")] for one in tags]
    check_mixed(path, tmp_path, expected, label_kind="multi-label")
    config = SourceConfig(src=str(path), label_key="tags", label_kind="multi-label", class_names="dog,sea,sky")
    with pytest.raises(RecordError, match=r"label 'Käfer' is none of the classes \(dog, sea, sky\)"):
        augment(config, tmp_path / "named")


@pytest.mark.parametrize(
    ("write", "labels", "options", "kind"),
    [
        (image_list, [[1, 0], [0.25, 0.75], [0, 1], [0.5, 0.5], [1, 0], [1, 0]], {}, "soft"),
        (parquet, [[1.0, 0.0], [0.25, 0.75], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [1.0, 0.0]], {}, "soft"),
        *((write, [[1, 0, 0], [0, 1, 0], [0, 0, 1]] * 2, {}, "one-hot") for write in (parquet, image_list, tar)),
        *(
            (write, [[1, 5], [2, 6], [3, 7], [1, 1], [0, 0], [9, 9]], {"label_kind": "regression"}, "regression")
            for write in (parquet, image_list, tar)
        ),
        *(
            (write, [[1], [2.5], [3], [4], [5], [6]], {"label_kind": "regression"}, "regression")
            for write in (image_list, tar)
        ),
    ],
)
def test_numbers_are_written_with_and_without_a_point(
    tmp_path: Path, write: Writer, labels: list[Any], options: dict[str, Any], kind: str
) -> None:
    path = write(tmp_path, "tags", labels)
    assert opened(path, **options).spec.label_kind == kind
    check_mixed(path, tmp_path, labels, **options)


# Tables


def csv_of(folder: Path, text: str) -> Path:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return folder / "a.csv"


def test_a_column_for_each_class(tmp_path: Path) -> None:
    rows = "".join(f"{row},{','.join(map(str, vector))}\n" for row, vector in enumerate(VECTORS))
    path = csv_of(tmp_path, "x,sky,sea,dog\n" + rows)
    source = opened(path, label_key="sky, sea,dog", label_kind="multi-label")
    assert (source.spec.columns, source.class_names) == (("x",), ("sky", "sea", "dog"))
    check_mixed(path, tmp_path, VECTORS, label_key="sky,sea,dog", label_kind="multi-label")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sky,snow", "--label-key: a.csv has no 'snow'; it has"),
        ("sky,sky", "--label-key: 'sky' of a.csv is given twice: leave it out"),
        ("sky,name", "--label-key: 'name' of a.csv is column of texts, which is no number: leave it out"),
    ],
)
def test_columns_that_are_no_label_are_refused(tmp_path: Path, key: str, said: str) -> None:
    path = csv_of(tmp_path, "x,sky,sea,name\n1,0,1,a\n2,1,0,b\n")
    with pytest.raises(UsageError) as refused:
        opened(path, label_key=key, label_kind="multi-label")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    "options",
    [
        {"label_key": "features", "label_kind": "regression"},
        {"keep": "features", "label_key": "lab"},
        {"columns": "a,features", "label_key": "lab", "keep": "a"},
        {"group_key": "features", "label_key": "lab"},
    ],
    ids=["label", "kept", "input", "group"],
)
def test_a_column_may_be_called_as_the_input_is(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    a, features = [row + 0.5 for row in range(COUNT)], [1000.25 + row for row in range(COUNT)]
    if kind == "parquet":
        path = write_table(tmp_path, "lab", list("uvuvuv"), x=features, a=a, features=features)
    else:
        rows = "".join(f"{a[row]},{features[row]},{'uv'[row % 2]}\n" for row in range(COUNT))
        path = csv_of(tmp_path, "a,features,lab\n" + rows)
    asked = {"columns": "a", **options}
    grouped = MixConfig(pairing="cross-group") if "group_key" in options else MixConfig()
    augment(SourceConfig(src=str(path), **asked), tmp_path / "out", grouped)
    columns = {"a": np.array(a, np.float32), "features": np.array(features, np.float32)}
    inputs = np.stack([columns[name] for name in asked["columns"].split(",")], axis=1)
    for mixed in read_examples(tmp_path / "out"):
        base, partner = (int(mixed[f"mixup/{side}_id"].rpartition("__")[2]) for side in ("base", "partner"))
        lam = np.float32(mixed["mixup/lam"])
        np.testing.assert_array_equal(mixed["features"], lam * inputs[base] + (np.float32(1) - lam) * inputs[partner])
        if "keep" in options:
            assert mixed[f"base/{options['keep']}"] == columns[options["keep"]][base]


def test_a_label_that_is_predicted_can_go_along(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "a,y\n" + "".join(f"{row},{row * row}\n" for row in range(COUNT)))
    config = SourceConfig(src=str(path), label_key="y", label_kind="regression", keep="y")
    augment(config, tmp_path / "out", MixConfig())
    for mixed in read_examples(tmp_path / "out"):
        assert mixed["base/y"] == int(mixed["mixup/base_id"].rpartition("__")[2]) ** 2


@pytest.mark.parametrize("value", ["02134", "1_000", "٣", "1e", "0x10", "16777217", "-20230001"])
@pytest.mark.parametrize("others", ["5", "0.5"])
def test_what_is_no_plain_number_is_a_bad_row(tmp_path: Path, value: str, others: str) -> None:
    """The verdict does not depend on what else the row or the column holds."""
    path = csv_of(tmp_path, "a,b,lab\n" + f"{others},1,u\n" * 4 + f"{value},{others},v\n{others},{value},u\n")
    for row, column in ((4, "a"), (5, "b")):
        config = SourceConfig(src=str(path), columns=column, label_key="lab")
        said = rf"^a\.csv: row {row}: column {column}: '?{value}'? is (no number|an integer beyond)"
        with pytest.raises(RecordError, match=said):
            augment(config, tmp_path / "out")


def test_integers_beyond_float32_are_refused_in_parquet_too(tmp_path: Path) -> None:
    large = [2**24] * (COUNT - 1) + [2**24 + 1]
    path = write_table(tmp_path, "lab", list("uvuvuv"), big=large, list=[[value] for value in large])
    for asked in ({"columns": "big"}, {"image_key": "list"}):
        options: Any = asked
        with pytest.raises(RecordError, match=r"row 5: column (big|list): 16777217 is an integer beyond 2\^24"):
            augment(SourceConfig(src=str(path), label_key="lab", **options), tmp_path / "out")


def test_integers_of_more_than_64_bits_are_no_kept_features(tmp_path: Path) -> None:
    numbers = pa.array([*range(COUNT - 1), 2**64 - 1], pa.uint64())
    path = write_table(tmp_path, "lab", list("uvuvuv"), number=numbers)
    said = r"row 5: column number: 18446744073709551615 is an integer of more than 64 bits"
    with pytest.raises(RecordError, match=said):
        augment(SourceConfig(src=str(path), image_key="x", label_key="lab", keep="number"), tmp_path / "out")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["u", "v", "", "u", "v", "u"], r"a\.parquet: row 2: column lab: is empty"),
        (pa.array(["u", "v"] * 3).dictionary_encode(), None),
        (pa.array(["u", "v"] * 3, pa.large_string()), None),
    ],
    ids=["empty", "categorical", "large"],
)
def test_texts_of_parquet(tmp_path: Path, labels: Any, said: str | None) -> None:
    config = SourceConfig(src=str(write_table(tmp_path, "lab", labels)), image_key="x", label_key="lab")
    assert open_source(config).spec.class_texts == ("u", "v")
    if said is not None:
        with pytest.raises(RecordError, match=said):
            augment(config, tmp_path / "out")


def test_names_of_classes_must_agree_in_all_files(tmp_path: Path) -> None:
    for number, names in enumerate((["cat", "dog"], ["dog", "cat"])):
        told = {"info": {"features": {"lab": {"_type": "ClassLabel", "names": names}}}}
        table = pa.table({"x": [[0.5]] * 2, "lab": [0, 1]}).replace_schema_metadata({"huggingface": json.dumps(told)})
        pa.parquet.write_table(table, tmp_path / f"p-{number}.parquet")
    with pytest.raises(MixupError, match=r"^p-1\.parquet: its metadata name the classes otherwise than those of p-0"):
        opened(tmp_path / "p-*.parquet", label_key="lab")


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda label: {"_type": "List", "feature": label},
        lambda label: {"_type": "Sequence", "feature": label, "length": -1},
        lambda label: [label],
    ],
)
def test_lists_of_named_classes(tmp_path: Path, wrapped: Any) -> None:
    feature = {"_type": "ClassLabel", "names": ["cat", "dog", "cow"]}
    told = json.dumps({"info": {"features": {"tags": wrapped(feature)}}})
    table = pa.table({"x": [[0.5]] * 2, "tags": [[0, 1], [1]]}).replace_schema_metadata({"huggingface": told})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    source = opened(tmp_path / "a.parquet", label_kind="multi-label")
    assert (source.spec.label_kind, source.class_names) == ("class-list", ("cat", "dog", "cow"))


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.table([pa.array([1.0, 2.0]), pa.array([1.0, 2.0]), pa.array(["u", "v"])], names=["x", "x", "lab"])
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(MixupError, match=r"^a\.parquet: two columns are called 'x': rename one$"):
        opened(tmp_path / "a.parquet", label_key="lab")
