"""The peak of memory of a large fit, as a multiple of its data.

``python benchmarks/memory.py --backend NAME [--examples N] [--out FILE]``, in a process that does
nothing else. What is counted: the most that the process ever held, less what it held after
importing everything and fitting something tiny. The data are drawn after that and so are counted,
once: 1.0 would be the data alone, 2.0 is a copy of them. Linux only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import ours
from epoch import EXAMPLES, EXPERIMENT, INPUTS, draw
from results import BACKENDS, Results, write

from weightdecay import fit

STATUS = Path("/proc/self/status")


def measure(backend: str, examples: int) -> Results:
    """Fit something tiny, look, fit something large, look again."""
    fit(EXPERIMENT, draw(512, INPUTS), backend=backend, dtype=ours.DTYPE)
    before = held(STATUS.read_text(), "VmRSS")
    X, y = draw(examples, INPUTS)
    result = fit(EXPERIMENT, (X, y), backend=backend, dtype=ours.DTYPE)
    if not np.isfinite(result.params.w).all():
        raise ValueError("the fit did not end in finite weights.")
    peak = held(STATUS.read_text(), "VmHWM")
    data = X.nbytes + y.nbytes
    multiple = as_multiple(before, peak, data)
    print(f"{backend:10} {multiple:.2f} times the {data / 1e6:.0f} MB of data")
    return {"data_bytes": data, "before_bytes": before, "peak_bytes": peak, "times_data": multiple}


def held(status: str, field: str) -> int:
    """Bytes that a field of /proc/self/status says, such as VmRSS (now) or VmHWM (ever)."""
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    kibibytes, unit = line.split()[1:]
    if unit != "kB":
        raise ValueError(f"{field} is in {unit}: kB was expected.")
    return int(kibibytes) * 1024


def as_multiple(before: int, peak: int, data: int) -> float:
    """What came on top, in units of the data, to two decimals."""
    return round((peak - before) / data, 2)


def main() -> None:
    """Measure one backend, print, and write the results if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, required=True)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--out", type=Path, help="write the backend's part of this file anew")
    given = parser.parse_args()
    write(given.out, given.backend, measure(given.backend, given.examples))


if __name__ == "__main__":
    main()
