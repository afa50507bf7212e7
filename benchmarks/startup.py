"""How long the commands take before and around the training: whole processes, in turn.

``python benchmarks/startup.py [--rounds N] [--out FILE]``. Every round starts each command once,
so that a machine that slows down slows all of them; medians over rounds, and ratios to importing
NumPy, which every run has to wait for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from weightdecay.benching.machine import describe

PYTHON = [sys.executable]
COMMANDS = {
    "python -c 'import numpy'": [*PYTHON, "-c", "import numpy"],
    "python -c 'import weightdecay'": [*PYTHON, "-c", "import weightdecay"],
    "python -c 'import weightdecay; weightdecay.fit'": [
        *PYTHON,
        "-c",
        "import weightdecay; weightdecay.fit",
    ],
    "weightdecay --help": [*PYTHON, "-m", "weightdecay", "--help"],
    "weightdecay run": [*PYTHON, "-m", "weightdecay", "run", "--backend", "numpy"],
}
REFERENCE = "python -c 'import numpy'"


def seconds(command: list[str]) -> float:
    """Wall time of one process, its output thrown away."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure, print, and write the results if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    for command in COMMANDS.values():  # compiled modules and a warm file cache, as on a second day
        seconds(command)
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(arguments.rounds):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    results = {
        name: {
            "median_seconds": round(medians[name], 4),
            "least_seconds": round(min(times), 4),
            "most_seconds": round(max(times), 4),
            "times_importing_numpy": round(medians[name] / medians[REFERENCE], 2),
        }
        for name, times in taken.items()
    }
    for name, row in results.items():
        print(
            f"{name:50} {row['median_seconds']:7.3f} s  "
            f"{row['times_importing_numpy']:5.2f} times importing NumPy"
        )
    if arguments.out:
        machine = describe("numpy", "click", "rich", "plotille")
        report = {"machine": machine, "rounds": arguments.rounds, "results": results}
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
