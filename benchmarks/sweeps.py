"""A sweep as columns of one program, against a loop of fits and a loop written by hand.

``python benchmarks/sweeps.py --backend NAME [--rounds N] [--out FILE]``. The guide's experiment,
float32, warm, each sweep as `weightdecay.sweep` is called: from the settings to the results, the
drawing of data and minibatches included. A loop of a hundred trainings is timed over some of them,
spread over the grid, and multiplied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import ours
from problem import as_problem, guides_experiment
from results import (
    Results,
    arguments,
    as_json,
    contestants,
    ratio,
    require_equal,
    show,
    write,
)
from timing import Times, interleaved

from weightdecay import sweep

LAMBDAS = np.geomspace(1e-3, 10, 100)
SOME = 4
"""Of the hundred trainings of a loop, those that are run."""
SEEDS = 100
ONE, HUNDRED = "sweep of 1 λ", "sweep of 100 λ"
FITS, PLAIN, GRID = "100 fits", "100 plain trainings", f"sweep of 100 λ × {SEEDS} seeds"


def measure(backend: str, rounds: int) -> Results:
    """Prove equal, then time."""
    experiment = guides_experiment()
    some = LAMBDAS[:: len(LAMBDAS) // SOME]
    each = [ours.one_lambda(experiment, float(lambd)) for lambd in some]
    fits = [ours.fitted(backend, one) for one in each]
    plain = [contestants(backend)["plain"](as_problem(one)) for one in each]
    # The middle of the grid, in the three ways that are timed.
    (middle,) = (i for i, lambd in enumerate(LAMBDAS) if lambd == some[SOME // 2])
    require_equal(
        {
            HUNDRED: lambda: _column(_sweep(backend, LAMBDAS), middle),
            FITS: fits[SOME // 2],
            PLAIN: plain[SOME // 2],
        }
    )
    times = interleaved(
        {ONE: lambda: _sweep(backend, LAMBDAS[:1]), HUNDRED: lambda: _sweep(backend, LAMBDAS)},
        rounds,
    )
    loops = {FITS: _all(fits), PLAIN: _all(plain)}
    many = len(LAMBDAS) / SOME
    times |= {
        name: Times(*(many * seconds for seconds in row))
        for name, row in interleaved(loops, 3).items()
    }
    if backend == "jax":
        whole = {GRID: lambda: _sweep(backend, LAMBDAS, SEEDS)}
        times |= interleaved(whole, 3)
    ratios = {
        f"{HUNDRED} / {ONE}": ratio(times, HUNDRED, ONE),
        f"{FITS} / {HUNDRED}": ratio(times, FITS, HUNDRED),
        f"{PLAIN} / {HUNDRED}": ratio(times, PLAIN, HUNDRED),
    }
    show(backend, times, ratios)
    return {"timed of a loop's 100": SOME, "seconds": as_json(times), "ratios": ratios}


def _sweep(backend: str, lambdas: Any, seeds: int | None = None) -> Any:
    return sweep(
        guides_experiment(), lambdas=lambdas, seeds=seeds, backend=backend, dtype=ours.DTYPE
    )


def _column(swept: Any, run: int) -> Any:
    return swept.w[:, run, 0, 0, 0], swept.b[run, 0, 0, 0]


def _all(trainings: list[Callable[[], Any]]) -> Callable[[], Any]:
    return lambda: [training() for training in trainings]


def main() -> None:
    """Measure one backend, print, and write the results if asked."""
    given = arguments(__doc__.splitlines()[0], rounds=20)
    write(given.out, given.backend, measure(given.backend, given.rounds))


if __name__ == "__main__":
    main()
