"""A lasso path of 100 λ with its certificate, against scikit-learn, celer and skglm.

``python benchmarks/lasso.py [--rounds N] [--out FILE]``, in an environment that has the rivals;
those that are not installed are left out, and named. 10,000 × 1,000, neighbouring columns
correlated by ½, 100 true weights, as much noise as signal, λ from the largest down to a thousandth
of it.

Ours is `path` and `certify`, from the raw table: centring, products, descent, and the certificate
of every λ. Rivals get centred arrays in the order they like best, and compute no certificate of
ours. Each is timed at the largest of its tolerances (1e-8, 1e-10, 1e-12) at which our certificate
of its answer is as small as asked, and scikit-learn at its default tolerance, too. A rival that
takes many times as long as the fastest is timed once.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from results import as_json, ratio, show
from timing import Times, interleaved

from weightdecay.benching.machine import describe
from weightdecay.benching.threads import processors
from weightdecay.paths import examples as checked
from weightdecay.paths import lasso
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.paths.examples import Path as Fits
from weightdecay.paths.optimality import certify

ASKED = 1e-9
"""Largest duality gap over all λ, beside J at w = 0."""

TOLERANCES = (1e-8, 1e-10, 1e-12)
SLOW = 5.0
"""Times the fastest rival: from here on once is enough."""
EPOCHS = 100_000
FORMULATION = Formulation(1.0)
PACKAGES = ("numpy", "scipy", "scikit-learn", "celer", "skglm", "numba")
OURS = "ours, with certificate"
Floats = npt.NDArray[np.float64]
Rival = Callable[[float], Floats]
"""From a tolerance to the weights, shape (num_inputs, L)."""


def table(n: int = 10_000, p: int = 1_000) -> Examples:
    """The problem."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(n, p))
    for j in range(1, p):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    signal = X[:, draw.permutation(p)[: p // 10]] @ draw.normal(size=p // 10)
    return checked.examples(X, signal + signal.std() * draw.normal(size=n))


def rivals(data: Examples, lambdas: Floats) -> dict[str, Rival]:
    """Those that are installed."""
    X = np.asfortranarray(data.X - data.X.mean(axis=0))
    y = data.Y[:, 0] - data.Y[:, 0].mean()

    def scikit_learn(precompute: Any) -> Rival:
        from sklearn.linear_model import lasso_path

        return lambda tol: lasso_path(
            X, y, alphas=lambdas, tol=tol, precompute=precompute, max_iter=EPOCHS
        )[1]

    def celer(tol: float) -> Any:
        from celer import celer_path

        return celer_path(X, y, "lasso", alphas=lambdas, tol=tol)[1]

    def skglm(tol: float) -> Any:
        from skglm.datafits import Quadratic
        from skglm.penalties import L1
        from skglm.solvers import AndersonCD
        from skglm.utils.jit_compilation import compiled_clone

        solver = AndersonCD(tol=tol, fit_intercept=False)
        parts = compiled_clone(Quadratic()), compiled_clone(L1(1.0))
        return solver.path(X, y, *parts, alphas=lambdas)[1]

    found: dict[str, Rival] = {
        "scikit-learn lasso_path": scikit_learn("auto"),
        "scikit-learn lasso_path, precompute=True": scikit_learn(True),
    }
    for name, rival in {"celer celer_path": celer, "skglm AndersonCD.path": skglm}.items():
        if find_spec(name.split()[0]):
            found[name] = rival
        else:
            print(f"left out, for it is not installed: {name}")
    return found


def worst_gap(data: Examples, lambdas: Floats, w: Floats) -> float:
    """Our certificate of anybody's weights: the largest gap over λ, beside J at w = 0."""
    b = data.share @ data.Y - (data.share @ data.X @ w)[:, None]
    found = certify(data, FORMULATION, Fits(lambdas, w[:, :, None], b))
    return float(np.max(found.gap / found.scale))


def tolerance(data: Examples, lambdas: Floats, rival: Rival) -> tuple[float, float, float]:
    """The largest tolerance that does, its gap and its seconds; the least one if none does."""
    for tol in TOLERANCES:
        start = time.perf_counter()
        w = rival(tol)
        seconds = time.perf_counter() - start
        gap = worst_gap(data, lambdas, w)
        if gap <= ASKED:
            break
    return tol, gap, seconds


def measure(data: Examples, count: int, rounds: int) -> dict[str, Any]:
    """Bring all to one certificate, then time them in turn."""
    lambdas = lasso.largest_lambda(data, FORMULATION) * np.geomspace(1, 1e-3, count)

    def ours() -> Any:
        path = lasso.path(data, FORMULATION, lambdas)
        return path, certify(data, FORMULATION, path)

    path, _ = ours()
    gaps = {OURS: worst_gap(data, lambdas, path.w[:, :, 0])}
    contestants: dict[str, Callable[[], Any]] = {OURS: ours}
    found = rivals(data, lambdas)
    used, once = {}, {}
    for name, rival in found.items():
        used[name], gaps[name], once[name] = tolerance(data, lambdas, rival)
    for name, rival in found.items():
        if once[name] <= SLOW * min(once.values()):
            contestants[name] = lambda rival=rival, tol=used[name]: rival(tol)
    for name in list(found)[:2]:
        loose = f"{name}, at its default 1e-4"
        gaps[loose] = worst_gap(data, lambdas, found[name](1e-4))
        contestants[loose] = lambda rival=found[name]: rival(1e-4)
    times = interleaved(contestants, rounds)
    times |= {name: Times(t, t, t) for name, t in once.items() if name not in times}
    equal = [name for name in found if gaps[name] <= ASKED]
    fastest = min(equal, key=lambda name: times[name].median)
    ratios = {f"{OURS} / {name}": ratio(times, OURS, name) for name in times if name != OURS}
    show("numpy", times, ratios)
    for name, gap in gaps.items():
        print(f"{name:60} gap {gap:.1e}, tolerance {used.get(name, '')}")
    print(f"the fastest rival at an equal certificate: {fastest}")
    return {
        "largest gap asked": ASKED,
        "largest gap": {name: float(f"{gap:.2g}") for name, gap in gaps.items()},
        "tolerance": used,
        "fastest rival at an equal certificate": fastest,
        "rounds": rounds,
        "seconds": as_json(times),
        "ratios": ratios,
    }


def main() -> None:
    """Measure, print, and write the results if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="repetitions")
    parser.add_argument("--out", type=Path, help="write this file anew")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rivals on their convergence: the certificate judges
        results = measure(table(), 100, given.rounds)
    if given.out is not None:
        installed = [
            name for name in PACKAGES if find_spec(name.replace("scikit-learn", "sklearn"))
        ]
        machine = {**describe(*installed), "processors_used": len(processors())}
        whole = given.out.with_suffix(".json.part")
        text = json.dumps({"numpy": {"machine": machine, "results": results}}, indent=2)
        whole.write_text(text + "\n", encoding="utf-8")
        os.replace(whole, given.out)


if __name__ == "__main__":
    main()
