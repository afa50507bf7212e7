"""`sweep` in a worker: the same arguments, the same bits, the same `SweepResult`.

Both sides of the call "sweep" are here. Examples, initial weights, folds and minibatches travel as
arrays, so that a worker draws nothing. The minibatches of all rounds travel as one array of row
numbers, (rounds, epochs, steps, batch), in the smallest integers that can tell the rows apart.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from weightdecay import answers
from weightdecay.data.minibatches import EpochPlan
from weightdecay.divergence import Lost
from weightdecay.experiment import Experiment
from weightdecay.history import History
from weightdecay.ops import NumPyArray
from weightdecay.registry import load, load_adapter
from weightdecay.remote import pack, unpack
from weightdecay.sweeping.folds import Folds, Given
from weightdecay.sweeping.grid import Grid, Seeds
from weightdecay.sweeping.job import Job
from weightdecay.sweeping.result import SweepResult
from weightdecay.sweeping.running import MAX_MEMORY, prepare, result
from weightdecay.sweeping.training import Swept, train
from weightdecay.train import Data
from weightdecay.worker import Worker

Header = dict[str, Any]
Arrays = dict[str, NumPyArray]


def sweep(
    worker: Worker,
    experiment: Experiment,
    data: Data | None = None,
    *,
    lambdas: Grid = None,
    lrs: Grid = None,
    seeds: Seeds = None,
    folds: Given = None,
    dtype: str = "float64",
    device: str = "cpu",
    max_memory: int | str = MAX_MEMORY,
    timeout: float | None = None,
) -> SweepResult:
    """Do what `weightdecay.sweep` does, in `worker` and on its backend.

    Parameters
    ----------
    worker : Worker
        Where to run.
    experiment, data, lambdas, lrs, seeds, folds, dtype, device, max_memory
        As for `weightdecay.sweep`.
    timeout : float, optional
        Seconds after which the worker counts as hung and is stopped.

    Raises
    ------
    WorkerError
        The worker crashed, hung or talked nonsense.
    WeightDecayError
        Whatever `weightdecay.sweep` raised there.
    """
    job = prepare(
        experiment,
        data,
        lambdas=lambdas,
        lrs=lrs,
        seeds=seeds,
        folds=folds,
        max_memory=max_memory,
    )
    where = {"backend": worker.backend, "dtype": dtype, "device": device}
    described, arrays = _packed(job)
    worker.send("sweep", where | described, arrays)
    header, arrays = worker.receive(timeout)
    with worker.reading("sweep"):
        swept, version = _swept(job, header, arrays), answers.text(header, "backend_version")
    return result(job, swept, worker.backend, version, dtype, device)


def answer(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    """Train what the parent sent; the worker's side."""
    ops = load(header["backend"], header["dtype"], header["device"])
    swept = train(ops, _unpacked(header, arrays))
    described = {
        "backend_version": load_adapter(header["backend"]).version,
        "lost": None if swept.lost is None else asdict(swept.lost),
        "seconds": swept.seconds,
    }
    found = {"w": swept.w, "b": swept.b, "diverged": swept.diverged}
    return described, found | {f.name: getattr(swept.history, f.name) for f in fields(History)}


def _swept(job: Job, header: Header, arrays: Arrays) -> Swept:
    runs, inputs = job.shape, job.dataset.num_inputs
    by_epoch = (job.experiment.epochs, *runs)
    return Swept(
        answers.floats(arrays, "w", (inputs, *runs)),
        answers.floats(arrays, "b", runs),
        History(**{f.name: answers.floats(arrays, f.name, by_epoch) for f in fields(History)}),
        answers.array(arrays, "diverged", runs, "b"),
        None if header["lost"] is None else answers.checked(Lost(**header["lost"])),
        answers.number(header, "seconds"),
    )


def _packed(job: Job) -> tuple[Header, Arrays]:
    rounds = [list(job.plans(s)) for s in range(1 if job.one_plan else len(job.seeds))]
    smallest = np.min_scalar_type(job.dataset.num_train - 1)
    arrays = {
        "initial": job.initial,
        "rows": np.array([[plan.rows.astype(smallest) for plan in epochs] for epochs in rounds]),
        "mean": rounds[0][0].mean,
    }
    arrays |= pack(job.dataset)
    if job.folds is not None:
        arrays |= {"fold_train": job.folds.train, "fold_held_out": job.folds.held_out}
    header = {
        "experiment": job.experiment.to_dict(),
        "columns": job.dataset.columns,
        "lrs": job.lrs,
        "seeds": job.seeds,
        "max_memory": job.max_memory,
    }
    return header, arrays


def _unpacked(header: Header, arrays: Arrays) -> Job:
    """The inverse of `_packed`."""
    experiment = Experiment.from_dict(header["experiment"])
    dataset = unpack(experiment, header["columns"], arrays)
    rows, mean = arrays["rows"], arrays["mean"]
    folded = "fold_train" in arrays
    return Job(
        experiment=experiment,
        dataset=dataset,
        lrs=tuple(header["lrs"]),
        seeds=tuple(header["seeds"]),
        folds=Folds(arrays["fold_train"], arrays["fold_held_out"]) if folded else None,
        initial=arrays["initial"],
        plans=lambda s: (EpochPlan(epoch.astype(np.intp), mean) for epoch in rows[s]),
        max_memory=header["max_memory"],
    )
