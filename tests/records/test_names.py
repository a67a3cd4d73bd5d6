"""Ids of examples: made of a file, a record, and the image that the record was; and found again in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixup_pipeline.records.names import example_id, file_of, id_bytes, located, split_example_id

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
PATHS = st.lists(NAMES.filter(lambda name: "/" not in name), min_size=1, max_size=4).map("/".join)


@given(PATHS, st.integers(0, 2**31 - 1), st.one_of(st.just(""), PATHS))
def test_an_id_is_found_again(file: str, record: int, member: str) -> None:
    text = example_id(file, record, member)
    assert located(text, {file}) == (file, record)
    assert split_example_id(text) == (f"{file}/{member}" if member else file, record)
    assert file_of(text) == (f"{file}/{member}" if member else file)
    assert len(text.encode()) <= id_bytes(file, len(member.encode()))


@given(PATHS, PATHS, PATHS, st.integers(0, 99))
def test_the_longest_file_that_it_can_be_of_is_meant(file: str, below: str, member: str, record: int) -> None:
    assert located(example_id(f"{file}/{below}", record, member), {file, f"{file}/{below}"}) == (
        f"{file}/{below}",
        record,
    )


@pytest.mark.parametrize(
    "text", ["", "cat", "cat__", "cat__x", "cat__01", "cat__-1", "dog__1", "dog/1.png__1", "/__1", "cats/1.png__1"]
)
def test_what_is_of_no_file(text: str) -> None:
    assert located(text, {"cat", "train/cat"}) is None
