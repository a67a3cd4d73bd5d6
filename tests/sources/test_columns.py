"""Columns: which features make up the input together, and that the label is never one of them."""

from typing import Any

import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.choosing import Described, choose
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.spec import ExampleSpec
from tests.sources.features import CLASS, IMAGE, TEXT, VECTOR

REAL = Feature(text="float", input_kind="vector", shape=(1,), is_number=True)
WHOLE = Feature(text="integer", label_kind="class", is_number=True)
COLUMN = Feature(text="column of numbers", is_number=True)
"""Of a table: an input only together with others."""

RECORD = {"h": REAL, "n": WHOLE, "w": REAL, "image": IMAGE, "scan": VECTOR, "name": TEXT, "label": CLASS}
TABLE = {"w": COLUMN, "h": COLUMN, "name": TEXT, "label": CLASS}


def spec_of(schema: Any, *, table: bool = False, **options: Any) -> ExampleSpec:
    described = Described(schema=schema, where="the records", packs_columns=table)
    return choose(described, SourceConfig(src="x", **options)).spec


@pytest.mark.parametrize(("table", "encoding"), [(False, "columns"), (True, "vector")])
@pytest.mark.parametrize("asked", ["h,n,w", "w, h", " n "])
def test_they_are_the_input_in_the_order_that_is_asked_for(asked: str, table: bool, encoding: str) -> None:
    columns = tuple(name.strip() for name in asked.split(","))
    spec = spec_of(RECORD, table=table, columns=asked)
    assert (spec.columns, spec.shape, spec.encoding, spec.input_key) == (columns, (len(columns),), encoding, "features")
    assert (spec.label_key, spec.num_classes) == ("label", 10)


def test_of_a_table_they_are_all_numbers_but_the_label() -> None:
    assert spec_of(TABLE, table=True).columns == ("w", "h")
    spec = spec_of(TABLE, table=True, label_key="h", label_kind="regression")
    assert (spec.columns, spec.label_key) == (("w",), "h")
    assert spec_of({**TABLE, "image": IMAGE}, table=True).columns == ()  # an image is rather meant


def test_of_records_they_are_asked_for() -> None:
    with pytest.raises(UsageError, match=r"--image-key is needed, or --columns w,h for several: .* has 2 that it cou"):
        spec_of({"w": REAL, "h": REAL, "label": CLASS})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"columns": "h,depth"},
            "--columns: the records has no 'depth'; it has h, w (float), image (Image), label (Class",
        ),
        ({"columns": "h,,w"}, "--columns: the records has no ''"),
        ({"columns": "h,image"}, "--columns: 'image' of the records is Image, which is no column of numbers: leave it"),
        (
            {"columns": "scan"},
            "--columns: 'scan' of the records is vector, which is no column of numbers: leave it out",
        ),
        ({"columns": "name"}, "--columns: 'name' of the records is Text, which is no column of numbers: leave it out"),
        ({"columns": "h, w,h"}, "--columns: 'h' is given twice"),
        ({"columns": "h", "image_key": "image"}, "--columns and --image-key both name the input: give one of them"),
        (
            {"columns": "h,n", "label_key": "n", "num_classes": 3},
            "--columns: 'n' of the records is the label: leave it",
        ),
    ],
)
def test_what_is_no_column_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        spec_of(RECORD, **options)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(("label", "table"), [("label", False), ("label", True), ("kind", False)])
def test_a_label_that_a_rule_chose_is_no_column(label: str, table: bool) -> None:
    """Called label, or the only one that it can be: a network would be shown what it is asked."""
    schema = {"h": REAL, "w": REAL, label: WHOLE}
    said = f"^--columns: '{label}' of the records is the label: leave it out, or name another label with --label-key$"
    with pytest.raises(UsageError, match=said):
        spec_of(schema, table=table, columns=f"h,{label}", num_classes=3)
    other = spec_of({**schema, "other": WHOLE}, table=table, columns=f"h,{label}", label_key="other", num_classes=3)
    assert (other.columns, other.label_key) == (("h", label), "other")


def test_a_table_without_numbers_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no column of the records can be mixed: it has label .*, name \(Text\): num"):
        spec_of({"name": TEXT, "label": CLASS}, table=True)
