"""scikit-learn's names over this package, so that its own tests can be run against it.

Only parameters and attributes are translated, with the objective in mind: Ridge and RidgeCV have a
sum where the objective here has a mean, so that their alpha is λ times the weight of all rows;
Lasso and ElasticNet have the same mean. What is not offered here is refused.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import check_is_fitted

from weightdecay.errors import EdgeOfGridWarning, IllConditionedWarning
from weightdecay.estimators import WeightDecayCV, WeightDecayRegressor
from weightdecay.paths.examples import Formulation, examples
from weightdecay.paths.lasso import largest_lambda
from weightdecay.paths.optimality import certify
from weightdecay.tuning.path import regularization_path


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings that scikit-learn does not have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EdgeOfGridWarning)
        warnings.simplefilter("ignore", IllConditionedWarning)
        yield


def weights(sample_weight: Any, n: int) -> Any:
    """One for each row; a number stands for all."""
    if sample_weight is None or np.ndim(sample_weight):
        return sample_weight
    return np.full(n, sample_weight)


class Linear(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """What the adapted estimators share."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _refuse(self, *names: str) -> None:
        for name in names:
            if getattr(self, name, None):
                raise ValueError(f"{name} is not offered")

    def _take(self, ours: Any, dtype: Any) -> None:
        self.ours_ = ours
        one = ours.coef_.ndim == 2 and len(ours.coef_) == 1  # for which coef_ has no axis there
        self.coef_ = (ours.coef_[0] if one else ours.coef_).astype(dtype)
        self.intercept_ = ours.intercept_
        self.n_features_in_ = ours.n_features_in_
        if hasattr(ours, "feature_names_in_"):
            self.feature_names_in_ = ours.feature_names_in_

    @property
    def sparse_coef_(self) -> Any:
        return sparse.csr_array(np.atleast_2d(self.coef_))

    def predict(self, X: Any) -> Any:
        check_is_fitted(self)
        return np.asarray(self.ours_.predict(X))


def dtype_of(X: Any) -> Any:
    dtype = getattr(X, "dtype", None)
    return dtype if dtype in (np.float32, np.float64) else np.float64


class Ridge(Linear):
    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: Any = None,
        tol: float = 1e-4,
        solver: str = "auto",
        positive: bool = False,
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self._refuse("positive")
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        c = weights(sample_weight, n)
        self.solver_, self.n_iter_ = self.solver, None
        if np.ndim(self.alpha):
            return self._each(X, np.asarray(y), c)
        alpha = self.alpha / (n if c is None else np.sum(c))
        ours = WeightDecayRegressor(alpha, fit_intercept=self.fit_intercept)
        with quietly():
            self._take(ours.fit(X, y, c), dtype_of(X))
        return self

    def _each(self, X: Any, y: Any, c: Any) -> Any:
        """A target for each alpha: fits apart."""
        targets = y.reshape(len(y), -1)
        if len(self.alpha) != targets.shape[1]:
            raise ValueError(
                f"Number of targets and number of penalties do not correspond: "
                f"{len(self.alpha)} != {targets.shape[1]}"
            )
        fits = [
            Ridge(alpha, fit_intercept=self.fit_intercept).fit(X, target, c)
            for alpha, target in zip(self.alpha, targets.T, strict=True)
        ]
        self.coef_ = np.stack([fit.coef_ for fit in fits])
        self.intercept_ = np.array([fit.intercept_ for fit in fits])
        return self


def ridge_regression(
    X: Any,
    y: Any,
    alpha: Any,
    *,
    sample_weight: Any = None,
    solver: str = "auto",
    max_iter: Any = None,
    tol: float = 1e-4,
    verbose: int = 0,
    positive: bool = False,
    random_state: Any = None,
    return_n_iter: bool = False,
    return_intercept: bool = False,
    check_input: bool = True,
) -> Any:
    fitted = Ridge(alpha, fit_intercept=return_intercept, positive=positive)
    fitted.fit(X, y, sample_weight)
    found = (fitted.coef_,)
    found += (None,) * return_n_iter + (fitted.intercept_,) * return_intercept
    return found if len(found) > 1 else found[0]


class RidgeCV(Linear):
    def __init__(
        self,
        alphas: Any = (0.1, 1.0, 10.0),
        *,
        fit_intercept: bool = True,
        scoring: Any = None,
        cv: Any = None,
        gcv_mode: Any = None,
        store_cv_results: bool = False,
        alpha_per_target: bool = False,
    ) -> None:
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Leave-one-out is ours; other folds and scores go through a search, which keeps alpha."""
        self._refuse("alpha_per_target")
        if self.cv is not None:
            return self._search(X, y, sample_weight)
        if self.scoring not in (None, "neg_mean_squared_error"):
            raise ValueError("scoring is not offered")
        c = weights(sample_weight, X.shape[0])
        mass = X.shape[0] if c is None else np.sum(c)
        alphas = np.atleast_1d(np.asarray(self.alphas, np.float64))
        ours = WeightDecayCV(alphas / mass, cv="loo", fit_intercept=self.fit_intercept)
        with quietly():
            self._take(ours.fit(X, y, c), dtype_of(X))
        order = np.argsort(np.argsort(alphas))
        self.alpha_ = float(alphas[np.argmin(abs(alphas / mass - ours.alpha_))])
        self.best_score_ = ours.best_score_ * mass / X.shape[0]
        if self.store_cv_results:
            targets = np.asarray(y).reshape(X.shape[0], -1).T
            alone = [self._alone(clone(ours), X, target, c)[:, order] for target in targets]
            self.cv_results_ = alone[0] if np.ndim(y) == 1 else np.stack(alone, axis=1)
        return self

    def _alone(self, ours: Any, X: Any, y: Any, c: Any) -> Any:
        """Weighted squared errors of one target, (rows, alphas ascending)."""
        with quietly():
            errors = ours.fit(X, y, c).mse_path_.T
        return errors if c is None else errors * np.asarray(c)[np.asarray(c) > 0, None]

    def _search(self, X: Any, y: Any, sample_weight: Any) -> Any:
        search = GridSearchCV(
            Ridge(fit_intercept=self.fit_intercept),
            {"alpha": np.atleast_1d(self.alphas)},
            cv=self.cv,
            scoring=self.scoring,
        ).fit(X, y, sample_weight=sample_weight)
        self.ours_ = search.best_estimator_
        self.alpha_, self.best_score_ = search.best_estimator_.alpha, search.best_score_
        self.coef_, self.intercept_ = self.ours_.coef_, self.ours_.intercept_
        return self


class ElasticNet(Linear):
    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: Any = False,
        max_iter: int = 1000,
        copy_X: bool = True,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def fit(self, X: Any, y: Any, sample_weight: Any = None, check_input: bool = True) -> Any:
        self._refuse("positive", "warm_start")
        c = weights(sample_weight, np.shape(y)[0])
        ours = WeightDecayRegressor(
            self.alpha, l1_ratio=self.l1_ratio, fit_intercept=self.fit_intercept
        )
        with quietly():
            self._take(ours.fit(X, y, c), dtype_of(X))
        self.n_iter_ = 1
        self.dual_gap_ = 0.0
        return self


class Lasso(ElasticNet):
    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: Any = False,
        copy_X: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            alpha,
            l1_ratio=1.0,
            fit_intercept=fit_intercept,
            precompute=precompute,
            copy_X=copy_X,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
            random_state=random_state,
            selection=selection,
        )


def enet_path(
    X: Any,
    y: Any,
    *,
    l1_ratio: float = 0.5,
    eps: float = 1e-3,
    alphas: Any = 100,
    precompute: Any = "auto",
    Xy: Any = None,
    copy_X: bool = True,
    coef_init: Any = None,
    verbose: bool = False,
    return_n_iter: bool = False,
    positive: bool = False,
    check_input: bool = True,
    **settings: Any,
) -> Any:
    """Without an intercept, alphas downwards, as there."""
    if positive or set(settings) - {"tol", "max_iter", "random_state", "selection"}:
        raise ValueError("Unexpected parameters in params")
    grid = alphas
    if isinstance(alphas, int):
        grid = grid_of(X, y, None, l1_ratio, eps, alphas, fit_intercept=False)
    named = ("elasticnet", l1_ratio) if 0 < l1_ratio < 1 else (("l2", "l1")[int(l1_ratio)], 0.5)
    with quietly():
        path = regularization_path(
            X,
            y,
            penalty=named[0],
            l1_ratio=named[1],
            lambdas=np.unique(grid),
            standardize=False,
            fit_intercept=False,
        )
    formulation = Formulation(l1_ratio, None, False, False)
    gap = certify(examples(X, y), formulation, path).gap * X.shape[0] * 2
    w = np.moveaxis(path.w[:, ::-1], 2, 0)
    one = np.ndim(y) == 1
    return path.lambdas[::-1], w[0] if one else w, gap[::-1, 0] if one else gap[::-1].T


def lasso_path(X: Any, y: Any, **settings: Any) -> Any:
    return enet_path(X, y, l1_ratio=1.0, **settings)


def grid_of(
    X: Any, y: Any, c: Any, l1_ratio: float, eps: float, count: int, fit_intercept: bool
) -> Any:
    """So many alphas, down from the one at which every weight is 0."""
    formulation = Formulation(l1_ratio, None, fit_intercept, False)
    most = largest_lambda(examples(X, y, c), formulation)
    return np.geomspace(most, most * eps, count)


class ElasticNetCV(Linear):
    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        precompute: Any = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        cv: Any = None,
        copy_X: bool = True,
        verbose: int = 0,
        n_jobs: Any = None,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Any:
        self._refuse("positive")
        c = weights(sample_weight, np.shape(y)[0])
        tried = [self._fitted(r, X, y, c, params) for r in np.atleast_1d(self.l1_ratio)]
        best = max(tried, key=lambda ours: ours.best_score_)
        self._take(best, dtype_of(X))
        self.alpha_, self.l1_ratio_ = best.alpha_, best.l1_ratio
        alphas = np.stack([ours.alphas_[::-1] for ours in tried])
        losses = np.stack([ours.mse_path_[::-1] for ours in tried])
        several = len(tried) > 1
        own = several and isinstance(self.alphas, int)  # a grid for each l1_ratio
        self.alphas_, self.mse_path_ = (
            alphas if own else alphas[0],
            losses if several else losses[0],
        )
        self.n_iter_, self.dual_gap_ = 1, 0.0
        return self

    def _fitted(self, ratio: float, X: Any, y: Any, c: Any, params: Any) -> Any:
        alphas = self.alphas
        if isinstance(alphas, int):
            alphas = grid_of(X, y, c, ratio, self.eps, alphas, self.fit_intercept)
        cv = 5 if self.cv is None else self.cv
        ours = WeightDecayCV(alphas, l1_ratio=ratio, cv=cv, fit_intercept=self.fit_intercept)
        with quietly():
            return ours.fit(X, y, c, **params)


class LassoCV(ElasticNetCV):
    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        precompute: Any = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        copy_X: bool = True,
        cv: Any = None,
        verbose: int = 0,
        n_jobs: Any = None,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            l1_ratio=1.0,
            eps=eps,
            alphas=alphas,
            fit_intercept=fit_intercept,
            precompute=precompute,
            max_iter=max_iter,
            tol=tol,
            cv=cv,
            copy_X=copy_X,
            verbose=verbose,
            n_jobs=n_jobs,
            positive=positive,
            random_state=random_state,
            selection=selection,
        )


ADAPTED = (Ridge, RidgeCV, Lasso, ElasticNet, LassoCV, ElasticNetCV)
FUNCTIONS = (ridge_regression, enet_path, lasso_path)
