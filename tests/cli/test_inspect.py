"""mixup-inspect: it shows what the records hold; bad input gives one line, the right exit code and no file."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.records.tf_example import Example
from mixup_pipeline.training import boundary
from tests.cli.inprocess import contents, error_of, run_inspect, succeed
from tests.commands import command
from tests.damage import accept_shards, cut, edit_json, flip, read_payloads, record_starts, replace_record
from tests.datasets import write_records, write_tfds
from tests.mixed import COUNT, NUM_CLASSES, Mixed, make

pytestmark = pytest.mark.slow

FIRST = "shapes_mixup-train.tfrecord-00000-of-00004"
SOURCE_ID = "shapes-train.tfrecord-00000-of-00002__7"
NAMES = ["ant", "bee", "$c$_{", "猫\x1b[31m"]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mixed]:
    """Outputs by kind, each made once."""
    made: dict[str, Mixed] = {}

    def get(kind: str) -> Mixed:
        if kind not in made:
            made[kind] = make(kind, tmp_path_factory.mktemp("kind"))
        return made[kind]

    return get


@pytest.fixture(scope="module")
def raw(kinds: Callable[[str], Mixed]) -> Mixed:
    """30 grey 6x5 images in 2 copies of 2 shards."""
    return kinds("raw")


@pytest.fixture
def copied(raw: Mixed, tmp_path: Path) -> Path:
    """A copy of it that lies in the working folder, to be damaged."""
    out = tmp_path / "shards"
    out.mkdir()
    for path in raw.out.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    return out


def prepared_in(mixed: Mixed) -> str:
    """The --data-dir where the source is prepared."""
    return str(Path(mixed.source.src).parents[1])


def records_of(mixed: Mixed) -> list[tuple[str, int, dict[str, Any]]]:
    """Shard, record and features under mixup/ of all examples, read with protobuf."""
    found = []
    for shard in mixed.shards:
        for record, payload in enumerate(read_payloads(shard)):
            values = {}
            for key, feature in Example.FromString(payload).features.feature.items():
                if key.startswith("mixup/"):
                    values[key[len("mixup/") :]] = getattr(feature, str(feature.WhichOneof("kind"))).value[0]
            found.append((shard.name, record, values))
    return found


def picture_of(path: Path) -> npt.NDArray[np.uint8]:
    """A written picture, uint8 (h, w, 3)."""
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


def check_refused(folder: Path, args: Sequence[str | Path], code: int, said: tuple[str, ...]) -> None:
    """The command fails with this code and one line, prints nothing else, and leaves every file as it was."""
    before = contents(folder)
    line = error_of(run_inspect(*args), code)
    for part in said:
        assert part in line
    assert "(unexpected: " not in line
    assert contents(folder) == before


# The summary

SUMMARIES: dict[str, tuple[str, ...]] = {
    "raw": (
        "source    shapes train, 30 examples 6x5x1, 4 classes, 2 files",
        "mixing    λ ~ Beta(0.2, 0.2), pairing any, seed 0, 2 copies",
        "examples  60 (60 mixed, 0 left unmixed)",
        "unmixed   none",
        "shards    4, ",
        "Beta expects 58.2%)",
        "verifies  yes, by names and sizes (mixup-verify ",
        "Mixing weight λ",
        "Class balance",
        "Class pairs",
    ),
    "skipped": (
        "29 examples 6x5x1, 4 classes, 2 files, 1 bad record",
        "by --prob 0.5",
        "verifies  yes",
    ),
    "soft labels": ("examples  60 (30 mixed, 0 left unmixed, 30 originals)", "6x5x3, 4 classes, 1 file", "1 copy"),
    "vectors": ("30 examples of 7 values, 4 classes", "Class pairs"),
    "compact": ("shards    3, ", "Class balance", "Class pairs"),
}


@pytest.mark.parametrize("kind", SUMMARIES)
def test_the_summary(kinds: Callable[[str], Mixed], kind: str) -> None:
    mixed = kinds(kind)
    result = run_inspect(mixed.out)
    printed = succeed(result)
    assert result.stderr == ""
    assert printed.splitlines()[0] == str(mixed.out)
    for part in SUMMARIES[kind]:
        assert part in printed
    if kind == "soft labels":
        assert "Class" not in printed


@pytest.mark.parametrize("kind", ["raw", "skipped", "soft labels"])
def test_the_histogram_is_that_of_the_records(kinds: Callable[[str], Mixed], kind: str) -> None:
    mixed = kinds(kind)
    lam = [values["lam"] for *_, values in records_of(mixed) if values["base_id"] != values["partner_id"]]
    printed = succeed(run_inspect(mixed.out))
    shown = [float(share) for share in re.findall(r"^  \d\.\d\d-\d\.\d\d .* (\d+\.\d)%$", printed, re.MULTILINE)]
    counts = np.histogram(lam, 20, (0, 1))[0]
    assert shown == [pytest.approx(share, abs=0.051) for share in 100 * counts / len(lam)]
    assert f"mean {np.mean(lam):.3f}" in printed


def test_the_class_tables_are_those_of_the_records(raw: Mixed) -> None:
    pairs, mass, bases = np.zeros((4, 4), int), np.zeros(4), np.zeros(4)
    for *_, values in records_of(raw):
        base, partner, lam = values["base_label"], values["partner_label"], values["lam"]
        pairs[base, partner] += 1
        bases[base] += 1
        mass[[base, partner]] += (lam, 1 - lam) if base != partner else (0.5, 0.5)
        mass[base] += 0.5 if base == partner else 0
    printed = succeed(run_inspect(raw.out))
    rows = [[int(count) for count in line.split()[1:]] for line in printed.splitlines()[-NUM_CLASSES:]]
    assert rows == pairs.tolist()
    assert f"{pairs.trace() / pairs.sum():.1%} are pairs within a class" in printed
    balance = re.findall(r"^ +\d .* (\d+\.\d)% -> +(\d+\.\d)%$", printed, re.MULTILINE)
    before, after = np.array(balance, float).T / 100
    assert before == pytest.approx(bases / bases.sum(), abs=0.00051)
    assert after == pytest.approx(mass / mass.sum(), abs=0.00051)


def test_where_nothing_is_mixed_there_is_no_histogram(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=6)
    augment(SourceConfig(src=str(dataset.folder)), tmp_path / "out", MixConfig(prob=0))
    printed = succeed(run_inspect(tmp_path / "out"))
    assert "none drawn: no example is mixed" in printed
    assert "Mixing weight" not in printed
    succeed(run_inspect(tmp_path / "out", "--html", tmp_path / "page.html", "--data-dir", tmp_path))


@pytest.mark.parametrize("num_classes", [13, 1001])
def test_many_classes_are_cut_short(tmp_path: Path, num_classes: int) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=2 * num_classes, num_classes=num_classes)
    augment(SourceConfig(src=str(dataset.folder)), tmp_path / "out", MixConfig())
    printed = succeed(run_inspect(tmp_path / "out"))
    assert len(printed.splitlines()) < 70
    assert ("pairs of classes occur; the most frequent are" in printed) == (num_classes <= 1000)
    assert ("(the 20 classes that changed most)" in printed) == (num_classes > 20)


def test_names_of_classes_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    out = named_classes(tmp_path)
    printed = succeed(run_inspect(out)) + succeed(run_inspect(out, "--example", "0", "--data-dir", tmp_path))
    assert "\x1b" not in printed
    for name in ("ant", "bee", "$c$_{", "猫"):
        assert name in printed


def named_classes(folder: Path) -> Path:
    """A dataset whose classes have names of all sorts."""
    dataset = write_tfds(folder / "shapes/1.0.0", num_examples=12)
    (dataset.folder / "label.labels.txt").write_text("\n".join(NAMES) + "\n")
    augment(SourceConfig(src=str(dataset.folder)), folder / "out", MixConfig())
    return folder / "out"


def test_looking_changes_nothing(raw: Mixed, tmp_path: Path) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw.out.iterdir()}
    succeed(
        run_inspect(
            *(raw.out, "--find", SOURCE_ID, "--example", "3", "--data-dir", prepared_in(raw)),
            *("--preview", tmp_path / "p.png", "--html", tmp_path / "p.html"),
        )
    )
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw.out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.html", "p.png"]


# --find and --example


@pytest.mark.parametrize("kind", ["raw", "png", "compact", "skipped", "vectors", "soft labels", "gzip", "photos"])
def test_find_names_every_output_of_an_example(kinds: Callable[[str], Mixed], kind: str) -> None:
    mixed = kinds(kind)
    everything = records_of(mixed)
    for source_id in sorted({values["base_id"].decode() for *_, values in everything})[::7]:
        expected = []
        for shard, record, values in everything:
            base, partner, lam = values["base_id"].decode(), values["partner_id"].decode(), values["lam"]
            if source_id in (base, partner):
                weight, other = (lam, partner) if source_id == base else (1 - lam, base)
                more = "" if base == partner else f" with {1 - weight:.4f} of {other}"
                expected.append((f"  {shard}__{record}  ", f", weight {weight:.4f}{more}"))
        heading, *lines = succeed(run_inspect(mixed.out, "--find", source_id)).splitlines()
        assert heading == f"{source_id} is in {len(expected)} of {len(everything)} outputs"
        for line, (start, end) in zip(lines, expected, strict=True):
            assert line.startswith(start)
            assert end in line


def test_find_tells_of_an_example_that_was_left_out(kinds: Callable[[str], Mixed]) -> None:
    printed = succeed(run_inspect(kinds("skipped").out, "--find", "shapes-train.tfrecord-00000-of-00002__2"))
    assert "is in none of the 29 outputs: it was left out" in printed


def test_find_knows_an_example_behind_the_limit(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=20)
    augment(SourceConfig(src=str(dataset.folder)), tmp_path / "out", MixConfig(limit=10))
    result = run_inspect(tmp_path / "out", "--find", dataset.ids[15])
    assert "limit" in result.output


@pytest.mark.parametrize("number", [0, 14, 15, 29, 30, 59])
@pytest.mark.parametrize("by_number", [True, False], ids=["number", "id"])
def test_example_explains_one(raw: Mixed, number: int, by_number: bool) -> None:
    shard, record, values = records_of(raw)[number]
    asked = str(number) if by_number else f"{shard}__{record}"
    result = run_inspect(raw.out, "--example", asked, "--data-dir", prepared_in(raw))
    heading, base, partner, lam, label, pixels, _, titles, *rows = succeed(result).splitlines()
    assert heading == f"{shard}__{record}: example {number}, copy {number // COUNT}"
    assert base == f"  base     {values['lam']:.6g} of {values['base_id'].decode()} ({values['base_label']})"
    expected = f"{1 - values['lam']:.6g} of {values['partner_id'].decode()} ({values['partner_label']})"
    assert partner == f"  partner  {expected}"
    assert float(lam.split()[-1]) == values["lam"]
    heaviest = values["base_label"] if values["lam"] > 0.5 else values["partner_label"]
    assert label.split()[1] == f"{heaviest}:"
    assert pixels.startswith("  mixed    6x5x1 pixels from ")
    assert titles.split() == ["base", "mixed", "partner"]
    assert len(rows) == 3
    assert result.stderr == ""


def test_example_without_the_source_says_so(raw: Mixed, tmp_path: Path) -> None:
    result = run_inspect(raw.without_source(tmp_path), "--example", "3")
    assert succeed(result).splitlines()[7].split() == ["mixed"]
    (note,) = result.stderr.splitlines()
    assert note.startswith("Note: the source was not found")
    assert "--against SRC" in note


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("vectors", "mixed    7 values: "),
        ("soft labels", "example 40, an original, unmixed"),
        ("gzip", "of shapes-"),
        ("photos", "of größe-水-"),
        ("compact", "label    "),
        ("png", "6x5x1 pixels"),
    ],
)
def test_example_of_other_kinds(kinds: Callable[[str], Mixed], kind: str, said: str) -> None:
    mixed = kinds(kind)
    number = "40" if kind == "soft labels" else "3"
    result = run_inspect(mixed.out, "--example", number, "--against", mixed.source.src)
    assert said in succeed(result)
    assert result.stderr == ""


# --preview and --html


def test_preview_is_written_as_asked(raw: Mixed, tmp_path: Path) -> None:
    def drawn(name: str, *options: str) -> npt.NDArray[np.uint8]:
        path = tmp_path / name
        printed = succeed(run_inspect(raw.out, "--preview", path, "--data-dir", prepared_in(raw), *options))
        assert printed.startswith(f"Wrote {path}: ")
        return picture_of(path)

    first, again = drawn("a.png"), drawn("b ü.PNG")
    assert (first == again).all()
    assert (drawn("seed.png", "--seed", str(2**63 - 1)) != first).any()
    assert (drawn("lam.png", "--sort", "lam") != first).any()
    one, four = drawn("one.png", "--count", "1"), drawn("four.png", "--count", "4")
    assert one.shape < four.shape < first.shape
    assert drawn("without.png").shape[1] > picture_without_parents(raw, tmp_path).shape[1]


def picture_without_parents(mixed: Mixed, folder: Path) -> npt.NDArray[np.uint8]:
    succeed(run_inspect(mixed.without_source(folder), "--preview", folder / "alone.png"))
    return picture_of(folder / "alone.png")


@pytest.mark.parametrize(("count", "shown"), [("1", "1 mixed example\n"), ("100", "60 mixed examples\n")])
def test_preview_shows_no_more_than_there_are(raw: Mixed, tmp_path: Path, count: str, shown: str) -> None:
    printed = succeed(run_inspect(raw.out, "--preview", tmp_path / "p.png", "--count", count))
    assert printed == f"Wrote {tmp_path / 'p.png'}: {shown}"


def test_an_older_picture_is_replaced(raw: Mixed, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_text("old")
    succeed(run_inspect(raw.out, "--preview", tmp_path / "p.png", "--count", "1"))
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["raw", "compact", "soft labels", "vectors", "skipped"])
@pytest.mark.parametrize("with_source", [True, False], ids=["with source", "without source"])
def test_the_page(kinds: Callable[[str], Mixed], tmp_path: Path, kind: str, with_source: bool) -> None:
    mixed, path = kinds(kind), tmp_path / "page/page.html"
    path.parent.mkdir()
    out = mixed.out if with_source else mixed.without_source(tmp_path)
    assert succeed(run_inspect(out, "--html", path)) == f"Wrote {path}: open it in a browser\n"
    page = path.read_text()
    assert page.rstrip().endswith("</html>")
    assert not re.search(r"""(?:src|href)=["']?(?:https?:|//|/|\.)""", page)
    assert "<script" not in page
    assert page.count('data-label="Partner"') == 9
    assert "shapes_mixup-train.tfrecord-" in page
    assert ("The source was not found" in page) == (not with_source)
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


def test_names_of_classes_are_drawn_without_warnings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = named_classes(tmp_path)
    result = run_inspect(
        out, "--preview", tmp_path / "p.png", "--html", tmp_path / "p.html", "--against", tmp_path / "shapes/1.0.0"
    )
    succeed(result)
    assert all(line.startswith("Note: ") for line in result.stderr.splitlines())
    assert capfd.readouterr().err == ""
    assert "\x1b" not in (tmp_path / "p.html").read_text()


# --beta and --boundary


def test_beta_tells_what_alpha_does(tmp_path: Path) -> None:
    path = tmp_path / "beta.png"
    heading, *rows, written = succeed(run_inspect("--beta", "0.001,1, 1000", path)).splitlines()
    assert "nearly unmixed" in heading
    assert [row.split() for row in rows] == [
        ["0.001", "99.7%", "0.085%"],
        ["1", "10.0%", "40.0%"],
        ["1000", "0.0%", "100%"],
    ]
    assert written == f"Wrote {path}"
    first = picture_of(path)
    succeed(run_inspect("--beta", "0.001,1,1000", path))
    assert (picture_of(path) == first).all()
    succeed(run_inspect("--beta", "0.001,1,1000", path, "--seed", "1"))
    assert (picture_of(path) != first).any()
    succeed(run_inspect("--beta", "0.2", path))
    assert picture_of(path).shape[1] < first.shape[1]


def test_boundary_draws_both_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, float]] = []

    def train_both(flowers: boundary.Flowers, **options: float) -> tuple[boundary.Regions, boundary.Regions]:
        asked.append(options)
        draw = np.random.default_rng(0)
        sure, unsure = (draw.dirichlet([weight] * 3, (200, 200)).astype(np.float32) for weight in (0.1, 10))
        return boundary.Regions(probabilities=sure, accuracy=0.9), boundary.Regions(probabilities=unsure, accuracy=0.8)

    monkeypatch.setattr(boundary, "train_both", train_both)
    path = tmp_path / "boundary.png"
    printed = succeed(run_inspect("--boundary", path, "--alpha", "0.3", "--seed", "5"))
    assert asked == [{"alpha": 0.3, "seed": 5}]
    assert re.search(r"without mixup: .*training accuracy 0\.900\n.*with mixup, α = 0\.3: .*accuracy 0\.800\n", printed)
    assert printed.endswith(f"Wrote {path}\n")
    assert picture_of(path).std() > 10


# Wrong options

DATASET, PICTURE = "shards", "new.png"
EACH = "must be a number from 0.001 to 1,000"

WRONG_OPTIONS: list[tuple[list[str], tuple[str, ...]]] = [
    ([], ("Missing argument",)),
    ([DATASET, DATASET], ("unexpected extra argument",)),
    ([DATASET, "--previw", PICTURE], ("No such option", "--preview")),
    *(([DATASET, "--preview", PICTURE, "--count", n], ("--count", "1<=x<=100")) for n in ("0", "-1", "101")),
    ([DATASET, "--preview", PICTURE, "--count", "2.5"], ("--count", "'2.5'")),
    ([DATASET, "--preview", PICTURE, "--sort", "name"], ("--sort", "'stored', 'lam'")),
    ([DATASET, "--preview", PICTURE, "--seed", "-1"], ("--seed", "0<=x<=")),
    ([DATASET, "--preview", PICTURE, "--seed", str(2**63)], ("--seed", "0<=x<=")),
    ([DATASET, "--count", "3"], ("--count is for --preview or --html", "leave it out")),
    ([DATASET, "--sort", "lam"], ("--sort is for --preview or --html",)),
    ([DATASET, "--seed", "0"], ("--seed is for --preview or --html or --beta or --boundary",)),
    ([DATASET, "--against", "mnist_sample"], ("--against is for --example or --preview or --html",)),
    ([DATASET, "--find", SOURCE_ID, "--data-dir", "."], ("--data-dir is for --example",)),
    ([DATASET, "--alpha", "0.4"], ("--alpha is for --boundary",)),
    ([PICTURE, "--beta", "0.2", "--alpha", "0.4"], ("--alpha is for --boundary",)),
    ([PICTURE, "--beta", "0.2", "--count", "3"], ("--count is for --preview or --html",)),
    ([PICTURE, "--boundary", "--sort", "lam"], ("--sort is for",)),
    ([PICTURE, "--beta", "0.2", "--boundary"], ("cannot be combined", "--boundary", "--beta")),
    ([DATASET, "--beta", "0.2", "--find", SOURCE_ID], ("--beta", "cannot be combined with --find")),
    ([DATASET, "--boundary", "--html", "new.html"], ("--boundary", "cannot be combined with --html")),
    *(([PICTURE, "--beta", value], ("alpha", EACH, f"got {float(value)}")) for value in ("0", "-1", "1001", "1e-4")),
    *(([PICTURE, "--beta", f"0.2,{value}"], ("alpha", EACH, f"got {value}")) for value in ("nan", "inf")),
    *(
        ([PICTURE, "--beta", value], ("--beta takes numbers such as 0.1,0.2,0.4", f"got {value!r}"))
        for value in ("little", ",", "0.1,", "0.1,,0.2", "0.1;0.2", "0.1 0.2", " ")
    ),
    *(([PICTURE, "--boundary", "--alpha", value], ("alpha", EACH)) for value in ("0", "-0.1", "1e9", "nan")),
    ([PICTURE, "--boundary", "--alpha", "x"], ("--alpha", "'x' is not a valid float")),
    ([DATASET, "--beta", "0.2"], ("must end in .png",)),
    ([DATASET, "--boundary"], ("must end in .png",)),
    ([DATASET, "--find", ""], ("find",)),
    ([DATASET, "--example", ""], ("example",)),
    ([PICTURE, "--beta", ""], ("beta",)),
    ([DATASET, "--example", "3", "--preview", PICTURE, "--count", "5"], ("count",)),
    ([DATASET, "--example", "3", "--html", "new.html", "--seed", "5"], ("seed",)),
    ([PICTURE, "--beta", ",".join(["0.2"] * 1000)], ("beta",)),
]


@pytest.mark.parametrize(
    ("args", "said"), WRONG_OPTIONS, ids=[" ".join(args)[:60] or "nothing" for args, _ in WRONG_OPTIONS]
)
def test_wrong_options(
    tmp_path: Path, copied: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], said: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--beta" in args:
        monkeypatch.setattr("mixup_pipeline.report.pictures.beta", lambda *_: b"")  # do not really wait
    check_refused(tmp_path, list(args), 2, said)


FILE = "shapes-train.tfrecord-00000-of-00002"
NO_EXAMPLES = [" ", "7", FILE, "__7", f"{FILE}__", f"{FILE}__-1", f"{FILE}__1e3", f"{FILE}__7 ", f" {FILE}__7"]
NO_EXAMPLES += [f"{FILE}__07", f"{FILE}__٣", f"{FILE}__15", f"../{FILE}__7", f"{FILE}__7__7", "/etc/passwd", "猫__1"]
NO_EXAMPLES += ["a\nb\x1b[31m", "\udcff", f"{FILE}__" + "1" * 5000]


@pytest.mark.parametrize("source_id", NO_EXAMPLES, ids=lambda value: ascii(value)[:50])
def test_ids_that_the_source_does_not_have(tmp_path: Path, copied: Path, source_id: str) -> None:
    said = ("find", "the source has no such example", f"{FILE}__0 to {FILE}__14")
    check_refused(tmp_path, [copied, "--find", source_id], 2, said)


def test_ids_are_not_named_after_a_file_without_examples(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=5)
    write_records(tmp_path / "a-0.tfrecord", [])
    write_records(tmp_path / "a-1.tfrecord", read_payloads(dataset.files[0]))
    augment(SourceConfig(src=str(tmp_path / "a-*.tfrecord"), num_classes=4), tmp_path / "out", MixConfig())
    line = error_of(run_inspect(tmp_path / "out", "--find", "x"), 2)
    assert "a-1.tfrecord__0 to a-1.tfrecord__4" in line


NO_OUTPUTS = [" ", "-1", "+3", "60", "1e1", "3 ", "3.0", "٣", "0x3", "1_0", FIRST, f"{FIRST}__", f"{FIRST}__15"]
NO_OUTPUTS += [f"{FIRST}__-1", f"../{FIRST}__3", "9" * 5000, "\udcff", SOURCE_ID]


@pytest.mark.parametrize("example", NO_OUTPUTS, ids=lambda value: ascii(value)[:50])
def test_examples_that_there_are_not(tmp_path: Path, copied: Path, example: str) -> None:
    said = ("example", "no such example", "a number from 0 to 59", f"{FIRST}__0")
    check_refused(tmp_path, [copied, "--example", example], 2, said)


def test_all_is_checked_before_anything_is_printed(tmp_path: Path, copied: Path) -> None:
    check_refused(tmp_path, [copied, "--find", SOURCE_ID, "--example", "60"], 2, ("example '60'",))


def test_vectors_are_drawn_as_lines_in_both(kinds: Callable[[str], Mixed], tmp_path: Path) -> None:
    made, picture, page = kinds("vectors"), tmp_path / "p.png", tmp_path / "p.html"
    succeed(run_inspect(made.out, "--preview", picture, "--html", page))
    blue = (picture_of(picture)[..., 0].astype(int) - picture_of(picture)[..., 2]) > 60
    assert blue.mean() > 0.001
    assert page.read_text().count("data:image/svg+xml") == 9 * 3 + 4 * 2  # examples with parents, and four charts


# Targets

TARGETS: list[tuple[str, str, tuple[str, ...]]] = [
    *(("preview", name, ("must end in .png",)) for name in ("", ".", "new", "new.jpg", ".png", "-", "/dev/full")),
    ("preview", "shards/manifest.json", ("must end in .png",)),
    ("preview", "folder.png", ("is a folder", "the name of a file")),
    ("preview", "no/new.png", ("the folder no does not exist", "create it")),
    ("preview", "file/new.png", ("folder file",)),
    ("preview", "shards/new.png", ("inside the dataset", "would no longer verify", "outside")),
    ("preview", "link/new.png", ("inside the dataset",)),
    ("preview", "shards/../shards/new.png", ("inside the dataset",)),
    ("preview", "into.png", ("inside the dataset",)),
    ("preview", "shards/out.png", ("inside the dataset",)),
    ("html", "new.htm", ("must end in .html",)),
    ("html", "new.png", ("must end in .html",)),
    ("html", "no/new.html", ("the folder no does not exist",)),
    ("html", "shards/new.html", ("inside the dataset",)),
    ("beta", "new.jpg", ("must end in .png",)),
    ("beta", "no/new.png", ("the folder no does not exist",)),
    ("beta", "shards/new.png", ("inside the dataset",)),
    ("boundary", "new", ("must end in .png",)),
    ("boundary", "no/new.png", ("the folder no does not exist",)),
]


@pytest.mark.parametrize(("option", "target", "said"), TARGETS, ids=[f"{option} {name}" for option, name, _ in TARGETS])
def test_targets_that_cannot_be(
    tmp_path: Path, copied: Path, monkeypatch: pytest.MonkeyPatch, option: str, target: str, said: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.png").mkdir()
    Path("file").write_text("a file")
    Path("link").symlink_to(copied)
    Path("into.png").symlink_to(copied / "new.png")
    if target == "shards/out.png":
        (copied / "out.png").symlink_to(tmp_path / "elsewhere.png")
    picture: dict[str, list[str | Path]] = {"beta": [target, "--beta", "0.2"], "boundary": [target, "--boundary"]}
    check_refused(tmp_path, picture.get(option, [DATASET, f"--{option}", target]), 2, (option, *said))


def test_one_wrong_target_leaves_no_other(tmp_path: Path, copied: Path) -> None:
    args: list[str | Path] = [copied, "--preview", tmp_path / "p.png", "--html", tmp_path / "no/p.html"]
    check_refused(tmp_path, args, 2, ("html", "does not exist"))


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "n" * 240 + ".png"], ids=["too long", "too long for a while"])
def test_targets_with_long_names(tmp_path: Path, copied: Path, name: str) -> None:
    result = run_inspect(copied, "--preview", tmp_path / name, "--count", "1")
    if len(name) > 255 or result.exit_code != 0:
        assert "cannot be written (file name too long)" in error_of(result, 1)
    assert [path.name for path in tmp_path.glob("*.png")] in ([], [name])


@pytest.mark.parametrize("option", ["preview", "html", "beta"])
def test_a_full_disk(tmp_path: Path, raw: Mixed, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    target = tmp_path / ("p.html" if option == "html" else "p.png")
    target.write_text("old")
    if option == "beta":
        result = run_inspect(target, "--beta", "0.2")
    else:
        result = run_inspect(raw.out, f"--{option}", target, "--data-dir", prepared_in(raw))
    assert result.exit_code == 1
    assert f"Error: {target}: no space left on device: make room" in result.stderr
    assert contents(tmp_path) == {target.name: b"old"}
    assert "shards" not in result.stderr


# Sources of the parents

SOURCES: list[tuple[list[str], int, tuple[str, ...]]] = [
    (["--against", ""], 2, ("src must name",)),
    (["--against", "mnits"], 1, ("src mnits", "did you mean mnist?")),
    (["--against", "./no"], 2, ("src ./no", "no such file or folder")),
    (["--against", "."], 2, ("src .", "datasets or configs")),
    (["--against", "no/*"], 2, ("src no/*", "no file matches")),
    (["--against", "hdfs://host/a-*"], 2, ("hdfs://host/a-*", "use a local folder")),
    (["--against", "mnist_sample"], 1, ("mnist_sample: is not the source that was mixed",)),
    (["--against", "shards"], 1, ("shards: is not the source that was mixed",)),
    (["--against", "other"], 1, ("the source at hand is another one than was mixed", "--against")),
    (["--against", "cut"], 1, ("shapes-train.tfrecord-00001-of-00002",)),
    (["--against", "gone"], 1, ("shapes-train.tfrecord-00001-of-00002: is missing",)),
    (["--data-dir", "no"], 2, ("data-dir no",)),
]


@pytest.mark.parametrize(("options", "code", "said"), SOURCES, ids=[" ".join(options) for options, *_ in SOURCES])
def test_wrong_sources(
    tmp_path: Path,
    raw: Mixed,
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    said: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tfds(Path("other"), num_examples=COUNT, num_files=2, seed=1)
    for folder in ("other", "cut", "gone"):
        write_tfds(tmp_path / folder / "shapes/1.0.0", num_examples=COUNT, num_files=2, seed=int(folder == "other"))
        options = [f"{folder}/shapes/1.0.0" if part == folder else part for part in options]
    second = "shapes/1.0.0/shapes-train.tfrecord-00001-of-00002"
    cut(Path("cut") / second, 200)
    (Path("gone") / second).unlink()
    for asked in (["--example", "3"], ["--preview", PICTURE]):
        check_refused(tmp_path, [copied, *asked, *options], code, said)


# Damaged datasets


def shard_of(out: Path) -> Path:
    return out / FIRST


def folder_in_its_place(out: Path) -> None:
    shard_of(out).unlink()
    shard_of(out).mkdir()


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "shard missing": (lambda out: shard_of(out).unlink(), f"{FIRST}: is missing"),
    "shard a folder": (folder_in_its_place, f"{FIRST}: is missing"),
    "shard cut": (lambda out: cut(shard_of(out), 100), f"{FIRST}: has 100 bytes, the manifest says "),
    "shard empty": (lambda out: cut(shard_of(out), 0), f"{FIRST}: has 0 bytes"),
}
UNTIDY: dict[str, tuple[Callable[[Path], object], str]] = {
    "foreign file": (lambda out: (out / "notes.txt").write_text("mine"), "notes.txt: does not belong to the dataset"),
    "no features.json": (lambda out: (out / "features.json").unlink(), "features.json: cannot be read"),
    "features.json cut": (lambda out: cut(out / "features.json", 20), "features.json: does not describe this dataset"),
    "info of another": (
        lambda out: edit_json(out / "dataset_info.json", lambda info: info.update(name="x")),
        "dataset_info.json: does not describe this dataset",
    ),
}


@pytest.mark.parametrize("kind", [*DAMAGED, *UNTIDY])
def test_the_summary_ends_with_the_faults(copied: Path, kind: str) -> None:
    damage, said = (DAMAGED | UNTIDY)[kind]
    damage(copied)
    result = run_inspect(copied)
    check_faults(result, copied, said)
    assert "verifies  NO, 1 fault (mixup-verify " in result.stdout


def check_faults(result: Result, out: Path, said: str) -> None:
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    *faults, last = [line for line in result.stderr.splitlines() if not line.startswith("Note: ")]
    assert len(faults) == 1
    assert faults[0].startswith("Fault: ")
    assert said in faults[0]
    assert last == f"Error: {out}: does not match its manifest: see the faults above"


LOOKS = [["--find", SOURCE_ID], ["--example", "0"], ["--preview", PICTURE], ["--html", "new.html"]]


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look[0])
def test_nothing_is_read_from_a_damaged_dataset(
    tmp_path: Path, copied: Path, monkeypatch: pytest.MonkeyPatch, kind: str, look: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    damage, said = DAMAGED[kind]
    damage(copied)
    check_refused(tmp_path, [copied, *look], 1, (str(copied), said, "make the directory again"))


@pytest.mark.parametrize("kind", UNTIDY)
def test_an_untidy_dataset_is_read_and_its_faults_are_told(copied: Path, kind: str) -> None:
    damage, said = UNTIDY[kind]
    damage(copied)
    result = run_inspect(copied, "--find", SOURCE_ID)
    check_faults(result, copied, said)
    assert result.stdout.startswith(f"{SOURCE_ID} is in 4 of 60 outputs")


def not_an_example(out: Path) -> None:
    replace_record(shard_of(out), 0, b"\xff\xff")
    accept_shards(out)


def one_record_fewer(out: Path) -> None:
    shard = shard_of(out)
    cut(shard, record_starts(shard)[-2])
    accept_shards(out)


BYTES: dict[str, tuple[Callable[[Path], object], str]] = {
    "image": (lambda out: flip(shard_of(out), 40), f"{FIRST}: record 0 at byte 12: "),
    "length": (lambda out: flip(shard_of(out), 2), f"{FIRST}: record 0 at byte 0: "),
    "all zero": (lambda out: shard_of(out).write_bytes(bytes(shard_of(out).stat().st_size)), f"{FIRST}: record 0 at"),
    "no example": (not_an_example, f"{FIRST}: record 0 at byte 12: "),
}


@pytest.mark.parametrize("kind", BYTES)
def test_damage_of_the_same_size_is_found_where_it_is_read(tmp_path: Path, copied: Path, kind: str) -> None:
    damage, said = BYTES[kind]
    damage(copied)
    check_refused(tmp_path, [copied, "--example", "0"], 1, (said,))
    check_refused(tmp_path, [copied, "--preview", tmp_path / PICTURE, "--count", "100"], 1, (said,))


def test_find_does_not_pass_over_a_damaged_id(tmp_path: Path, copied: Path) -> None:
    source_id = "shapes-train.tfrecord-00001-of-00002__3"
    before = succeed(run_inspect(copied, "--find", source_id))
    shard = copied / str(before.splitlines()[1].split("__")[0].strip())
    flip(shard, shard.read_bytes().index(source_id.encode()) + 3)
    result = run_inspect(copied, "--find", source_id)
    assert result.exit_code == 1


def test_find_counts_the_records(copied: Path) -> None:
    one_record_fewer(copied)
    result = run_inspect(copied, "--find", SOURCE_ID)
    assert result.exit_code == 1


# Manifests


@pytest.mark.parametrize(
    ("name", "said"),
    [("no", "does not exist"), ("file", "file"), ("empty", "no manifest.json"), ("stopped", "no manifest.json")],
)
@pytest.mark.parametrize("look", [[], *LOOKS], ids=lambda look: look[0] if look else "summary")
def test_what_is_no_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: list[str], name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("a file")
    Path("empty").mkdir()
    Path("stopped/.work").mkdir(parents=True)
    hint = "run the same mixup-augment command again" if name == "stopped" else "--out of mixup-augment?"
    if name == "no":
        said = "no manifest.json"
    check_refused(tmp_path, [name, *look], 1, (name, said, hint))


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '"x"', "7", '{"format_version": 2}', '{"format_version": 1}', "\udcff\udcfe", "[" * 99_999],
    ids=lambda text: ascii(text)[:30],
)
def test_manifests_that_are_none(tmp_path: Path, copied: Path, text: str) -> None:
    (copied / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    check_refused(tmp_path, [copied], 1, ("manifest.json", "make the directory again"))


NAN, INFINITY, HUGE = float("nan"), float("inf"), 10**400
MISSING = object()

EDITS: list[tuple[str, object]] = [
    *((key, MISSING) for key in ("run_id", "config", "source", "shape", "class_names", "shards", "totals")),
    *((key, None) for key in ("run_id", "name", "split", "config", "source", "shape", "shards", "totals", "versions")),
    *(("config.alpha", value) for value in (0, -1, 0.3, 1e9, "0.2", None, NAN, INFINITY)),
    *(("config.copies", value) for value in (0, -1, 1, 3, 1.5, "2", True)),
    *(("config.copies", value) for value in (2.0, HUGE)),
    *(("config.num_shards", value) for value in (2.0, 10**5)),
    *(("config.seed", value) for value in (-1, 1, 0.5)),
    ("config.pairing", "same"),
    ("config.label_format", "compact"),
    ("config.more", 1),
    *(("source.examples", value) for value in (0, -1, 31, "30", HUGE)),
    ("source.files", []),
    ("source.files.0.name", "other"),
    ("source.files.0.examples", 16),
    ("source.schema", {}),
    *(("shape", value) for value in ([], [0], [6, 5, 1, 1], ["6"], [6.5, 5, 1])),
    *(("num_classes", value) for value in (0, 3, 5, 4.5, HUGE)),
    *(("class_names", value) for value in (["a"], [1, 2, 3, 4], "abcd")),
    ("shards", []),
    ("shards.0.name", f"../{FIRST}"),
    ("shards.0.name", f"{FIRST}-of-00004"),
    ("shards.0.copy", 1),
    *(("shards.0.examples", value) for value in (0, 14, 16, HUGE)),
    *(("shards.0.bytes", value) for value in (0, HUGE)),
    ("totals.lam_histogram", [1] * 99),
    ("totals.lam_histogram.0", -1),
    ("totals.lam_mean", "0.5"),
    ("totals.class_pairs", [[1]]),
    ("totals.class_pairs.0", [1]),
    ("totals.base_counts", [1]),
    ("totals.label_mass", [1]),
    ("totals.mixed", -1),
    *(("totals.lam_mean", value) for value in (None, NAN, INFINITY, HUGE, -1, 2)),
    *(("totals.mixed", value) for value in (0, 61, HUGE)),
    *(("totals.nearly_unmixed", value) for value in (61, HUGE)),
    *(("totals.examples", value) for value in (59, HUGE)),
    *(("totals.lam_histogram.0", value) for value in (10**9, HUGE)),
    *(("totals.class_pairs.0.0", value) for value in (10**9, 10**25, HUGE)),
    *(("totals.base_counts", value) for value in ([0] * 4, [HUGE] * 4)),
    *(("totals.label_mass", value) for value in ([0] * 4, [NAN] * 4, [INFINITY] * 4, [-1.0] * 4, [HUGE] * 4)),
]


def put(manifest: Any, key: str, value: object) -> None:
    *way, last = (int(part) if part.isdecimal() else part for part in key.split("."))
    for part in way:
        manifest = manifest[part]
    if value is MISSING:
        del manifest[last]
    else:
        manifest[last] = value


@pytest.mark.parametrize(
    ("key", "value"),
    EDITS,
    ids=[f"{key}={'missing' if value is MISSING else str(value)[:12]}" for key, value in EDITS],
)
def test_edited_manifests_are_refused(tmp_path: Path, copied: Path, key: str, value: object) -> None:
    edit_json(copied / "manifest.json", lambda manifest: put(manifest, key, value))
    check_refused(tmp_path, [copied], 1, (f"Error: {copied}", "manifest.json: ", "make the directory again"))


# The surroundings


def process(*args: str | Path, **environment: str) -> tuple[int, str, str]:
    """Run the command as a process of its own: its exit code, what it printed, and its errors."""
    with subprocess.Popen(
        command("mixup-inspect", *args),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        printed, errors = running.communicate(timeout=60)
        return running.returncode, printed, errors


@pytest.mark.slow
def test_a_pipe_that_closes_early_is_no_error(raw: Mixed) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        command("mixup-inspect", raw.out), stdout=writing, stderr=subprocess.PIPE, text=True
    ) as running:
        os.close(writing)
        assert running.communicate(timeout=60)[1] == ""


@pytest.mark.slow
def test_a_terminal_that_knows_no_greek(raw: Mixed) -> None:
    code, printed, errors = process(raw.out, PYTHONIOENCODING="latin-1")
    assert (code, errors) == (0, "")
    assert "Class balance" in printed


@pytest.mark.slow
def test_the_settings_of_matplotlib_do_not_matter(raw: Mixed, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nsavefig.bbox: tight\n")
    succeed(run_inspect(raw.out, "--preview", tmp_path / "a.png", "--count", "1"))
    code, _, errors = process(
        *(raw.out, "--preview", tmp_path / "b.png", "--count", "1"), MATPLOTLIBRC=str(tmp_path / "matplotlibrc")
    )
    assert code == 0, errors
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()


@pytest.mark.slow
def test_matplotlib_without_a_folder_of_its_own(raw: Mixed, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    code, _, errors = process(
        *(raw.out, "--preview", tmp_path / "p.png", "--count", "1"), HOME="/proc", TMPDIR=str(folder)
    )
    assert code == 0
    assert [line for line in errors.splitlines() if not line.startswith("Note: ")] == []
    assert list(folder.iterdir()) == []


def test_debug_lets_the_traceback_through(tmp_path: Path) -> None:
    result = run_inspect(tmp_path, "--debug")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "ManifestError"
