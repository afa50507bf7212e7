"""Choosing λ: scores, splits, grids, the Bayesian reading, and the search in a worker."""

from __future__ import annotations

import sys
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoCV
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)

from tests.tolerances import L1, RIDGE, relative_difference
from weightdecay.errors import (
    EdgeOfGridWarning,
    IllConditionedWarning,
    InputError,
    UnknownNameError,
)
from weightdecay.estimators import WeightDecayCV
from weightdecay.experiment import Experiment
from weightdecay.paths.examples import Split, examples
from weightdecay.tuning import grids, remote, splits
from weightdecay.tuning.insights import sensitivity
from weightdecay.tuning.running import tune
from weightdecay.tuning.scores import Scores
from weightdecay.tuning.validating import fold_weight
from weightdecay.worker import Worker

LAMBDAS = np.geomspace(1e-3, 10, 6)


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return np.asarray(X), np.asarray(y)


class TestScores:
    """Three λ on four folds."""

    loss = np.array([[3.0, 5.0, 4.0, 4.0], [1.0, 3.0, 2.0, 2.0], [2.0, 2.5, 2.2, 2.3]])
    scores = Scores(np.array([0.1, 1.0, 10.0]), loss, np.full(4, 0.25))

    def test_mean_and_standard_error(self) -> None:
        assert np.allclose(self.scores.mean, self.loss.mean(axis=1))
        expected = self.loss.std(axis=1, ddof=1) / 2
        assert relative_difference(self.scores.standard_error, expected) <= RIDGE

    def test_best_and_one_standard_error(self) -> None:
        # The lowest mean is 2, its standard error √(2/3)/2 = 0.41, and 2.25 is within it.
        assert (self.scores.best, self.scores.one_standard_error) == (1, 2)
        assert (self.scores.chosen("best"), self.scores.chosen("one-se")) == (1, 2)
        assert self.scores.edge is None

    def test_edges(self) -> None:
        for order, edge in (([1, 0, 2], "low"), ([0, 2, 1], "high")):
            assert Scores(self.scores.lambdas, self.loss[order], np.full(4, 0.25)).edge == edge
        from_zero = Scores(np.array([0.0, 1, 2]), self.loss[[1, 0, 2]], np.full(4, 0.25))
        assert from_zero.edge is None

    def test_where_the_loss_levels_off_is_no_edge(self) -> None:
        """With a standard error of 0.41, a rise of 0.005 is felt, and one of 0.003 is not."""
        for rise, edge in ((0.005, "low"), (0.003, None)):
            loss = np.stack([self.loss[1], self.loss[1] + rise, self.loss[0]])
            assert Scores(self.scores.lambdas, loss, np.full(4, 0.25)).edge == edge

    def test_a_loss_that_is_not_finite_is_never_the_best(self) -> None:
        loss = self.loss.copy()
        loss[1, 0] = np.nan
        assert Scores(self.scores.lambdas, loss, np.full(4, 0.25)).best == 2

    def test_of_equal_losses_the_largest_lambda_is_the_best(self) -> None:
        assert Scores(self.scores.lambdas, self.loss[[1, 1, 2]], np.full(4, 0.25)).best == 1

    def test_folds_count_alike_and_rows_that_are_left_out_with_their_weights(self) -> None:
        parts = (Split(np.arange(2, 4), np.arange(2)), Split(np.arange(3), np.r_[3]))
        for weight in (None, np.ones(4), [1.0, 2.0, 3.0, 6.0]):
            data = examples(np.eye(4), np.zeros(4), weight)
            assert fold_weight(data, parts).tolist() == [0.5, 0.5]
            assert relative_difference(fold_weight(data, None), data.share) <= RIDGE

    def test_weights_of_folds(self) -> None:
        """A fold of double weight is like that fold twice, in the mean."""
        doubled = Scores(self.scores.lambdas, self.loss, np.array([0.4, 0.2, 0.2, 0.2]))
        twice = self.loss[:, [0, 0, 1, 2, 3]].mean(axis=1)
        assert relative_difference(doubled.mean, twice) <= RIDGE

    def test_sensitivity(self) -> None:
        mean = np.array([1.5, 1.005, 1.0, 1.008, 1.2, 1.003])
        around = sensitivity(Scores(np.geomspace(0.01, 1000, 6), mean[:, None], np.ones(1)))
        assert (around.low, around.high) == pytest.approx((0.1, 10))  # not 1000, beyond a hill
        assert (around.tenth, around.tenfold) == pytest.approx((1.005, 1.008))


class TestSplits:
    def same(self, found: Any, expected: Any) -> None:
        pairs = list(zip(found, expected, strict=True))
        assert pairs
        for split, (train, held_out) in pairs:
            assert np.array_equal(np.sort(split.train), np.sort(train))
            assert np.array_equal(np.sort(split.held_out), np.sort(held_out))

    def test_are_those_of_scikit_learn(self) -> None:
        n = 20
        X, labels = np.zeros(n), np.arange(n) // 3
        times = np.arange(n)
        self.same(
            splits.make(5, n, seed=3),
            RepeatedKFold(n_splits=5, n_repeats=1, random_state=3).split(X),
        )
        self.same(
            splits.make(5, n, repeats=2, seed=3),
            RepeatedKFold(n_splits=5, n_repeats=2, random_state=3).split(X),
        )
        self.same(splits.make(4, n, groups=labels), GroupKFold(4).split(X, groups=labels))
        self.same(splits.make(4, n, times=times), TimeSeriesSplit(4).split(X))
        self.same(splits.make(KFold(3), n), KFold(3).split(X))
        shuffled = ShuffleSplit(2, random_state=0)
        self.same(splits.make(shuffled, n), shuffled.split(X))
        self.same(splits.make(list(KFold(3).split(X)), n), KFold(3).split(X))
        assert splits.make("loo", n) is None

    def test_rows_are_held_out_after_those_that_are_trained_with(self) -> None:
        times = np.random.default_rng(0).permutation(30)
        for split in splits.make(4, 30, times=times) or ():
            assert times[split.train].max() < times[split.held_out].min()

    def test_groups_stay_together(self) -> None:
        labels = np.random.default_rng(0).choice(["a", "b", "c", "d", "e"], 40)
        for split in splits.make(3, 40, groups=labels) or ():
            assert not set(labels[split.train]) & set(labels[split.held_out])

    @pytest.mark.parametrize(
        ("cv", "settings", "message"),
        [
            (1, {}, "cv is 1"),
            (11, {}, "cv is 11 and there are 10 rows"),
            ("five", {}, "'five'"),
            (3.5, {}, "3.5"),
            (3, {"groups": [1, 1, 2, 2, 1, 1, 2, 2, 1, 1]}, "there are 2 groups"),
            (3, {"groups": [1, 2]}, "one label for each of 10 rows"),
            (3, {"groups": range(10), "times": range(10)}, "do not go together"),
            (3, {"groups": range(10), "repeats": 2}, "repeats does not go with groups"),
            ("loo", {"groups": range(10)}, "groups does not go with leave-one-out"),
            ([([0, 1], [12])], {}, "fold 1 is no pair of lists of row numbers from 0 to 9"),
            ([[0, 1, 2]], {}, "fold 1 is no pair"),
            ([], {}, "gives no split"),
            (KFold(20), {}, "cannot be split"),
        ],
    )
    def test_what_cannot_be_cut_is_said(self, cv: Any, settings: Any, message: str) -> None:
        with pytest.raises(InputError, match=message):
            splits.make(cv, 10, **settings)


def test_lasso_chooses_as_lassocv_does() -> None:
    X, y = diabetes()
    folds = list(KFold(5).split(X))
    model = LassoCV(cv=folds, tol=1e-10, max_iter=100_000).fit(X, y)
    found = quietly(X, y, penalty="l1", lambdas=model.alphas_, cv=folds, standardize=False)
    assert found.lambd == pytest.approx(model.alpha_)
    assert relative_difference(2 * found.scores.loss[::-1], model.mse_path_) <= L1
    assert relative_difference(found.w[:, 0], model.coef_) <= L1


def test_a_grid_for_l1_ends_where_no_weight_is_left() -> None:
    found = quietly(*diabetes(), penalty="l1", lambdas=20)
    assert not found.path.w[:, -1].any()
    assert found.path.w[:, -2].any()


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_constant_inputs_have_an_answer_and_a_constant_target_has_none(penalty: str) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    weight = np.r_[np.ones(19), 0]
    for constant, of in ((np.full(20, 3.5), None), (np.r_[np.full(19, 3.5), 1], weight)):
        with pytest.raises(InputError, match=r"y is 3.5 in every row, .* a target that varies"):
            quietly(X, constant, penalty=penalty, sample_weight=of)
        with pytest.raises(InputError, match=r"y is 3.5 in every row, .* a target that varies"):
            WeightDecayCV(l1_ratio=float(penalty == "l1")).fit(X, constant, of)
    both = quietly(X, np.column_stack([y, np.full(20, 3.5)]), penalty=penalty)
    assert np.abs(both.w[:, 1]).max() < 1e-12  # another target varies
    found = quietly(np.ones((20, 3)), y, penalty=penalty)
    assert not found.w.any()
    assert found.b[0] == pytest.approx(y.mean())


def test_one_standard_error_takes_a_larger_lambda() -> None:
    X, y = diabetes()
    best, careful = quietly(X, y), quietly(X, y, rule="one-se")
    assert careful.lambd > best.lambd
    assert careful.loss <= best.loss + best.scores.standard_error[best.index]
    assert np.array_equal(best.scores.loss, careful.scores.loss)


def test_the_bayesian_reading() -> None:
    """Data drawn from the prior: σ, τ and the λ of the evidence are found again."""
    rng = np.random.default_rng(0)
    n, p, sigma, tau = 4000, 60, 0.5, 0.2
    X, w = rng.standard_normal((n, p)), rng.standard_normal(p)
    w *= tau / np.sqrt(np.mean(w**2))
    y = X @ w + sigma * rng.standard_normal(n)
    prior = quietly(X, y, standardize=False, lambdas="1e-6:1e0:400").prior
    assert prior.noise_std == pytest.approx(sigma, rel=0.05)
    assert prior.evidence_lambd == pytest.approx(sigma**2 / (n * tau**2), rel=0.1)
    assert prior.weight_std == pytest.approx(prior.noise_std / np.sqrt(n * prior.lambd))
    assert p < prior.effective + 5 < p + 6


def test_near_dependent_inputs_are_warned_of() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    X[:, 2] = X[:, 0] + 1e-9 * rng.standard_normal(40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EdgeOfGridWarning)
        with pytest.warns(IllConditionedWarning):
            tune(X, X[:, 1], lambdas=[0.0])


def test_a_path_that_does_not_converge_is_told_once() -> None:
    """In the result, for the command line, and as a warning."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((25, 60))
    X[:, 1:] = X[:, :1] + 1e-4 * X[:, 1:]
    y = X[:, 1:] @ rng.standard_normal(59) + rng.standard_normal(25)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        found = tune(X, y, penalty="l1", lambdas=[1e-9, 1e-8], standardize=False, cv=2)
    told = [str(w.message) for w in caught if w.category is IllConditionedWarning]
    assert told == [sentence for sentence in found.warnings if "converge" in sentence]
    assert len(told) == 1
    assert "did not converge" in told[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"penalty": "l3"}, "unknown penalty 'l3'"),
        ({"rule": "median"}, "unknown rule 'median'"),
        ({"solver": "lbfgs"}, "unknown solver"),
        ({"penalty": "elasticnet", "l1_ratio": 1.0}, "l1_ratio is 1"),
        ({"lambdas": -1.0}, "lambdas is -1"),
        ({"lambdas": "1:2"}, "START:STOP:COUNT"),
        ({"penalty_factors": [1.0]}, "one for each of the 10 inputs"),
        ({"penalty_factors": {"age": 0.0}}, "unknown penalty factor's column 'age'"),
        ({"penalty_factors": [-1.0] * 10}, "penalty factor is -1"),
        ({"extend": 1}, "extend is 1"),
        ({"training": Experiment()}, "training is for the solver 'sgd'"),
        ({"lr": 0.1}, "lr is for the solver 'sgd'"),
        ({"solver": "sgd", "lr": -0.1}, "lr .* is -0.1"),
        ({"solver": "sgd", "lr": "fast"}, "'fast'"),
        ({"solver": "sgd", "extend": True}, "extend is for the solver 'exact'"),
        ({"cv": 1000}, "there are 442 rows"),
        ({"columns": ("a", "b")}, "2 names for the 10 columns"),
    ],
)
def test_settings_that_cannot_be_used(settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tune(*diabetes(), **settings)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'elasticnet'"):
        tune(*diabetes(), penalty="elastic-net")


def test_grids() -> None:
    assert grids.given(None) == 100
    assert grids.given(7) == grids.given("7") == 7
    assert np.array_equal(grids.given("0,1:100:3"), [0, 1, 10, 100])
    e = np.array([1e-20, 0.5, 2.0])
    grid = grids.of_eigenvalues(e, 5)
    # Shrinking by e/(e + λ): nothing is lost at one end, nearly everything at the other.
    assert (e[1:] / (e[1:] + grid[0])).min() > 0.99
    assert (e / (e + grid[-1])).max() < 0.1
    assert np.allclose(grids.beyond(np.array([1.0, 10, 100]), "high"), [1000, 10_000])
    assert np.allclose(grids.beyond(np.array([0.0, 1, 10, 100]), "low"), [0.01, 0.1])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cv": "loo", "penalty_factors": np.arange(10.0)},
        {"lambdas": [1.0, 2.0], "extend": True},
        {"penalty": "elasticnet", "lambdas": 5},
        {
            "solver": "sgd",
            "lambdas": [0.0, 0.1],
            "cv": 3,
            "training": Experiment(lr=0.01, epochs=5),
        },
    ],
)
def test_in_a_worker_the_result_is_the_same(settings: Any) -> None:
    X, y = diabetes()
    settings = {"sample_weight": np.resize([1.0, 2.0], len(y)), **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        here = tune(X, y, **settings)
        with Worker("numpy", Path(sys.executable)) as worker:
            there = remote.tune(worker, X, y, **settings)
    assert vars(there).keys() == vars(here).keys()
    for one, other in ((there.scores, here.scores), (there.path, here.path)):
        for field in fields(one):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name))
    if here.evidence is not None and there.evidence is not None:
        assert np.array_equal(there.evidence.log_evidence, here.evidence.log_evidence)
        assert there.prior == here.prior
    for name in ("lambd", "rule", "split", "extended", "epochs", "warnings", "backend", "penalty"):
        assert getattr(there, name) == getattr(here, name)


def test_a_sparse_table_does_not_travel() -> None:
    with (
        Worker("numpy", Path(sys.executable)) as worker,
        pytest.raises(InputError, match="does not travel"),
    ):
        remote.tune(worker, sparse.eye(10, format="csr"), np.arange(10.0))


def quietly(X: Any, y: Any, **settings: Any) -> Any:
    """Tune, whether or not the best is at the edge of the grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EdgeOfGridWarning)
        return tune(X, y, **settings)
