"""A comparison end to end: every arm and sweep, going on after a stop, and what the numbers rest on."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import h5py  # type: ignore[import-untyped]
import jsonschema
import numpy as np
import pytest

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.compare import compare
from mixup_pipeline.comparison.compare_config import CompareConfig, parse_sweep
from mixup_pipeline.comparison.comparison import Callbacks, Comparison
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import MixupError, TrainingError, UsageError
from mixup_pipeline.records.framing import read_records
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.report.comparison_tables import tables
from mixup_pipeline.report.comparison_text import markdown, terminal_text
from mixup_pipeline.report.comparison_verdict import verdict
from mixup_pipeline.sources import open_source
from mixup_pipeline.training import loop
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.watch import Stopped
from tests.datasets import write_records

SOURCE = SourceConfig(src="mnist_sample")
EVALUATION = SourceConfig(src="mnist_sample", split="test", allow_eval_split=True)
TRAIN = TrainConfig(model="mlp", steps=8, batch_size=32, learning_rate=1e-3)
RESULTS = json.loads((files("schemas") / "comparison.schema.json").read_text())
ARMS = ("baseline", "any", "online")
CONFIG = CompareConfig(
    arms=ARMS,
    seeds=2,
    copies=2,
    train=TRAIN,
    sweeps=(parse_sweep("subset=200"),),
    corrupt_labels=(0.5,),
    fgsm=(0.05,),
    outliers=("mnist_sample",),
)


@pytest.fixture(autouse=True, scope="module")
def few_looks() -> Iterator[None]:
    """Ten looks at a run of eight steps take most of its time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "_LOOKS", 2)
        yield


def asked(**changes: Any) -> Comparison:
    given: dict[str, Any] = {"source": SOURCE, "evaluation": EVALUATION, "config": CONFIG, "device": "cpu"}
    return Comparison(**{**given, "command": "mixup-compare --src mnist_sample", **changes})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("compared") / "out"
    return out, compare(asked(), out)


def test_every_cell_is_trained_for_every_seed(compared: tuple[Path, dict[str, Any]]) -> None:
    out, results = compared
    assert len(results["runs"]) == 3 * 2 * 2  # arms, subsets, seeds
    written = json.loads((out / "results.json").read_text())
    assert written == json.loads(json.dumps(results))
    jsonschema.validate(written, RESULTS)
    assert "notes" not in written
    assert {run["steps"] for run in results["runs"]} == {8}
    assert not (out / "work").exists()
    for run in results["runs"]:
        assert set(run["probes"]) == {"reliability", "uniform noise", "fgsm 0.05", "mnist_sample"}
        assert run["probes"]["fgsm 0.05"]["accuracy"] <= run["last"]["accuracy"]
        assert run["probes"]["fgsm 0.05"]["zero_gradients"] == 0
        assert sum(share for share, _, _ in run["probes"]["reliability"]) == pytest.approx(1)
        assert 0.1 <= run["probes"]["mnist_sample"]["confidence"] <= 1


def test_arms_of_a_seed_differ_and_seeds_differ(compared: tuple[Path, dict[str, Any]]) -> None:
    losses = [run["last"]["loss"] for run in compared[1]["runs"]]
    assert len(set(losses)) == len(losses)


def test_summary_is_the_mean_of_the_runs(compared: tuple[Path, dict[str, Any]]) -> None:
    results = compared[1]
    for row in results["summary"]:
        runs = [run for run in results["runs"] if run["cell"] == row["cell"]]
        accuracies = [run["last"]["accuracy"] for run in runs]
        assert row["measures"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
        if row["cell"]["arm"] != "baseline":
            condition = {key: row["cell"][key] for key in ("subset", "corrupt")}
            others = [
                run["last"]["accuracy"]
                for run in results["runs"]
                if run["cell"] == {"arm": "baseline", "alpha": None, "copies": None, **condition}
            ]
            found = row["measures"]["accuracy"]["difference"]["mean"]
            assert found == pytest.approx(np.mean(accuracies) - np.mean(others))


def test_the_text_says_it_all(compared: tuple[Path, dict[str, Any]]) -> None:
    results = compared[1]
    assert [table.title for table in tables(results, 0.5)] == [
        "Accuracy by arm, 50 % of the training labels wrong, in %",
        "Accuracy by training examples, 50 % of the training labels wrong, in %",
        "Accuracy on other seeds and other examples, 50 % of the training labels wrong",
        "Accuracy by class, 50 % of the training labels wrong; differences in points, not corrected",
        "Beyond accuracy, 50 % of the training labels wrong, shares in %",
    ]
    for table in tables(results, 0.5):
        assert {len(row) for row in table.rows} == {len(table.head)}
    assert verdict(results, 0.5).startswith("2 seeds show nothing")
    assert {row[2] for row in tables(results, 0.5)[0].rows} == {"", "too few seeds"}
    text = markdown(results)
    assert "mixup-compare --src mnist_sample" in text
    assert verdict(results, 0.5) in text
    assert "Accuracy by arm" in terminal_text(results)


def test_finished_runs_are_kept_and_more_may_be_asked_for(
    compared: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(compared[0], out)
    begun: list[Any] = []
    callbacks = Callbacks(on_start=begun.append)
    assert compare(asked(), out, callbacks)["summary"] == compared[1]["summary"]
    assert begun == []
    config = CompareConfig(
        seeds=3, copies=2, train=TRAIN, arms=("baseline", "online"), fgsm=(0.05, 0.2), corrupt_labels=(0.5,)
    )
    results = compare(asked(config=config), out, callbacks)
    assert len(begun) == 2  # the third seed of two arms
    assert len(results["runs"]) == 6
    assert all({"fgsm 0.05", "fgsm 0.2"} <= set(run["probes"]) for run in results["runs"])


AGAIN = "the run is completed again from its last save"
DAMAGE: list[tuple[str, bytes, str]] = [
    ("probes.json", b"", "measured again"),
    ("result.json", b"{}", AGAIN),
    ("last.weights.h5", b"\x89HDF", AGAIN),
    ("samples.npz", b"PK\x03\x04", "made again"),
]


def test_damage_in_a_finished_run_is_as_none_and_said(compared: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, notes = tmp_path / "copy", list[str]()
    shutil.copytree(compared[0], out)
    run = out / "runs/online-alpha0.2-corrupt0.5/seed-0"
    whole = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for name, content, said in DAMAGE:
        (run / name).write_bytes(content)
        results = compare(asked(), out, Callbacks(on_note=notes.append))
        assert [f"{run / name}: " in note and said in note for note in notes] == [True]
        assert results["summary"] == compared[1]["summary"]
        assert results.get("notes", []) == notes
        jsonschema.validate(json.loads((out / "results.json").read_text()), RESULTS)
        repaired = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
        if said:
            changed = {key for key in whole if repaired[key] != whole[key]}
            assert changed <= {
                "result.json",
                "SHA256SUMS",
                "last.weights.h5",
                "best.weights.h5",
            }  # seconds, layer names
        notes.clear()


def test_weights_that_are_no_numbers_are_trained_again(compared: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Also in a folder of an older version, which has no sums."""
    out, notes = tmp_path / "copy", list[str]()
    shutil.copytree(compared[0], out)
    run = out / "runs/online-alpha0.2-corrupt0.5/seed-0"
    (run / "SHA256SUMS").unlink()
    (run / "probes.json").unlink()
    with h5py.File(run / "last.weights.h5", "r+") as weights:
        kernel = weights["layers/dense/vars/0"]
        kernel[...] = np.nan
    results = compare(asked(), out, Callbacks(on_note=notes.append))
    assert notes == [f"{run}/last.weights.h5: holds weights that are not numbers: {AGAIN}"]
    assert results["summary"] == compared[1]["summary"]


def test_links_and_foreign_files_of_a_comparison_are_refused(
    compared: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, outside = tmp_path / "copy", tmp_path / "outside"
    shutil.copytree(compared[0], out)
    run, away = out / "runs/any-alpha0.2-copies2-corrupt0.5", tmp_path / "moved"
    run.rename(away)
    run.symlink_to(away)
    outside.mkdir()
    (outside / "mine").write_text("mine")
    with pytest.raises(UsageError, match=r"any-alpha0\.2-copies2-corrupt0\.5: is a link, which is not followed"):
        compare(asked(), out)
    for name in ("work", "pictures"):
        (out / name).symlink_to(outside)
        with pytest.raises(UsageError, match=rf"{name}: is a link, which is not followed"):
            compare(asked(), out)
        (out / name).unlink()
    (out / "work").mkdir()
    for name in ("mine", "any-alpha0.2-copies2-seed0"):
        (out / "work" / name).symlink_to(outside)
        with pytest.raises(UsageError, match=rf"work/{name}: is not of this comparison: move it away"):
            compare(asked(), out)
        (out / "work" / name).unlink()
    assert (outside / "mine").read_text() == "mine"
    assert away.is_dir()


def test_samples_are_kept_before_a_run_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CompareConfig(seeds=1, copies=1, train=TRAIN, arms=("baseline", "online"))
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "save_result", Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            compare(asked(config=config), tmp_path / "out")
    compare(asked(config=config), tmp_path / "out")
    assert len(list(tmp_path.glob("out/runs/*/seed-0/samples.npz"))) == 2


def test_samples_that_a_kill_took_are_made_again(compared: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(compared[0], out)
    kept = {path: path.read_bytes() for path in out.glob("runs/*/seed-0/samples.npz")}
    assert len(kept) == len(ARMS) * 2
    lost = [
        out / "runs/baseline-corrupt0.5/seed-0/samples.npz",
        out / "runs/online-alpha0.2-corrupt0.5/seed-0/samples.npz",
    ]
    for path in lost:
        path.unlink()
    compare(asked(), out)
    assert {path: path.read_bytes() for path in out.glob("runs/*/seed-0/samples.npz")} == kept
    assert not (out / "work").exists()


@dataclass(frozen=True)
class Watched:
    """A comparison of all arms. shards: the folders of shards that were there, before and after each run."""

    results: dict[str, Any]
    shards: list[list[str]]
    notes: list[str]


@pytest.fixture(scope="module")
def all_arms(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    out = tmp_path_factory.mktemp("all") / "out"
    notes: list[str] = []
    shards: list[list[str]] = []

    def look(*_: Any) -> None:
        shards.append(sorted(path.parent.name for path in out.glob("work/*/manifest.json")))

    config = CompareConfig(seeds=1, copies=1, train=TRAIN)
    callbacks = Callbacks(on_start=look, on_run=look, on_note=notes.append)
    return Watched(compare(asked(config=config, device="auto"), out, callbacks), shards, notes)


def test_every_pairing_is_an_arm(all_arms: Watched) -> None:
    """Within-class pairs leave labels hard, so that the weighted accuracy is the dominant one; others do not."""
    runs = {run["cell"]["arm"]: run["last"] for run in all_arms.results["runs"]}
    assert list(runs) == ["baseline", "any", "within-class", "cross-class", "online"]
    hard = {arm for arm, last in runs.items() if last["weighted_accuracy"] == last["dominant_accuracy"]}
    assert hard == {"baseline", "within-class"}


def test_shards_are_there_only_while_a_run_needs_them(all_arms: Watched) -> None:
    mixed = [[f"{pairing}-alpha0.2-copies1-seed0"] for pairing in ("any", "within-class", "cross-class")]
    assert all_arms.shards == [[], [], mixed[0], [], mixed[1], [], mixed[2], [], [], []]


def test_a_missing_gpu_is_noted(all_arms: Watched) -> None:
    assert all_arms.notes == ["No GPU is visible: training on the CPU."]


def test_a_stopped_comparison_ends_like_one_that_was_not(tmp_path: Path) -> None:
    config = CompareConfig(seeds=1, copies=1, train=TRAIN, arms=("baseline", "any", "online"))
    whole = compare(asked(config=config), tmp_path / "whole")
    count = 0

    def stop_the_second(trainer: Any) -> None:
        nonlocal count
        count += 1
        if count == 2:
            trainer.stop()

    with pytest.raises(Stopped):
        compare(asked(config=config), tmp_path / "stopped", Callbacks(on_start=stop_the_second))
    resumed = compare(asked(config=config), tmp_path / "stopped")
    for first, second in zip(whole["runs"], resumed["runs"], strict=True):
        assert (first["cell"], first["last"]["loss"]) == (second["cell"], second["last"]["loss"])
        assert first["probes"] == second["probes"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    config = CompareConfig(seeds=1, copies=1, train=TRAIN, arms=("baseline", "online"))

    def begin_another(trainer: Any) -> None:
        with pytest.raises(MixupError, match="another mixup-compare is writing here"):
            compare(asked(config=config), tmp_path / "out")
        raise Stopped("enough")

    with pytest.raises(Stopped, match="enough"):
        compare(asked(config=config), tmp_path / "out", Callbacks(on_start=begin_another))


def test_another_comparison_in_the_same_folder_is_refused(compared: tuple[Path, dict[str, Any]]) -> None:
    config = CompareConfig(seeds=1, copies=2, train=TrainConfig(model="mlp", steps=9))
    with pytest.raises(MixupError, match=r"holds another comparison \(--steps is 8, asked is 9\)"):
        compare(asked(config=config), compared[0])


def test_a_loss_that_is_no_number_is_said_with_its_arm(tmp_path: Path) -> None:
    diverging = TrainConfig(model="tests.training.test_train:diverging", epochs=1, learning_rate=0.5, batch_size=32)
    config = CompareConfig(seeds=1, copies=1, train=diverging, arms=("baseline", "online"))
    with pytest.raises(TrainingError, match=r"^arm baseline, seed 0: .* \(learning rate 0.5\)"):
        compare(asked(config=config), tmp_path / "out")
    assert not (tmp_path / "out").exists()  # so that a lower rate may use the folder


def test_what_mixing_refuses_is_said_with_its_arm(tmp_path: Path) -> None:
    config = CompareConfig(
        seeds=1,
        copies=40,
        train=TrainConfig(model="mlp", steps=2, batch_size=4),
        arms=("baseline", "any"),
        sweeps=(parse_sweep("subset=20"),),
    )
    with pytest.raises(MixupError, match=r"^arm any-alpha0.2-copies40-subset20, seed 0: --copies must be from 1 to 19"):
        compare(asked(config=config), tmp_path / "out")


def test_a_source_is_judged_once_and_what_is_left_out_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []

    def counted(config: SourceConfig, on_bad_record: str = "fail") -> ExampleFiles:
        judged.append(config.split_name)
        return source_examples(config, on_bad_record)

    monkeypatch.setattr("mixup_pipeline.training.prepared_source.source_examples", counted)
    train = TrainConfig(model="mlp", epochs=1, batch_size=4096)
    hints: list[str] = []
    config = CompareConfig(seeds=2, train=train, arms=("baseline", "online"))
    compare(asked(config=config), tmp_path / "out", Callbacks(on_hint=hints.append))
    assert judged == ["test", "train"]
    (left_out,) = [hint for hint in hints if "do not fill a batch" in hint]
    assert left_out.startswith("each epoch trains on 4,096 of 6,000 examples: the other 1,904, others in each epoch")


def test_held_out_examples_choose_and_images_are_augmented(tmp_path: Path) -> None:
    train = TrainConfig(model="mlp", epochs=2, batch_size=32, learning_rate=1e-3, val_share=0.2, augment="flip,crop")
    config = CompareConfig(seeds=1, subset=400, copies=2, train=train, arms=("baseline", "any", "online"))
    results = json.loads(json.dumps(compare(asked(config=config), tmp_path / "out")))
    jsonschema.validate(results, RESULTS)
    assert results["examples"] == {"training": [320, 320], "held_out": [80, 80], "evaluation": 1000}
    for run in results["runs"]:
        folder = RunFolder(tmp_path / "out/runs" / Cell(**run["cell"]).name / "seed-0")
        kept = json.loads(folder.result.read_text())
        assert run["last"]["accuracy"] == kept["test"]["last"]["accuracy"] != kept["last"]["accuracy"]
        assert run["best"]["accuracy"] == kept["test"]["best"]["accuracy"]
        assert run["history"][-1]["accuracy"] == kept["last"]["accuracy"]  # on held-out examples
        assert 0.01 < run["probes"]["calibrated"]["temperature"] < 100
        assert (folder.root / "predictions.npz").is_file()
    (difference,) = (
        row["measures"]["accuracy"]["difference"] for row in results["summary"] if row["cell"]["arm"] == "any"
    )
    pairs = difference["mcnemar"]
    assert pairs["only_arm"] - pairs["only_baseline"] == pytest.approx(1000 * difference["mean"])
    assert compare(asked(config=config), tmp_path / "out")["summary"] == json.loads(json.dumps(results["summary"]))


@pytest.mark.slow
def test_a_sorted_source_makes_no_arm_look_better(tmp_path: Path) -> None:
    """One class after the other, and λ so near 0 and 1 that almost nothing is mixed: no difference is shown.

    With a shuffle buffer over the order of files the baseline learned a class at a time, and mixup won by 13 points.
    """
    (file,) = open_source(SOURCE).files
    payloads = [payload for _, payload, _, _ in read_records(Path(file.path), file.name)]
    payloads.sort(key=lambda payload: parse(payload)["label"].int64_list.value[0])
    path = write_records(tmp_path / "sorted.tfrecord", payloads)
    train = TrainConfig(model="mlp", epochs=2, learning_rate=1e-3)
    config = CompareConfig(seeds=3, copies=2, alpha=0.001, train=train, arms=("baseline", "any", "online"))
    results = compare(asked(source=SourceConfig(src=str(path), num_classes=10), config=config), tmp_path / "out")
    for row in results["summary"][1:]:
        difference = row["measures"]["accuracy"]["difference"]
        assert not difference["shown"]
        assert abs(difference["mean"]) < 0.03
        assert difference["correlation"] is not None
