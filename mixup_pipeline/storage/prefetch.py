"""Prefetching: read or make the next items in threads while the caller uses the current one."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_MOST_THREADS = 4
"""For work on all cores. Each decodes an image of its own, which takes memory."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def prefetch(function: Callable[[_Item], _Result], items: Iterable[_Item], num_threads: int) -> Iterator[_Result]:
    """Like `map`, in order, but with up to `num_threads` calls running ahead of the caller.

    An exception of a call is raised when its item's turn comes. No further call is started then.
    """
    pending: deque[Future[_Result]] = deque()
    pool = ThreadPoolExecutor(num_threads)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) == num_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def on_all_cores(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Like `map`, in order, on all cores of this machine, for work that releases Python's lock and takes long."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return map(function, items) if cores == 1 else prefetch(function, items, min(cores, _MOST_THREADS))
