"""The runs of a sweep through the one program that `weightdecay.scratch` has for them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from weightdecay import penalty, scratch
from weightdecay.data.minibatches import EpochPlan
from weightdecay.divergence import Lost
from weightdecay.history import History, Row, Trained
from weightdecay.ops import NumPyArray, Ops, Parameters
from weightdecay.penalty import Strength
from weightdecay.scratch import Placed, Program
from weightdecay.sweeping.columns import Columns, chunks, rounds
from weightdecay.sweeping.job import Job
from weightdecay.sweeping.judging import Judge

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep leaves behind; L, R, S, K are the numbers of λ, rates, seeds and folds.

    Attributes
    ----------
    w, b : arrays of shape (num_inputs, L, R, S, K) and (L, R, S, K)
    history : History
        Arrays of shape (epochs, L, R, S, K).
    diverged : array of bool, (L, R, S, K)
    lost : Lost or None
        The first of the runs that diverged, in the order of λ.
    seconds : float
        Wall time from placing the data to the last result.
    """

    w: NumPyArray
    b: NumPyArray
    history: History
    diverged: NumPyArray
    lost: Lost | None
    seconds: float


class _Results:
    """The results as they come in: everything ends with (rounds, columns)."""

    def __init__(self, job: Job, num_rounds: int, num_columns: int, dtype: str) -> None:
        ends = (num_rounds, num_columns)
        self.w = np.empty((job.dataset.num_inputs, *ends), dtype)
        self.b = np.empty(ends, dtype)
        self.rows = {f.name: np.empty((job.experiment.epochs, *ends)) for f in fields(History)}

    def put(self, number: int, chunk: slice, trained: Trained) -> Row:
        """Keep a round of a chunk without its repeated columns; gives its history, by epochs."""
        kept = slice(chunk.stop - chunk.start)
        self.w[:, number, chunk] = trained.params.w[:, kept]
        self.b[number, chunk] = trained.params.b[kept]
        history = Row(*map(np.stack, zip(*trained.rows, strict=True)))
        for name, values in history._asdict().items():
            self.rows[name][:, number, chunk] = values[:, kept]
        return Row(*(values[:, kept] for values in history))

    def by_axes(self, values: NumPyArray, job: Job) -> NumPyArray:
        """(…, rounds, columns) as (…, L, R, S, K)."""
        num_lambdas, num_lrs, num_seeds, num_folds = job.shape
        num_rounds = values.shape[-2]
        within = (num_lambdas, num_lrs, num_seeds // num_rounds, num_folds)
        before = values.shape[:-2]
        apart = values.reshape(*before, num_rounds, *within)
        beside = np.moveaxis(apart, len(before), len(before) + 3)
        return np.ascontiguousarray(beside).reshape(*before, *job.shape)


def train(ops: Ops, job: Job, on_progress: OnProgress | None = None) -> Swept:
    """Train every run of a sweep; none that diverges stops another."""
    e, clock = job.experiment, time.perf_counter()
    every = rounds(job)
    num_columns = every[0].lambd.size
    together = list(chunks(job, num_columns, np.dtype(ops.dtype).itemsize))
    results = _Results(job, len(every), num_columns, ops.dtype)
    judge = Judge(job)
    strength = penalty.strength(e, job.dataset.columns)
    placed = scratch.place(ops, job.dataset)
    done, total = 0, e.epochs * len(together) * len(every)

    def after_epoch(plan: EpochPlan, row: Row) -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, total)

    def train_chunk(chunk: slice, padded: NumPyArray) -> None:
        """All rounds of some columns; what they took is free again afterwards."""
        program = _program(ops, job, placed, strength, every[0].at(padded))
        for number, columns in enumerate(every):
            seed = columns.seed[padded]
            start = Parameters(job.initial[:, seed], np.zeros(len(seed)))
            plans = job.plans(int(seed[0]))
            trained = program.train(start, plans, record=False, after_epoch=after_epoch)
            judge.look(columns.at(chunk), results.put(number, chunk, trained))

    for chunk, padded in together:
        train_chunk(chunk, padded)
    history = History(**{name: results.by_axes(v, job) for name, v in results.rows.items()})
    return Swept(
        results.by_axes(results.w, job),
        results.by_axes(results.b, job),
        history,
        judge.diverged,
        judge.first(),
        time.perf_counter() - clock,
    )


def _program(ops: Ops, job: Job, placed: Placed, strength: Strength, columns: Columns) -> Program:
    """The program of some columns, whichever their seed."""
    if job.folds is not None:
        weights = (part[:, columns.fold] for part in job.folds)
        placed = scratch.place_folds(ops, placed, *weights)
    theirs = Strength(
        *(Parameters(part.w[:, columns.lambd], part.b[columns.lambd]) for part in strength)
    )
    lr = np.array(job.lrs)[columns.lr]
    return scratch.prepare(ops, job.experiment, placed, theirs, lr, len(lr))
