"""`sweep`: every run is what `fit` trains alone, and the choice of λ follows the numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY, RIDGE, relative_difference
from weightdecay import (
    Dataset,
    Experiment,
    SweepResult,
    Synthetic,
    fit,
    from_arrays,
    load_data,
    sweep,
)
from weightdecay.divergence import Lost
from weightdecay.errors import DivergenceError, InputError
from weightdecay.history import History
from weightdecay.sweeping.columns import chunks
from weightdecay.sweeping.grid import bytes_of, grid
from weightdecay.sweeping.running import prepare

RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((13, 4)), RNG.standard_normal(13)
X_VAL, Y_VAL = RNG.standard_normal((5, 4)), RNG.standard_normal(5)
DATA = from_arrays(X, Y, X_VAL, Y_VAL)
WEIGHTED = from_arrays(X, Y, X_VAL, Y_VAL, sample_weight=RNG.uniform(0.1, 2, 13))
LOSSES = ("train_loss", "val_loss", "weight_norm", "penalty")

TWO_CHUNKS = 3 * 8 * (4 * 13 + 8 * 4)
"""Bytes that three columns of this data take, and four do not."""

RULES = {
    "l2": {},
    "l1": {"penalty": "l1", "penalty_factors": (1.0, 0.0, 2.5, 1.0), "penalize_bias": True},
    "elasticnet": {"penalty": "elasticnet", "optimizer": "momentum", "l1_ratio": 0.3},
    "momentum": {"optimizer": "momentum", "decay": "decoupled"},
    "adam": {"optimizer": "adam", "penalty_factors": {"x1": 0.5}},
}


def experiment(**settings: Any) -> Experiment:
    return Experiment(**{"epochs": 3, "lr": 0.05, "betas": (0.7, 0.9), **settings})


def assert_same(result: SweepResult, cell: tuple[int, ...], alone: Any) -> None:
    """One run of a sweep against the only run of a fit."""
    found = np.append(result.w[:, *cell], result.b[cell])
    assert relative_difference(found, np.append(*alone.params)) <= PARITY["float64"]
    for name in LOSSES:
        ours = getattr(result.history, name)[:, *cell]
        expected = getattr(alone.history, name)[:, 0]
        assert relative_difference(ours, expected) <= PARITY["float64"], name
        assert getattr(result, name)[cell] == ours[-1]
    assert result.nonzero[cell] == np.count_nonzero(alone.params.w)


def cells(result: SweepResult) -> Any:
    return product(*map(range, result.diverged.shape))


@pytest.mark.parametrize("max_memory", [2**30, TWO_CHUNKS], ids=["together", "in chunks"])
@pytest.mark.parametrize("rule", RULES)
def test_every_run_is_what_fit_trains_alone(backend: str, rule: str, max_memory: int) -> None:
    """With a short last batch, sample weights, and in chunks one column that is repeated."""
    e = experiment(**RULES[rule])
    result = sweep(
        e,
        WEIGHTED,
        lambdas=[2, 0.3, 0, 0.01, 0.3, 0.7],
        seeds=2,
        backend=backend,
        max_memory=max_memory,
    )
    assert result.lambdas == (0, 0.01, 0.3, 0.7, 2)
    assert result.w.shape == (4, 5, 1, 2, 1)
    for cell in cells(result):
        i, _, s, _ = cell
        one = replace(e, lambd=result.lambdas[i], seed=result.seeds[s])
        assert_same(result, cell, fit(one, WEIGHTED, backend=backend))


@pytest.mark.parametrize("settings", [{"batch_size": "full"}, {"shuffle": False}])
def test_seeds_with_the_same_minibatches_are_columns(
    backend: str, settings: dict[str, Any]
) -> None:
    e = experiment(**settings, init_std=1, seed=4)
    seen: list[tuple[int, int]] = []
    result = sweep(
        e,
        DATA,
        lambdas=(0.1, 1),
        lrs=(0.05, 0.01),
        seeds=3,
        backend=backend,
        on_progress=lambda *done: seen.append(done),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (result.lrs, result.seeds) == ((0.01, 0.05), (4, 5, 6))
    for cell in cells(result):
        i, r, s, _ = cell
        one = replace(e, lambd=result.lambdas[i], lr=result.lrs[r], seed=result.seeds[s])
        assert_same(result, cell, fit(one, DATA, backend=backend))


def test_the_data_stay_those_of_the_experiments_seed() -> None:
    e = Experiment(data=Synthetic(num_train=8, num_val=4, num_inputs=3), epochs=2, seed=3)
    result = sweep(e, lambdas=1, lrs=0.02, seeds=[9])
    one = replace(e, lambd=1, lr=0.02)
    assert_same(result, (0, 0, 0, 0), fit(replace(one, seed=9), load_data(e.data, 3)))
    assert result.experiment == one


def one_fold(data: Dataset, train: Any, held_out: Any) -> Dataset:
    """What a fold is: the same rows with some of them at weight 0."""
    weight = np.ones(13) if data.weight_train is None else data.weight_train
    return Dataset(
        X,
        Y,
        X[held_out],
        Y[held_out],
        source=data.source,
        weight_train=np.bincount(train, minlength=13) * weight,
        weight_val=weight[held_out],
    )


@pytest.mark.parametrize("max_memory", [2**30, 1], ids=["together", "one by one"])
@pytest.mark.parametrize("data", [DATA, WEIGHTED], ids=["plain", "weighted"])
def test_a_fold_is_a_fit_without_its_rows(backend: str, data: Dataset, max_memory: int) -> None:
    held_out = [[0, 1, 12], np.arange(2, 7), (7, 8, 9, 10)]
    e = experiment(penalty="elasticnet")
    result = sweep(
        e, data, lambdas=(0, 0.5), seeds=2, folds=held_out, backend=backend, max_memory=max_memory
    )
    assert result.num_folds == 3
    for cell in cells(result):
        i, _, s, k = cell
        rest = np.setdiff1d(np.arange(13), held_out[k])
        one = replace(e, lambd=result.lambdas[i], seed=result.seeds[s])
        alone = fit(one, one_fold(data, rest, np.array(held_out[k])), backend=backend)
        assert_same(result, cell, alone)


def test_folds_of_scikit_learns_splitters_are_taken_as_they_are() -> None:
    """Those of a time series leave rows out that they do not validate with."""
    splits = [(np.arange(4), np.arange(4, 8)), (np.arange(8), np.arange(8, 13))]
    result = sweep(experiment(), DATA, lambdas=0.5, folds=iter(splits))
    for k, (train, held_out) in enumerate(splits):
        alone = fit(experiment(lambd=0.5), one_fold(DATA, train, held_out))
        assert_same(result, (0, 0, 0, k), alone)


def test_cross_validation_is_ridge_on_the_rows_that_are_left(backend: str) -> None:
    """Against the normal equations of every fold: λ means the same as without its rows."""
    e = Experiment(batch_size="full", lr=0.3, epochs=200)
    folds = [np.arange(0, 6), np.arange(6, 13)]
    result = sweep(e, (X, Y), lambdas=(1, 2), folds=folds, backend=backend)
    for (i, lambd), (k, held_out) in product(enumerate((1, 2)), enumerate(folds)):
        A = np.column_stack([np.ones(13), X])
        rest = np.delete(A, held_out, axis=0)
        decay = lambd * np.diag([0, 1, 1, 1, 1])
        moment = rest.T @ np.delete(Y, held_out) / len(rest)
        theta = np.linalg.solve(rest.T @ rest / len(rest) + decay, moment)
        residual = A[held_out] @ theta - Y[held_out]
        assert relative_difference(result.w[:, i, 0, 0, k], theta[1:]) <= RIDGE
        found = result.val_loss[i, 0, 0, k]
        assert relative_difference(found, np.mean(residual**2) / 2) <= RIDGE


@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 3))
def test_drawn_folds_hold_out_every_row_once(k: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(n)
    data = from_arrays(rng.standard_normal((n, 1)), rng.standard_normal(n))
    e = Experiment(batch_size=1, seed=seed)
    settings = {"lambdas": 1, "lrs": None, "seeds": None, "max_memory": 1, "folds": k}
    if k > n:
        with pytest.raises(InputError, match=f"choose at most {n}"):
            prepare(e, data, **settings)
        return
    folds = prepare(e, data, **settings).folds
    assert folds is not None
    assert folds.train.shape == folds.held_out.shape == (n, k)
    assert ((folds.held_out > 0).sum(axis=1) == 1).all()
    assert ((folds.train > 0) != (folds.held_out > 0)).all()
    assert np.ptp((folds.held_out > 0).sum(axis=0)) <= 1
    assert folds.train.mean(axis=0) == pytest.approx(1)
    assert folds.held_out.mean(axis=0) == pytest.approx(1)


@given(st.integers(1, 400), st.integers(1, 10**6), st.booleans(), st.sampled_from([4, 8]))
def test_chunks_hold_every_column_once_and_fit_into_memory(
    count: int, max_memory: int, with_folds: bool, itemsize: int
) -> None:
    job = prepare(
        Experiment(),
        DATA,
        lambdas=1,
        lrs=None,
        seeds=None,
        folds=2 if with_folds else None,
        max_memory=max_memory,
    )
    found = list(chunks(job, count, itemsize))
    width = len(found[0][1])
    assert {len(columns) for _, columns in found} == {width}
    kept = [columns[: chunk.stop - chunk.start] for chunk, columns in found]
    assert np.concatenate(kept).tolist() == list(range(count))
    assert all((columns < count).all() for _, columns in found)
    a_column = itemsize * ((8 if with_folds else 4) * 13 + 8 * 4)
    assert width == 1 or width * a_column <= max_memory
    assert len(found) * width - count < len(found)  # no more repetition than there must be


def test_float32_is_float32(backend: str) -> None:
    result = sweep(experiment(), DATA, lambdas=(0, 1), backend=backend, dtype="float32")
    reference = sweep(experiment(), DATA, lambdas=(0, 1))
    assert result.w.dtype == result.b.dtype == np.float32
    assert relative_difference(result.w, reference.w) <= PARITY["float32"]


def test_progress_counts_epochs_of_chunks_of_seeds() -> None:
    seen: list[tuple[int, int]] = []
    sweep(
        experiment(),
        DATA,
        lambdas="0.1:1:4",
        seeds=3,
        max_memory=TWO_CHUNKS,
        on_progress=lambda *done: seen.append(done),
    )
    assert seen == [(i, 18) for i in range(1, 19)]


@pytest.mark.parametrize("folds", [None, [[0, 1, 2], [8, 9, 10, 11]]])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_those_diverge_that_fit_refuses(backend: str, optimizer: str, folds: Any) -> None:
    """Also those whose loss is still finite, and no other."""
    e = experiment(optimizer=optimizer, epochs=4, momentum=0.6)
    result = sweep(
        e,
        WEIGHTED,
        lambdas=(0, 1, 30),
        lrs=(0.02, 0.3, 1.2, 50, 1e80),
        seeds=2,
        folds=folds,
        backend=backend,
    )
    refused, messages = np.zeros_like(result.diverged), []
    for cell in cells(result):
        i, r, s, k = cell
        data = WEIGHTED
        if folds is not None:
            rest = np.setdiff1d(np.arange(13), folds[k])
            data = one_fold(WEIGHTED, rest, np.array(folds[k]))
        one = replace(e, lambd=result.lambdas[i], lr=result.lrs[r], seed=result.seeds[s])
        try:
            alone = fit(one, data, backend=backend)
        except DivergenceError as error:
            refused[cell] = True
            messages.append(str(error))
        else:
            assert_same(result, cell, alone)
    assert (result.diverged == refused).all()
    assert result.lost is not None
    assert str(result.lost.error()) == messages[0]
    assert 0 < refused.sum() < refused.size
    finite = np.isfinite(result.train_loss)
    assert (refused & finite).any()
    assert (refused & ~finite).any()
    assert result.best is not None
    chosen = result.lambdas.index(result.best.lambd), result.lrs.index(result.best.lr)
    assert not result.diverged[chosen].any()


def test_a_large_loss_at_a_stable_rate_is_no_divergence(backend: str) -> None:
    """No rate of Adam is past a bound, however far it throws the weights."""
    e = experiment(optimizer="adam", lr=1e3)
    result = sweep(e, DATA, lambdas=(0, 1), backend=backend)
    assert result.train_loss[0, 0, 0, 0] > 1e5
    assert_same(result, (0, 0, 0, 0), fit(replace(e, lambd=0), DATA, backend=backend))
    assert not result.diverged.any()


def test_a_sweep_of_nothing_but_divergence_says_what_would_work() -> None:
    result = sweep(Experiment(epochs=2), lambdas=(0, 1), lrs=(2, 5))
    assert result.diverged.all()
    assert "all diverged" in repr(result)
    with pytest.raises(DivergenceError, match=r"in epoch 1 at λ = 0: the learning rate 2 is past"):
        _ = result.best
    assert result.lost is not None
    assert result.lost.suggested_lr is not None
    again = sweep(Experiment(epochs=2), lambdas=(0, 1), lrs=result.lost.suggested_lr)
    assert not again.diverged.any()
    assert again.lost is None


def made(val_loss: Any, lambdas: Any, lrs: Any = (0.01,), diverged: Any = None) -> SweepResult:
    """A result with these validation losses, (L, R, S, K), and weights that tell runs apart."""
    val = np.asarray(val_loss, np.float64)
    rows = [1 + 0 * val, val, 2 + 0 * val, 0 * val]
    return SweepResult(
        experiment=Experiment(lambd=lambdas),
        backend="numpy",
        backend_version="0",
        dtype="float64",
        device="cpu",
        lambdas=tuple(lambdas),
        lrs=tuple(lrs),
        seeds=tuple(range(val.shape[2])),
        num_folds=val.shape[3],
        w=np.stack([val, 0 * val]),
        b=val,
        history=History(*(row[None] for row in rows)),
        diverged=np.zeros(val.shape, bool) if diverged is None else np.asarray(diverged),
        lost=None if diverged is None else Lost(1, 0, 0.1, "sgd", 0.05, 0.02),
        columns=("x0", "x1"),
        seconds=0.1,
    )


def test_the_best_has_the_lowest_mean_over_seeds_and_folds() -> None:
    losses = [[[[1, 5]], [[9, 9]]], [[[4, 1]], [[2, 2]]], [[[0, 6]], [[3, 0.5]]]]
    result = made(losses, (0.1, 1, 10), lrs=(0.01, 0.02))
    best = result.best
    assert best is not None
    assert (best.lambd, best.lr, best.val_loss) == (10, 0.02, 1.75)
    assert best.spread == pytest.approx(1.25)
    assert result.at_edge
    assert result.lr_at_edge
    profile = result.profile
    assert profile.lr.tolist() == [0.01, 0.02, 0.02]
    assert profile.val_loss.tolist() == [3, 2, 1.75]
    assert profile.val_loss_std.tolist() == [2, 0, 1.25]
    assert profile.w.tolist() == [[3, 2, 1.75], [0, 0, 0]]
    assert profile.nonzero.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("losses", "lambdas", "expected"),
    [
        ([3, 1, 2], (0.1, 1, 10), False),
        ([1, 2, 3], (0.1, 1, 10), True),
        ([1, 2, 3], (0, 1, 10), False),
        ([3, 2, 1], (0, 1, 10), True),
        ([3], (1,), False),
        ([1, 1, 1], (0, 1, 10), False),
        ([np.nan] * 3, (0, 1, 10), False),
    ],
)
def test_the_edge_is_where_a_better_one_may_lie_beyond(
    losses: list[float], lambdas: tuple[float, ...], expected: bool
) -> None:
    result = made(np.reshape(losses, (-1, 1, 1, 1)), lambdas)
    assert result.at_edge is expected
    assert not result.lr_at_edge


def test_the_lr_is_at_its_edge_alone() -> None:
    result = made(np.reshape([3, 2, 3, 1, 0, 3, 3, 3, 3], (3, 3, 1, 1)), (0, 1, 2), (1, 2, 3))
    assert (result.at_edge, result.lr_at_edge) == (False, False)
    result = made(np.reshape([3, 2, 3, 0, 1, 3, 3, 3, 3], (3, 3, 1, 1)), (0, 1, 2), (1, 2, 3))
    assert (result.at_edge, result.lr_at_edge) == (False, True)


def test_a_lambda_that_diverged_with_any_seed_is_out() -> None:
    losses = np.array([[0.0, 0.1], [np.nan, 0.2], [2, 3]])[:, None, :, None]
    lost = np.array([[False, True], [True, False], [False, False]])[:, None, :, None]
    result = made(losses, (0, 1, 2), diverged=lost)
    assert result.best is not None
    assert result.best.lambd == 2
    assert np.isnan(result.profile.val_loss[:2]).all()
    assert "2 diverged" in repr(result)


def test_without_validation_there_is_no_best() -> None:
    result = sweep(experiment(), (X, Y), lambdas=(0, 1), lrs=(1e-6, 0.1))
    assert np.isnan(result.val_loss).all()
    assert result.best is None
    assert not result.at_edge
    assert result.profile.lr.tolist() == [0.1, 0.1]  # the lowest objective
    assert "best" not in repr(result)


def test_the_line_says_what_was_found() -> None:
    line = repr(sweep(experiment(), DATA, lambdas="0,1e-2:1:8", seeds=2, folds=3))
    assert "9 λ × 1 learning rate × 2 seeds × 3 folds; best λ = " in line
    assert "validation loss" in line
    assert "numpy" in line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("1", (1,)),
        ("10, 0.1,1", (0.1, 1, 10)),
        ("0,1e-3:1e3:7", (0, 0.001, 0.01, 0.1, 1, 10, 100, 1000)),
        ("0.1,1e2:1e-2:5,0.1", (0.01, 0.1, 1, 10, 100)),
        ((3, 1.0, 1, 0), (0, 1, 3)),
        (np.array([2.0, 1.0]), (1, 2)),
        (2, (2,)),
    ],
)
def test_grids_are_ascending_and_without_repetition(words: Any, expected: Any) -> None:
    assert grid("lambdas", words) == expected


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.integers(2, 300))
def test_a_range_is_geometric_and_holds_its_ends(start: float, stop: float, count: int) -> None:
    found = np.array(grid("lambdas", f"{start!r}:{stop!r}:{count}"))
    assert (found[0], found[-1]) == (min(start, stop), max(start, stop))
    if len(found) == count:  # otherwise its ends lie too close for so many
        ratio = (found[-1] / found[0]) ** (1 / (count - 1))
        assert found[1:] / found[:-1] == pytest.approx(ratio)


def test_the_default_grid_is_the_one_that_is_named() -> None:
    default = sweep(experiment(epochs=1), DATA).lambdas
    assert len(default) == 100
    assert (default[0], default[-1]) == (1e-4, 1e2)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(5, 5), ("5", 5), ("1GB", 10**9), ("1.5 kB", 1500), ("2GiB", 2**31), ("512mib", 2**29)],
)
def test_amounts_of_memory(amount: Any, expected: int) -> None:
    assert bytes_of(amount) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lambdas": []}, "lambdas is empty"),
        ({"lambdas": " "}, "lambdas is empty"),
        ({"lambdas": "-1"}, "lambdas is -1: it must be a finite number at least 0"),
        ({"lambdas": [1, np.nan]}, "lambdas is nan"),
        ({"lambdas": "1,two"}, "lambdas holds 'two': write numbers"),
        ({"lambdas": "1,,2"}, "lambdas holds ''"),
        ({"lambdas": "1:2"}, "lambdas holds '1:2': write"),
        ({"lambdas": "1:2:3:4"}, "lambdas holds '1:2:3:4': write"),
        ({"lambdas": "1:2:x"}, "lambdas holds '1:2:x': write"),
        ({"lambdas": "0:1:5"}, "0 stands apart"),
        ({"lambdas": "1:inf:5"}, "its ends must be above 0"),
        ({"lambdas": "1:2:1"}, "from 2 to 100,000"),
        ({"lambdas": "1:2:100000000"}, "from 2 to 100,000"),
        ({"lrs": 0}, "lrs is 0: it must be a finite number above 0"),
        ({"lrs": []}, "lrs is empty"),
        ({"seeds": 0}, "seeds is 0: it must be at least 1"),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [1, 2, 1]}, "seeds holds 1 more than once"),
        ({"seeds": [-1]}, "at least 0"),
        ({"seeds": "3"}, "whole number"),
        ({"folds": 1}, "folds is 1: it must be at least 2"),
        ({"folds": 14}, "folds is 14 and there are 13 training examples"),
        ({"folds": [[0]]}, "at least 2 are needed"),
        ({"folds": [[0], []]}, "fold 2 is no list of row numbers from 0 to 12"),
        ({"folds": [[0], [13]]}, "fold 2 is no list"),
        ({"folds": [[0], [0.5]]}, "fold 2 is no list"),
        ({"folds": [[0], range(13)]}, "fold 2 leaves no example"),
        ({"folds": 2.5}, "folds is 2.5: it must be a number"),
        ({"max_memory": 0}, "max_memory"),
        ({"max_memory": "a lot"}, "such as 500MB"),
        ({"max_memory": "5XB"}, "such as 500MB"),
        ({"experiment": Experiment(penalty="none")}, "leaves no λ to sweep"),
        ({"experiment": Experiment(batch_size=14)}, "batch_size is 14 and there are 13"),
        ({"experiment": Experiment(penalty_factors=(1.0,))}, "holds 1 numbers"),
        ({"data": (X,)}, "must be a Dataset"),
    ],
)
def test_bad_input_is_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        sweep(**{"experiment": Experiment(), "data": DATA} | arguments)
    assert "\n" not in str(caught.value)
