"""The census as a table: what is said of each kind, in the terminal and on the page."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mixup_pipeline.cli.augment import main as augment
from mixup_pipeline.cli.inspect import main as inspect
from mixup_pipeline.report.census import Row, census_rows, changes_text, table_lines
from mixup_pipeline.sources.census import CensusSummary
from mixup_pipeline.spec import ImageOptions
from tests.cli.inprocess import error_of, process_as_before, succeed
from tests.datasets import damaged_png, example, jpeg, png, random_images, write_records

PLAIN = CensusSummary(
    images=10,
    formats={"PNG": 10},
    colours={"grey": 10},
    bits={"8": 10},
    aspects={"square": 10},
    sizes=1,
    smallest=(28, 28),
    largest=(28, 28),
    resized=0,
    cropped=0,
    enlarged=0,
    turned=0,
    with_alpha=0,
    animated=0,
    channels=1,
)
MIXED = replace(
    PLAIN,
    formats={"JPEG": 8, "PNG": 2},
    colours={"RGB": 7, "grey": 2, "RGBA": 1},
    bits={"8": 9, "16": 1},
    sizes=4,
    smallest=(1, 1),
    largest=(3000, 4000),
    resized=9,
    cropped=5,
    enlarged=1,
    turned=2,
    with_alpha=1,
    animated=1,
    channels=3,
)
SIZE = ImageOptions(size=(224, 224))


def rows(census: CensusSummary, options: ImageOptions, shape: tuple[int, ...] | None) -> dict[str, tuple[str, ...]]:
    return {row.what: row.cells[1:] for row in census_rows(census, options, shape)}


def test_a_plain_source_is_left_as_it_is() -> None:
    assert rows(PLAIN, ImageOptions(), (28, 28, 1)) == {
        "sizes": ("all 28x28 (height x width)", "left as they are", "--image-size"),
        "aspects": ("square 10", "", "--resize"),
        "formats": ("PNG 10", "all are read", ""),
        "colours": ("grey 10", "left as they are", "--channels"),
    }
    assert changes_text(PLAIN, ImageOptions(), (28, 28, 1)) == ""


def test_every_change_is_said_with_its_option() -> None:
    found = rows(MIXED, SIZE, (224, 224, 3))
    assert found["sizes"] == ("4 from 1x1 to 3000x4000 (height x width)", "9 images brought to 224x224", "--image-size")
    assert found["aspects"][1] == "5 cropped to fit"
    assert found["colours"] == ("RGB 7, grey 2, RGBA 1", "all are made RGB", "--channels")
    assert found["alpha"] == ("1 image", "laid over white", "--channels 4")
    assert found["depth"] == ("8 bits 9, 16 bits 1", "rounded to 8 bits", "")
    assert found["EXIF"] == ("2 not upright", "turned upright", "--exif ignore")
    assert found["animated"] == ("1 image", "the first picture is used", "")
    assert found["enlarged"] == ("1 more than 8-fold", "little was in them", "a smaller --image-size")
    assert changes_text(MIXED, SIZE, (224, 224, 3)) == (
        "9 brought to 224x224, 2 turned upright, 3 made RGB, 1 of these laid over white, 1 enlarged more than 8-fold"
    )


@pytest.mark.parametrize(
    ("options", "what", "done"),
    [
        (replace(SIZE, resize="pad"), "aspects", "padded to fit"),
        (replace(SIZE, resize="stretch"), "aspects", "distorted to fit"),
        (replace(SIZE, exif="ignore"), "EXIF", "left as stored"),
    ],
)
def test_what_is_done_follows_the_options(options: ImageOptions, what: str, done: str) -> None:
    assert rows(MIXED, options, (224, 224, 3))[what][1] == done


def test_sizes_that_differ_are_refused_without_a_size() -> None:
    assert rows(MIXED, ImageOptions(), None)["sizes"][1] == "refused: one size is needed"


def test_transparency_is_kept_in_rgba() -> None:
    kept = replace(MIXED, channels=4)
    assert rows(kept, SIZE, (224, 224, 4))["alpha"] == ("1 image", "kept", "--channels 3")
    assert "white" not in changes_text(kept, SIZE, (224, 224, 4))


def test_reasons_have_lines_of_their_own() -> None:
    bad = {f"reason {number}": 20 - number for number in range(12)}
    assert Row(what="bad", found="20: reason 0", done="left out", option="--on-bad-record fail") in census_rows(
        PLAIN, ImageOptions(), (28, 28, 1), bad, skips=True
    )
    found = [row for row in census_rows(PLAIN, ImageOptions(), (28, 28, 1), bad) if row.what in ("bad", "")]
    assert found[0] == Row(what="bad", found="20: reason 0", done="stop a run", option="--on-bad-record skip")
    assert len(found) == 9
    assert found[-1].found == "and 4 more reasons"


def test_long_cells_go_on_below() -> None:
    lines = table_lines([Row(what="colours", found="word " * 40, done="done", option="--flag")])
    assert len(lines) > 2
    assert max(map(len, lines)) <= 110
    assert " ".join(lines).count("word") == 40


# Commands


@pytest.fixture
def source(tmp_path: Path) -> Path:
    images = [png(random_images(1, (8, 9, 3))[0]), jpeg(random_images(1, (16, 16, 3))[0]), b"no image"]
    images.append(damaged_png(random_images(1, (8, 9, 1))[0]))
    return write_records(tmp_path / "photos.tfrecord", [example({"image": file, "label": 0}) for file in images])


def test_a_census_is_shown_and_written_as_a_page(tmp_path: Path, source: Path) -> None:
    page = tmp_path / "census.html"
    with process_as_before():
        said = succeed(
            CliRunner().invoke(inspect, [str(source), "--census", "--num-classes", "2", "--html", str(page)])
        )
    assert said.startswith("photos, split train: 2 images\n")
    assert re.search(r"formats +JPEG 1, PNG 1 +all are read", said)
    assert re.search(r"bad +1: the image is .+stop a run +--on-bad-record skip", said)
    assert "add --image-size 32 to bring all 2 to one size" in said
    html = page.read_text()
    assert "Not ready to mix" in html
    assert html.count("<svg") == 0  # charts are data
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_a_dry_run_shows_the_table_also_where_it_is_refused(tmp_path: Path, source: Path) -> None:
    args = ["--src", str(source), "--num-classes", "2", "--on-bad-record", "skip", "--dry-run"]
    with process_as_before():
        refused = CliRunner().invoke(augment, args)
        assert refused.exit_code == 1
        assert "refused: one size is needed" in refused.stdout
        assert refused.stderr.count("\n") == 1
        assert "add --image-size 32" in refused.stderr
        said = succeed(CliRunner().invoke(augment, [*args, "--image-size", "12"]))
    assert re.search(r"sizes +2 from 8x9 to 16x16 \(height x width\) +2 images brought to 12x12", said)
    assert "1: the image is damaged and cannot be decoded" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--census", "--preview", "p.png"), "--census is about a source, and --preview about mixed examples"),
        (("--census", "--count", "3"), "--count is for --preview or --html"),
        (("--image-size", "8"), "is for --census: add one, or leave it out"),
        (("--census", "--resize", "pad"), "--resize pad says how images are brought to a size: add --image-size"),
    ],
)
def test_options_that_do_not_go_together(source: Path, args: tuple[str, ...], said: str) -> None:
    with process_as_before():
        assert said in error_of(CliRunner().invoke(inspect, [str(source), "--num-classes", "2", *args]), 2)


def test_a_source_without_image_files_has_no_census(tmp_path: Path) -> None:
    path = write_records(tmp_path / "a.tfrecord", [example({"x": [1.0, 2.0], "label": 0})])
    args = [str(path), "--census", "--num-classes", "2", "--image-key", "x"]
    with process_as_before():
        assert "holds no image files, so there is no census" in error_of(CliRunner().invoke(inspect, args), 1)


def test_a_dry_run_shows_the_plan_and_then_what_would_stop_it(source: Path) -> None:
    args = ["--src", str(source), "--num-classes", "2", "--image-size", "12", "--dry-run"]
    with process_as_before():
        planned = CliRunner().invoke(augment, args)
    assert planned.exit_code == 1
    assert "stop a run" in planned.stdout
    assert "photos.tfrecord: record 2 at byte" in planned.stderr
    assert planned.stderr.endswith(": --on-bad-record skip leaves such records out\n")
