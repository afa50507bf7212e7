"""The machine that figures were taken on."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path


def describe(*packages: str) -> dict[str, object]:
    """Processor, cores, memory, system, Python, and the versions of some packages."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "release": platform.release(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def busy(seconds: float = 0.1) -> float | None:
    """Processors that other programs keep busy, watched for a moment; None if nobody counts."""
    before, start = _busy_seconds(), time.perf_counter()
    if before is None:
        return None
    time.sleep(seconds)
    after = _busy_seconds()
    return None if after is None else (after - before) / (time.perf_counter() - start)


def _busy_seconds() -> float | None:
    """Seconds that all processors together have been busy since the machine started (Linux)."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    _, *ticks = stat.read_text(encoding="utf-8").splitlines()[0].split()
    user, nice, system, _idle, _waiting, *interrupts = map(int, ticks[:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _memory() -> float | None:
    """GiB of memory, where the system says."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(size / 2**30, 1)
