"""The worker's side: place a case, train for the first time, and repeat under a clock.

What is timed, by name:

    train   one training from placed data: initial state and minibatches in, λ and learning rate in,
            all steps, the losses of every epoch, parameters and losses out and awaited. Native: the
            framework's own training, which builds its model and places the data itself.
    loop    one call of what ``ops.fold`` returns over all the steps of the training, without any
            loss, the initial state placed before; the parameters out and awaited.

The garbage collector is off while the clock runs.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from weightdecay import native, penalty, scratch
from weightdecay.benching import threads
from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.history import Row, side_by_side
from weightdecay.ops import NumPyArray, Ops, Parameters, Verbs
from weightdecay.penalty import Strength
from weightdecay.registry import load, load_native
from weightdecay.update import State

Header: TypeAlias = dict[str, Any]
Arrays: TypeAlias = dict[str, NumPyArray]
Action: TypeAlias = Callable[[], Parameters]
Ready: TypeAlias = Callable[[int], Action]
"""Makes ready for so many repetitions, outside the timed region."""


@dataclass(frozen=True)
class Problem:
    """What the parent sent, unpacked."""

    experiment: Experiment
    dataset: Dataset
    strength: Strength
    start: Parameters
    plans: list[EpochPlan]
    dtype: str
    device: str


_held: dict[str, Ready] = {}


def prepare(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    """Place a case in the place of the one before, and train for the first time.

    The answer holds where that training ended, and the nanoseconds of binding the backend, of
    placing the data (0 natively, where training does it) and of the training itself.
    """
    _held.clear()
    problem = _problem(header, arrays)
    clock = [time.perf_counter_ns()]
    ops = load(header["backend"], problem.dtype, problem.device)
    if header["implementation"] == "native":
        trainer = load_native(header["backend"])
        clock += [time.perf_counter_ns()] * 2
        _held["train"] = lambda times: lambda: _native(trainer, problem)
    else:
        clock.append(time.perf_counter_ns())
        placed = scratch.place(ops, problem.dataset)
        ops.to_numpy(placed.train.c)  # awaited, without bringing all the data back
        clock.append(time.perf_counter_ns())
        _held["train"] = lambda times: lambda: _train(ops, problem, placed)
        _held["loop"] = lambda times: _loop(ops, problem, placed, times)
    w, b = _held["train"](1)()
    clock.append(time.perf_counter_ns())
    bind, place, first = (int(part) for part in np.diff(clock))
    return {"bind_ns": bind, "place_ns": place, "first_ns": first}, {"w": w, "b": b}


def measure(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    """Repeat 'train' or 'loop' of the case that was placed.

    If caches are to be `warm`, which other processes have used since, one more comes first.
    The answer holds the nanoseconds of all repetitions together, on the clock and of the process's
    own processor time; what threads there are; and where the last repetition ended.
    """
    times = header["times"]
    ready = _held[header["what"]]
    if header["warm"]:
        ready(1)()
    action = ready(times)
    with _without_collector():
        busy, clock = time.process_time_ns(), time.perf_counter_ns()
        for _ in range(times):
            w, b = action()
        clock, busy = time.perf_counter_ns() - clock, time.process_time_ns() - busy
    return {"ns": clock, "busy_ns": busy, **threads.here()}, {"w": w, "b": b}


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _problem(header: Header, arrays: Arrays) -> Problem:
    experiment = Experiment.from_dict(header["experiment"])
    dataset = Dataset(
        arrays["X_train"],
        arrays["y_train"],
        arrays["X_val"],
        arrays["y_val"],
        source=experiment.data,
    )
    return Problem(
        experiment,
        dataset,
        penalty.strength(experiment, dataset.columns),
        Parameters(arrays["w"], arrays["b"]),
        [EpochPlan(rows, arrays["mean"]) for rows in arrays["rows"]],
        header["dtype"],
        header["device"],
    )


def _ignore(plan: EpochPlan, row: Row) -> None:
    pass


def _train(ops: Ops, problem: Problem, placed: scratch.Placed) -> Parameters:
    lr = np.array([problem.experiment.lr])
    rest = (problem.strength, lr, problem.start, problem.plans, False, _ignore)
    return scratch.train(ops, problem.experiment, placed, *rest).params


def _native(trainer: native.NativeTrainer, problem: Problem) -> Parameters:
    """One λ after the other, as `fit` does."""

    def column(params: Parameters, run: int) -> Parameters:
        return Parameters(params.w[:, run : run + 1], params.b[run : run + 1])

    return side_by_side(
        [
            native.train(
                trainer,
                problem.dtype,
                problem.device,
                replace(problem.experiment, lambd=(lambd,)),
                problem.dataset,
                Strength(*(column(part, run) for part in problem.strength)),
                column(problem.start, run),
                problem.plans,
                False,
                _ignore,
            )
            for run, lambd in enumerate(problem.experiment.lambd)
        ]
    ).params


def _nothing(ops: Verbs, state: State, data: Any) -> tuple[()]:
    """What the loop alone looks at after an epoch."""
    return ()


def _loop(ops: Ops, problem: Problem, placed: scratch.Placed, times: int) -> Action:
    """A state for every repetition, for a backend may take its buffers over."""
    e, start = problem.experiment, problem.start
    lr = np.array([e.lr])
    program = scratch.prepare(ops, e, placed, problem.strength, lr, len(start.b))
    loop = ops.fold(program.step, _nothing)
    # One epoch that holds all steps.
    xs = (np.concatenate(part)[None] for part in zip(*problem.plans, strict=True))
    steps = tuple(map(ops.asarray, xs))
    states = [program.begin(start) for _ in range(times)]

    def action() -> Parameters:
        state, _ = loop(states.pop(), steps, program.data)
        return program.end(state)

    return action
