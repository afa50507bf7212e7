"""What the book chapter's four concise programs really train, measured.

Each program runs as printed (``backends/book``) on the chapter's experiment, in a process of its
own, and leaves a trajectory. For plain SGD on the linear model every step is

    w′ − w = −η g(w, b) − ηλ w        b′ − b = −η ∂L/∂b − ηλ_b b

so that η, λ and λ_b follow from the trajectory by least squares, without looking at the program. A
from-scratch NumPy run with those three then has to reproduce the trajectory; its residual says how
well it does.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from weightdecay import answers, patience, remote
from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset
from weightdecay.data.load import load_data
from weightdecay.environments import Interpreter, resolve
from weightdecay.errors import BackendNotInstalledError, WeightDecayError
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray, Parameters
from weightdecay.parity import compare
from weightdecay.printed import PrintedProblem
from weightdecay.registry import load_book
from weightdecay.train import fit, initial_state
from weightdecay.worker import Worker

WEIGHT_DECAY, LR = 3.0, 0.01
"""What the chapter passes to each program."""

BACKENDS = ("mxnet", "torch", "tensorflow", "jax")
CALL_LIMIT = 120.0
NEGLIGIBLE = 1e-9
"""Below this a fitted λ is 0."""


@dataclass(frozen=True)
class Effective:
    """The problem that a trajectory belongs to.

    Attributes
    ----------
    lr, lambd : float
        η and λ in J, whose data term has the half and the mean.
    bias_lambd : float
        λ of the bias; 0 but for rounding where it does not decay.
    bias_decays : bool
        Whether that is nearer to λ than to 0.
    residual : float
        Largest relative difference between the program's trajectory and the from-scratch NumPy
        run with these settings.
    """

    lr: float
    lambd: float
    bias_lambd: float
    bias_decays: bool
    residual: float


@dataclass(frozen=True)
class Program:
    """One concise program: what it prints, what it trains, and the native one that was meant.

    `meant_residual` is the largest relative difference between the framework's native program for
    λ = 3, η = 0.01, bias free, and the from-scratch NumPy run of just that.
    """

    interpreter: Interpreter
    version: str
    printed: str
    effective: Effective
    weight_norm: float
    half_square: float
    meant: str
    meant_residual: float


def run(seed: int = 0) -> tuple[list[Program], dict[str, str]]:
    """Run the four programs; the second value says of each that did not run why."""
    experiment = Experiment(lambd=WEIGHT_DECAY, lr=LR, seed=seed)  # type: ignore[arg-type]
    dataset = load_data(experiment.data, seed)
    plan = _plan(experiment, dataset)
    programs, missing = [], {}
    with contextlib.ExitStack() as stack:
        workers: list[tuple[Interpreter, Worker]] = []
        for name in BACKENDS:
            try:
                found = resolve(name)
                workers.append((found, stack.enter_context(Worker(name, found.python))))
            except (BackendNotInstalledError, WeightDecayError) as error:
                missing[name] = str(error)
        for interpreter, worker in workers:
            try:
                programs.append(_measure(interpreter, worker, experiment, dataset, plan))
            except WeightDecayError as error:
                missing[interpreter.backend] = str(error)
    return programs, missing


def _plan(experiment: Experiment, dataset: Dataset) -> list[list[NumPyArray]]:
    size, n = experiment.batch_size, dataset.num_train
    epochs = minibatches.draw(n, size, experiment.epochs, experiment.seed)
    return [minibatches.batches(epoch) for epoch in epochs]


def _measure(
    interpreter: Interpreter,
    worker: Worker,
    experiment: Experiment,
    dataset: Dataset,
    plan: list[list[NumPyArray]],
) -> Program:
    question = ask(interpreter.backend, experiment, dataset, plan)
    limit = patience.limit(CALL_LIMIT)
    header, arrays = worker.call("book", *question, limit)
    steps = 1 + sum(map(len, plan))
    with worker.reading("book"):
        printed = Parameters(
            answers.floats(arrays, "w", (steps, dataset.num_inputs)),
            answers.floats(arrays, "b", (steps,)),
        )
        said, meaning = answers.text(header, "printed"), answers.text(header, "meant")
    effective = identify(experiment, dataset, printed, plan)
    native = remote.fit(
        worker, experiment, dataset, implementation="native", record=True, timeout=limit
    )
    meant = fit(experiment, dataset, backend="numpy", record=True)
    norm = float(np.linalg.norm(printed.w[-1]))
    return Program(
        interpreter,
        worker.ready().backend_version,
        said,
        effective,
        norm,
        norm**2 / 2,
        meaning,
        compare(native, meant).max_relative_difference,
    )


def identify(
    experiment: Experiment,
    dataset: Dataset,
    trajectory: Parameters,
    plan: list[list[NumPyArray]],
) -> Effective:
    """The η, λ and λ_b of a plain-SGD trajectory: w (steps + 1, num_inputs), b (steps + 1,)."""
    batches = [batch for epoch in plan for batch in epoch]
    w, b = trajectory
    g_w, g_b = np.empty_like(w[:-1]), np.empty_like(b[:-1])
    for t, rows in enumerate(batches):
        X, y = dataset.X_train[rows], dataset.y_train[rows]
        r = X @ w[t] + b[t] - y
        g_w[t], g_b[t] = r @ X / len(rows), np.mean(r)
    eta, eta_lambda = _least_squares(np.diff(w, axis=0), -g_w, -w[:-1])
    # The bias's own steps decide whether it decays, at the learning rate that the weights show.
    (eta_bias_lambda,) = _least_squares(np.diff(b) + eta * g_b, -b[:-1])
    lambd, bias_lambd = eta_lambda / eta, eta_bias_lambda / eta
    decays = lambd > NEGLIGIBLE and abs(bias_lambd - lambd) < abs(bias_lambd)
    fitted = replace(experiment, lambd=(max(lambd, 0.0),), lr=eta, penalize_bias=decays)
    again = fit(
        fitted, dataset, backend="numpy", initial=(w[0], b[0]), plan=plan, record=True
    ).trajectory
    assert again is not None
    apart = compare({"w": w, "b": b}, {"w": again.w[:, :, 0], "b": again.b[:, 0]})
    return Effective(eta, lambd, bias_lambd, decays, apart.max_relative_difference)


def _least_squares(target: NumPyArray, *columns: NumPyArray) -> tuple[float, ...]:
    A = np.column_stack([column.ravel() for column in columns])
    return tuple(float(x) for x in np.linalg.lstsq(A, target.ravel(), rcond=None)[0])


def ask(
    backend: str, experiment: Experiment, dataset: Dataset, plan: list[list[NumPyArray]]
) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """What a worker is asked, to run the program of a backend as printed; see `answer`."""
    start = initial_state(experiment, dataset, None)
    batches = [batch for epoch in plan for batch in epoch]
    header = {"backend": backend, "weight_decay": WEIGHT_DECAY, "lr": LR}
    return header, {
        "X": dataset.X_train,
        "y": dataset.y_train,
        "rows": np.concatenate(batches),
        "batch_sizes": np.array([len(batch) for batch in batches]),
        "w": start.w[:, 0],
        "b": start.b,
    }


def answer(
    header: dict[str, Any], arrays: dict[str, NumPyArray]
) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """Run one program as printed; the worker's side."""
    program = load_book(header["backend"])
    problem = PrintedProblem(
        X=arrays["X"],
        y=arrays["y"],
        batches=np.split(arrays["rows"], np.cumsum(arrays["batch_sizes"])[:-1]),
        w=arrays["w"],
        b=float(arrays["b"][0]),
        weight_decay=header["weight_decay"],
        lr=header["lr"],
    )
    steps = [(problem.w, problem.b), *program.train(problem)]
    found = {"w": np.array([w for w, _ in steps]), "b": np.array([b for _, b in steps])}
    return {"printed": program.PRINTED, "meant": program.MEANT}, found
