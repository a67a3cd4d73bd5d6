"""What a comparison shows, from made-up results: verdict, tables, pictures and page."""

import base64
import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from mixup_pipeline.comparison.compare_config import parse_sweep
from mixup_pipeline.report.comparison_charts import drawings
from mixup_pipeline.report.comparison_page import Report, report
from mixup_pipeline.report.comparison_settings import settings
from mixup_pipeline.report.comparison_tables import base_rows, swept_rows, tables
from mixup_pipeline.report.comparison_text import markdown, terminal_text
from mixup_pipeline.report.comparison_verdict import verdict
from mixup_pipeline.report.figures import LIGHT
from mixup_pipeline.report.probe_charts import probe_drawings
from mixup_pipeline.training.train_config import TrainConfig
from tests.compared import CONFIG, GAIN, made_up, made_up_samples


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return made_up()


def test_results_follow_their_schema(results: dict[str, Any]) -> None:
    schema = json.loads((files("schemas") / "comparison.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(results)), schema)


def test_outliers_that_are_named_by_paths_are_told_apart_in_the_picture() -> None:
    results = made_up(replace(CONFIG, outliers=("/data/prepared/mnist", "/data/prepared/fashion_mnist")))
    figure = probe_drawings(results, base_rows(results, 0.0))[-1].draw(LIGHT)
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == ["clean examples", "uniform noise", "…/prepared/mnist", "…d/fashion_mnist"]


def test_the_verdict_says_what_is_shown(results: dict[str, Any]) -> None:
    said = verdict(results, 0.0)
    assert said.startswith("Accuracy on clean examples is higher with any, cross-class and online, at the last epoch ")
    for arm, gain in GAIN.items():
        if arm != "baseline":
            found = re.search(rf"{arm} ([+-][\d.]+) \[([+-][\d.]+), ([+-][\d.]+)\] points \((.*?)(?:, p .*?)?\)", said)
            assert found is not None
            assert float(found[1]) == pytest.approx(100 * gain, abs=0.3)
            assert found[4] == ("higher" if gain else "no difference shown")
    assert "40 % of the training labels wrong" in verdict(results, 0.4)


def test_the_verdict_of_other_outcomes(results: dict[str, Any]) -> None:
    def turned(**signs: int) -> dict[str, Any]:
        changed = json.loads(json.dumps(results))
        for row in changed["summary"]:
            if row["cell"]["arm"] != "baseline":
                difference, sign = row["measures"]["accuracy"]["difference"], signs.get(row["cell"]["arm"], 0)
                difference |= {"mean": 0.01 * sign, "shown": bool(sign), "holm": 0.01 if sign else 0.4}
        return changed

    assert verdict(turned(), 0.0).startswith("No difference to the baseline is shown, at the last epoch over")
    assert re.search(r"seeds would find one of [\d.]+ to [\d.]+ points four times in five\.$", verdict(turned(), 0.0))
    assert "is lower with any and online, at" in verdict(turned(any=-1, online=-1), 0.0)
    assert "is higher with any, lower with online, at" in verdict(turned(any=1, online=-1), 0.0)
    assert (
        "Under other settings it is higher with any at copies K 1 and 2, training examples 500 and 2000, α 1."
        in verdict(turned(any=1), 0.0)
    )
    for seeds, said in ((1, "One seed shows nothing"), (2, "2 seeds show nothing")):
        few = made_up(replace(CONFIG, seeds=seeds))
        assert verdict(few, 0.0).startswith(said)
        assert "too few seeds" in markdown(few)


def test_what_the_seeds_could_tell_is_a_table(results: dict[str, Any]) -> None:
    table = next(table for table in tables(results, 0.0) if table.title == "What the seeds could tell")
    assert table.head == ("arm", "detectable, points", "seeds for ±0.5", "seeds for ±1", "within ±0.5", "BCa interval")
    assert [row[0] for row in table.rows] == ["any", "within-class", "cross-class", "online"]
    assert all(re.fullmatch(r"±0\.\d\d", row[1]) for row in table.rows)
    assert [row[-2].startswith("shown, p") for row in table.rows] == [False, True, False, False]


def test_copies_stand_beside_online(results: dict[str, Any]) -> None:
    rows = swept_rows(results, "copies", 0.0)
    compared = {row["cell"]["arm"] for row in rows if "difference to online" in row["measures"]["accuracy"]}
    assert compared == {"any", "within-class", "cross-class"}
    any_row = next(row for row in rows if row["cell"]["arm"] == "any")
    assert any_row["measures"]["accuracy"]["difference to online"]["mean"] == pytest.approx(-0.01, abs=0.003)
    table = next(table for table in tables(results, 0.0) if table.title == "Accuracy by copies K, in %")
    assert "last epoch − online" in table.head
    assert [row[0] for row in table.rows] == [
        "baseline",
        *(f"{arm}, {copies}" for arm in ("any", "within-class", "cross-class") for copies in (1, 2, 4)),
        "online",
    ]


def test_large_subsets_are_written_out() -> None:
    results = made_up(replace(CONFIG, sweeps=(parse_sweep("subset=1000000,1234567"),)))
    table = next(table for table in tables(results, 0.0) if table.title.startswith("Accuracy by training examples"))
    assert [row[0] for row in table.rows[:2]] == ["baseline, 1000000", "baseline, 1234567"]
    figure = next(drawing for drawing in drawings(results, 0.0) if drawing.name == "sweep-subset").draw(LIGHT)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1000000", "1234567"]


def test_every_text_has_every_share_of_wrong_labels(results: dict[str, Any]) -> None:
    for text in (markdown(results), terminal_text(results)):
        assert verdict(results, 0.0) in text
        assert verdict(results, 0.4) in text
    assert "mixup-compare --src shapes --out compared" in markdown(results)


@pytest.mark.slow
def test_every_question_has_its_picture(whole_report: Report) -> None:
    kinds = [
        "differences",
        "changes",
        "curves-accuracy",
        "curves-nll",
        "curves-loss",
        "reliability",
        "fgsm",
        "confidence",
    ]
    kinds += ["sweep-copies", "sweep-subset", "sweep-alpha"]
    wanted = {f"{kind}{noise}.png" for kind in kinds for noise in ("", "-corrupt0.4")}
    assert set(whole_report.pictures) == wanted | {"label-noise.png", "samples.png"}
    for name, data in whole_report.pictures.items():
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None, name
        assert picture.std() > 5, name  # something is drawn


@pytest.mark.slow
def test_the_page_holds_all_in_itself(results: dict[str, Any], whole_report: Report) -> None:
    assert not re.findall(r'(?:src|href|srcset)="(?!data:|#)', whole_report.html)
    assert "<script" not in whole_report.html
    svg = [
        base64.b64decode(data).decode()
        for data in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", whole_report.html)
    ]
    assert len(svg) == 2 * len(whole_report.pictures)
    assert any("a&lt;b" in text for text in svg) or "a<b>c" not in "".join(svg)
    for corrupt in (0.0, 0.4):
        assert verdict(results, corrupt) in whole_report.html


def test_one_seed_and_few_questions_are_drawn_too() -> None:
    """Of vectors, which have no pictures of samples."""
    few = replace(CONFIG, seeds=1, arms=("baseline", "any"), sweeps=(), corrupt_labels=(0.0,), fgsm=(), outliers=())
    vectors = {arm: (np.zeros((8, 5), np.float32), labels) for arm, (_, labels) in made_up_samples(few).items()}
    made = report(made_up(few), vectors)
    assert set(made.pictures) == {
        f"{name}.png"
        for name in [
            "differences",
            "changes",
            "curves-accuracy",
            "curves-nll",
            "curves-loss",
            "reliability",
            "confidence",
        ]
    }


def test_one_epoch_has_no_curves() -> None:
    one = replace(CONFIG, train=TrainConfig(epochs=1), copies=1, sweeps=(), corrupt_labels=(0.0,))
    shown = {drawing.name for drawing in drawings(made_up(one), 0.0)}
    assert shown == {"differences", "reliability", "fgsm", "confidence"}


def test_held_out_examples_change_the_words_and_add_calibration() -> None:
    held_out = made_up(replace(CONFIG, train=TrainConfig(epochs=4, val_share=0.1)))
    text, usual = markdown(held_out), markdown(made_up())
    assert "chosen epoch" in text
    assert "best epoch" not in text.lower()
    assert "best epoch" in usual
    assert "it flatters" in usual
    assert "ECE after temperature scaling" in text
    assert "ECE after temperature scaling" not in usual
    assert "- epoch chosen on: 100 held-out examples" in text
    titles = [drawing.title for drawing in drawings(held_out, 0.0)]
    assert "Accuracy on held-out examples" in titles


def test_other_seeds_and_other_examples_stand_beside_each_other(results: dict[str, Any]) -> None:
    found = {table.title: table for table in tables(results, 0.0)}
    sure, classes = (
        found["Accuracy on other seeds and other examples"],
        found[next(t for t in found if "by class" in t)],
    )
    assert [row[0] for row in sure.rows] == ["any", "within-class", "cross-class", "online"]
    for name, seeds, both, *_ in sure.rows:
        difference = next(
            row["measures"]["accuracy"]["difference"] for row in base_rows(results, 0.0) if row["cell"]["arm"] == name
        )
        for text, ends in ((seeds, difference["t"]), (both, difference["both"])):
            assert text == f"[{100 * ends[0]:+.2f}, {100 * ends[1]:+.2f}]"
    assert [row[0] for row in classes.rows] == ["round", "square", "a<b>c"]
    assert len(classes.head) == 2 + 4


def test_of_many_classes_those_that_change_most_are_shown() -> None:
    changed = made_up(replace(CONFIG, arms=("baseline", "any"), sweeps=(), corrupt_labels=(0.0,)))
    for row in changed["summary"]:
        row["per_class"] = {"accuracy": [0.5] * 50}
        if row["cell"]["arm"] != "baseline":
            row["per_class"]["difference"] = [number / 100 - 0.25 for number in range(50)]
    changed["class_names"] = None
    table = next(table for table in tables(changed, 0.0) if "by class" in table.title)
    assert [row[0] for row in table.rows] == [*map(str, range(10)), *map(str, range(40, 50))]
    assert "the 20 of 50 that change most" in table.title


def test_the_head_says_what_was_compared(results: dict[str, Any]) -> None:
    said = dict(settings(results))
    assert said["model"] == "tutorial-cnn"
    assert said["length"] == "4 epochs, 40 steps"
    assert said["trained on"] == "900 examples"
    assert said["evaluated on"] == "400 examples"
    fancy = TrainConfig(steps=40, schedule="cosine", warmup=0.1, optimizer="adamw", weight_decay=0.05, augment="flip")
    said = dict(settings(made_up(replace(CONFIG, train=fancy))))
    assert said["optimizer"] == "adamw, learning rate 0.003, cosine, warm-up 10%, weight decay 0.05"
    assert (said["length"], said["augmentation"]) == ("40 steps", "flip")


def test_arms_that_are_surely_within_the_margin_are_named(results: dict[str, Any]) -> None:
    assert "With within-class it is shown to lie within ±0.5 points (two one-sided tests, each alone)." in verdict(
        results, 0.0
    )
    changed = json.loads(json.dumps(results))
    for row in changed["summary"]:
        if row["cell"]["arm"] != "baseline":
            row["measures"]["accuracy"]["difference"]["equivalent"]["shown"] = False
    assert "shown to lie within" not in verdict(changed, 0.0)
