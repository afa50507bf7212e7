"""Whether something fits into memory, asked before any work is done."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from weightdecay.errors import InputError

FLOAT = 8
"""Bytes of a float64."""
RESERVED = 800_000_000
"""Bytes of address space that polars reserves for its threads, measured with two of them."""
UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


def require(what: str, numbers: int, remedy: str, bytes_each: int = FLOAT) -> None:
    """Refuse so many numbers where they do not fit into the memory that is free.

    Parameters
    ----------
    what : str
        What they are, such as '10 rows of 5 inputs'.
    remedy : str
        What would be right, such as 'choose fewer'.

    Raises
    ------
    InputError
        They do not fit. Where this system does not tell how much is free, nothing is raised.
    """
    free, needed = available(), numbers * bytes_each
    if free is not None and needed > free:
        raise InputError(
            f"{what} take {size(needed)} of memory, and {size(free)} are free: {remedy}."
        )


def require_room(what: str, needed: int) -> None:
    """Refuse what would end this process rather than fail, where its own limit leaves no room.

    polars aborts where it gets no memory, and it reserves much of what it never uses.

    Raises
    ------
    InputError
        A limit such as ``ulimit -v`` leaves less than `needed` bytes beside what is reserved.
    """
    left = limit()
    if left is not None and needed + RESERVED > left:
        raise InputError(
            f"reading {what} takes {size(needed + RESERVED)} of address space, and the limit of "
            f"this process leaves {size(left)}: raise it (ulimit -v)."
        )


def size(count: int) -> str:
    """Bytes, in a unit that fits them."""
    power = min(max((len(str(count)) - 1) // 3, 1), len(UNITS))
    return f"{count / 1000**power:,.3g} {UNITS[power - 1]}"


def available() -> int | None:
    """Bytes that this process could still take: of the machine, of its group, of its own limit."""
    found = [free for free in (_machine(), _group(), limit()) if free is not None]
    return min(found) if found else None


def _machine() -> int | None:
    try:
        words = Path("/proc/meminfo").read_text(encoding="ascii").split()
        return 1024 * sum(
            int(words[words.index(f"{key}:") + 1]) for key in ("MemAvailable", "SwapFree")
        )
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _group() -> int | None:
    """What a container allows."""
    try:
        folder = Path("/sys/fs/cgroup")
        most = int((folder / "memory.max").read_text(encoding="ascii"))
        return max(most - int((folder / "memory.current").read_text(encoding="ascii")), 0)
    except (OSError, ValueError):  # no such group, or 'max'
        return None


def limit() -> int | None:
    """Bytes of addresses that ``ulimit -v`` still allows; None where there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    try:
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return most
    return max(most - taken * resource.getpagesize(), 0)
