"""A progress bar for long runs: on a terminal, after half a second, and never in a pipe."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 0.5


class Bar:
    """Counts parts that are done, from any thread, and draws on standard error."""

    def __init__(self, unit: str, shown: bool) -> None:
        self._unit, self._shown = unit, shown
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._total = self._done = 0
        self._drawn: Any = None

    def start(self, total: int) -> None:
        """Say how many parts there are."""
        self._total = total

    def advance(self, parts: int = 1) -> None:
        """Count some parts; draw if it has been a while."""
        if not self._shown:
            return
        with self._lock:
            self._done += parts
            if self._drawn is None and time.monotonic() - self._started > PATIENCE:
                from rich.progress import Progress

                from weightdecay.report.terminal import Console

                self._drawn = Progress(console=Console(stderr=True), transient=True)
                self._task = self._drawn.add_task(self._unit, total=self._total)
                self._drawn.start()
            if self._drawn is not None:
                self._drawn.update(self._task, completed=self._done)

    def stop(self) -> None:
        """Wipe the bar away."""
        if self._drawn is not None:
            self._drawn.stop()


@contextmanager
def progress(unit: str) -> Iterator[Bar]:
    """A bar over parts that are called `unit`."""
    bar = Bar(unit, shown=sys.stderr.isatty())
    try:
        yield bar
    finally:
        bar.stop()
