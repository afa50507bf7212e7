"""One remedy: the strengths that were tried, which was chosen, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.remedies.problem import Problem, loss
from weightdecay.tuning.scores import Scores


@dataclass(frozen=True)
class Ridge:
    """The ridge regression that noise on the inputs stands for, on the same rows.

    Attributes
    ----------
    lambd : float
        ν².
    val_loss : float
    apart : float
        ‖w − w of ridge‖₂ / ‖w of ridge‖₂ for the weights w that were trained with noise.
    """

    lambd: float
    val_loss: float
    apart: float


@dataclass(frozen=True, eq=False)
class Remedy:
    """What one remedy does to the loss.

    Attributes
    ----------
    name : str
        As in the table of remedies.
    label : str
        For a person.
    symbol : str
        What its strength is called: 'λ', 'epochs', 'inputs', 'ν'; empty where it has none.
    scores : Scores
        The loss of every strength on every fold; its `lambdas` are the strengths.
    index : int
        Which strength was chosen.
    w, b : array of shape (num_inputs,), and float
        Fitted to all training rows at that strength, for standardised inputs.
    train_loss, val_loss : float
        ½ mean squared error of that fit.
    ridge : Ridge or None
        What theory says of it, for noise on the inputs.
    warnings : tuple of str
    """

    name: str
    label: str
    symbol: str
    scores: Scores
    index: int
    w: NumPyArray
    b: float
    train_loss: float
    val_loss: float
    ridge: Ridge | None = None
    warnings: tuple[str, ...] = ()

    @property
    def strength(self) -> float | None:
        """The chosen strength; None for a remedy that has none."""
        return float(self.scores.lambdas[self.index]) if self.symbol else None

    @property
    def fold_loss(self) -> NumPyArray:
        """The loss of the chosen strength on every fold, (K,)."""
        of_folds: NumPyArray = self.scores.loss[self.index]
        return of_folds

    @property
    def cv_loss(self) -> float:
        """Its mean; the same folds chose the strength, so it is a little too low."""
        return float(self.scores.mean[self.index])

    @property
    def cv_standard_error(self) -> float:
        """Of that mean."""
        return float(self.scores.standard_error[self.index])

    @property
    def weight_norm(self) -> float:
        """‖w‖₂."""
        return float(np.linalg.norm(self.w))

    @property
    def nonzero(self) -> int:
        """Weights that are not exactly 0."""
        return int(np.count_nonzero(self.w))

    @property
    def setting(self) -> str:
        """The chosen strength in a few characters, such as 'λ = 0.1' or '12 inputs'."""
        if self.strength is None:
            return ""
        if self.symbol in ("epochs", "inputs"):
            plural = self.symbol if self.strength != 1 else self.symbol[:-1]
            return f"{self.strength:.0f} {plural}"
        return f"{self.symbol} = {self.strength:{'.0f' if 1e3 <= self.strength < 1e6 else '.3g'}}"


def scores(strengths: NumPyArray, fold_losses: NumPyArray) -> Scores:
    """Losses (S, K) of strengths (S,), every fold counting alike."""
    K = fold_losses.shape[1]
    return Scores(np.asarray(strengths, np.float64), fold_losses, np.full(K, 1 / K))


def at_edge(label: str, symbol: str, found: Scores) -> tuple[str, ...]:
    """A sentence where the best strength is the first or the last that was tried."""
    if found.edge is None:
        return ()
    end = "smallest" if found.edge == "low" else "largest"
    best = f"{symbol} = {found.lambdas[found.best]:.3g}"
    return (f"{label}: the best strength, {best}, is the {end} that was tried.",)


def judged(
    problem: Problem,
    name: str,
    label: str,
    symbol: str,
    found: Scores,
    index: int,
    w: NumPyArray,
    b: float,
    ridge: Ridge | None = None,
    warnings: tuple[str, ...] = (),
) -> Remedy:
    """A remedy with its training loss and its validation loss."""
    train, val = (
        float(loss(part, w[:, None], np.array([b]))[0]) for part in (problem.train, problem.val)
    )
    return Remedy(name, label, symbol, found, index, w, b, train, val, ridge, warnings)
