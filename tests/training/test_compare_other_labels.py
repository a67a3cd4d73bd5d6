"""Comparisons end to end on what is no image of one class: the main measure leads, what needs classes is left out."""

import atexit
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from mixup_pipeline.cli import compare as command
from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.compare import compare
from mixup_pipeline.comparison.compare_config import CompareConfig, parse_sweep
from mixup_pipeline.comparison.comparison import Callbacks, Comparison
from mixup_pipeline.comparison.derived import derive
from mixup_pipeline.comparison.fitting_arms import fitting_arms
from mixup_pipeline.comparison.seen import Seen
from mixup_pipeline.comparison.statistics import bounds
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.option import options_of
from mixup_pipeline.errors import UsageError
from mixup_pipeline.records.framing import read_records
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.report.comparison_charts import drawings
from mixup_pipeline.report.comparison_page import report
from mixup_pipeline.report.comparison_tables import tables
from mixup_pipeline.report.comparison_text import markdown, terminal_text
from mixup_pipeline.report.comparison_verdict import verdict
from mixup_pipeline.sources import open_source
from mixup_pipeline.training import loop
from mixup_pipeline.training.train_config import TrainConfig
from tests.datasets import example, png, random_images, write_records
from tests.labelled import multi_label, regression, spectrogram
from tests.training.test_commands import accepted, refused

RESULTS = json.loads((files("schemas") / "comparison.schema.json").read_text())
TRAIN = TrainConfig(model="mlp", steps=6, batch_size=20)
Make = Callable[..., SourceConfig]


def asked(folder: Path, make: Make, **changes: Any) -> Comparison:
    config = CompareConfig(**{"arms": ("baseline", "any"), "seeds": 3, "copies": 1, "train": TRAIN, **changes})
    return Comparison(
        source=make(folder, "train", 120), evaluation=make(folder, "test", 60), config=config, device="cpu"
    )


@pytest.fixture(autouse=True, scope="module")
def few_looks() -> Iterator[None]:
    """Ten looks at a run of eight steps take most of its time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "_LOOKS", 2)
        yield


CASES: list[tuple[Make, dict[str, Any], str, str]] = [
    (multi_label, {"arms": ("baseline", "any", "online")}, "map", "mAP"),
    (regression, {"arms": ("baseline", "online", "near-label"), "sweeps": (parse_sweep("subset=60"),)}, "r2", "R²"),
    (spectrogram, {"train": TrainConfig(model="cnn2d", steps=6, batch_size=20)}, "accuracy", "Accuracy"),
]


@pytest.mark.parametrize(("make", "changes", "main", "title"), CASES, ids=[case[2] for case in CASES])
def test_arms_are_compared_by_the_main_measure(
    make: Make, changes: dict[str, Any], main: str, title: str, tmp_path: Path
) -> None:
    asked_for, out = asked(tmp_path, make, **changes), tmp_path / "out"
    results = compare(asked_for, out)
    written = json.loads((out / "results.json").read_text())
    jsonschema.validate(written, RESULTS)
    for row in results["summary"]:
        runs = [run for run in results["runs"] if run["cell"] == row["cell"]]
        assert len(runs) == 3
        assert row["measures"][main]["mean"] == pytest.approx(np.mean([run["last"][main] for run in runs]))
        assert ("difference" in row["measures"][main]) == (row["cell"]["arm"] != "baseline")
    assert all(run["best"][main] == max(row[main] for row in run["history"]) for run in results["runs"])
    assert bool(results["runs"][0]["probes"]) == (main == "accuracy")
    said, text = verdict(results, 0.0), markdown(results)
    assert (" points " in said) == (main != "r2")
    assert tables(results, 0.0)[0].title.startswith(f"{title} by arm")
    assert f"{title} by arm" in terminal_text(results)
    assert said in text
    names = [drawing.name for drawing in drawings(written, 0.0)]
    assert names[:3] == ["differences", "changes", f"curves-{main}"]
    assert ("reliability" in names) == (main == "accuracy")
    samples = {"baseline": (np.zeros((8, 4, 4, 1), np.uint8), np.ones((8, 3), np.float32))}
    assert title in report(written, samples).html
    again: list[Any] = []
    assert compare(asked_for, out, Callbacks(on_start=again.append))["summary"] == results["summary"]
    assert again == []


def test_arms_start_from_the_same_units(tmp_path: Path) -> None:
    """Labels are scaled by those of the unmixed examples in every arm."""
    units: list[Any] = []

    def look(trainer: Any) -> None:
        layer = trainer.learner.model.layers[-1]
        units.append((np.asarray(layer.mean).tolist(), np.asarray(layer.spread).tolist()))

    compare(asked(tmp_path, regression, seeds=1), tmp_path / "out", Callbacks(on_start=look))
    assert len(units) == 2
    assert units[0] == units[1]


REFUSED: list[tuple[Make, dict[str, Any], str]] = [
    (regression, {"corrupt_labels": (0.2,)}, "--corrupt-labels needs class ids of two classes or more"),
    (multi_label, {"fgsm": (0.1,)}, "--fgsm: is for labels of one class, this is multi-label: leave it out"),
    (multi_label, {"outliers": ("mnist_sample",)}, "--outliers: is for labels of one class, this is multi-label"),
    (multi_label, {"arms": ("baseline", "within-class")}, "within-class needs integer labels, but this source has"),
    (multi_label, {"arms": ("baseline", "near-label")}, "near-label needs labels of one real value"),
    (regression, {"arms": ("baseline", "cross-group")}, "cross-group needs --group-key"),
    (spectrogram, {"train": TRAIN, "fgsm": (0.1,)}, "--fgsm: attacks images"),
    (spectrogram, {"train": TrainConfig(steps=6, batch_size=20)}, "tutorial-cnn: takes images of at least 8x8, these"),
]


@pytest.mark.parametrize(("make", "changes", "said"), REFUSED, ids=[said[:30] for *_, said in REFUSED])
def test_what_needs_classes_is_refused(make: Make, changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        compare(asked(tmp_path, make, **changes), tmp_path / "out")
    assert said in str(refusal.value)


def test_arms_that_do_not_fit_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    usual = ("baseline", "any", "within-class", "cross-class", "online")
    assert fitting_arms(spectrogram(tmp_path, "train", 9)) == (usual, None)
    arms, note = fitting_arms(multi_label(tmp_path, "train", 9))
    assert arms == ("baseline", "any", "online")
    assert note == "left out, as they pair by class and labels are multi-hot: within-class, cross-class"
    assert fitting_arms(regression(tmp_path, "train", 9))[0] == ("baseline", "any", "online", "near-label")
    assert fitting_arms(regression(tmp_path, "train", 9, values=2))[0] == ("baseline", "any", "online")


def test_bounds_are_those_of_the_task() -> None:
    assert bounds("map", "multi-label") == bounds("best map", "multi-label") == (0.0, 1.0)
    assert bounds("brier", "multi-label") == (0.0, 1.0)
    assert bounds("r2", "regression") == (-np.inf, 1.0)
    assert bounds("mse", "regression") == (0.0, np.inf)


def test_the_command_compares_values_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    source, test = multi_label(tmp_path, "train", 80), multi_label(tmp_path, "test", 40)
    given = ("--src", source.src, "--eval-src", test.src, "--label-kind", "multi-label", "--num-classes", "3")
    small = ("--model", "mlp", "--epochs", "1", "--batch-size", "20", "--seeds", "1", "--device", "cpu")
    printed = accepted(command.main, (*given, *small, "--out", tmp_path / "out"))
    assert "baseline, seed 0: clean mAP " in printed
    assert "mAP by arm, in %" in printed
    line = refused(command.main, (*given, *small, "--corrupt-labels", "0.5", "--out", tmp_path / "other"), 2)
    assert "--corrupt-labels needs class ids" in line


OPENED = ExitStack()
"""What is converted can be read until the tests end."""
atexit.register(OPENED.close)


def seen(config: SourceConfig) -> Seen:
    return Seen.of(config, "fail", OPENED)


def spec_of(config: SourceConfig) -> dict[str, Any]:
    spec = open_source(config).spec
    return {
        "shape": spec.shape,
        "kinds": (spec.encoding, spec.label_kind, spec.num_classes),
        "texts": spec.class_texts,
        "keys": (spec.label_key, spec.columns),
    }


def folders(folder: Path, split: str, count: int) -> SourceConfig:
    """Folders of images, one of which has few."""
    for number, image in enumerate(random_images(count, (9, 9, 1), seed=len(split))):
        path = folder / split / ("rare, odd" if number % 20 == 0 else f"b{number % 2}") / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(image))
    return SourceConfig(src=str(folder / split), allow_eval_split=True)


DERIVED: list[Make] = [multi_label, regression, spectrogram, folders]


@pytest.mark.parametrize("make", DERIVED, ids=[make.__name__ for make in DERIVED])
def test_a_subset_is_read_as_its_source_is(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path, "train", 60)
    derived, _ = derive(source, seen(source), tmp_path / "work", subset=12, corrupt=0.0, seed=1)
    assert spec_of(derived) == spec_of(source)
    assert {name for name in options_of(SourceConfig) if getattr(derived, name) != getattr(source, name)} >= {"src"}


def test_wrong_labels_of_texts_are_texts(tmp_path: Path) -> None:
    """Of class folders, whose labels are the names of the folders."""
    source = folders(tmp_path, "train", 60)
    found = []
    for share in (0.0, 1.0):
        derived, _ = derive(source, seen(source), tmp_path / str(share), subset=None, corrupt=share, seed=1)
        records = [parse(payload) for _, payload, _, _ in read_records(Path(derived.src), "x")]
        found.append([record["label"].bytes_list.value[0].decode() for record in records])
    right, wrong = found
    assert set(right) == set(wrong) == {"b0", "b1", "rare, odd"}
    assert all(one != other for one, other in zip(right, wrong, strict=True))


def test_class_folders_are_compared(tmp_path: Path) -> None:
    source, test = folders(tmp_path, "train", 60), folders(tmp_path, "test", 40)
    config = CompareConfig(arms=("baseline", "any"), seeds=1, copies=1, train=TRAIN, sweeps=(parse_sweep("subset=40"),))
    results = compare(Comparison(source=source, evaluation=test, config=config, device="cpu"), tmp_path / "out")
    assert [Cell(**run["cell"]).name for run in results["runs"]] == [
        "baseline",
        "any-alpha0.2-copies1",
        "baseline-subset40",
        "any-alpha0.2-copies1-subset40",
    ]


def patients(folder: Path, split: str, count: int) -> SourceConfig:
    """Images of which every five are of one patient."""
    images = random_images(count, (9, 9, 1), seed=len(split))
    records = [example({"image": png(x), "label": n % 3, "patient": n // 5}) for n, x in enumerate(images)]
    path = write_records(folder / f"patients-{split}.tfrecord", records)
    keys: dict[str, Any] = {"label_key": "label", "num_classes": 3, "group_key": "patient"}
    return SourceConfig(src=str(path), split=split, allow_eval_split=True, **keys)


def test_pairings_by_group_are_compared_with_others(tmp_path: Path) -> None:
    arms = ("baseline", "any", "cross-group")
    results = compare(asked(tmp_path, patients, arms=arms, seeds=1), tmp_path / "out")
    assert [run["cell"]["arm"] for run in results["runs"]] == [*arms]
