"""Several workers side by side, which end together, however it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from types import TracebackType
from typing import TypeAlias, TypeVar

from weightdecay.environments import Interpreter
from weightdecay.worker import Worker, WorkerError

T = TypeVar("T")
Start: TypeAlias = Callable[[Interpreter], Worker]


def start_worker(found: Interpreter) -> Worker:
    """The worker of an interpreter."""
    return Worker(found.backend, found.python)


class Fleet:
    """Workers that several threads start and use; as a context, none outlives it.

    An interruption (Ctrl-C) closes all of them, so that nobody waits for the work under way, and
    none is started afterwards.
    """

    def __init__(self, start: Start = start_worker) -> None:
        self._start = start
        self._workers: list[Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Fleet:
        """Give the fleet itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every worker."""
        self.close()

    def start(self, found: Interpreter) -> Worker:
        """Start the worker of an interpreter; nothing waits for it.

        Raises
        ------
        WorkerError
            It cannot be started, or the fleet was closed.
        """
        with self._lock:
            if self._closed:
                raise WorkerError("the work was interrupted.")
            worker = self._start(found)
            self._workers.append(worker)
            return worker

    def close(self) -> None:
        """Leave no process behind, and let none begin."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.close()
            self._workers.clear()

    def side_by_side(self, lanes: Sequence[Iterable[T]]) -> list[list[T]]:
        """What each lane gives, each in a thread of its own, from its beginning to its end.

        Where one raises, or the wait is interrupted, all end after the thing they are at, which
        loses its worker.
        """
        if not lanes:
            return []

        def run(lane: Iterable[T]) -> list[T]:
            given = []
            for one in lane:
                given.append(one)
                if self._closed:
                    break
            return given

        with ThreadPoolExecutor(len(lanes)) as pool:
            pending = [pool.submit(copy_context().run, run, lane) for lane in lanes]
            try:
                wait(pending, return_when=FIRST_EXCEPTION)
                for one in pending:
                    if one.done():
                        one.result()
                return [one.result() for one in pending]
            except BaseException:
                self.close()
                raise
