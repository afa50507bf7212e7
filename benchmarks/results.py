"""Results on disk: one JSON file a question, one part a backend, each with its machine."""

from __future__ import annotations

import argparse
import importlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from problem import Training
from timing import Times

from weightdecay.benching.machine import describe
from weightdecay.benching.threads import processors
from weightdecay.tolerances import PARITY

HERE = Path(__file__).parent
BACKENDS = ("numpy", "torch", "tensorflow", "jax", "mxnet")
PACKAGES = {  # those that are installed are named with their versions
    "numpy": ("numpy", "scikit-learn"),
    "torch": ("numpy", "torch", "scikit-learn"),
    "tensorflow": ("numpy", "tensorflow", "tensorflow-cpu", "keras"),
    "jax": ("numpy", "jax", "optax"),
    "mxnet": ("numpy", "mxnet"),
}

Results: TypeAlias = dict[str, Any]


def arguments(description: str, rounds: int) -> argparse.Namespace:
    """``--backend NAME [--rounds N] [--out FILE]``, as every script here takes them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--backend", choices=BACKENDS, required=True)
    parser.add_argument("--rounds", type=int, default=rounds, help="repetitions of what is quick")
    parser.add_argument("--out", type=Path, help="write the backend's part of this file anew")
    return parser.parse_args()


def contestants(backend: str) -> Mapping[str, Any]:
    """The hand-written trainings in a backend's framework."""
    found: Mapping[str, Any] = importlib.import_module(f"loops.{backend}_loops").CONTESTANTS
    return found


def require_equal(trainings: Mapping[str, Training], tolerance: float = PARITY["float32"]) -> None:
    """Run all, and raise ValueError unless they end in the parameters of the first.

    The measure is that of parity: the largest difference over the largest parameter.
    """
    (first, *_), reference = trainings, None
    for name, training in trainings.items():
        params = np.append(*training()).astype(np.float64)
        reference = params if reference is None else reference
        difference = float(np.max(abs(params - reference)) / np.max(abs(reference)))
        if not difference <= tolerance:
            raise ValueError(
                f"{name!r} ends {difference:.1e} away from {first!r}: {tolerance:g} is allowed."
            )


def as_json(times: Mapping[str, Times]) -> dict[str, dict[str, float]]:
    """Seconds, to four digits."""
    return {
        name: {part: float(f"{value:.4g}") for part, value in row._asdict().items()}
        for name, row in times.items()
    }


def ratio(times: Mapping[str, Times], over: str, under: str) -> float:
    """The quotient of two medians, to three digits."""
    return float(f"{times[over].median / times[under].median:.3g}")


def show(backend: str, times: Mapping[str, Times], ratios: Mapping[str, float]) -> None:
    """Print medians with their spread, then the ratios."""
    for name, row in times.items():
        print(
            f"{backend:10} {name:42} {row.median * 1e3:10.3f} ms   "
            f"{row.least * 1e3:9.3f} to {row.most * 1e3:9.3f}"
        )
    for name, value in ratios.items():
        print(f"{backend:10} {name:60} {value:8.3g}")


def write(path: Path | None, backend: str, results: Results) -> None:
    """Put a backend's part into a file, beside those of the others; nothing without a file."""
    if path is None:
        return
    parts = read(path)
    packages = filter(_installed, PACKAGES[backend])
    parts[backend] = {
        "machine": {**describe(*packages), "processors_used": len(processors())},
        "results": results,
    }
    ordered = {name: parts[name] for name in BACKENDS if name in parts}
    whole = path.with_suffix(".json.part")
    whole.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(whole, path)


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def read(path: Path) -> Results:
    """The parts of a file by backend; none if there is no such file."""
    parts: Results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return parts
