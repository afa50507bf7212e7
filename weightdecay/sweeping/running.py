"""`sweep`: the whole path of λ, in one program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from weightdecay import memory, penalty
from weightdecay.errors import InputError
from weightdecay.experiment import Experiment
from weightdecay.registry import load, load_adapter, resolve_name
from weightdecay.sweeping import folds as folding
from weightdecay.sweeping.grid import DEFAULT_LAMBDAS, Grid, Seeds, bytes_of, grid
from weightdecay.sweeping.grid import seeds as make_seeds
from weightdecay.sweeping.job import Job, drawn_plans, same_for_every_seed, starts
from weightdecay.sweeping.result import SweepResult
from weightdecay.sweeping.training import OnProgress, Swept, train
from weightdecay.train import Data, as_dataset

MAX_MEMORY = 2**30


def sweep(
    experiment: Experiment | None = None,
    data: Data | None = None,
    *,
    lambdas: Grid = None,
    lrs: Grid = None,
    seeds: Seeds = None,
    folds: folding.Given = None,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    max_memory: int | str = MAX_MEMORY,
    on_progress: OnProgress | None = None,
) -> SweepResult:
    """Train every λ at every learning rate with every seed on every fold, together.

    The runs are the columns of one tensor program, as many at a time as `max_memory` holds: a
    hundred values of λ cost little more than one. Each is what `fit` would have trained alone, to
    rounding: ``fit(replace(experiment, lambd=λ, lr=lr, seed=seed), dataset)``.

    Seeds that draw their own minibatches go one after another through the same compiled program,
    since a step takes one batch; where the minibatches are the same for all (``batch_size`` 'full'
    or every example, or no shuffling), seeds are columns too. A seed is of the initial weights and
    the minibatches: data, split and folds stay those of ``experiment.seed``.

    Parameters
    ----------
    experiment : Experiment, optional
        The settings that all runs share; its own `lambd` is not used.
    data : Dataset or tuple of arrays, optional
        As for `fit`.
    lambdas : sequence of float, number or str, optional
        λ, at least 0; words are numbers and geometric ranges START:STOP:COUNT with commas between,
        such as '0,1e-4:1e2:50'. By default '1e-4:1e2:100'. Sorted, each once.
    lrs : the same, optional
        Learning rates; by default the experiment's own.
    seeds : int or sequence of int, optional
        So many seeds from ``experiment.seed`` on, or those listed; by default that one.
    folds : int or iterable, optional
        Cross-validate on the training part: a number of folds (at least 2, cut at random from
        ``experiment.seed``), or the held-out row numbers of every fold, or what the `split` of one
        of scikit-learn's splitters gives. The validation losses are then those of the rows that
        were held out, and the validation part stays unseen. Minibatches are drawn from all rows,
        with held-out ones at weight 0.
    backend, dtype, device : str, optional
        As for `fit`.
    max_memory : int or str
        What the runs that train together may take beside the data, in bytes or as '500MB'.
    on_progress : callable, optional
        Called with (epochs done, epochs in all) after every epoch of every chunk and round of
        seeds.

    Returns
    -------
    SweepResult
        A run that diverges stops no other: it is marked, and cannot be the best.

    Raises
    ------
    InputError
        Grids, folds, settings or data that cannot be used; before any training.
    BackendError
        The backend, dtype or device cannot be had.
    """
    experiment = experiment or Experiment()
    require_grids(experiment, lambdas, lrs, seeds)
    name = resolve_name(backend)
    ops = load(name, dtype, device)
    job = prepare(
        experiment,
        data,
        lambdas=lambdas,
        lrs=lrs,
        seeds=seeds,
        folds=folds,
        max_memory=max_memory,
    )
    swept = train(ops, job, on_progress)
    return result(job, swept, name, load_adapter(name).version, dtype, device)


Grids = tuple[tuple[float, ...], tuple[float, ...], tuple[int, ...]]


def require_grids(experiment: Experiment, lambdas: Grid, lrs: Grid, seeds: Seeds) -> Grids:
    """The grids of λ, learning rates and seeds; raises InputError before anything is loaded."""
    if experiment.penalty == "none":
        raise InputError(
            "the penalty is 'none', which leaves no λ to sweep: choose 'l2', 'l1' or 'elasticnet'."
        )
    return (
        grid("lambdas", DEFAULT_LAMBDAS if lambdas is None else lambdas, least=0),
        grid("lrs", experiment.lr if lrs is None else lrs, above=0),
        make_seeds(seeds, experiment.seed),
    )


def prepare(
    experiment: Experiment,
    data: Data | None,
    *,
    lambdas: Grid,
    lrs: Grid,
    seeds: Seeds,
    folds: folding.Given,
    max_memory: int | str,
) -> Job:
    """Everything that a sweep is to train; the arguments are those of `sweep`."""
    grid_of_lambdas, grid_of_lrs, listed = require_grids(experiment, lambdas, lrs, seeds)
    limit = bytes_of(max_memory)
    dataset = as_dataset(experiment, data)
    k = int(folds) if isinstance(folds, int | np.integer) else 1
    runs = len(grid_of_lambdas) * len(grid_of_lrs) * len(listed) * max(k, 1)
    memory.require(
        f"{runs:,} runs of {experiment.epochs:,} epochs with {dataset.num_inputs:,} inputs",
        runs * (2 * dataset.num_inputs + 4 * experiment.epochs),
        "choose fewer values of λ, learning rates, seeds, folds or epochs",
    )
    e = replace(experiment, data=dataset.source, lambd=grid_of_lambdas)
    if len(grid_of_lrs) == 1:
        e = replace(e, lr=grid_of_lrs[0])
    penalty.strength(e, dataset.columns)  # refuses factors that do not fit
    same_for_every_seed(e, dataset.num_train)  # refuses a batch that is too large
    return Job(
        experiment=e,
        dataset=dataset,
        lrs=grid_of_lrs,
        seeds=listed,
        folds=folding.make(folds, dataset, e.seed),
        initial=starts(e, dataset, listed),
        plans=drawn_plans(e, dataset.num_train, listed),
        max_memory=limit,
    )


def result(
    job: Job, swept: Swept, backend: str, version: str, dtype: str, device: str
) -> SweepResult:
    """What was trained, with what it was."""
    return SweepResult(
        experiment=job.experiment,
        backend=backend,
        backend_version=version,
        dtype=dtype,
        device=device,
        lambdas=job.experiment.lambd,
        lrs=job.lrs,
        seeds=job.seeds,
        num_folds=job.num_folds,
        w=swept.w,
        b=swept.b,
        history=swept.history,
        diverged=swept.diverged,
        lost=swept.lost,
        columns=job.dataset.columns,
        seconds=swept.seconds,
    )
