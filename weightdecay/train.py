"""`fit`: epochs of `ops.fold(step)`, with what a person wants to see after each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weightdecay import loss, penalty
from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.data.load import load_data
from weightdecay.data.minibatches import EpochPlan
from weightdecay.data.streams import generator
from weightdecay.errors import DivergenceError, InputError
from weightdecay.exact import Certificate, certify
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray, Ops, Parameters
from weightdecay.penalty import Strength
from weightdecay.registry import load, load_adapter, resolve_name
from weightdecay.stability import largest_curvature, safe_lr, stable_lr
from weightdecay.update import OPTIMIZERS, Hyperparameters, Problem, State, make_step

EXPLODED = 1e3
"""An objective this many times its start, at a rate past the stability bound, has diverged."""

Plan: TypeAlias = Iterable[Iterable[npt.ArrayLike]]
Data: TypeAlias = Dataset | tuple[npt.ArrayLike, ...]


@dataclass(frozen=True)
class History:
    """After every epoch, arrays of shape (epochs, runs).

    Attributes
    ----------
    train_loss, val_loss
        The data term ½ (w·x + b − y)² averaged over the training and over the validation examples,
        without the penalty; `val_loss` is NaN where there are no validation examples.
    weight_norm
        ‖w‖₂.
    penalty
        λ₂/2 ‖w‖² + λ₁ ‖w‖₁, what the objective adds to the training loss.
    """

    train_loss: NumPyArray
    val_loss: NumPyArray
    weight_norm: NumPyArray
    penalty: NumPyArray


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` found; one column a run, in the order of ``experiment.lambd``.

    Attributes
    ----------
    experiment : Experiment
        What was run, with the description of the data it was run on.
    backend, backend_version, dtype, device : str
        What ran it.
    params : Parameters
        w of shape (num_inputs, runs) and b of shape (runs,), NumPy arrays of `dtype`.
    history : History
        Losses, norm and penalty after every epoch.
    seconds : float
        Wall time of the epochs, data and imports not counted.
    dataset : Dataset
        The examples.
    trajectory : Parameters or None
        With ``record=True`` the parameters before the first and after every step: w of shape
        (steps + 1, num_inputs, runs) and b of shape (steps + 1, runs).
    """

    experiment: Experiment
    backend: str
    backend_version: str
    dtype: str
    device: str
    params: Parameters
    history: History
    seconds: float
    dataset: Dataset = field(repr=False)
    trajectory: Parameters | None = field(default=None, repr=False)

    @cached_property
    def certificates(self) -> tuple[Certificate, ...]:
        """How far above the optimum of its own objective each run ended; computed when asked."""
        strength = penalty.strength(self.experiment, self.dataset.columns)
        return certify(self.dataset, strength, self.params)


def fit(
    experiment: Experiment | None = None,
    data: Data | None = None,
    *,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    initial: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    plan: Plan | None = None,
    record: bool = False,
    on_epoch: Callable[[int, int | None], None] | None = None,
) -> FitResult:
    """Train a linear model by minibatch descent on J(w, b), from scratch on any backend.

    J(w, b) = (1/n) Σ ½ (w·xᵢ + b − yᵢ)² + λ₂/2 ‖w‖² + λ₁ ‖w‖₁; see `Experiment` for the settings
    and `weightdecay.update` for the rules. All values of λ train together, as columns.

    Parameters
    ----------
    experiment : Experiment, optional
        By default ``Experiment()``: synthetic data, λ = 0 and λ = 3.
    data : Dataset or tuple of arrays, optional
        (X, y) or (X, y, X_val, y_val); by default what ``experiment.data`` describes.
    backend : str, optional
        'numpy', 'torch', …; by default ``WEIGHTDECAY_BACKEND``, else 'numpy'.
    dtype, device : str
        'float64' or 'float32'; 'cpu' or whatever the backend lists.
    initial : (w, b), optional
        Explicit initial state: w of shape (num_inputs,) or (num_inputs, runs), b a number or
        (runs,). By default w ~ N(0, init_std²) from the seed and b = 0.
    plan : nested sequence, optional
        Explicit minibatches: for every epoch, for every step, the row numbers of its batch. By
        default drawn from the seed; with a plan, ``batch_size`` and ``epochs`` are not used.
    record : bool
        Keep the parameters after every step.
    on_epoch : callable, optional
        Called with (epochs done, epochs in all or None) after every epoch.

    Raises
    ------
    InputError
        Settings, data, state or plan that cannot be used; before any training.
    BackendError
        The backend, dtype or device cannot be had.
    DivergenceError
        A loss left the finite numbers, or grew beyond bounds at a learning rate past the stability
        bound; raised at the epoch where it happens, with the bound and a rate that would work.
    """
    experiment = experiment or Experiment()
    backend = resolve_name(backend)
    ops = load(backend, dtype, device)
    dataset = _dataset(experiment, data)
    experiment = replace(experiment, data=dataset.source)
    strength = penalty.strength(experiment, dataset.columns)
    start = _initial(experiment, dataset, initial)
    epochs: Iterable[EpochPlan]
    if plan is None:
        epochs = minibatches.draw(
            dataset.num_train, experiment.batch_size, experiment.epochs, experiment.seed
        )
        total: int | None = experiment.epochs
    else:
        epochs = minibatches.replay(plan, dataset.num_train)
        total = len(epochs)

    step = make_step(
        ops,
        experiment.optimizer,
        experiment.decay,
        experiment.l1_update,
        bool(np.any(strength.l1.w) or np.any(strength.l1.b)),
    )
    loop = ops.fold(step)
    problem = _problem(ops, experiment, dataset, strength)
    state = _start(ops, experiment, start)
    measure = _measurer(ops, dataset, problem)
    watch = _Watch(experiment, dataset, strength, measure(state.params))
    rows: list[tuple[NumPyArray, ...]] = []
    recorded = [start]

    clock = time.perf_counter()
    for epoch, epoch_plan in enumerate(epochs, start=1):
        xs = (ops.asarray(epoch_plan.rows), ops.asarray(epoch_plan.mean))
        if record:
            for i in range(len(epoch_plan.rows)):
                state = loop(state, (xs[0][i : i + 1], xs[1][i : i + 1]), problem)
                recorded.append(_to_host(ops, state.params))
        else:
            state = loop(state, xs, problem)
        rows.append(measure(state.params))
        watch.check(epoch, epoch_plan, rows[-1])
        if on_epoch is not None:
            on_epoch(epoch, total)
    seconds = time.perf_counter() - clock

    return FitResult(
        experiment,
        backend,
        load_adapter(backend).version,
        dtype,
        device,
        _to_host(ops, state.params),
        History(*(np.stack(column) for column in zip(*rows, strict=True))),
        seconds,
        dataset,
        Parameters(*map(np.stack, zip(*recorded, strict=True))) if record else None,
    )


def _dataset(experiment: Experiment, data: Data | None) -> Dataset:
    if data is None:
        return load_data(experiment.data, experiment.seed)
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, tuple) or len(data) not in (2, 4):
        raise InputError("data must be a Dataset, (X, y) or (X, y, X_val, y_val).")
    return from_arrays(*data)


def _initial(
    experiment: Experiment, dataset: Dataset, initial: tuple[Any, Any] | None
) -> Parameters:
    """The initial parameters on the host, float64, one column a run."""
    p, runs = dataset.num_inputs, len(experiment.lambd)
    if initial is None:
        drawn = generator(experiment.seed, "initial").standard_normal(p)
        initial = experiment.init_std * drawn, 0.0
    try:
        w, b = (np.asarray(part, dtype=np.float64) for part in initial)
    except (TypeError, ValueError) as error:
        raise InputError("initial must be (w, b), two arrays of numbers.") from error
    if w.shape not in ((p,), (p, 1), (p, runs)) or b.shape not in ((), (1,), (runs,)):
        raise InputError(
            f"initial has w of shape {w.shape} and b of shape {b.shape}: w must be ({p},) or "
            f"({p}, {runs}) and b a number or ({runs},)."
        )
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise InputError("initial holds NaN or infinity: every parameter must be finite.")
    w = w[:, None] if w.ndim == 1 else w
    return Parameters(np.broadcast_to(w, (p, runs)).copy(), np.broadcast_to(b, (runs,)).copy())


def _problem(ops: Ops, experiment: Experiment, dataset: Dataset, strength: Strength) -> Problem:
    beta1, beta2 = experiment.betas
    hyper = (experiment.lr, experiment.momentum, beta1, beta2, experiment.eps)
    weight = dataset.weight_train
    return Problem(
        X=ops.asarray(dataset.X_train),
        y=ops.asarray(dataset.y_train[:, None]),
        weight=None if weight is None else ops.asarray(weight[:, None]),
        strength=Strength(*(Parameters(*map(ops.asarray, part)) for part in strength)),
        hyper=Hyperparameters(*(ops.asarray(np.array([value])) for value in hyper)),
    )


def _start(ops: Ops, experiment: Experiment, start: Parameters) -> State:
    _, remember = OPTIMIZERS[experiment.optimizer]
    ones = ops.asarray(np.ones(1))
    memory_w, memory_b = (remember(ops.asarray(np.zeros_like(part)), ones) for part in start)
    return State(Parameters(*map(ops.asarray, start)), (memory_w, memory_b))


def _to_host(ops: Ops, params: Parameters) -> Parameters:
    return Parameters(*(np.array(ops.to_numpy(part)) for part in params))


def _measurer(
    ops: Ops, dataset: Dataset, problem: Problem
) -> Callable[[Parameters], tuple[NumPyArray, ...]]:
    """A function of the parameters that gives one row of `History`, on the host."""

    def mean_over(n: int, weight: NumPyArray | None) -> Any:
        return ops.asarray(np.full((n, 1), 1 / n) if weight is None else weight[:, None] / n)

    c_train = mean_over(dataset.num_train, dataset.weight_train)
    held_out = None
    if dataset.num_val:
        held_out = (
            ops.asarray(dataset.X_val),
            ops.asarray(dataset.y_val[:, None]),
            mean_over(dataset.num_val, dataset.weight_val),
        )

    def measure(params: Parameters) -> tuple[NumPyArray, ...]:
        with np.errstate(over="ignore", invalid="ignore"):
            train = loss.value(ops, params, problem.X, problem.y, c_train)
            val = loss.value(ops, params, *held_out) if held_out else train
            norm = ops.sqrt(ops.sum(params.w * params.w, axis=0))
            added = penalty.value(ops, params, problem.strength)
        row = [np.array(ops.to_numpy(part), np.float64) for part in (train, val, norm, added)]
        if held_out is None:
            row[1] = np.full_like(row[1], np.nan)
        return tuple(row)

    return measure


class _Watch:
    """Sees a divergence in the epoch where it happens."""

    def __init__(
        self,
        experiment: Experiment,
        dataset: Dataset,
        strength: Strength,
        start: tuple[NumPyArray, ...],
    ) -> None:
        self.experiment, self.dataset, self.strength = experiment, dataset, strength
        y, weight = dataset.y_train, dataset.weight_train
        with np.errstate(over="ignore"):
            null = float(np.mean(y * y if weight is None else weight * y * y)) / 2
            self.limit = EXPLODED * np.maximum(start[0] + start[3], null)

    def check(self, epoch: int, plan: EpochPlan, row: tuple[NumPyArray, ...]) -> None:
        """Raise DivergenceError for the first run that is lost."""
        objective = row[0] + row[3]
        with np.errstate(invalid="ignore"):
            suspects = np.flatnonzero(~np.isfinite(objective) | (objective > self.limit))
        for run in suspects:
            experiment = self.experiment
            lambd = experiment.lambd[run]
            bound = self._bound(plan, int(run))
            past = bound is not None and experiment.lr >= bound
            if np.isfinite(objective[run]) and not past:
                continue  # a transient: large, but on its way back
            rate = None
            if bound is not None and past:
                rate = safe_lr(bound, experiment.optimizer, experiment.momentum)
                advice = (
                    f"the learning rate {experiment.lr:g} is past the stability bound {bound:.3g} "
                    f"of {experiment.optimizer} on this data; {rate:g} would work."
                )
            else:
                advice = (
                    "the learning rate is not past a stability bound, so the numbers themselves "
                    "are too large for the dtype; standardise the data."
                )
            raise DivergenceError(
                f"training diverged in epoch {epoch} at λ = {lambd:g}: {advice}",
                epoch=epoch,
                lambd=lambd,
                bound=bound,
                suggested_lr=rate,
            )

    def _bound(self, plan: EpochPlan, run: int) -> float | None:
        curvature = largest_curvature(self.dataset, plan, self.dataset.weight_train)
        l2 = max(float(np.max(self.strength.l2.w[:, run])), float(self.strength.l2.b[run]))
        experiment = self.experiment
        return stable_lr(experiment.optimizer, experiment.decay, curvature, l2, experiment.momentum)
