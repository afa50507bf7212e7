"""`fit` in a worker: the same arguments, the same bits, the same `FitResult`.

Both sides of the call "fit" are here. Examples, initial state and minibatches travel as arrays, so
that workers with different versions of NumPy draw nothing and see the same bits. A plan travels as
three arrays of integers: the row numbers of all batches, the size of every batch, and the number of
batches of every epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weightdecay import answers
from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset
from weightdecay.data.load import load_data
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.history import History
from weightdecay.ops import NumPyArray, Parameters
from weightdecay.train import FitResult, Plan, initial_state
from weightdecay.train import fit as fit_here
from weightdecay.worker import Worker

EXAMPLES = ("X_train", "y_train", "X_val", "y_val")
WEIGHTS = ("weight_train", "weight_val")
HISTORY = ("train_loss", "val_loss", "weight_norm", "penalty")


def fit(
    worker: Worker,
    experiment: Experiment,
    dataset: Dataset | None = None,
    *,
    implementation: str = "scratch",
    dtype: str = "float64",
    device: str = "cpu",
    initial: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    plan: Plan | None = None,
    record: bool = False,
    timeout: float | None = None,
) -> FitResult:
    """Do what `weightdecay.fit` does, in `worker` and on its backend.

    Parameters
    ----------
    worker : Worker
        Where to run.
    experiment, dataset, implementation, dtype, device, initial, plan, record
        As for `weightdecay.fit`.
    timeout : float, optional
        Seconds after which the worker counts as hung and is stopped.

    Raises
    ------
    WorkerError
        The worker crashed, hung or talked nonsense.
    WeightDecayError
        Whatever `weightdecay.fit` raised there.
    """
    return start(
        worker,
        experiment,
        dataset,
        implementation=implementation,
        dtype=dtype,
        device=device,
        initial=initial,
        plan=plan,
        record=record,
    ).result(timeout)


@dataclass(frozen=True)
class PendingFit:
    """A fit that a worker was asked for; several workers may have one each."""

    worker: Worker
    experiment: Experiment
    dataset: Dataset
    implementation: str
    dtype: str
    device: str
    epochs: int
    steps: int | None
    """Those of which the trajectory is asked for."""

    def result(self, timeout: float | None = None) -> FitResult:
        """Wait for the worker; to be called once, in the order of the worker's requests."""
        header, arrays = self.worker.receive(timeout)
        inputs, runs = self.dataset.num_inputs, len(self.experiment.lambd)
        with self.worker.reading("fit"):
            return FitResult(
                experiment=self.experiment,
                backend=self.worker.backend,
                backend_version=answers.text(header, "backend_version"),
                implementation=self.implementation,
                dtype=self.dtype,
                device=self.device,
                params=_parameters(arrays, "", (inputs, runs)),
                history=History(
                    *(answers.floats(arrays, name, (self.epochs, runs)) for name in HISTORY)
                ),
                seconds=answers.number(header, "seconds"),
                dataset=self.dataset,
                trajectory=_parameters(arrays, "trajectory_", (1 + self.steps, inputs, runs))
                if self.steps is not None
                else None,
            )


def start(
    worker: Worker,
    experiment: Experiment,
    dataset: Dataset | None = None,
    *,
    implementation: str = "scratch",
    dtype: str = "float64",
    device: str = "cpu",
    initial: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    plan: Plan | None = None,
    record: bool = False,
) -> PendingFit:
    """Ask `worker` for a fit without waiting; the arguments are those of `fit`."""
    if dataset is None:
        dataset = load_data(experiment.data, experiment.seed)
    experiment = replace(experiment, data=dataset.source)
    epochs: Iterable[EpochPlan]
    if plan is None:
        e = experiment
        epochs = minibatches.draw(dataset.num_train, e.batch_size, e.epochs, e.seed, e.shuffle)
    else:
        epochs = minibatches.replay(plan, dataset.num_train)
    header = {
        "experiment": experiment.to_dict(),
        "columns": dataset.columns,
        "backend": worker.backend,
        "implementation": implementation,
        "dtype": dtype,
        "device": device,
        "record": record,
    }
    arrays = pack(dataset)
    arrays["w"], arrays["b"] = initial_state(experiment, dataset, initial)
    flat = _flat(epochs)
    worker.send("fit", header, arrays | flat)
    steps = int(flat["steps"].sum()) if record else None
    where = (implementation, dtype, device)
    return PendingFit(worker, experiment, dataset, *where, len(flat["steps"]), steps)


def _parameters(
    arrays: Mapping[str, NumPyArray], prefix: str, shape: tuple[int, ...]
) -> Parameters:
    return Parameters(
        answers.floats(arrays, f"{prefix}w", shape),
        answers.floats(arrays, f"{prefix}b", (*shape[:-2], shape[-1])),
    )


def answer(
    header: dict[str, Any], arrays: dict[str, NumPyArray]
) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """Fit what the parent sent; the worker's side."""
    experiment = Experiment.from_dict(header["experiment"])
    dataset = unpack(experiment, header["columns"], arrays)
    result = fit_here(
        experiment,
        dataset,
        backend=header["backend"],
        implementation=header["implementation"],
        dtype=header["dtype"],
        device=header["device"],
        initial=(arrays["w"], arrays["b"]),
        plan=_nested(arrays),
        record=header["record"],
    )
    found = {name: getattr(result.history, name) for name in HISTORY}
    found["w"], found["b"] = result.params
    if result.trajectory is not None:
        found["trajectory_w"], found["trajectory_b"] = result.trajectory
    return {"backend_version": result.backend_version, "seconds": result.seconds}, found


def pack(dataset: Dataset) -> dict[str, NumPyArray]:
    """The examples and their weights, by name, to be sent."""
    given = {name: getattr(dataset, name) for name in (*EXAMPLES, *WEIGHTS)}
    return {name: array for name, array in given.items() if array is not None}


def unpack(
    experiment: Experiment, columns: Iterable[str], arrays: Mapping[str, NumPyArray]
) -> Dataset:
    """The inverse of `pack`, to the last bit."""
    X_train, y_train, X_val, y_val = (arrays[name] for name in EXAMPLES)
    dataset = Dataset(
        X_train, y_train, X_val, y_val, source=experiment.data, columns=tuple(columns)
    )
    for name in WEIGHTS:
        # Past the check of `Dataset`: to scale them to mean 1 again would change their last bits.
        object.__setattr__(dataset, name, arrays.get(name))
    return dataset


def _flat(epochs: Iterable[EpochPlan]) -> dict[str, NumPyArray]:
    """A plan as three arrays of integers; the filling of short batches is left out."""
    used = [(plan.rows, plan.mean[..., 0] > 0) for plan in epochs]
    return {
        "rows": np.concatenate([rows[kept] for rows, kept in used]),
        "batch_sizes": np.concatenate([kept.sum(axis=1) for _, kept in used]),
        "steps": np.array([len(rows) for rows, _ in used]),
    }


def _nested(arrays: dict[str, NumPyArray]) -> list[list[NumPyArray]]:
    """The inverse of `_flat`, as a plan of `weightdecay.fit`."""
    batches = np.split(arrays["rows"], np.cumsum(arrays["batch_sizes"])[:-1])
    ends = np.cumsum(arrays["steps"])
    return [batches[end - steps : end] for end, steps in zip(ends, arrays["steps"], strict=True)]
