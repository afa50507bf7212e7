"""A progress bar for long runs: on a terminal, after half a second, and never in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 0.5


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Give a function to call after each of `total` parts; it draws on standard error."""
    started = time.monotonic()
    done = 0
    bar = task = None

    def advance() -> None:
        nonlocal done, bar, task
        done += 1
        if bar is None and time.monotonic() - started > PATIENCE:
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            task = bar.add_task("epochs", total=total)
            bar.start()
        if bar is not None and task is not None:
            bar.update(task, completed=done)

    try:
        yield advance if sys.stderr.isatty() else lambda: None
    finally:
        if bar is not None:
            bar.stop()
