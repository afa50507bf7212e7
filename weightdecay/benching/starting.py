"""Starting workers with equal threads, and how long an import takes."""

from __future__ import annotations

import contextlib
import subprocess

from weightdecay import patience
from weightdecay.benching import threads
from weightdecay.environments import REQUIREMENTS, Interpreter
from weightdecay.worker import START_LIMIT, Worker, environment

IMPORT = (
    "import sys, time; start = time.perf_counter(); __import__(sys.argv[1]); "
    "print('\\n', time.perf_counter() - start)"
)


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
        contextlib.suppress(OSError, ValueError, IndexError, subprocess.TimeoutExpired),
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
            printed, _ = process.communicate(timeout=patience.limit(START_LIMIT))
            return float(printed.split()[-1])
        finally:
            process.kill()
    return None
