"""Label kinds that are vectors or texts: what they read and refuse, and how two of them mix."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixup_pipeline.config.registry import LABEL_KINDS
from mixup_pipeline.records.labels import LabelKind
from mixup_pipeline.records.tf_example import Features, parse, serialize
from mixup_pipeline.spec import NO_CLASS, ExampleSpec

CLASSES = 5
VECTOR_KINDS = ["soft", "one-hot", "multi-hot", "class-list", "regression"]


def spec_of(kind: str, **more: Any) -> ExampleSpec:
    fields: dict[str, Any] = {"num_classes": CLASSES, **more}
    return ExampleSpec(input_key="x", label_key="label", encoding="vector", shape=(1,), label_kind=kind, **fields)


def features_of(label: Any) -> Features:
    """A record with this label: integers, floats, bytes, or nothing."""
    if label is None:
        return parse(serialize({}))
    if isinstance(label, list) and label and isinstance(label[0], float):
        label = np.array(label, np.float32)
    return parse(serialize({"label": label}))


def read(kind: str, label: Any, **more: Any) -> Any:
    return LABEL_KINDS[kind].read(features_of(label), spec_of(kind, **more))


@pytest.mark.parametrize(
    ("kind", "label", "expected"),
    [
        ("soft", [0.5, 0.25, 0.25, 0.0, 0.0], [0.5, 0.25, 0.25, 0, 0]),
        ("one-hot", [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]),
        ("multi-hot", [1, 0, 1, 0, 1], [1, 0, 1, 0, 1]),
        ("multi-hot", [1.0, 0.0, 0.0, 0.0, 1.0], [1, 0, 0, 0, 1]),
        ("multi-hot", [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
        ("class-list", [4, 0, 4], [1, 0, 0, 0, 1]),
        ("class-list", [], [0, 0, 0, 0, 0]),
        ("class-list", None, None),
        ("regression", [1.5, -2.0, 0.0, 1e30, 3.0], [1.5, -2, 0, 1e30, 3]),
        ("regression", [1, -2, 0, 7, 3], [1, -2, 0, 7, 3]),
    ],
)
def test_labels_are_read_as_float32(kind: str, label: Any, expected: list[float] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="feature 'label' is missing"):
            read(kind, label)
        return
    found = read(kind, label)
    assert (found.dtype, found.tolist()) == (np.float32, np.array(expected, np.float32).tolist())


@pytest.mark.parametrize(
    ("kind", "label", "said"),
    [
        ("one-hot", [0, 1], "label 'label' holds 2 values, 5 are needed"),
        (
            "one-hot",
            [0, 1, 1, 0, 0],
            "label 'label' holds 2 ones, a soft label sums to 1 (--label-kind multi-label is f",
        ),
        ("multi-hot", [0, 1, 2, 0, 0], "label 'label' holds 2, a multi-label vector holds 0 and 1 (of a list of class"),
        ("multi-hot", [0.0, 0.5, 0.0, 0.0, 0.0], "label 'label' holds 0.5, a multi-label vector holds 0 and 1"),
        ("multi-hot", [0, 1], "label 'label' holds 2 values, 5 are needed"),
        (
            "multi-hot",
            [float("nan"), 0.0, 0.0, 0.0, 0.0],
            "label 'label' holds nan, a multi-label vector holds 0 and 1",
        ),
        ("multi-hot", [2**63 - 1, 0, 0, 0, 0], "label 'label' holds 9.22337e+18, a multi-label vector holds 0 and 1"),
        ("multi-hot", [], "label 'label' holds 0 values, 5 are needed"),
        ("one-hot", [0, 0, 0, 0, 0], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum 0"),
        ("one-hot", [-1, 1, 1, 0, 0], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum 1"),
        ("class-list", [0, 5], "label 5 is out of range: allowed are 0 to 4"),
        ("class-list", [-1], "label -1 is out of range: allowed are 0 to 4"),
        ("class-list", [0.5], "feature 'label' is float_list, int64_list is needed"),
        ("regression", [1.0, float("nan"), 0.0, 0.0, 0.0], "label 'label' holds a value that is not finite"),
        ("regression", [1.0], "label 'label' holds 1 value, 5 are needed"),
        ("regression", b"12", "feature 'label' is bytes_list, float_list is needed"),
    ],
)
def test_bad_labels_are_refused(kind: str, label: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        read(kind, label)


def test_class_lists_may_count_from_one() -> None:
    assert read("class-list", [1, 5], first_class=1).tolist() == [1, 0, 0, 0, 1]
    with pytest.raises(ValueError, match="label 0 is out of range: allowed are 1 to 5"):
        read("class-list", [0], first_class=1)


@given(st.sets(st.integers(0, CLASSES - 1)))
def test_a_list_of_classes_is_the_vector_that_names_them(classes: set[int]) -> None:
    hot = [int(number in classes) for number in range(CLASSES)]
    assert read("class-list", sorted(classes)).tolist() == read("multi-hot", hot).tolist()


@pytest.mark.parametrize("kind", VECTOR_KINDS)
def test_they_mix_linearly_and_the_mix_is_a_label(kind: str) -> None:
    """Against float64; and what is mixed passes the check of a stored record."""
    labels: LabelKind = LABEL_KINDS[kind]
    rng = np.random.default_rng(0)
    made = {
        "soft": rng.dirichlet(np.ones(CLASSES), 20),
        "one-hot": np.eye(CLASSES)[rng.integers(0, CLASSES, 20)],
        "regression": rng.normal(0, 1e4, (20, CLASSES)),
    }.get(kind, rng.integers(0, 2, (20, CLASSES))).astype(np.float32)
    base, partner = rng.permutation(20), rng.permutation(20)
    lam = rng.beta(0.4, 0.4, 20).astype(np.float32)
    mixed = labels.mix(made, base, partner, lam, num_classes=CLASSES, dense=True)
    assert list(mixed) == ["label"]
    exact = lam[:, None].astype(np.float64) * made[base] + (1 - lam[:, None].astype(np.float64)) * made[partner]
    np.testing.assert_allclose(mixed["label"], exact, rtol=1e-5, atol=1e-6)
    for row in range(20):
        values = {"label": mixed["label"][row].tolist()}
        labels.check(values, float(lam[row]), num_classes=CLASSES, dense=True)
        assert labels.soft_label(values, 0.5, num_classes=CLASSES).tolist() == mixed["label"][row].tolist()
    assert [(field.key, field.shape) for field in labels.stored_fields(CLASSES, dense=True)] == [("label", (CLASSES,))]


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("soft", [0.6, 0.6, 0, 0, 0]),
        ("multi-hot", [1.1, 0, 0, 0, 0]),
        ("class-list", [-0.1, 0, 0, 0, 0]),
        ("regression", [float("inf"), 0, 0, 0, 0]),
    ],
)
def test_what_no_two_labels_mix_to_is_refused(kind: str, stored: list[float]) -> None:
    with pytest.raises(ValueError, match="label"):
        LABEL_KINDS[kind].check({"label": stored}, 0.5, num_classes=CLASSES, dense=True)


def test_what_the_index_keeps() -> None:
    for kind in VECTOR_KINDS[:-1]:
        assert LABEL_KINDS[kind].indexed(np.ones(CLASSES, np.float32)) == NO_CLASS
    assert LABEL_KINDS["class"].indexed(3) == 3
    for value in (0.0, -1.5, 3e38, 1e-40):
        kept = LABEL_KINDS["regression"].indexed(np.array([value, 7], np.float32))
        assert np.array([kept], np.int32).view(np.float32)[0] == np.float32(value)


def test_texts_are_classes() -> None:
    texts = ("ant", "Käfer", "")
    spec = spec_of("class", num_classes=3, class_texts=texts)
    for class_id, text in enumerate(texts):
        assert LABEL_KINDS["class"].read(features_of(text.encode()), spec) == class_id
    for label, said in (
        (b"bee", "label 'bee' is none of the classes (ant, Käfer, )"),
        ([1], "feature 'label' is int64_li"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
            LABEL_KINDS["class"].read(features_of(label), spec)
    many = spec_of("class", num_classes=99, class_texts=tuple(map(str, range(99))))
    with pytest.raises(ValueError, match=r"is none of the classes \(0, 1, 2, 3, 4, 5, 6, 7, …\)$"):
        LABEL_KINDS["class"].read(features_of(b"x"), many)
