"""A sweep made ready: all that is to be trained, checked, with nothing left to draw or decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray
from weightdecay.sweeping.folds import Folds
from weightdecay.train import initial_state


@dataclass(frozen=True, eq=False)
class Job:
    """What a sweep trains.

    Attributes
    ----------
    experiment : Experiment
        The settings that all runs share; ``lambd`` holds every λ.
    dataset : Dataset
        The examples, those of the experiment's own seed.
    lrs, seeds : tuples
        The learning rates, and the seeds of the initial weights and of the minibatches.
    folds : Folds or None
    initial : array of shape (num_inputs, seeds)
        The initial weights; every bias starts at 0.
    plans : callable
        Number of a seed (from 0) to its epochs' minibatches, all of one shape.
    max_memory : int
        Bytes that the runs which are trained together may take.
    """

    experiment: Experiment
    dataset: Dataset
    lrs: tuple[float, ...]
    seeds: tuple[int, ...]
    folds: Folds | None
    initial: NumPyArray
    plans: Callable[[int], Iterable[EpochPlan]]
    max_memory: int

    @property
    def num_folds(self) -> int:
        """Number of folds; 1 where no example is left out."""
        return 1 if self.folds is None else self.folds.train.shape[1]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of λ, learning rates, seeds and folds."""
        return len(self.experiment.lambd), len(self.lrs), len(self.seeds), self.num_folds

    @property
    def one_plan(self) -> bool:
        """Whether all seeds have the same minibatches, so that they can be columns as well."""
        return same_for_every_seed(self.experiment, self.dataset.num_train)


def same_for_every_seed(experiment: Experiment, n: int) -> bool:
    """Whether the minibatches of an experiment with n examples depend on no seed."""
    size = minibatches.require_batch(n, experiment.batch_size)
    return size == n or not experiment.shuffle


def starts(experiment: Experiment, dataset: Dataset, seeds: tuple[int, ...]) -> NumPyArray:
    """The initial weights that `fit` would draw from every seed, as columns."""
    one = replace(experiment, lambd=(0.0,))
    drawn = [initial_state(replace(one, seed=seed), dataset, None).w for seed in seeds]
    return np.concatenate(drawn, axis=1)


def drawn_plans(
    experiment: Experiment, n: int, seeds: tuple[int, ...]
) -> Callable[[int], Iterable[EpochPlan]]:
    """The minibatches that `fit` would draw from every seed."""
    e = experiment
    return lambda s: minibatches.draw(n, e.batch_size, e.epochs, seeds[s], e.shuffle)
