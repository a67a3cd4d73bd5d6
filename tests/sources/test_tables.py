"""Tables: Parquet and CSV files, read by what their columns hold."""

import csv
import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import MixupError, RecordError, SourceError, UsageError
from mixup_pipeline.sources import open_source
from tests.datasets import png, random_images, write_tfds
from tests.sources.records_of import records_of

NAMES = ["ant", "bee", "cat"]
COUNT = 12
IMAGES = random_images(COUNT, (6, 5, 3))
HEADER = ["height", "width", "site", "species"]
ROWS = [[f"{i * 0.5}", f"{COUNT - i}", "north" if i % 2 else "south", NAMES[i % 3]] for i in range(COUNT)]


def write_csv(path: Path, rows: list[list[str]], header: list[str] = HEADER, **form: Any) -> Path:
    with path.open("w", newline="", encoding=form.pop("encoding", "utf-8")) as file:
        csv.writer(file, **form).writerows([header, *rows])
    return path


def write_parquet(path: Path, metadata: Any = None, **columns: Any) -> Path:
    table = pa.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    pa.parquet.write_table(table, path, row_group_size=5)
    return path


def asked(path: Path, **options: Any) -> SourceConfig:
    return SourceConfig(src=str(path), **{"label_key": "species", **options})


# CSV


@pytest.mark.parametrize(
    "form",
    [{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"encoding": "utf-8-sig"}, {"quoting": csv.QUOTE_ALL}],
    ids=["plain", "semicolon", "tab", "mark", "quoted"],
)
def test_a_csv_of_any_form_is_read(tmp_path: Path, form: dict[str, Any]) -> None:
    source = open_source(asked(write_csv(tmp_path / "a.csv", ROWS, **form)))
    spec = source.spec
    assert (spec.columns, spec.encoding, spec.shape) == (("height", "width"), "vector", (2,))
    assert (spec.class_texts, source.class_names, spec.num_classes) == (tuple(NAMES), tuple(NAMES), 3)
    found = [(record["features"], record["species"]) for record in records_of(source)]
    assert [list(vector) for vector, _ in found] == [[float(row[0]), float(row[1])] for row in ROWS]
    assert [text for (text,) in (label for _, label in found)] == [row[3].encode() for row in ROWS]


def test_columns_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS)
    assert open_source(asked(path, columns="width,height")).spec.columns == ("width", "height")
    assert open_source(asked(path, columns="width")).spec.columns == ("width",)
    regression = open_source(asked(path, label_key="height", label_kind="regression")).spec
    assert (regression.columns, regression.label_kind, regression.num_classes) == (("width",), "regression", 1)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_csv_from_end_to_end(tmp_path: Path, suffix: str) -> None:
    """Against the rows themselves, in float32."""
    path = write_csv(tmp_path / "a.csv", ROWS)
    if suffix == "csv.gz":
        packed = tmp_path / "b.csv.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    config = asked(path, keep="site", class_names="cat,bee,ant")
    augment(config, tmp_path / "out", MixConfig(copies=2))
    for mixed in read_examples(tmp_path / "out"):
        base, partner = (int(mixed[f"mixup/{side}_id"].rpartition("__")[2]) for side in ("base", "partner"))
        lam = np.float32(mixed["mixup/lam"])
        expected = [
            lam * np.float32(ROWS[base][column]) + (np.float32(1) - lam) * np.float32(ROWS[partner][column])
            for column in (0, 1)
        ]
        assert mixed["features"].tolist() == expected
        assert mixed["mixup/base_label"] == ["cat", "bee", "ant"].index(ROWS[base][3])
        assert (mixed["base/site"], mixed["partner/site"]) == (ROWS[base][2], ROWS[partner][2])
    assert verify(tmp_path / "out", against=config).faults == []


def test_a_folder_of_tables_may_hold_other_files(tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    write_csv(tmp_path / "flowers/a.csv", ROWS)
    (tmp_path / "flowers/README.md").write_text("# Flowers")
    source = open_source(asked(tmp_path / "flowers"))
    assert source.origin is not None
    assert source.origin.notes == ("left out, as they are no tables: README.md",)
    with pytest.raises(UsageError, match=r"holds tables in folders below: give one of these, such as --src .*/flowers"):
        open_source(asked(tmp_path))
    (tmp_path / "flowers/metadata.csv").write_text("file_name,label\n0.png,ant\n")
    with pytest.raises(UsageError, match=r"metadata.csv: lists the images of its folder: give --src .*flowers$"):
        open_source(asked(tmp_path / "flowers/metadata.csv"))


@pytest.mark.parametrize("name", ["0.png", "a.tfrecord", "x-train.tfrecord-00000-of-00001", "x.npz", "a.tar", "docs/a"])
def test_a_folder_of_other_examples_is_none_of_tables(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / "a.csv", ROWS)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(png(IMAGES[0])[:4])
    with pytest.raises(UsageError, match=r"for tables give a pattern such as '.*/\*\.csv'; images need .* file_name"):
        open_source(asked(tmp_path))


def test_a_tfds_folder_may_hold_a_table(tmp_path: Path) -> None:
    folder = write_tfds(tmp_path / "shapes/1.0.0").folder
    write_csv(folder / "a.csv", ROWS)
    assert open_source(SourceConfig(src=str(folder))).spec.input_key == "image"


def test_a_table_may_be_called_metadata(tmp_path: Path) -> None:
    source = open_source(asked(write_csv(tmp_path / "metadata.csv", ROWS)))
    assert source.spec.columns == ("height", "width")
    with pytest.raises(UsageError, match="no file matches"):
        open_source(asked(tmp_path / "more/metadata.csv"))


@pytest.mark.parametrize("ending", ["tsv", "csv.gz"])
def test_tables_in_folders_below_are_named(tmp_path: Path, ending: str) -> None:
    (tmp_path / "hub/data").mkdir(parents=True)
    (tmp_path / f"hub/data/a.{ending}").write_text("a,b\n")
    with pytest.raises(UsageError, match=r"holds tables in folders below: give one of these, .*hub/data"):
        open_source(asked(tmp_path / "hub"))


def test_several_files_are_one_table(tmp_path: Path) -> None:
    for part in range(3):
        write_csv(tmp_path / f"part-{part}.csv", ROWS[part::3])
    source = open_source(asked(tmp_path / "part-*.csv"))
    assert len(records_of(source)) == COUNT
    assert source.spec.class_texts == tuple(NAMES)
    assert open_source(asked(tmp_path)).files == source.files
    write_csv(tmp_path / "part-3.csv", [row[:3] for row in ROWS], HEADER[:3])
    with pytest.raises(SourceError, match=r"part-3\.csv: has columns height, width, site, part-0\.csv has height"):
        open_source(asked(tmp_path / "part-*.csv"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["1", "2"], "holds 2 values, there are 4 columns"),
        (["1", "2", "north", "ant", "5"], "holds 5 values, there are 4 columns"),
        (["", "2", "north", "ant"], "column height: is empty"),
        (["nan", "2", "north", "ant"], "column height: nan is not finite as float32"),
        (["1e39", "2", "north", "ant"], "column height: 1e39 is not finite as float32"),
        (["1", "two", "north", "ant"], "column width: 'two' is no number"),
        (["1", "2", "north", " "], "column species: is empty"),
    ],
)
def test_a_bad_row_is_named_and_can_be_left_out(tmp_path: Path, row: list[str], said: str) -> None:
    config = asked(write_csv(tmp_path / "a.csv", [*ROWS[:5], row, *ROWS[5:]]))
    with pytest.raises(RecordError, match=rf"^a\.csv: row 5: {said}: --on-bad-record skip leaves such records out$"):
        augment(config, tmp_path / "out", MixConfig())
    augment(config, tmp_path / "out", MixConfig(on_bad_record="skip"))
    assert len(list(read_examples(tmp_path / "out"))) == COUNT
    assert (tmp_path / "out/skipped.csv").read_text().splitlines()[1].endswith(f'"{said}"')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: a first line with the names of the columns is needed"),
        (b"a,b,species\n", "holds no row below its first line"),
        (b"a,a,species\n1,2,x\n", "two columns are called 'a': rename one"),
        (b"a,,species\n1,2,x\n", "column 2 of its first line has no name: give it one"),
        (b"1,2,3\n4,5,6\n", "its first line holds numbers, a value and no name: write the names"),
        ("a,b,species\n1,2,Käfer\n".encode("latin-1"), "is not UTF-8 text"),
        (b'a,species\n1,"x\n2,y\n', "cannot be read as CSV from line 3 on .unexpected end of data"),
        (
            b"a,species\n" + b"1" * 200_000 + b",x\n",
            "cannot be read as CSV from line 2 on .field larger than field limit",
        ),
        (b"5.1,3.5,setosa\n4.9,3.0,setosa\n", "its first line holds 5.1, a value and no name"),
        (b"a,species\n1\n2\n", "none of its 2 rows holds 2 values"),
        (gzip.compress(b"a,species\n1,x\n" * 99, mtime=0)[:-9], "cannot be unpacked .Compressed file ended"),
    ],
    ids=["empty", "no rows", "twice", "no name", "numbers", "latin-1", "quote", "long", "no header", "ragged", "cut"],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said) as error:
        open_source(asked(path))
    assert str(error.value).startswith("a.csv: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_key": None}, "--label-key is needed: a.csv has 3 that it could be: site, species .*, width"),
        ({"label_key": "kind"}, "--label-key kind: a.csv has no feature 'kind'; it has height"),
        ({"columns": "site"}, "--columns: 'site' of a.csv is column of texts, which is no column of numbers"),
        ({"columns": "species"}, "--columns: 'species' of a.csv is the label: leave it out"),
        ({"columns": "depth"}, "--columns: a.csv has no 'depth'"),
        ({"columns": "width,width"}, "--columns: 'width' is given twice"),
        ({"columns": "width", "image_key": "height"}, "--columns and --image-key both name the input"),
        ({"schema": "tfds_image"}, "--schema is for TFRecord files"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_source(asked(write_csv(tmp_path / "a.csv", ROWS), **options))


def test_types_come_from_whole_columns(tmp_path: Path) -> None:
    """Not from the first rows: zeros in front stay text, one text among numbers is a fault, commas are said."""
    rows = [[f"{i:03d}", "x" if i == 7 else f"{i}", f"{i},5", f"{i % 2}"] for i in range(COUNT)]
    path = write_csv(tmp_path / "a.csv", rows, ["code", "number", "comma", "label"], delimiter=";")
    source = open_source(asked(path, label_key="code"))
    assert source.spec.class_texts == tuple(f"{i:03d}" for i in range(COUNT))
    assert source.spec.columns == ("number", "label")
    with pytest.raises(UsageError, match="column of numbers with a decimal comma: write them with a point"):
        open_source(asked(path, columns="comma"))


def test_random_tables_are_read_as_the_library_reads_them(tmp_path: Path) -> None:
    draw = random.Random(0)
    for number in range(20):
        rows = [
            [f"{draw.uniform(-9, 9):.{draw.randrange(9)}g}", draw.choice(['a"b', "c,d", "e\nf", "gh"])]
            for _ in range(30)
        ]
        path = write_csv(tmp_path / f"{number}.csv", rows, ["x", "species"])
        source = open_source(asked(path))
        found = records_of(source)
        assert [record["features"] for record in found] == [[float(np.float32(row[0]))] for row in rows]
        assert [record["species"] for record in found] == [[row[1].encode()] for row in rows]


# Parquet


def hub(**more: Any) -> dict[str, Any]:
    return {
        "image": pa.array([{"bytes": png(image), "path": None} for image in IMAGES]),
        "label": [i % 3 for i in range(COUNT)],
        **more,
    }


LABELS = {"info": {"features": {"image": {"_type": "Image"}, "label": {"names": NAMES, "_type": "ClassLabel"}}}}


def test_parquet_as_hugging_face_writes_it(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "train-00000-of-00001.parquet", LABELS, **hub(site=["a"] * COUNT))
    source = open_source(SourceConfig(src=str(path)))
    assert (source.spec.encoding, source.spec.num_classes, source.class_names) == ("encoded", 3, tuple(NAMES))
    assert [(record["image"][0], record["label"]) for record in records_of(source)] == [
        (png(image), [i % 3]) for i, image in enumerate(IMAGES)
    ]
    augment(SourceConfig(src=str(path)), tmp_path / "out", MixConfig(copies=2))
    assert verify(tmp_path / "out", against=SourceConfig(src=str(path))).faults == []


def test_columns_of_every_type(tmp_path: Path) -> None:
    vectors = np.arange(COUNT * 4, dtype=np.float32).reshape(COUNT, 4)
    path = write_parquet(
        tmp_path / "a.parquet",
        vector=list(vectors),
        fixed=pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float64).ravel()), 4),
        ragged=[[1] * (i % 3) for i in range(COUNT)],
        small=pa.array(range(COUNT), pa.int8()),
        real=pa.array([i / 3 for i in range(COUNT)], pa.float32()),
        flag=[i % 2 == 0 for i in range(COUNT)],
        text=[NAMES[i % 3] for i in range(COUNT)],
        raw=[png(image) for image in IMAGES],
        when=pa.array(range(COUNT), pa.timestamp("s")),
    )

    def spec(**options: Any) -> Any:
        return open_source(asked(path, **options)).spec

    for key in ("vector", "fixed"):
        found = spec(image_key=key, label_key="text")
        assert (found.encoding, found.shape) == ("vector", (4,))
        assert [
            record[key] for record in records_of(open_source(asked(path, image_key=key, label_key="text")))
        ] == vectors.tolist()
    assert spec(image_key="raw", label_key="flag").num_classes == 2
    assert spec(columns="small,real,flag", label_key="text").columns == ("small", "real", "flag")
    many = spec(image_key="raw", label_key="ragged", label_kind="multi-label", num_classes=3)
    assert many.label_kind == "class-list"
    with pytest.raises(UsageError, match=r"column timestamp.*, which cannot be a label"):
        spec(image_key="raw", label_key="when")
    with pytest.raises(UsageError, match=r"'text' of a.parquet is column string, which is no column of numbers"):
        spec(columns="text", label_key="flag")


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        (
            {"image": pa.array([{"bytes": None, "path": "a.png"}] * 2), "label": [0, 1]},
            {},
            "column image: holds no bytes",
        ),
        ({"image": [png(IMAGES[0]), None], "label": [0, 1]}, {}, "column image: is empty"),
        ({"image": [png(IMAGES[0])] * 2, "label": [0, None]}, {}, "column label: is empty"),
        ({"x": [0.5, None], "label": [0, 1]}, {}, "column x: is empty, or not finite as float32"),
        ({"x": [0.5, float("inf")], "label": [0, 1]}, {}, "column x: is empty, or not finite as float32"),
        ({"x": [[0.5], [None]], "label": [0, 1]}, {}, "column x: is empty: "),
    ],
)
def test_a_row_that_lacks_something_is_named(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    path = write_parquet(tmp_path / "a.parquet", **columns)
    with pytest.raises(RecordError, match=rf"^a\.parquet: row [01]: {said}"):
        augment(SourceConfig(src=str(path), num_classes=2, **options), tmp_path / "out", MixConfig())


def test_parquet_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", LABELS, **hub())
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-1], whole[: len(whole) // 2], b"PAR1" + bytes(100) + b"PAR1"):
        path.write_bytes(content)
        with pytest.raises(MixupError, match=r"^a\.parquet: cannot be read as Parquet") as error:
            open_source(SourceConfig(src=str(path)))
        assert "\n" not in str(error.value)


def test_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a-0.parquet", LABELS, **hub())
    write_parquet(tmp_path / "a-1.parquet", LABELS, **hub(more=[1] * COUNT))
    with pytest.raises(SourceError, match=r"a-1\.parquet: its columns are not those of a-0\.parquet"):
        open_source(SourceConfig(src=str(tmp_path / "a-*.parquet")))
    write_csv(tmp_path / "a-2.csv", ROWS)
    with pytest.raises(UsageError, match="matches Parquet and CSV files: give a pattern for one of them"):
        open_source(SourceConfig(src=str(tmp_path)))


def test_evaluation_files_stay_out(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_parquet(tmp_path / f"{split}-00000-of-00001.parquet", LABELS, **hub())
    with pytest.raises(UsageError, match="matches files of several splits"):
        open_source(SourceConfig(src=str(tmp_path)))
    assert len(open_source(SourceConfig(src=str(tmp_path), split="train")).files) == 1
    with pytest.raises(UsageError, match="is for evaluation"):
        open_source(SourceConfig(src=str(tmp_path / "test-*.parquet")))
