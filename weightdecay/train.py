"""`fit`: one experiment on one backend, from scratch or native."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weightdecay import memory, native, penalty, scratch
from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.data.load import load_data
from weightdecay.data.minibatches import EpochPlan
from weightdecay.data.streams import generator
from weightdecay.divergence import Watch
from weightdecay.errors import InputError
from weightdecay.exact import Certificate, certify
from weightdecay.experiment import Experiment
from weightdecay.history import History, Row, Trained, side_by_side
from weightdecay.ops import Parameters
from weightdecay.penalty import Strength
from weightdecay.registry import load, load_adapter, load_native, resolve_name
from weightdecay.validate import choice

IMPLEMENTATIONS = ("scratch", "native")
EPOCH_NUMBERS = 60
"""Memory of an epoch's row of losses beside the losses, in numbers of 8 bytes."""

Plan: TypeAlias = Iterable[Iterable[npt.ArrayLike]]
Data: TypeAlias = Dataset | tuple[npt.ArrayLike, ...]


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` found; one column a run, in the order of ``experiment.lambd``.

    Attributes
    ----------
    experiment : Experiment
        What was run, with the description of the data it was run on.
    backend, backend_version, implementation, dtype, device : str
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
    implementation: str
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
    implementation: str = "scratch",
    dtype: str = "float64",
    device: str = "cpu",
    initial: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    plan: Plan | None = None,
    record: bool = False,
    on_epoch: Callable[[int, int], None] | None = None,
) -> FitResult:
    """Train a linear model by minibatch descent on J(w, b), on any backend.

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
    implementation : 'scratch' or 'native'
        The core's closed-form gradients and update rules over the backend's tensor operations, or
        the framework's own autodiff and optimizer, one λ after the other.
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
        Called with (epochs done, epochs in all) after every epoch.

    Raises
    ------
    InputError
        Settings, data, state or plan that cannot be used; before any training.
    BackendError
        The backend, dtype or device cannot be had.
    NoEquivalentError
        The framework itself has nothing that equals this experiment; the message says why.
    DivergenceError
        A loss left the finite numbers, or grew beyond bounds at a learning rate past the stability
        bound; raised at the epoch where it happens, with the bound and a rate that would work.
    """
    choice("implementation", implementation, IMPLEMENTATIONS)
    experiment = experiment or Experiment()
    backend = resolve_name(backend)
    ops = load(backend, dtype, device)
    trainer = load_native(backend) if implementation == "native" else None
    dataset = as_dataset(experiment, data)
    experiment = replace(experiment, data=dataset.source)
    strength = penalty.strength(experiment, dataset.columns)
    start = initial_state(experiment, dataset, initial)
    epochs, num_epochs = _epochs(experiment, dataset, plan)

    runs = len(experiment.lambd)
    memory.require(
        f"the losses of {num_epochs:,} epochs of {runs:,} runs",
        num_epochs * (EPOCH_NUMBERS + 8 * runs),
        "train fewer epochs",
    )
    groups = [slice(0, runs)] if trainer is None else [slice(i, i + 1) for i in range(runs)]
    done = 0

    def train(group: slice) -> Trained:
        """Train some of the runs together."""
        some = replace(experiment, lambd=experiment.lambd[group])
        theirs = Strength(*(_columns(part, group) for part in strength))
        state = _columns(start, group)
        watch = Watch(some, dataset, theirs, state)

        def after_epoch(epoch: EpochPlan, row: Row) -> None:
            nonlocal done
            watch.after_epoch(epoch, row)
            done += 1
            if on_epoch is not None:
                on_epoch(done, num_epochs * len(groups))

        rest = (state, epochs(), record, after_epoch)
        if trainer is not None:
            return native.train(trainer, dtype, device, some, dataset, theirs, *rest)
        lr = np.array([experiment.lr])
        return scratch.train(ops, experiment, scratch.place(ops, dataset), theirs, lr, *rest)

    trained = side_by_side([train(group) for group in groups])
    return FitResult(
        experiment,
        backend,
        load_adapter(backend).version,
        implementation,
        dtype,
        device,
        trained.params,
        History.of(trained.rows),
        trained.seconds,
        dataset,
        Parameters(*map(np.stack, zip(*trained.steps, strict=True))) if record else None,
    )


def _columns(params: Parameters, group: slice) -> Parameters:
    return Parameters(params.w[:, group], params.b[group])


def _epochs(
    experiment: Experiment, dataset: Dataset, plan: Plan | None
) -> tuple[Callable[[], Iterable[EpochPlan]], int]:
    """A function that starts the minibatch plan anew, and its number of epochs."""
    n = dataset.num_train
    if plan is not None:
        replayed = minibatches.replay(plan, n)
        return lambda: replayed, len(replayed)
    size, count = experiment.batch_size, experiment.epochs
    minibatches.require_batch(n, size)
    return lambda: minibatches.draw(n, size, count, experiment.seed, experiment.shuffle), count


def as_dataset(experiment: Experiment, data: Data | None) -> Dataset:
    """What was passed, or what an experiment describes."""
    if data is None:
        return load_data(experiment.data, experiment.seed)
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, tuple) or len(data) not in (2, 4):
        raise InputError("data must be a Dataset, (X, y) or (X, y, X_val, y_val).")
    return from_arrays(*data)


def initial_state(
    experiment: Experiment, dataset: Dataset, initial: tuple[Any, Any] | None
) -> Parameters:
    """The initial parameters on the host, float64, one column a run."""
    p, runs = dataset.num_inputs, len(experiment.lambd)
    if initial is None:
        drawn = generator(experiment.seed, "initial").standard_normal(p)
        initial = experiment.init_std * drawn, 0.0
    try:
        if any(np.iscomplexobj(part) for part in initial):
            raise TypeError("complex numbers")
        w, b = (np.asarray(part, dtype=np.float64) for part in initial)
    except (TypeError, ValueError) as error:
        raise InputError("initial must be (w, b), two arrays of real numbers.") from error
    if w.shape not in ((p,), (p, 1), (p, runs)) or b.shape not in ((), (1,), (runs,)):
        raise InputError(
            f"initial has w of shape {w.shape} and b of shape {b.shape}: w must be ({p},) or "
            f"({p}, {runs}) and b a number or ({runs},)."
        )
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise InputError("initial holds NaN or infinity: every parameter must be finite.")
    w = w[:, None] if w.ndim == 1 else w
    return Parameters(np.broadcast_to(w, (p, runs)).copy(), np.broadcast_to(b, (runs,)).copy())
