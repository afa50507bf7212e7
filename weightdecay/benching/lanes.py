"""The parent's side of one backend: its worker, and what has been measured on it so far.

A lane does one thing when it is told to, and waits for the answer; so while lanes are told one
after another, one backend runs and all others idle. What goes wrong is kept as the lane's error,
and it is then left out of everything that follows.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from weightdecay import answers, patience
from weightdecay.benching.case import Case
from weightdecay.benching.result import First, Measurement, Row
from weightdecay.environments import Interpreter
from weightdecay.errors import WeightDecayError
from weightdecay.ops import NumPyArray
from weightdecay.worker import Worker, WorkerCallError, WorkerError

CALL_LIMIT = 600.0
"""Seconds after which a call counts as hung."""
LEAST_SECONDS = 5e-3
"""One measurement lasts at least about so long."""
TRIES = 4
"""Guesses at how many repetitions that takes."""
LONG = 0.25
"""Seconds of a repetition from which on a measurement needs no warm caches."""

T = TypeVar("T")
Start: TypeAlias = Callable[[Interpreter], Worker]


class Lane:
    """One backend; `row` holds what is known of it."""

    def __init__(self, found: Interpreter, start: Start, call_limit: float | None = None) -> None:
        self.row = Row(found.backend, found)
        self._start, self._limit = start, call_limit or patience.limit(CALL_LIMIT)
        self._worker: Worker | None = None
        self._case: Case | None = None
        self._plan: dict[str, tuple[int, bool]] = {}
        self.devices: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether nothing has gone wrong so far."""
        return self.row.error is None

    def start(self) -> None:
        """Start a worker in the place of the one before, and wait until it is ready."""
        self.close()

        def ready() -> None:
            clock = time.perf_counter()
            self._worker = self._start(self.row.interpreter)
            hello = self._worker.ready()
            self.row = replace(
                self.row,
                version=hello.backend_version,
                python=hello.python_version,
                numpy=hello.numpy_version,
                starts=(*self.row.starts, time.perf_counter() - clock),
            )
            self.devices = hello.devices

        self._attempt(ready)

    def prove(self, case: Case) -> First | None:
        """Place a case, train for the first time, and compare with NumPy; None if it failed."""
        self._case = case

        def first() -> First:
            header, arrays = self._ask("bench_prepare", case.header(self.row.backend), case.arrays)
            self._compare(arrays)
            with self._answered("bench_prepare"):
                parts = ("bind_ns", "place_ns", "first_ns")
                return First(*(answers.number(header, part) / 1e9 for part in parts))

        return self._attempt(first)

    def calibrate(self, what: str) -> None:
        """Find how many repetitions of `what` make a measurement."""

        def guess() -> None:
            times = 1
            for _ in range(TRIES):
                once = self._measure(what, times, warm=True).seconds
                if once * times >= LEAST_SECONDS:
                    break
                times = math.ceil(1.2 * LEAST_SECONDS / once)
            self._plan[what] = times, once < LONG

        self._attempt(guess)

    def measure(self, what: str) -> Measurement | None:
        """One measurement of 'train' or 'loop'; None if it failed."""
        return self._attempt(lambda: self._measure(what, *self._plan[what]))

    def forgive(self) -> None:
        """Forget what went wrong with one case, if the worker outlived it."""
        if self._worker is not None:
            self.row = replace(self.row, error=None)

    def close(self) -> None:
        """Leave no process behind."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _measure(self, what: str, times: int, warm: bool) -> Measurement:
        asked = {"what": what, "times": times, "warm": warm}
        header, arrays = self._ask("bench_measure", asked, {})
        self._compare(arrays)  # what was timed is what was proved
        with self._answered("bench_measure"):
            ns = max(answers.number(header, "ns"), 1.0)
            busy = answers.number(header, "busy_ns") / ns
            known = header.get("threads") is not None  # where the platform says
            process = {
                "processors": answers.whole(header, "processors"),
                "threads": answers.whole(header, "threads") if known else None,
            }
        self.row = replace(self.row, process=process)
        return Measurement(ns / times / 1e9, times, busy)

    def _ask(
        self, call: str, header: dict[str, Any], arrays: dict[str, NumPyArray]
    ) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
        assert self._worker is not None
        return self._worker.call(call, header, arrays, self._limit)

    def _answered(self, call: str) -> contextlib.AbstractContextManager[None]:
        assert self._worker is not None
        return self._worker.reading(call)

    def _compare(self, found: dict[str, NumPyArray]) -> None:
        assert self._case is not None
        for name, wanted in self._case.reference._asdict().items():
            with self._answered("bench"):
                answers.floats(found, name, wanted.shape)
        apart = self._case.difference(found)
        worst = max(apart, self.row.difference or 0.0)
        self.row = replace(self.row, difference=worst, agrees=worst <= self._case.tolerance)
        if not apart <= self._case.tolerance:
            raise DisagreementError(
                f"does not agree with NumPy: a parameter differs by {apart:.1e} of the largest, "
                f"where {self._case.tolerance:g} is rounding; it is not timed."
            )

    def _attempt(self, action: Callable[[], T]) -> T | None:
        if not self.alive:
            return None
        try:
            return action()
        except WeightDecayError as error:
            self.row = replace(self.row, error=str(error))
            if isinstance(error, WorkerError) and not isinstance(error, WorkerCallError):
                self.close()
            return None


class DisagreementError(WeightDecayError):
    """A backend that trains to something else than NumPy."""

    exit_code = 1
