"""Thread counts that are equal for every backend, and what a process really has.

Variables say it to the libraries that ask them, before any of them is imported. Where the platform
has it (Linux), a process is moreover kept on as many processors, which holds for every library.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from weightdecay.errors import InputError

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "NPROC",  # XLA's pool, on JAX
    "MXNET_CPU_WORKER_NTHREADS",
)


def processors() -> list[int]:
    """The processors that this process may use, by number."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def require(count: int | None) -> int:
    """A number of threads that can be had; all there are, if none is given.

    Raises
    ------
    InputError
        Fewer than 1, or more than there are processors for.
    """
    most = len(processors())
    if count is None:
        return most
    if not 1 <= count <= most:
        raise InputError(f"threads is {count}: this process may use 1 to {most} processors.")
    return count


def variables(count: int) -> dict[str, str]:
    """What the environment of a worker is to say."""
    return dict.fromkeys(VARIABLES, str(count))


def restrict(pid: int, count: int) -> bool:
    """Keep a process on `count` processors; to be called before it starts its threads.

    Returns
    -------
    bool
        Whether the platform can, and the process was still there.
    """
    if not hasattr(os, "sched_setaffinity"):
        return False
    try:
        os.sched_setaffinity(pid, processors()[:count])
    except OSError:  # it is gone, and whoever waits for it will be told
        return False
    return True


def here() -> dict[str, Any]:
    """What the running process has: processors that it may use, and threads that it has now."""
    status = Path("/proc/self/status")
    threads = None
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        threads = int(fields["Threads"])
    return {"processors": len(processors()), "threads": threads}
