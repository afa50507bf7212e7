"""Starting workers with equal threads, and how long an import takes."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time

from weightdecay import patience
from weightdecay.benching import threads
from weightdecay.environments import REQUIREMENTS, Interpreter
from weightdecay.worker import START_LIMIT, Worker, environment

IMPORT = (
    "import sys, time; start = time.perf_counter(); __import__(sys.argv[1]); "
    "print('\\n', time.perf_counter() - start)"
)

MOST_PRINTED = 1 << 16
"""Bytes that an import may print."""


def start_worker(found: Interpreter, count: int) -> Worker:
    """A worker that has `count` threads; see `weightdecay.benching.threads`."""
    worker = Worker(found.backend, found.python, variables=threads.variables(count))
    threads.restrict(worker.pid, count)  # Python itself is still starting
    return worker


def import_seconds(found: Interpreter, count: int) -> float | None:
    """Seconds that the framework's import takes in a new process; None if it does not come to that.

    What else it imports, such as NumPy, counts; the start of Python does not.
    """
    if found.backend not in REQUIREMENTS:  # a third party's: only its adapter knows the framework
        return None
    command = [str(found.python), "-P", "-c", IMPORT, REQUIREMENTS[found.backend].framework]
    with (
        contextlib.suppress(OSError, ValueError, IndexError),
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment() | threads.variables(count),
        ) as process,
    ):
        try:
            threads.restrict(process.pid, count)
            return float(_printed(process, patience.limit(START_LIMIT)).split()[-1])
        finally:
            process.kill()
    return None


def _printed(process: subprocess.Popen[bytes], limit: float) -> bytes:
    """What a process prints before it ends; of one that goes on for longer, or for ever, nothing.

    It may be any program: what it prints is not kept without end.
    """
    assert process.stdout is not None
    until, printed = time.monotonic() + limit, b""
    while len(printed) <= MOST_PRINTED:
        if not select.select([process.stdout], [], [], max(until - time.monotonic(), 0))[0]:
            break
        chunk = os.read(process.stdout.fileno(), MOST_PRINTED)
        if not chunk:
            return printed
        printed += chunk
    return b""
