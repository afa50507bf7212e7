"""What the library costs over a loop written by hand, and against the guide's own way.

``python benchmarks/tax.py --backend NAME [--rounds N] [--out FILE]``, in an environment that has
the backend's framework. The guide's experiment, float32, warm: 20 examples, 200 inputs, 40 steps.
Before anything is timed, all contestants must end in the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import ours
from problem import Training, as_problem, guides_experiment
from results import Results, arguments, as_json, contestants, ratio, require_equal, show, write
from timing import best, interleaved

from weightdecay.data.load import load_data
from weightdecay.experiment import Experiment

LOOP, LOSSES, FIT = "ours: the loop", "ours: losses after every epoch", "ours: fit"
SLOW_ROUNDS = 7
"""Of the plain loops and the guide's, which take up to a second each."""


def measure(backend: str, rounds: int, slow_rounds: int = SLOW_ROUNDS) -> Results:
    """Prove equal, then time: first against the best by hand, then against the plain ones."""
    trainings = prepare(backend, guides_experiment())
    require_equal(trainings)
    lean = {name: run for name, run in trainings.items() if name.startswith(("ours", "lean"))}
    plain = {name: run for name, run in trainings.items() if not name.startswith("lean")}
    against_best, against_plain = interleaved(lean, rounds), interleaved(plain, slow_rounds)
    fastest = best(against_best, "lean")
    ratios = {
        f"{name} / best by hand": ratio(against_best, name, fastest) for name in (LOOP, LOSSES, FIT)
    }
    for other in plain:
        if not other.startswith("ours"):
            for name in (LOOP, LOSSES, FIT):
                ratios[f"{name} / {other}"] = ratio(against_plain, name, other)
    show(backend, {**against_best, **against_plain}, ratios)
    return {
        "best by hand": fastest,
        "seconds against the best": as_json(against_best),
        "seconds against the plain": as_json(against_plain),
        "ratios": ratios,
    }


def prepare(backend: str, experiment: Experiment) -> Mapping[str, Training]:
    """All contestants, ready to train an experiment of one λ; ours first."""
    placed = ours.place(backend, experiment, load_data(experiment.data, experiment.seed))
    problem = as_problem(experiment)
    mine = {
        LOOP: ours.loop(placed),
        LOSSES: ours.with_losses(placed),
        FIT: ours.fitted(backend, experiment),
    }
    return mine | {name: make(problem) for name, make in contestants(backend).items()}


def main() -> None:
    """Measure one backend, print, and write the results if asked."""
    given = arguments(__doc__.splitlines()[0], rounds=100)
    write(given.out, given.backend, measure(given.backend, given.rounds))


if __name__ == "__main__":
    main()
