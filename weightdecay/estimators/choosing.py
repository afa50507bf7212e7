"""`WeightDecayCV`: a linear model with weight decay, with λ chosen by cross-validation."""

from __future__ import annotations

from typing import Any

from weightdecay.estimators import settings, splitting
from weightdecay.estimators.linear import LinearEstimator
from weightdecay.ops import NumPyArray
from weightdecay.tuning.result import TuneResult
from weightdecay.tuning.running import tune
from weightdecay.tuning.stopping import Rate


class WeightDecayCV(LinearEstimator):
    """A linear model with weight decay, with λ chosen by cross-validation.

    `alphas` are λ of the objective, for each target,

        J(w, b) = (1/n) Σ ½ (w·xᵢ + b − yᵢ)²  +  λ Σⱼ fⱼ ((1 − l1_ratio)/2 wⱼ² + l1_ratio |wⱼ|)

    which are the `alphas` of scikit-learn's ElasticNetCV and LassoCV. RidgeCV has a sum in place of
    the mean: its alpha is λ n, with n the number of rows, or the sum of their weights.

    Parameters
    ----------
    alphas : int, str or array-like of float
        So many values of λ in an automatic grid; or a grid, as numbers or as words such as
        '0,1e-4:1e2:50' (see `weightdecay.sweep`).
    l1_ratio : float
        0 is ridge, 1 the lasso.
    fit_intercept : bool
        Whether there is a bias b, which is never penalised; 'sgd' always has one.
    penalty_factors : array-like of shape (n_features,) or mapping, optional
        f: multiplies λ input by input; 0 leaves an input unpenalised. A mapping from names of
        columns leaves the others at 1.
    standardize : bool
        Whether the penalty is that of inputs divided by their standard deviation, which is measured
        on the rows that are fitted. The coefficients are those of X as it is.
    cv : int, 'loo', splitter or iterable
        A number of folds, cut as `KFold` does without shuffling; leave-one-out, which costs ridge
        no more than one fit, with λ times the weight of all rows for each, as in RidgeCV; a
        splitter of `sklearn.model_selection`; or pairs of row numbers.
    rule : 'best' or 'one-se'
        The λ with the lowest mean error, or the largest within one standard error of it.
    extend : bool
        Whether to extend the grid while the best λ stands at its edge.
    solver : 'exact' or 'sgd'
        The minimisers, or training by minibatch descent, which is stopped early: the number of
        epochs, up to `epochs`, is then chosen together with λ.
    backend, device, dtype : str, optional
        As for `WeightDecayRegressor`.
    optimizer, decay, lr, momentum, batch_size, epochs, shuffle, random_state
        As for `WeightDecayRegressor`.

    Attributes
    ----------
    alpha_ : float
        The λ that was taken, of which `coef_` and `intercept_` are.
    one_se_alpha_ : float
        The λ that the rule 'one-se' takes.
    alphas_ : array of shape (n_alphas,)
        The grid, ascending.
    mse_path_ : array of shape (n_alphas, n_folds)
        Mean squared error on the rows that each fold holds out, with their weights and averaged
        over targets; without the half that the objective has, as in ElasticNetCV. For 'loo', a fold
        is a row of positive weight.
    best_score_ : float
        Minus the mean of `mse_path_` over folds at `alpha_`; for 'loo', a row counts with its
        weight.
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    n_iter_ : int or None
        The epochs that were chosen, or None for the exact solver.
    result_ : TuneResult
        Everything about the choice, with the examples themselves.
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        Where the names of the columns are strings.
    """

    def __init__(
        self,
        alphas: Any = 100,
        *,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        penalty_factors: Any = None,
        standardize: bool = False,
        cv: Any = 5,
        rule: str = "best",
        extend: bool = False,
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
        self.alphas = alphas
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.penalty_factors = penalty_factors
        self.standardize = standardize
        self.cv = cv
        self.rule = rule
        self.extend = extend
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

    def get_metadata_routing(self) -> Any:
        """Who gets what is passed to `fit`."""
        return splitting.router(self, self.cv)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> WeightDecayCV:
        """Choose λ, and fit all rows with it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            Of the fits and of the held-out errors: weight 2 is the row twice in the same fold,
            weight 0 is no row.
        **params
            What the splitter needs, such as `groups`. With metadata routing it must have requested
            it, as scikit-learn's grouped splitters do.

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
            With 'sgd': every λ diverges on a fold.

        Warns
        -----
        EdgeOfGridWarning
            The best λ is the first or the last of the grid.
        IllConditionedWarning
            The inputs are nearly dependent at the chosen λ.
        UserWarning
            With 'sgd': the best number of epochs is the largest, or a λ diverges.
        """
        data, several = self._examples(X, y, sample_weight)
        objective = settings.formulation(
            self, data.columns, settings.flag("standardize", self.standardize)
        )
        splits = splitting.splits(self, self.cv, data, sample_weight, params)
        data, splits = splitting.without_rows_of_weight_zero(data, splits)
        training = None
        lr: Rate = None
        if not self._is_exact:
            training = settings.training(self, objective, data.num_examples)
            lr = "auto" if self.lr is None else None
        found = tune(
            data.X,
            data.Y,
            penalty=settings.penalty_name(objective.l1_ratio),
            l1_ratio=objective.l1_ratio,
            lambdas=self.alphas,
            cv=splits,
            rule=self.rule,
            extend=settings.flag("extend", self.extend),
            sample_weight=data.weight,
            penalty_factors=objective.factors,
            standardize=objective.standardize,
            fit_intercept=objective.intercept,
            columns=data.columns,
            solver=self.solver,
            training=training,
            lr=lr,
            backend=self.backend,
            dtype=self.dtype,
            device=self.device,
        )
        self._keep(found.w, found.b, several, found.centre)
        self._report(found)
        return self

    def _report(self, found: TuneResult) -> None:
        scores = found.scores
        self.result_ = found
        self.n_iter_ = found.epochs
        self.alpha_, self.alphas_ = found.lambd, found.lambdas
        self.one_se_alpha_ = float(found.lambdas[scores.one_standard_error])
        self.mse_path_: NumPyArray = 2 * scores.loss
        self.best_score_ = -2 * found.loss
