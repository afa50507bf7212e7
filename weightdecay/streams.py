"""Random streams of a drive: seeded anew, and the process's own as they were, to the bit.

An optimizer may draw noise from a generator that belongs to the whole process. For an optimizer and
its twin to meet the same noise, each draws from streams of its own, which begin at one seed and
flow on from step to step, whatever else is driven in between. Python's and NumPy's streams are kept
here; those of a framework are handed in by its probe.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np


class Generator(NamedTuple):
    """A generator of the process: how to take its state, to put one back, and to make one."""

    take: Callable[[], Any]
    put: Callable[[Any], Any]
    begin: Callable[[int], Any]


_PYTHON = Generator(random.getstate, random.setstate, lambda seed: random.Random(seed).getstate())
_NUMPY = Generator(
    lambda: np.random.get_state(legacy=False),
    np.random.set_state,
    lambda seed: np.random.RandomState(seed).get_state(legacy=False),
)
_SHARED = _PYTHON, _NUMPY
"""Slow to take and to put: while they are kept they stay with whoever drew last."""


class _Turn:
    """Whose the shared streams are; nobody's while they are the user's."""

    holder: Streams | None = None
    depth = 0


@contextmanager
def kept() -> Iterator[None]:
    """Leave Python's and NumPy's global streams as they are found; blocks may be nested."""
    found = [generator.take() for generator in _SHARED] if _Turn.depth == 0 else []
    _Turn.depth += 1
    try:
        yield
    finally:
        _Turn.depth -= 1
        if _Turn.depth == 0:
            _pass_to(None)
            for generator, state in zip(_SHARED, found, strict=True):
                generator.put(state)


def _pass_to(streams: Streams | None) -> None:
    holder = _Turn.holder
    if holder is streams:
        return
    if holder is not None:
        holder.shared = [generator.take() for generator in _SHARED]
    if streams is not None:
        for generator, state in zip(_SHARED, streams.shared, strict=True):
            generator.put(state)
    _Turn.holder = streams


@functools.cache
def _begun(generator: Generator, seed: int) -> Any:
    return generator.begin(seed)


class Streams:
    """The streams of one drive.

    Parameters
    ----------
    own : sequence of Generator
        Those of the framework, whose states are cheap to exchange.
    seed : int
        Where all of them begin.
    """

    def __init__(self, own: Sequence[Generator] = (), seed: int = 0) -> None:
        self._own = tuple(own)
        self._first = [_begun(generator, seed) for generator in self._own]
        self._first_shared = [_begun(generator, seed) for generator in _SHARED]
        self.restart()

    def restart(self) -> None:
        """Begin again at the seed."""
        self._states, self.shared = self._first, self._first_shared
        if _Turn.holder is self:
            _Turn.holder = None

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Draw from these streams; outside of the block everything is as before."""
        with kept():
            _pass_to(self)
            found = [generator.take() for generator in self._own]
            self._put(self._states)
            try:
                yield
            finally:
                self._states = [generator.take() for generator in self._own]
                self._put(found)

    def _put(self, states: Sequence[Any]) -> None:
        for generator, state in zip(self._own, states, strict=True):
            generator.put(state)
