"""What a sweep found, and which λ it speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from weightdecay.divergence import Lost
from weightdecay.experiment import Experiment
from weightdecay.history import History
from weightdecay.ops import NumPyArray


@dataclass(frozen=True)
class Choice:
    """The λ and the learning rate with the lowest validation loss, averaged over seeds and folds.

    Attributes
    ----------
    lambd, lr : float
    val_loss : float
        Its mean after the last epoch.
    spread : float
        Its standard deviation over seeds and folds (dividing by their number); 0 for one run.
    """

    lambd: float
    lr: float
    val_loss: float
    spread: float


class Profile(NamedTuple):
    """For every λ, at its best learning rate, means over seeds and folds: arrays of shape (L,).

    w has shape (num_inputs, L). NaN where every learning rate has a run that diverged.
    """

    lr: NumPyArray
    train_loss: NumPyArray
    train_loss_std: NumPyArray
    val_loss: NumPyArray
    val_loss_std: NumPyArray
    weight_norm: NumPyArray
    nonzero: NumPyArray
    w: NumPyArray


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """All runs of a sweep, on the axes λ, learning rate, seed, fold: L × R × S × K of them.

    Attributes
    ----------
    experiment : Experiment
        What was run, with the description of its data; ``lambd`` holds every λ, and ``seed`` is
        that of the data.
    backend, backend_version, dtype, device : str
        What ran it.
    lambdas, lrs : tuples of float
        Ascending.
    seeds : tuple of int
    num_folds : int
        1 where nothing is left out: then the validation losses are those of the validation part.
    train_loss, val_loss, weight_norm, penalty : arrays of shape (L, R, S, K)
        After the last epoch, as in `History`; with folds, over the rows that a fold trains with
        and over those that it holds out. `val_loss` is NaN where there is nothing to validate on.
    nonzero : array of int, (L, R, S, K)
        Weights that are not exactly 0; the bias is not counted.
    diverged : array of bool, (L, R, S, K)
        The runs of which `fit` would raise DivergenceError.
    w, b : arrays of shape (num_inputs, L, R, S, K) and (L, R, S, K)
    history : History
        After every epoch, arrays of shape (epochs, L, R, S, K).
    columns : tuple of str
        Names of the inputs.
    lost : Lost or None
        The first run that diverged, in the order of λ, and why.
    seconds : float
        Wall time of the training, from placing the data; data and imports not counted.
    """

    experiment: Experiment
    backend: str
    backend_version: str
    dtype: str
    device: str
    lambdas: tuple[float, ...]
    lrs: tuple[float, ...]
    seeds: tuple[int, ...]
    num_folds: int
    w: NumPyArray
    b: NumPyArray
    history: History
    diverged: NumPyArray
    lost: Lost | None
    columns: tuple[str, ...]
    seconds: float

    @property
    def train_loss(self) -> NumPyArray:
        """The training loss after the last epoch, without the penalty."""
        last: NumPyArray = self.history.train_loss[-1]
        return last

    @property
    def val_loss(self) -> NumPyArray:
        """The validation loss after the last epoch, without the penalty."""
        last: NumPyArray = self.history.val_loss[-1]
        return last

    @property
    def weight_norm(self) -> NumPyArray:
        """‖w‖₂ after the last epoch."""
        last: NumPyArray = self.history.weight_norm[-1]
        return last

    @property
    def penalty(self) -> NumPyArray:
        """λ₂/2 ‖w‖² + λ₁ ‖w‖₁ after the last epoch."""
        last: NumPyArray = self.history.penalty[-1]
        return last

    @cached_property
    def nonzero(self) -> NumPyArray:
        """Number of weights that are not exactly 0."""
        counts: NumPyArray = np.count_nonzero(self.w, axis=0)
        return counts

    @property
    def validates(self) -> bool:
        """Whether there is anything to validate on."""
        return self.num_folds > 1 or not bool(np.isnan(self.val_loss[~self.diverged]).all())

    @property
    def extent(self) -> str:
        """How many runs of what, in words."""
        axes = [
            (len(self.lambdas), "λ"),
            (len(self.lrs), "learning rate"),
            (len(self.seeds), "seed"),
        ]
        axes += [(self.num_folds, "fold")] if self.num_folds > 1 else []
        return " × ".join(f"{n} {what}{'s' * (n != 1 and what != 'λ')}" for n, what in axes)

    @cached_property
    def best(self) -> Choice | None:
        """The λ and the learning rate to take; None where there is nothing to validate on.

        A λ and learning rate of which any seed or fold diverged is out.

        Raises
        ------
        DivergenceError
            None is left; with a learning rate that would work.
        """
        self._require_survivors()
        if not self.validates:
            return None
        i, j = self._best_cell
        of_cell = self.val_loss[i, j]
        return Choice(self.lambdas[i], self.lrs[j], float(of_cell.mean()), float(of_cell.std()))

    @property
    def at_edge(self) -> bool:
        """Whether the best λ is the first or the last, so that a better one may lie beyond.

        λ = 0 is no edge: there is nothing beyond it. Nor is the only λ of a sweep.
        """
        if self.best is None or len(self.lambdas) == 1:
            return False
        first, last = self.lambdas[0], self.lambdas[-1]
        return self.best.lambd == last or (self.best.lambd == first and first > 0)

    @property
    def lr_at_edge(self) -> bool:
        """The same of the learning rate."""
        several = self.best is not None and len(self.lrs) > 1
        return several and self.best.lr in (self.lrs[0], self.lrs[-1])  # type: ignore[union-attr]

    @cached_property
    def profile(self) -> Profile:
        """Every λ at its best learning rate.

        That is the one with the lowest validation loss, or, where there is nothing to validate
        on, with the lowest objective.
        """
        score = np.where(self._usable, self._score, np.inf)
        i, j = np.arange(len(self.lambdas)), np.argmin(score, axis=1)
        lost = ~np.isfinite(score[i, j])

        def mean(values: NumPyArray) -> NumPyArray:
            return np.where(lost, np.nan, values[i, j].mean(axis=(-2, -1)))

        def std(values: NumPyArray) -> NumPyArray:
            return np.where(lost, np.nan, values[i, j].std(axis=(-2, -1)))

        with np.errstate(invalid="ignore", over="ignore"):
            return Profile(
                lr=np.where(lost, np.nan, np.array(self.lrs)[j]),
                train_loss=mean(self.train_loss),
                train_loss_std=std(self.train_loss),
                val_loss=mean(self.val_loss),
                val_loss_std=std(self.val_loss),
                weight_norm=mean(self.weight_norm),
                nonzero=mean(self.nonzero),
                w=np.where(lost, np.nan, self.w[:, i, j].mean(axis=(-2, -1), dtype=np.float64)),
            )

    @property
    def _usable(self) -> NumPyArray:
        """Which λ and learning rates no seed and no fold diverged with, (L, R)."""
        usable: NumPyArray = ~self.diverged.any(axis=(2, 3)) & np.isfinite(self._score)
        return usable

    @property
    def _score(self) -> NumPyArray:
        """What is to be low, (L, R)."""
        judged = self.val_loss if self.validates else self.train_loss + self.penalty
        with np.errstate(invalid="ignore", over="ignore"):
            mean: NumPyArray = judged.mean(axis=(2, 3))
        return mean

    @property
    def _best_cell(self) -> tuple[int, int]:
        score = np.where(self._usable, self._score, np.inf)
        i, j = np.unravel_index(np.argmin(score), score.shape)
        return int(i), int(j)

    def _require_survivors(self) -> None:
        if not self._usable.any() and self.lost is not None:
            raise self.lost.error(
                "no λ and learning rate is without a run that diverged; the first is"
            )

    def __repr__(self) -> str:
        """A line that says what was run, and what came of it."""
        lost = int(self.diverged.sum())
        parts = [self.extent]
        if not self._usable.any():
            parts.append("all diverged")
        elif self.best is not None:
            edge = ", at the edge of the grid" if self.at_edge else ""
            parts.append(
                f"best λ = {self.best.lambd:g} at learning rate {self.best.lr:g}{edge}, "
                f"validation loss {self.best.val_loss:.4g} ± {self.best.spread:.2g}"
            )
        if lost and self._usable.any():
            parts.append(f"{lost} diverged")
        parts.append(f"{self.backend} {self.backend_version}, {self.dtype}, {self.seconds:.2g} s")
        return f"SweepResult({'; '.join(parts)})"
