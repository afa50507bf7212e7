"""`tune` in a worker: the same arguments, the same bits, the same `TuneResult`.

Both sides of the call "tune" are here. Folds are cut by the parent, so that a worker needs neither
scikit-learn nor a random number; paths with an L1 term ask no backend and stay with the parent.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weightdecay import answers
from weightdecay.callers import warn
from weightdecay.errors import InputError
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray
from weightdecay.paths.evidence import Evidence
from weightdecay.paths.examples import Examples, Formulation, Path, Split
from weightdecay.registry import load_adapter
from weightdecay.tuning.job import Job, prepare
from weightdecay.tuning.result import TuneResult
from weightdecay.tuning.running import result
from weightdecay.tuning.scores import Scores
from weightdecay.tuning.searching import KINDS, Found, search
from weightdecay.worker import Worker

Header = dict[str, Any]
Arrays = dict[str, NumPyArray]

EVIDENCE = ("effective", "noise_variance", "log_evidence")


def tune(
    worker: Worker,
    X: Any,
    y: npt.ArrayLike,
    *,
    dtype: str = "float64",
    device: str = "cpu",
    timeout: float | None = None,
    **settings: Any,
) -> TuneResult:
    """Do what `weightdecay.tune` does, in `worker` and on its backend.

    Parameters
    ----------
    worker : Worker
        Where to search.
    X, y, dtype, device, **settings
        As for `weightdecay.tune`.
    timeout : float, optional
        Seconds after which the worker counts as hung and is stopped.

    Raises
    ------
    WorkerError
        The worker crashed, hung or talked nonsense.
    WeightDecayError
        Whatever `weightdecay.tune` raised there.
    """
    job = prepare(X, y, **settings)
    begun = time.perf_counter()
    if job.by_scikit_learn:
        found, version = search(job, "numpy", "float64", "cpu"), ""
    else:
        if job.examples.is_sparse:
            raise InputError("a sparse X does not travel to another interpreter: pass X.toarray().")
        where = {"backend": worker.backend, "dtype": dtype, "device": device}
        described, arrays = _packed(job)
        worker.send("tune", where | described, arrays)
        header, arrays = worker.receive(timeout)
        with worker.reading("tune"):
            found, version = _found(job, header, arrays), answers.text(header, "backend_version")
    finished = result(job, found, (worker.backend, version, dtype, device), begun)
    for sentence, kind in found.warnings:
        warn(sentence, KINDS[kind])
    return finished


def answer(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    """Search what the parent sent; the worker's side."""
    found = search(_job(header, arrays), header["backend"], header["dtype"], header["device"])
    described = {
        "backend_version": load_adapter(header["backend"]).version,
        "epochs": found.epochs,
        "extended": found.extended,
        "warnings": found.warnings,
    }
    scores, path = found.scores, found.path
    sent = {"lambdas": scores.lambdas, "loss": scores.loss, "fold_weight": scores.fold_weight}
    sent |= {"w": path.w, "b": path.b}
    if path.at_mean is not None:
        sent["at_mean"] = path.at_mean
    if found.evidence is not None:
        sent |= {name: getattr(found.evidence, name) for name in EVIDENCE}
    return described, sent


def _found(job: Job, header: Header, arrays: Arrays) -> Found:
    lambdas = answers.floats(arrays, "lambdas", (None,))
    count, targets = len(lambdas), job.examples.Y.shape[1]
    fold_weight = answers.floats(arrays, "fold_weight", (None,))
    shapes = {"effective": (count,), "noise_variance": (count, targets), "log_evidence": (count,)}
    evidence = [answers.floats(arrays, name, shapes[name]) for name in EVIDENCE if name in arrays]
    epochs = header["epochs"]
    return Found(
        Scores(lambdas, answers.floats(arrays, "loss", (count, len(fold_weight))), fold_weight),
        Path(
            lambdas,
            answers.floats(arrays, "w", (job.examples.X.shape[1], count, targets)),
            answers.floats(arrays, "b", (count, targets)),
            answers.floats(arrays, "at_mean", (count, targets)) if "at_mean" in arrays else None,
        ),
        Evidence(*evidence) if evidence else None,
        None if epochs is None else answers.whole(header, "epochs"),
        answers.whole(header, "extended"),
        tuple((sentence, kind) for sentence, kind in header["warnings"]),
    )


def _packed(job: Job) -> tuple[Header, Arrays]:
    data, formulation = job.examples, job.formulation
    arrays = {"X": data.X, "Y": data.Y}
    given = {"weight": data.weight, "factors": formulation.factors}
    if isinstance(job.grid, np.ndarray):
        given["grid"] = job.grid
    if job.splits is not None:
        for part in Split._fields:
            rows = [getattr(split, part) for split in job.splits]
            given[part] = np.concatenate(rows)
            given[f"{part}_sizes"] = np.array([len(each) for each in rows])
    header = {
        "columns": data.columns,
        "formulation": {
            "l1_ratio": formulation.l1_ratio,
            "intercept": formulation.intercept,
            "standardize": formulation.standardize,
        },
        "penalty": job.penalty,
        "count": None if isinstance(job.grid, np.ndarray) else job.grid,
        "split": job.split,
        "rule": job.rule,
        "extend": job.extend,
        "solver": job.solver,
        "training": None if job.training is None else job.training.to_dict(),
        "lr": job.lr,
    }
    return header, arrays | {name: part for name, part in given.items() if part is not None}


def _job(header: Header, arrays: Arrays) -> Job:
    """The inverse of `_packed`."""
    data = Examples(arrays["X"], arrays["Y"], arrays.get("weight"), tuple(header["columns"]))
    formulation = replace(Formulation(**header["formulation"]), factors=arrays.get("factors"))
    training = header["training"]
    parts = [
        np.split(arrays[part], np.cumsum(arrays[f"{part}_sizes"])[:-1])
        for part in Split._fields
        if part in arrays
    ]
    return Job(
        data,
        formulation,
        header["penalty"],
        arrays["grid"] if header["count"] is None else header["count"],
        tuple(Split(*pair) for pair in zip(*parts, strict=True)) if parts else None,
        header["split"],
        header["rule"],
        header["extend"],
        header["solver"],
        None if training is None else Experiment.from_dict(training),
        header["lr"],
    )
