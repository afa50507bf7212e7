"""Remedies against overfitting, each against an independent answer on the same rows and folds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.tolerances import L1, RIDGE, relative_difference
from weightdecay import Dataset, Experiment, Synthetic, fit, from_arrays
from weightdecay.data.streams import generator
from weightdecay.errors import InputError, MissingExtraError
from weightdecay.paths.examples import Examples
from weightdecay.remedies import curve as curves
from weightdecay.remedies import noise, penalties, selecting
from weightdecay.remedies.comparing import REMEDIES, Remedies, compare_remedies
from weightdecay.remedies.concluding import conclusion
from weightdecay.remedies.curve import LearningCurve, learning_curve
from weightdecay.remedies.early import early_stopping
from weightdecay.remedies.least_squares import least_squares, none
from weightdecay.remedies.problem import Problem, loss, standardised
from weightdecay.remedies.remedy import Remedy
from weightdecay.remedies.remedy import Ridge as Average
from weightdecay.tuning import splits as splitting

N, M, P, K = 60, 30, 8, 5
RNG = np.random.default_rng(4)
MIX = RNG.standard_normal((P, P))
X = RNG.standard_normal((N + M, P)) @ MIX + 5
Y = X[:, :3] @ [0.5, -1.0, 0.3] + 3 * RNG.standard_normal(N + M)
WEIGHT = RNG.integers(1, 3, N).astype(float)
DATA = from_arrays(X[:N], Y[:N], X[N:], Y[N:])
SCALER = StandardScaler().fit(X[:N])
Z, Z_VAL = SCALER.transform(X[:N]), SCALER.transform(X[N:])


def problem(data: Dataset = DATA, copies: int = 20, epochs: int = 12, seed: int = 3) -> Problem:
    train, val = standardised(data)
    splits = splitting.make(K, train.num_examples, seed=seed)
    assert splits is not None
    return Problem(train, val, splits, seed, epochs, copies, "numpy", "float64", "cpu")


def half_mse(model: Any) -> tuple[float, float]:
    """Training and validation loss of a fitted estimator."""
    parts = ((Z, Y[:N]), (Z_VAL, Y[N:]))
    train, val = (np.mean((model.predict(A) - y) ** 2) / 2 for A, y in parts)
    return float(train), float(val)


def assert_is(remedy: Remedy, model: Any, tolerance: float) -> None:
    losses = (remedy.train_loss, remedy.val_loss)
    assert relative_difference(losses, half_mse(model)) <= tolerance
    assert relative_difference(Z @ remedy.w + remedy.b, model.predict(Z)) <= tolerance


def searched(model: Any, name: str, values: Any) -> GridSearchCV:
    splits = [(a, b) for a, b in problem().splits]
    search = GridSearchCV(model, {name: values}, scoring="neg_mean_squared_error", cv=splits)
    return search.fit(Z, Y[:N])


def test_no_remedy_is_linear_regression() -> None:
    found = none(problem())
    assert_is(found, LinearRegression().fit(Z, Y[:N]), RIDGE)
    held_out = cross_val_score(
        LinearRegression(), Z, Y[:N], scoring="neg_mean_squared_error", cv=problem().splits
    )
    assert relative_difference(found.fold_loss, -held_out / 2) <= RIDGE
    assert found.cv_standard_error == pytest.approx(held_out.std(ddof=1) / 2 / np.sqrt(K))
    assert (found.strength, found.setting) == (None, "")


def test_no_remedy_has_the_least_norm_where_inputs_outnumber_rows() -> None:
    wide = np.random.default_rng(0).standard_normal((6, 15))
    y = np.arange(6.0)
    w, _ = least_squares(Examples(wide, y[:, None], None, ()))
    centred = wide - wide.mean(axis=0)
    expected = np.linalg.pinv(centred) @ (y - y.mean())
    assert relative_difference(w[:, 0], expected) <= RIDGE


def test_weights_count_in_fits_and_in_losses() -> None:
    """Standardised with weights as well, which least squares does not notice."""
    weight_val = RNG.uniform(0.2, 2, M)
    given = problem(replace(DATA, weight_train=WEIGHT, weight_val=weight_val))
    found = none(given)
    parts = ((X[:N], Y[:N], WEIGHT), (X[N:], Y[N:], weight_val))
    model = LinearRegression().fit(X[:N], Y[:N], WEIGHT)
    expected = [np.average((model.predict(A) - y) ** 2, weights=c) / 2 for A, y, c in parts]
    assert relative_difference([found.train_loss, found.val_loss], expected) <= RIDGE
    for k, (train, rest) in enumerate(given.splits):
        model = LinearRegression().fit(X[train], Y[train], WEIGHT[train])
        off = np.average((model.predict(X[rest]) - Y[rest]) ** 2, weights=WEIGHT[rest]) / 2
        assert found.fold_loss[k] == pytest.approx(off)
    scaled = StandardScaler().fit(X[:N], sample_weight=WEIGHT).transform(X[:N])
    ridge = penalties.l2(given)
    model = Ridge(alpha=ridge.strength * WEIGHT.sum()).fit(scaled, Y[:N], WEIGHT)
    assert relative_difference(ridge.w, model.coef_) <= RIDGE


@pytest.mark.parametrize(
    ("remedy", "model", "factor", "tolerance"),
    [
        (penalties.l2, Ridge(), N * (K - 1) / K, RIDGE),
        (penalties.l1, Lasso(max_iter=100_000, tol=1e-10), 1, L1),
        (penalties.elastic_net, ElasticNet(l1_ratio=0.5, max_iter=100_000, tol=1e-10), 1, L1),
    ],
)
def test_penalties_are_those_of_a_grid_search(
    remedy: Callable[[Problem], Remedy], model: Any, factor: float, tolerance: float
) -> None:
    found = remedy(problem())
    search = searched(model, "alpha", found.scores.lambdas * factor)
    assert found.index == search.best_index_
    mean = -search.cv_results_["mean_test_score"] / 2
    assert relative_difference(found.scores.mean, mean) <= tolerance
    alpha = found.strength * (N if factor > 1 else 1)
    assert_is(found, model.set_params(alpha=alpha).fit(Z, Y[:N]), tolerance)
    assert found.setting.startswith("λ = ")
    assert 0 < found.index < len(mean) - 1
    assert found.warnings == ()


def test_early_stopping_is_a_loop_of_longer_and_longer_trainings() -> None:
    given = problem(epochs=12)
    found = early_stopping(given)
    held_out = np.empty((12, K))
    e = Experiment(penalty="none", batch_size="full", init_std=0, lr=_rate(given))
    for k, (train, rest) in enumerate(given.splits):
        weight = np.where(np.isin(np.arange(N), train), 1.0, 0)
        data = from_arrays(Z, Y[:N], sample_weight=weight)
        for epochs in range(1, 13):
            w, b = fit(replace(e, epochs=epochs), data).params
            held_out[epochs - 1, k] = np.mean((Z[rest] @ w[:, 0] + b - Y[rest]) ** 2) / 2
    assert relative_difference(found.scores.loss, held_out) <= RIDGE
    assert found.strength == np.argmin(held_out.mean(axis=1)) + 1
    last = fit(replace(e, epochs=int(found.strength)), from_arrays(Z, Y[:N])).params
    assert relative_difference(found.w, last.w[:, 0]) <= RIDGE
    assert found.setting == f"{found.strength:.0f} epochs"


def _rate(given: Problem) -> float:
    from weightdecay.paths.examples import Formulation
    from weightdecay.tuning import stopping

    training = Experiment(batch_size="full", epochs=1)
    found = stopping.cross_validate(
        given.train, Formulation(), [0], given.splits, training, lr="auto"
    )
    return found.training.lr


def test_fewer_features_is_a_pipeline_that_selects_within_each_fold() -> None:
    found = selecting.fewer_features(problem())
    model = make_pipeline(SelectKBest(f_regression), LinearRegression())
    counts = found.scores.lambdas.astype(int)
    assert counts.tolist() == list(range(1, P + 1))
    search = searched(model, "selectkbest__k", counts)
    assert found.strength == search.best_params_["selectkbest__k"]
    mean = -search.cv_results_["mean_test_score"] / 2
    assert relative_difference(found.scores.mean, mean) <= RIDGE
    assert_is(found, search.best_estimator_, RIDGE)
    assert found.nonzero == found.strength


@pytest.mark.parametrize("repeated", [False, True])
def test_nested_least_squares_is_each_on_its_own(repeated: bool) -> None:
    """Through one triangle, and with a repeated column through the least norm of each."""
    A = np.column_stack([Z, Z[:, :2]]) if repeated else Z
    rows = Examples(A, Y[:N, None], WEIGHT, ())
    counts = np.array([1, 3, A.shape[1]])
    w, b = selecting.nested(rows, counts)
    order = selecting.ranking(rows)
    for i, k in enumerate(counts):
        chosen = order[:k]
        fitted = LinearRegression().fit(A[:, chosen], Y[:N], sample_weight=WEIGHT)
        expected = fitted.predict(A[:, chosen])
        assert relative_difference(A @ w[:, i] + b[i], expected) <= RIDGE
        assert not w[np.setdiff1d(np.arange(A.shape[1]), chosen), i].any()


def test_many_inputs_are_tried_at_fewer_numbers() -> None:
    counts = selecting._counts(1000)
    assert (counts[0], counts[-1]) == (1, 1000)
    assert len(counts) <= selecting.MOST
    assert selecting._counts(7).tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_noise_is_least_squares_on_the_copies_written_out() -> None:
    given = problem(replace(DATA, weight_train=WEIGHT), copies=5)
    rows = given.splits[1].train
    nus = np.array([0.3, 2.0])
    w, b = noise.noisy(given, rows, nus)
    E = generator(given.seed, "noise").standard_normal((5, N, P))[:, rows]
    X_train, y = given.train.X[rows], given.train.Y[rows, 0]
    for i, nu in enumerate(nus):
        copies = (X_train + nu * E).reshape(-1, P)
        fitted = LinearRegression().fit(copies, np.tile(y, 5), np.tile(WEIGHT[rows], 5))
        assert relative_difference(w[:, i], fitted.coef_) <= RIDGE
        assert b[i] == pytest.approx(fitted.intercept_)


def test_noise_becomes_ridge_as_copies_grow() -> None:
    """Monte Carlo: a hundred times the copies, a tenth of the distance, roughly."""
    nu, rows = np.array([0.8]), np.arange(N)
    ridge = Ridge(alpha=N * 0.8**2).fit(Z, Y[:N]).coef_
    apart = []
    for copies in (10, 1000, 100_000):
        w, _ = noise.noisy(problem(copies=copies), rows, nu)
        apart.append(np.linalg.norm(w[:, 0] - ridge) / np.linalg.norm(ridge))
    assert apart[0] > 3 * apart[1] > 9 * apart[2]
    assert apart[2] < 0.01
    found = noise.input_noise(problem(copies=1000))
    assert found.ridge is not None
    expected = Ridge(alpha=N * found.strength**2).fit(Z, Y[:N])
    assert found.ridge.lambd == found.strength**2
    assert found.ridge.val_loss == pytest.approx(half_mse(expected)[1])
    distance = np.linalg.norm(found.w - expected.coef_) / np.linalg.norm(expected.coef_)
    assert found.ridge.apart == pytest.approx(distance)
    assert found.ridge.apart < 0.1


def test_every_fold_sees_the_same_noise_of_a_row() -> None:
    given = problem(copies=3)
    some, others = noise.moments(given, np.arange(10)), noise.moments(given, np.arange(10, N))
    every = noise.moments(given, np.arange(N))
    for part in ("ee", "e"):
        both = 10 / N * getattr(some, part) + (N - 10) / N * getattr(others, part)
        assert relative_difference(both, getattr(every, part)) <= RIDGE


def test_copies_make_enough_rows() -> None:
    assert noise.default_copies(20, 200) == 1000
    assert noise.default_copies(10**6, 5) == noise.LEAST_COPIES
    assert noise.default_copies(100, 10_000) == 400


def test_the_learning_curve_is_least_squares_on_random_parts() -> None:
    given = problem()
    found = learning_curve(given)
    assert found.rows.tolist() == [15, 30, 45, 60]
    draw = generator(given.seed, "subsets")
    for d in range(curves.DRAWS):
        order = draw.permutation(N)
        for i, count in enumerate(found.rows):
            some = order[:count]
            model = LinearRegression().fit(Z[some], Y[some])
            assert relative_difference(found.loss["none"][i, d], half_mse(model)[1]) <= RIDGE
    assert found.mean("l2")[-1] == pytest.approx(penalties.l2(given).val_loss)
    mean = found.loss["l2"].mean(axis=1)
    assert found.cost_of_half("l2") == pytest.approx(mean[1] / mean[-1])
    assert found.std("l2")[-1] == pytest.approx(0)
    some = draw.permutation(N)[:15]
    part = curves.part(given, some)
    assert sorted(np.concatenate([split.held_out for split in part.splits])) == list(range(15))
    assert all(not np.intersect1d(*split).size for split in part.splits)


def test_rows_of_weight_0_are_no_rows_of_a_part() -> None:
    weight = np.r_[np.zeros(20), np.ones(40)]
    found = learning_curve(problem(replace(DATA, weight_train=weight)))
    assert found.rows.tolist() == [10, 20, 30, 40]
    assert np.isfinite(found.loss["none"]).all()


@pytest.fixture(scope="module")
def result() -> Remedies:
    return compare_remedies(Experiment(seed=3), DATA, copies=50)


def test_all_are_compared_on_the_same_folds(result: Remedies) -> None:
    names = ["none", "l2", "l1", "elasticnet", "early", "features", "noise"]
    assert [remedy.name for remedy in result.remedies] == names
    assert len(REMEDIES) == len(names)
    expected = penalties.l2(problem())
    assert result["l2"].index == expected.index
    assert (result["l2"].fold_loss == expected.fold_loss).all()
    assert result.best.cv_loss == min(remedy.cv_loss for remedy in result.remedies)
    assert result.lowest.val_loss == min(remedy.val_loss for remedy in result.remedies)
    for remedy in result.remedies:
        off = remedy.fold_loss - result.best.fold_loss
        error = off.std(ddof=1) / np.sqrt(K)
        tied = remedy is not result.best and abs(off.mean()) <= error
        assert (remedy in result.tied) == tied
        train = float(loss(problem().train, remedy.w[:, None], np.array([remedy.b]))[0])
        assert remedy.train_loss == pytest.approx(train)
        assert remedy.weight_norm == pytest.approx(np.linalg.norm(remedy.w))
    assert "best by cross-validation" in repr(result)
    assert "input noise" in str(result)


def test_validation_rows_touch_no_choice(result: Remedies) -> None:
    other = from_arrays(X[:N], Y[:N], 10 * X[N:] - 3, -Y[N:])
    changed = compare_remedies(Experiment(seed=3), other, copies=50)
    for before, after in zip(result.remedies, changed.remedies, strict=True):
        assert before.strength == after.strength, before.name
        assert (before.scores.loss == after.scores.loss).all()
        assert (before.w == after.w).all()
        assert before.train_loss == after.train_loss
        assert before.val_loss != after.val_loss
    assert changed.best.name == result.best.name


def test_backends_agree(backend: str, result: Remedies) -> None:
    other = compare_remedies(Experiment(seed=3), DATA, copies=50, backend=backend)
    assert other.backend == backend
    for ours, theirs in zip(result.remedies, other.remedies, strict=True):
        assert ours.strength == theirs.strength, ours.name
        assert relative_difference(theirs.w, ours.w) <= RIDGE, ours.name
    assert relative_difference(other.curve.loss["l2"], result.curve.loss["l2"]) <= RIDGE


def of(name: str, val_loss: float, folds: list[float], **settings: Any) -> Remedy:
    from weightdecay.remedies.remedy import scores

    found = scores(np.array([2.0]), np.array([folds]))
    symbol = "" if name == "none" else "λ"
    label = "no remedy" if name == "none" else name
    return Remedy(name, label, symbol, found, 0, np.ones(2), 0.0, 1.0, val_loss, **settings)


def made(result: Remedies, *remedies: Remedy, half: float = 3.0) -> Remedies:
    losses = {name: np.array([[half, half], [2.0, 2.0]]) for name in ("none", "l2")}
    curve = LearningCurve(np.array([10, 20]), losses)
    return replace(result, remedies=remedies, curve=curve)


def test_the_conclusion_follows_the_numbers(result: Remedies) -> None:
    """The choice is by folds; the validation part may disagree, and that is said."""
    without = of("none", 8, [9.0, 9.5, 10])
    average = Average(0.25, 4.5, 0.125)
    best = of("l2", 4, [5.0, 5, 5])
    near = of("noise", 3, [4.0, 6, 5.5], ridge=average)
    text = conclusion(made(result, without, best, near))
    assert text[0].startswith("By cross-validation the best is l2 (λ = 2)")
    assert "its loss is 4, 0.5 times that of no remedy" in text[0]
    assert f"The {K} folds cannot tell it from noise: " in text[1]
    assert text[2] == "On the validation part noise (λ = 2) is the lowest, with 3."
    assert "λ = ν² = 0.25: validation loss 3 against 4.5, and weights 0.12 apart" in text[3]
    assert "multiply the validation loss by 1.5 for no remedy and by 1.5 for L2" in text[4]

    far = of("noise", 9, [7.0, 7, 7.5])
    text = conclusion(made(result, of("none", 2, [1.0, 1, 1]), best, far, half=1.0))
    assert "nothing helps here" in text[0]
    assert "by 0.5 for no remedy" in text[1]
    assert len(text) == 2


def test_wide_weighted_collinear_and_constant_data_have_an_answer() -> None:
    rng = np.random.default_rng(1)
    A = rng.standard_normal((24, 30))
    A[:, 4], A[:, 5] = A[:, 3], 1.0
    data = from_arrays(
        A, A[:, 0] + rng.standard_normal(24), validation_fraction=0.25,
        sample_weight=rng.uniform(0.2, 1, 24),
    )  # fmt: skip
    found = compare_remedies(data=data, epochs=20, folds=3)
    assert np.isfinite([r.val_loss for r in found.remedies]).all()
    assert found["l1"].w[5] == 0
    constant = from_arrays(A, np.full(24, 7.0), validation_fraction=0.25)
    flat = compare_remedies(data=constant, epochs=20, folds=3)
    assert max(r.val_loss for r in flat.remedies if r.name != "early") < 1e-20
    assert "by cross-validation" in str(flat).lower()


def test_a_strength_at_the_edge_is_told() -> None:
    """Pure noise wants the largest λ of L2."""
    rng = np.random.default_rng(3)
    data = from_arrays(*(rng.standard_normal(s) for s in ((30, 5), 30, (9, 5), 9)))
    found = compare_remedies(data=data, epochs=5)
    assert any("is the largest that was tried" in warning for warning in found.warnings)
    assert not any(warning.startswith("L1") for warning in found.warnings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": from_arrays(X, Y)}, "no validation part"),
        ({"data": DATA, "folds": 1}, "cv is 1"),
        ({"data": DATA, "epochs": 0}, "epochs is 0"),
        ({"data": DATA, "copies": 0}, "copies is 0"),
        ({"data": replace(DATA, weight_train=np.r_[np.zeros(N - 2), 1, 1])}, "positive weight"),
    ],
)
def test_bad_input_is_a_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_remedies(**settings)


def test_every_row_can_be_held_out_alone() -> None:
    data = from_arrays(X[:12, :2], Y[:12], X[N:, :2], Y[N:])
    found = compare_remedies(data=data, folds="loo", epochs=3, copies=5)
    assert found.num_folds == 12
    errors = [
        (LinearRegression().fit(np.delete(A, i, 0), np.delete(y, i)).predict(A[[i]]) - y[i]) ** 2
        for A, y in [(X[:12, :2], Y[:12])]
        for i in range(12)
    ]
    assert relative_difference(found["none"].fold_loss, np.ravel(errors) / 2) <= RIDGE


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match="needs the extra 'sklearn'"):
        compare_remedies(Experiment(data=Synthetic(num_inputs=3)))
    pairs = [(np.arange(30, N), np.arange(30)), (np.arange(30), np.arange(30, N))]
    with pytest.raises(MissingExtraError, match="needs the extra 'sklearn'"):
        compare_remedies(data=DATA, folds=pairs)
