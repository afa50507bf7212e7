"""What tuning found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from weightdecay.callers import warn
from weightdecay.data.given import has_names, in_order, inputs
from weightdecay.ops import NumPyArray
from weightdecay.paths.centre import Centre, centre, predict
from weightdecay.paths.evidence import Evidence
from weightdecay.paths.examples import Examples, Formulation, Path
from weightdecay.paths.optimality import Optimality, certify
from weightdecay.tuning import insights
from weightdecay.tuning.insights import Prior, Sensitivity
from weightdecay.tuning.scores import Scores


@dataclass(frozen=True, eq=False, repr=False)
class TuneResult:
    """The choice of λ, and everything it rests on.

    Attributes
    ----------
    examples : Examples
        What was fitted.
    formulation : Formulation
        The objective; `penalty` is its name: 'l2', 'l1' or 'elasticnet'.
    penalty : str
    scores : Scores
        The loss of every λ on every fold.
    rule : 'best' or 'one-se'
        Which λ was taken.
    path : Path
        The minimisers over all rows, for every λ.
    scale : array of shape (num_inputs,)
        s: standard deviations of the inputs where the penalty is that of standardised inputs, or 1.
    evidence : Evidence or None
        What the data say of the Gaussian model at every λ, for an exact fit with the penalty 'l2'.
    split : str
        How the rows were split, in words.
    extended : int
        How often the grid was extended.
    solver : 'exact' or 'sgd'
    epochs : int or None
        The epochs that early-stopped SGD trains, chosen together with λ; None for exact fits.
    backend, backend_version, dtype, device : str
        What computed products and decompositions, or trained.
    warnings : tuple of str
        What the user should know: a λ at the edge of the grid, an ill-conditioned X.
    seconds : float
        Wall time of everything after the checks.
    """

    examples: Examples
    formulation: Formulation
    penalty: str
    scores: Scores
    rule: str
    path: Path
    scale: NumPyArray
    evidence: Evidence | None
    split: str
    extended: int
    solver: str
    epochs: int | None
    backend: str
    backend_version: str
    dtype: str
    device: str
    warnings: tuple[str, ...]
    seconds: float

    @property
    def lambdas(self) -> NumPyArray:
        """The grid, ascending, shape (L,)."""
        return self.scores.lambdas

    @property
    def index(self) -> int:
        """The place of the chosen λ in the grid."""
        return self.scores.chosen(self.rule)

    @property
    def lambd(self) -> float:
        """The chosen λ."""
        return float(self.lambdas[self.index])

    @property
    def w(self) -> NumPyArray:
        """Weights at the chosen λ, shape (num_inputs, num_targets), in the units of X."""
        weights: NumPyArray = self.path.w[:, self.index]
        return weights

    @property
    def b(self) -> NumPyArray:
        """The bias at the chosen λ, shape (num_targets,)."""
        bias: NumPyArray = self.path.b[self.index]
        return bias

    @property
    def loss(self) -> float:
        """½ mean squared error on held-out rows at the chosen λ, the mean over folds."""
        return float(self.scores.mean[self.index])

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return self.examples.columns

    @cached_property
    def optimality(self) -> Optimality:
        """How far each fit of the path is from optimal, computed from the data when asked for."""
        return certify(self.examples, self.formulation, self.path)

    @property
    def prior(self) -> Prior:
        """The Bayesian reading of the chosen λ, for an exact fit with the penalty 'l2'."""
        return insights.prior(self.evidence, self.scores, self.index, self.examples.num_weighted)

    @property
    def sensitivity(self) -> Sensitivity:
        """How delicate the choice is."""
        return insights.sensitivity(self.scores)

    def predict(self, X: Any) -> NumPyArray:
        """Xw + b at the chosen λ, shape (rows,), or (rows, num_targets) with several targets.

        With inputs far from 0, where b has no digits left, it keeps those; see `centre`.

        Parameters
        ----------
        X : array-like of shape (rows, num_inputs), data frame or SciPy sparse matrix
            The columns of a frame are matched by name, in any order; those of an array are the
            inputs in their order.

        Raises
        ------
        InputError
            Columns that are not those of the fit, or values that are no numbers.

        Warns
        -----
        UserWarning
            X has names and the inputs of the fit had none, so that they are taken in their order.
        """
        if self.examples.named or not has_names(X):
            values = in_order(X, self.columns)
        else:
            warn("X has names and the inputs of the fit had none: they are taken in their order.")
            values = in_order(inputs(X).values, self.columns)
        with np.errstate(over="ignore", invalid="ignore"):
            found = predict(values, self.w, self.b, self.centre)
        return found[:, 0] if self.examples.num_targets == 1 else found

    @cached_property
    def centre(self) -> Centre | None:
        """What predictions start from where inputs lie far from 0; None where none does."""
        at_mean = None if self.path.at_mean is None else self.path.at_mean[self.index]
        if self.solver != "exact" and at_mean is None:
            return None  # trained on the inputs as they are, by w·x + b
        return centre(self.examples, self.formulation, self.w, self.dtype, at_mean)

    def __repr__(self) -> str:
        """A line that says what was chosen, and from what."""
        nonzero = int(np.count_nonzero(self.w.any(axis=1)))
        spread = self.scores.standard_error[self.index]
        return (
            f"TuneResult({self.penalty}, λ = {self.lambd:.6g} ({self.rule}) of "
            f"{len(self.lambdas)}, {self.split}, loss {self.loss:.4g} ± {spread:.2g}, "
            f"{nonzero} of {len(self.columns)} inputs, {self.backend}, {self.seconds:.2g} s)"
        )
