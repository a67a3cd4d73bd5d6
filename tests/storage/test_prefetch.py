"""Doing things ahead: the same results in the same order, and no more at a time than allowed."""

import threading
import time
from collections.abc import Iterator

import pytest

from mixup_pipeline.storage.prefetch import prefetch


@pytest.mark.parametrize("at_a_time", [1, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_all_in_order(count: int, at_a_time: int) -> None:
    assert list(prefetch(lambda item: item * 2, range(count), at_a_time)) == [2 * item for item in range(count)]


def test_no_more_than_so_many_are_begun_before_the_first_is_taken() -> None:
    begun: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            begun.append(item)
            yield item

    done = prefetch(lambda item: item, items(), 4)
    assert next(done) == 0
    time.sleep(0.05)
    assert len(begun) == 4
    assert list(done) == list(range(1, 50))


def test_several_are_under_way_together() -> None:
    together = threading.Barrier(3, timeout=10)  # breaks unless three come at once
    assert list(prefetch(lambda item: together.wait() >= 0, range(3), 3)) == [True] * 3


def test_an_error_comes_when_its_turn_comes_and_ends_the_rest() -> None:
    done: list[int] = []

    def action(item: int) -> int:
        done.append(item)
        if item == 2:
            raise ValueError("two")
        return item

    results = prefetch(action, range(100), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert len(done) <= 5
