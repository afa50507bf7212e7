"""`WeightDecayRegressor`: a linear model with weight decay, for one λ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from weightdecay import registry, train
from weightdecay.data.dataset import from_arrays
from weightdecay.estimators import settings
from weightdecay.estimators.linear import LinearEstimator
from weightdecay.ops import NumPyArray
from weightdecay.paths import ridge
from weightdecay.paths.centre import centre
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.validate import number


class WeightDecayRegressor(LinearEstimator):
    """A linear model with weight decay, exactly or by minibatch descent, on any backend.

    `alpha` is λ of the objective, for each target,

        J(w, b) = (1/n) Σ ½ (w·xᵢ + b − yᵢ)²  +  λ Σⱼ fⱼ ((1 − l1_ratio)/2 wⱼ² + l1_ratio |wⱼ|)

    which is the `alpha` of scikit-learn's ElasticNet and Lasso. Ridge has a sum in place of the
    mean: ``Ridge(alpha)`` is ``WeightDecayRegressor(alpha / n)``, with n the number of rows, or the
    sum of their weights. The inputs are taken as they are: put a `StandardScaler` before.

    Parameters
    ----------
    alpha : float
        λ, at least 0.
    l1_ratio : float
        0 is ridge, 1 the lasso.
    fit_intercept : bool
        Whether there is a bias b, which is never penalised; 'sgd' always has one.
    penalty_factors : array-like of shape (n_features,) or mapping, optional
        f: multiplies λ input by input; 0 leaves an input unpenalised. A mapping from names of
        columns leaves the others at 1.
    solver : 'exact' or 'sgd'
        The minimiser, in closed form for ridge and through scikit-learn's coordinate descent with
        an L1 part; or training by minibatch descent, which takes one target and no sparse X.
    backend : str, optional
        What computes: 'numpy', 'torch', 'tensorflow', 'jax' or 'mxnet', in this process; by default
        ``WEIGHTDECAY_BACKEND``, else 'numpy'. Coordinate descent always runs on NumPy.
    device, dtype : str
        'cpu' or whatever the backend lists; 'float64' or 'float32'.
    optimizer, decay : str
        With 'sgd': the update rule, 'sgd', 'momentum', 'nesterov' or 'adam', and 'coupled' or
        'decoupled' weight decay; see `weightdecay.Experiment`.
    lr : float, optional
        With 'sgd': the learning rate; by default well inside the stability bound of the data, and
        0.01 for adam, which has none.
    momentum : float
        Of momentum and nesterov.
    batch_size : int or 'full'
        With 'sgd': examples in a minibatch, at most all.
    epochs : int
        With 'sgd': passes over the data.
    shuffle : bool
        With 'sgd': whether the minibatches are drawn anew in every epoch.
    random_state : int, RandomState or None
        With 'sgd': of the minibatches. Weights and bias start at 0.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    n_iter_ : int or None
        Epochs, or None for the exact solver.
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        Where the names of the columns are strings.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        penalty_factors: Any = None,
        solver: str = "exact",
        backend: str | None = None,
        device: str = "cpu",
        dtype: str = "float64",
        optimizer: str = "sgd",
        decay: str = "coupled",
        lr: float | None = None,
        momentum: float = 0.9,
        batch_size: Any = 32,
        epochs: int = 100,
        shuffle: bool = True,
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.penalty_factors = penalty_factors
        self.solver = solver
        self.backend = backend
        self.device = device
        self.dtype = dtype
        self.optimizer = optimizer
        self.decay = decay
        self.lr = lr
        self.momentum = momentum
        self.batch_size = batch_size
        self.epochs = epochs
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> WeightDecayRegressor:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            Weight 2 is the row twice, weight 0 is no row. A minibatch of 'sgd' counts rows, so that
            there this holds of the objective, and of the training with full batches only.

        Returns
        -------
        The estimator itself.

        Raises
        ------
        InputError
            Parameters or data that cannot be used; it is a ValueError.
        BackendError
            The backend, dtype or device cannot be had.
        DivergenceError
            With 'sgd': the learning rate is too large; the message says which would work.
        """
        alpha = number("alpha", self.alpha, least=0)
        data, several = self._examples(X, y, sample_weight)
        objective = settings.formulation(self, data.columns)
        if data.weight is not None:
            data = data.take(np.flatnonzero(data.weight))
        solve = self._solve if self._is_exact else self._train
        w, b, epochs = solve(data, objective, alpha)
        self.n_iter_: int | None = epochs
        far = centre(data, objective, w, self.dtype) if self._is_exact else None
        self._keep(w, b, several, far)
        return self

    def _solve(
        self, data: Examples, objective: Formulation, alpha: float
    ) -> tuple[NumPyArray, NumPyArray, None]:
        ops = registry.load(self.backend, self.dtype, self.device)
        lambdas = np.array([alpha])
        if objective.l1_ratio:
            from weightdecay.paths import lasso

            path = lasso.path(data, objective, lambdas)
        else:
            path = ridge.path(data, objective, lambdas, ops)
        return path.w[:, 0], path.b[0], None

    def _train(
        self, data: Examples, objective: Formulation, alpha: float
    ) -> tuple[NumPyArray, NumPyArray, int]:
        experiment = settings.training(self, objective, data.num_examples)
        dataset = from_arrays(data.X, data.Y[:, 0], sample_weight=data.weight, columns=data.columns)
        experiment = settings.with_lr(replace(experiment, lambd=(alpha,)), self.lr, dataset)
        where = {"backend": self.backend, "dtype": self.dtype, "device": self.device}
        found = train.fit(experiment, dataset, **where)  # type: ignore[arg-type]
        return found.params.w, found.params.b, experiment.epochs
