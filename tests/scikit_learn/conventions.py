"""What of scikit-learn's tests is applicable, and where another convention explains a failure.

Applicable is a test of the adapted names (Ridge, RidgeCV, ridge_regression, Lasso, ElasticNet,
LassoCV, ElasticNetCV, lasso_path, enet_path) that is about what they compute, with parameters that
this package has, too. The others are left out by the rules below, each with what it is that they
are about. A test that is applicable must pass, or stand in `CONVENTIONS` with the reason why not;
one that stands there and passes is an error. Of the applicable ones some skip themselves or expect
to fail, in scikit-learn as well as here.
"""

from __future__ import annotations

import re

NOT_APPLICABLE = {
    r"set_order|CenterStackOp|check_gcv_mode|compute_covariance|compute_gram|cython_solver"
    r"|dtype_match_cholesky|primal_dual|gcv_results_not_stored": "private functions",
    r"classifier|Classifier|class_weight|_test_multi_ridge_diabetes|multilabel": "classification",
    r"MultiTask|multi_task|multitask|multioutput_enet|multioutput_lasso|enet_multitarget"
    r"|multioutput_enetcv_error|test_enet_path$": "the group penalty L21",
    r"positive|test_enet_alpha_max\[[^-]+-True-": "weights that are held at or above 0",
    r"array_api": "arrays of other libraries",
    r"routing|set_score_request|unknown_parameter|deprecated": "what is routed, or is deprecated",
    r"warm_start|random_descent|convergence|n_iter|max_iter|lbfgs|sag_with|fit_intercept_sparse"
    r"|raises_convergence|nonfinite|dual_gap|alpha_warning": "iterations of a solver",
    r"precompute|gram_matrix|check_input|copy_X|does_not_overwrite": "memory of the caller",
    r"loky|n_jobs": "processes",
    r"scoring|custom_multioutput_scorer|_test_ridge_loo|ridge_best_score|cv_results_predictions"
    r"|store_cv_results|per_target|cv_individual_penalties": "scores other than the squared error",
    r"check_arguments_validity|limits_ridge_gcv\[csr.*-svd-": "names of solvers and of modes",
    r"alphas_validation|alphas_conversion|greater_than_1d|l1_ratio$": "the words of errors",
}
"""Patterns of names, with what these tests are about."""

CONVENTIONS: dict[str, str] = {
    "test_uniform_targets": "a target that is the same in every row leaves no λ to choose",
    "test_ridgecv_alphas_zero[RidgeCV-None]": "leave-one-out has an answer at λ = 0, too",
    **{
        f"test_dtype_match[{solver}]": "predictions are float64, whatever the dtype of X"
        for solver in ("svd", "sparse_cg", "cholesky", "lsqr", "sag", "saga")
    },
}
"""Applicable tests that fail, with the convention that explains it."""


def reason(name: str) -> str | None:
    """Why a test is not applicable; None where it is."""
    for pattern, about in NOT_APPLICABLE.items():
        if re.search(pattern, name):
            return about
    return None
