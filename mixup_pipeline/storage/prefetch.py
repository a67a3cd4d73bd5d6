"""Doing the next things already while the first is looked at."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def ahead(action: Callable[[_Item], _Done], items: Iterable[_Item], at_a_time: int) -> Iterator[_Done]:
    """What the action gives of each item, in their order; so many are under way at a time, in threads, and no more.

    Raises what the action raises, when its item's turn comes; then nothing more is begun.
    """
    begun: deque[Future[_Done]] = deque()
    pool = ThreadPoolExecutor(at_a_time)
    try:
        for item in items:
            begun.append(pool.submit(action, item))
            if len(begun) == at_a_time:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
