"""SGDRegressor on given gradients, one example a step.

With x = g_w / g_b and y = w·x + b − g_b the gradient of ½ (w·x + b − y)² is (g_w, g_b), so any
gradients can be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weightdecay.errors import MissingExtraError
from weightdecay.ops import NumPyArray


class Rehearsal:
    """See `weightdecay.translation.staging.Stage`. The regressor starts at 0 whatever is given."""

    methods = ()

    def __init__(self, initial: Mapping[str, NumPyArray], dtype: str) -> None:
        try:
            import sklearn.linear_model
        except ImportError as error:
            raise MissingExtraError("running scikit-learn's side", "sklearn") from error
        self.names: dict[str, Any] = {"sklearn": sklearn}
        self.known: dict[str, Any] = {}
        self._shape = initial["weight"].shape
        self._w, self._b = np.zeros(initial["weight"].size), 0.0

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take the estimator."""
        self._estimator = made["estimator"]

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """Show the example that has this gradient."""
        g_w, g_b = gradients["weight"].ravel(), float(gradients["bias"][0])
        x = g_w / g_b
        self._estimator.partial_fit(x[None], [self._w @ x + self._b - g_b])
        self._w, self._b = self._estimator.coef_.copy(), float(self._estimator.intercept_[0])

    def read(self) -> dict[str, NumPyArray]:
        """The coefficients and the intercept."""
        return {"weight": self._w.reshape(self._shape), "bias": np.array([self._b])}
