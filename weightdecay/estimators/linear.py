"""What both estimators are: checked data in, a linear prediction out."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.paths.centre import Centre, predict
from weightdecay.paths.examples import Examples, examples

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6 it was a method

    def validate_data(estimator: Any, *args: Any, **settings: Any) -> Any:
        """Check data and remember what they look like."""
        return estimator._validate_data(*args, **settings)


FLOATS = (np.float64, np.float32)


class LinearEstimator(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A linear model, fitted by a subclass that has a `solver` among its parameters.

    Only the exact solver takes sparse inputs and several targets.
    """

    solver: str
    fit_intercept: bool

    coef_: NumPyArray
    intercept_: float | NumPyArray

    def predict(self, X: Any) -> NumPyArray:
        """Xw + b.

        With inputs far from 0, where b has no digits left, it keeps those of the fit, unless
        `coef_` or `intercept_` were replaced since.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_targets)
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=self._formats, dtype=FLOATS, reset=False)
        return predict(X, self.coef_.T, self.intercept_, self._centre)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect, from 1.6 on."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.multi_output = self._is_exact
        return tags

    def _more_tags(self) -> dict[str, bool]:
        """What scikit-learn may expect, before 1.6."""
        return {"multioutput": self._is_exact}

    @property
    def _is_exact(self) -> bool:
        return bool(self.solver == "exact")

    @property
    def _formats(self) -> Any:
        return "csr" if self._is_exact else False

    def _examples(self, X: Any, y: Any, sample_weight: Any) -> tuple[Examples, bool]:
        """The examples, checked as scikit-learn does, and whether y has an axis of targets."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=self._formats,
            dtype=FLOATS,
            multi_output=self._is_exact,
            y_numeric=True,
        )
        if sample_weight is not None and not np.any(np.asarray(sample_weight)):
            raise InputError("sample_weight holds only zeros: at least one must be positive.")
        names = getattr(self, "feature_names_in_", None)
        return examples(X, y, sample_weight, names), y.ndim == 2

    @property
    def _centre(self) -> Centre | None:
        """What predictions start from, where there is such a place and they still are the fit's."""
        fitted = getattr(self, "_fitted", None)
        if fitted is None:
            return None
        w, b, found = fitted
        same = np.array_equal(self.coef_, w) and np.array_equal(self.intercept_, b)
        return found if same else None

    def _keep(self, w: NumPyArray, b: NumPyArray, several: bool, found: Centre | None) -> None:
        """Keep w (num_inputs, num_targets) and b (num_targets,) in scikit-learn's shapes."""
        w, b = np.asarray(w, np.float64), np.asarray(b, np.float64)
        self.coef_ = np.ascontiguousarray(w.T) if several else w[:, 0].copy()
        if not self.fit_intercept:
            self.intercept_ = 0.0  # for several targets as well, as in scikit-learn
        else:
            self.intercept_ = b.copy() if several else b[0]  # which is a float, with a shape
        self._fitted: tuple[NumPyArray, NumPyArray, Centre] | None = None
        if found is not None:
            if not several:
                found = Centre(found.x, found.y[0])
            self._fitted = (self.coef_.copy(), np.array(self.intercept_), found)
