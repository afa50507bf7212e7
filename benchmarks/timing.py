"""Times taken in turn: whatever slows the machine down slows every contestant."""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Times(NamedTuple):
    """Seconds: the median over repetitions, the least and the most."""

    median: float
    least: float
    most: float


def summary(seconds: list[float]) -> Times:
    """What is kept of repeated measurements."""
    return Times(statistics.median(seconds), min(seconds), max(seconds))


def interleaved(
    contestants: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Call every contestant once a round, in turn, after one call each that is not counted.

    The garbage collector is off meanwhile. What a contestant returns is thrown away after the clock
    is read, so that freeing it is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    with _no_collection():
        for _ in range(rounds):
            for name, run in contestants.items():
                start = clock()
                result = run()
                taken[name].append(clock() - start)
                del result
    return {name: summary(seconds) for name, seconds in taken.items()}


def best(times: Mapping[str, Times], prefix: str) -> str:
    """The name of the fastest contestant whose name starts with `prefix`."""
    return min((name for name in times if name.startswith(prefix)), key=lambda n: times[n].median)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
