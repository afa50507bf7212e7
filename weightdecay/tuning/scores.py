"""The loss of every λ on every fold, and which λ it speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray

Rule: TypeAlias = Literal["best", "one-se"]
RULES: tuple[str, ...] = get_args(Rule)

TENFOLD = 9.99
FELT = 0.01
"""A difference in loss that is less than this share of its standard error is not."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Losses on rows that were held out.

    Attributes
    ----------
    lambdas : array of shape (L,)
        Ascending.
    loss : array of shape (L, K)
        ½ mean squared error on the held-out rows of each of K folds, with their sample weights and
        averaged over targets; for leave-one-out, K = n rows. Not finite where a λ cannot be fitted.
    fold_weight : array of shape (K,)
        What each fold counts for, adding to 1: all the same, and in leave-one-out as much as the
        row that it holds out.
    """

    lambdas: NumPyArray
    loss: NumPyArray
    fold_weight: NumPyArray

    @cached_property
    def mean(self) -> NumPyArray:
        """The mean over folds, shape (L,); infinite where a fold has no finite loss."""
        with np.errstate(invalid="ignore", over="ignore"):
            mean = self.loss @ self.fold_weight
        return np.where(np.isfinite(mean), mean, np.inf)

    @cached_property
    def std(self) -> NumPyArray:
        """Standard deviation over folds (dividing by K − 1), shape (L,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            off = self.loss - self.mean[:, None]
            variance = (off**2) @ self.fold_weight / (1 - np.sum(self.fold_weight**2))
        spread: NumPyArray = np.sqrt(variance)
        return spread

    @cached_property
    def standard_error(self) -> NumPyArray:
        """Of the mean over folds, as if they were independent: std · √Σ(fold weight²)."""
        error: NumPyArray = self.std * np.sqrt(np.sum(self.fold_weight**2))
        return error

    @cached_property
    def best(self) -> int:
        """Where the mean loss is lowest; the largest such λ where several are equal."""
        return len(self.mean) - 1 - int(np.argmin(self.mean[::-1]))

    @cached_property
    def one_standard_error(self) -> int:
        """The largest λ whose mean loss is within one standard error of the lowest.

        Breiman et al. (1984), section 3.4.3; Hastie et al. (2009), section 7.10.
        """
        error = self.standard_error[self.best]
        within = self.mean <= self.mean[self.best] + (error if np.isfinite(error) else 0)
        return int(np.flatnonzero(within)[-1])

    def require_finite(self) -> None:
        """Raise InputError where no λ has a finite loss: there is nothing to choose from."""
        if not np.isfinite(self.mean).any():
            raise InputError(
                "no λ of the grid can be judged: the rows that a fold trains with do not determine "
                "what it holds out, or lie too far from it; give larger λ, fewer inputs or other "
                "folds."
            )

    def chosen(self, rule: str) -> int:
        """The place of λ that a rule takes: 'best' or 'one-se'."""
        return self.best if rule == "best" else self.one_standard_error

    @property
    def edge(self) -> Literal["low", "high"] | None:
        """At which end of the grid the best λ stands, so that a better one may lie beyond.

        λ = 0 is no edge: there is nothing beyond it. Nor is the only λ of a grid, nor the smallest
        where ten times as much would hardly be felt: there the loss is that of λ = 0.
        """
        if len(self.lambdas) == 1:
            return None
        if self.best == len(self.lambdas) - 1:
            return "high"
        return "low" if self.best == 0 and self.lambdas[0] > 0 and not self._levels_off else None

    @property
    def _levels_off(self) -> bool:
        inside = np.flatnonzero(self.lambdas >= TENFOLD * self.lambdas[0])
        if not len(inside):
            return False
        rise = self.mean[inside[0]] - self.mean[0]
        return bool(rise < FELT * self.standard_error[0])

    def merged(self, more: Scores) -> Scores:
        """These and others on the same folds, ascending in λ."""
        lambdas = np.concatenate([self.lambdas, more.lambdas])
        order = np.argsort(lambdas, kind="stable")
        loss = np.concatenate([self.loss, more.loss])
        return Scores(lambdas[order], loss[order], self.fold_weight)
