"""Tasks: measures against their definitions written out, predictions, losses, and what cannot be measured."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.config.registry import LABEL_KINDS, TASKS
from mixup_pipeline.training.tasks import Task, task_named, task_of, task_of_history
from mixup_pipeline.training.tasks.multi_label import average_precision, mean_average_precision
from mixup_pipeline.training.tensorflow_import import import_keras

MULTI_LABEL, REGRESSION = task_named("multi-label"), task_named("regression")
SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def precision_and_recall_at(scores: list[float], present: list[bool], threshold: float) -> tuple[float, float]:
    found = [score >= threshold for score in scores]
    hits = sum(one and other for one, other in zip(found, present, strict=True))
    return hits / sum(found), hits / sum(present)


def slow_average_precision(scores: list[float], present: list[bool]) -> float:
    """Lower the threshold from score to score, and sum precision times the gain in recall."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        precision, recall = precision_and_recall_at(scores, present, threshold)
        total, before = total + precision * (recall - before), recall
    return total


@given(SEEDS)
@settings(max_examples=80)
def test_multi_label_measures_equal_the_slow_reference(rng: np.random.Generator) -> None:
    count, classes = int(rng.integers(1, 30)), int(rng.integers(1, 5))
    predictions = rng.integers(0, 6, (count, classes)) / 5  # many ties, and 0 and 1
    labels = (rng.random((count, classes)) < 0.3).astype(np.float32)
    labels[0, 0] = 1
    found = MULTI_LABEL.evaluate(predictions, labels)
    columns = [
        slow_average_precision(predictions[:, one].tolist(), (labels[:, one] > 0).tolist())
        for one in range(classes)
        if labels[:, one].any()
    ]
    assert found["map"] == pytest.approx(sum(columns) / len(columns))
    cells = [
        (p, y)
        for row, label in zip(predictions.tolist(), labels.tolist(), strict=True)
        for p, y in zip(row, label, strict=True)
    ]
    hits = sum(p >= 0.5 and y == 1 for p, y in cells)
    wrong = sum(p >= 0.5 and y == 0 for p, y in cells) + sum(p < 0.5 and y == 1 for p, y in cells)
    assert found["micro_f1"] == pytest.approx(2 * hits / (2 * hits + wrong))
    likelihoods = [math.log(max(p if y else 1 - p, 1e-12)) for p, y in cells]
    assert found["nll"] == pytest.approx(-sum(likelihoods) / len(cells))
    assert found["brier"] == pytest.approx(sum((p - y) ** 2 for p, y in cells) / len(cells))


@given(SEEDS)
@settings(max_examples=60)
def test_regression_measures_equal_the_slow_reference(rng: np.random.Generator) -> None:
    count, values = int(rng.integers(2, 30)), int(rng.integers(1, 4))
    labels = (1000 + 50 * rng.standard_normal((count, values))).astype(np.float32)
    labels[0], labels[1] = 900, 1100  # they differ
    predictions = labels + rng.normal(0, 30, (count, values))
    found = REGRESSION.evaluate(predictions, labels)
    parts = []
    for one in range(values):
        true, said = labels[:, one].astype(float).tolist(), predictions[:, one].tolist()
        middle = sum(true) / count
        errors = sum((y - p) ** 2 for y, p in zip(true, said, strict=True))
        parts.append(1 - errors / sum((y - middle) ** 2 for y in true))
    assert found["r2"] == pytest.approx(sum(parts) / values)
    differences = (labels.astype(float) - predictions).ravel().tolist()
    assert found["mse"] == pytest.approx(sum(d * d for d in differences) / len(differences))
    assert found["mae"] == pytest.approx(sum(abs(d) for d in differences) / len(differences))


def test_equal_scores_are_taken_together_in_any_order() -> None:
    present = np.array([True, False, True, False])
    for order in ([0, 1, 2, 3], [1, 0, 3, 2], [3, 1, 2, 0]):
        assert average_precision(np.full(4, 0.5), present[order]) == 0.5
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.1]), present) == pytest.approx((1 + 2 / 3) / 2)


def test_classes_without_positives_are_left_out_and_counted() -> None:
    labels = np.array([[1, 0, 1], [0, 0, 1]], np.float32)
    predictions = np.array([[0.9, 0.3, 0.2], [0.1, 0.8, 0.4]])
    assert mean_average_precision(predictions, labels > 0) == 1
    (note,) = MULTI_LABEL.notes(labels)
    assert note.startswith("1 of 3 classes have no positive evaluation example")
    assert MULTI_LABEL.notes(labels[:, [0, 2]]) == []
    with pytest.raises(ValueError, match="no example is of any class"):
        MULTI_LABEL.notes(0 * labels)


def test_values_that_never_differ_are_left_out_and_counted() -> None:
    labels = np.array([[1, 7], [2, 7], [3, 7]], np.float32)
    assert REGRESSION.evaluate(labels.astype(np.float64), labels)["r2"] == 1
    assert REGRESSION.evaluate(np.full((3, 2), 2.0), labels)["r2"] == 0
    (note,) = REGRESSION.notes(labels)
    assert note.startswith("1 of 2 values are equal in all evaluation examples")
    with pytest.raises(ValueError, match="all equal"):
        REGRESSION.notes(labels[:, 1:])


def test_logits_become_probabilities_without_overflow() -> None:
    logits = np.array([[-1e4, -1, 0, 1, 1e4, np.nan]], np.float32)
    found = MULTI_LABEL.predictions(logits, from_logits=True)
    expected = [0, 1 / (1 + math.e), 0.5, math.e / (1 + math.e), 1]
    np.testing.assert_allclose(found[0, :5], expected, rtol=1e-12)
    assert np.isnan(found[0, 5])
    assert (MULTI_LABEL.predictions(found, from_logits=False)[0, :5] == found[0, :5]).all()


def test_whether_a_model_gives_logits_is_read_off_its_last_layer() -> None:
    keras = import_keras()

    def ends_in(*last: Any) -> bool:
        model = keras.Sequential([keras.Input((3,)), *last])
        return MULTI_LABEL.gives_logits(keras.Sequential([keras.Input((3,)), model]), np.zeros((2, 2)))

    layers = keras.layers
    assert not ends_in(layers.Dense(2, activation="sigmoid"))
    assert not ends_in(layers.Dense(2), layers.Activation("sigmoid"))
    assert ends_in(layers.Dense(2))
    assert ends_in(layers.Dense(2, activation="relu"))


@pytest.mark.parametrize("from_logits", [True, False])
def test_the_loss_and_the_accuracy_of_shares_are_their_definitions(from_logits: bool) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(5, 3)).astype(np.float32), rng.random((5, 3)).astype(np.float32)
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
    outputs = logits if from_logits else probabilities.astype(np.float32)
    loss = MULTI_LABEL.loss(None, from_logits=from_logits, label_smoothing=0.0)(labels, outputs)
    expected = -(labels * np.log(probabilities) + (1 - labels) * np.log(1 - probabilities)).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    (accuracy,) = MULTI_LABEL.metrics(from_logits=from_logits)
    assert np.asarray(accuracy(labels, outputs)) == pytest.approx(((probabilities >= 0.5) == (labels >= 0.5)).mean(1))


@pytest.mark.parametrize(
    ("task", "values", "best"),
    [("classification", (0.2, 0.9, 0.9), 1), ("multi-label", (0.3, 0.1, 0.2), 0), ("regression", (-4, -1, -2), 1)],
)
def test_the_main_measure_chooses_the_first_best_epoch(task: str, values: tuple[float, ...], best: int) -> None:
    known = task_named(task)
    rows: list[dict[str, float | int]] = [
        {known.main.name: value, "epoch": epoch} for epoch, value in enumerate(values)
    ]
    assert known.best(rows)["epoch"] == best


def test_every_label_kind_has_a_task_and_every_history_one() -> None:
    assert {name: task_of(name).name for name in LABEL_KINDS} == {
        "class": "classification",
        "soft": "classification",
        "one-hot": "classification",
        "multi-hot": "multi-label",
        "class-list": "multi-label",
        "regression": "regression",
    }
    tasks: list[Task] = list(TASKS.values())
    for task in tasks:
        assert task_of_history(dict.fromkeys(task.columns, 0.0)) is task
        names = [one.name for one in (*task.training, *task.measures)]
        assert len(set(names)) == len(names)
        assert set(task.printed) | {name for name, *_ in task.drawn} <= {one.name for one in task.measures}
    with pytest.raises(ValueError, match="its columns are not those of a history"):
        task_of_history({"epoch": 1})
