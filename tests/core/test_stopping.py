"""Early-stopped SGD: the losses, the choice and the last training, against `fit` run by run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, fit, from_arrays
from weightdecay.errors import DivergenceError, InputError
from weightdecay.paths.examples import Examples, Formulation, Split, examples
from weightdecay.tuning import stopping
from weightdecay.tuning.stopping import Choice, Stopping

RNG = np.random.default_rng(2)
N, P, EPOCHS = 24, 4, 6
X = RNG.standard_normal((N, P)) * [1, 5, 0.3, 2] + 3
Y = X @ [1.0, -0.2, 2.0, 0.0] + RNG.standard_normal(N)
WEIGHT = RNG.uniform(0.3, 2, N)
ROWS = RNG.permutation(N)
SPLITS = [Split(np.sort(np.setdiff1d(ROWS, part)), np.sort(part)) for part in np.split(ROWS, 3)]
TRAINING = Experiment(batch_size=7, epochs=EPOCHS, lr=0.02, init_std=0.1, seed=3)
FORMULATIONS = {
    "l2": Formulation(standardize=True),
    "l1": Formulation(l1_ratio=1.0, standardize=True),
    "elasticnet": Formulation(0.3, np.array([1.0, 0.0, 2.0, 1.0]), standardize=True),
    "as they are": Formulation(),
}


def given(weighted: bool = True) -> Examples:
    return examples(X, Y, WEIGHT if weighted else None)


def standardised(formulation: Formulation) -> tuple[np.ndarray, np.ndarray]:
    """X and its scales, spelled out."""
    if not formulation.standardize:
        return X, np.ones(P)
    mean = np.average(X, axis=0, weights=WEIGHT)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=WEIGHT))
    return (X - mean) / scale, scale


def described(formulation: Formulation, **settings: Any) -> Experiment:
    name = {0.0: "l2", 1.0: "l1"}.get(formulation.l1_ratio, "elasticnet")
    factors = None if formulation.factors is None else tuple(formulation.factors)
    return replace(
        TRAINING,
        penalty=name,
        l1_ratio=formulation.l1_ratio,
        penalty_factors=factors,
        **settings,
    )


@pytest.mark.parametrize("name", FORMULATIONS)
def test_every_loss_is_that_of_a_training_with_so_many_epochs(backend: str, name: str) -> None:
    """A fold trains with sample weight 0 on what it holds out: `fit`, again and again, longer."""
    formulation, lambdas = FORMULATIONS[name], [0.0, 0.4]
    lr = 0.001 if name == "as they are" else TRAINING.lr
    training = replace(TRAINING, lr=lr)
    found = stopping.cross_validate(given(), formulation, lambdas, SPLITS, training, backend)
    assert found.loss.shape == (2, EPOCHS, 3)
    Z, scale = standardised(formulation)
    for k, split in enumerate(SPLITS):
        weight = np.where(np.isin(np.arange(N), split.train), WEIGHT, 0)
        data = from_arrays(Z, Y, sample_weight=weight)
        for epochs in range(1, EPOCHS + 1):
            e = described(formulation, lambd=tuple(lambdas), epochs=epochs, lr=lr)
            w, b = fit(e, data, backend=backend).params
            r = Z[split.held_out] @ w + b - Y[split.held_out, None]
            loss = np.average(r**2, axis=0, weights=WEIGHT[split.held_out]) / 2
            assert relative_difference(found.loss[:, epochs - 1, k], loss) <= PARITY["float64"]
    choice = Choice(1, 4)
    w, b = stopping.fit(given(), formulation, found, choice, backend)
    e = described(formulation, lambd=(0.4,), epochs=4, lr=lr)
    alone = fit(e, from_arrays(Z, Y, sample_weight=WEIGHT), backend=backend).params
    assert relative_difference(X @ w + b, Z @ alone.w[:, 0] + alone.b) <= PARITY["float64"]
    assert relative_difference(w * scale, alone.w[:, 0]) <= PARITY["float64"]


def made(loss: Any, epochs: int | None = None) -> Stopping:
    """Losses (L, epochs) that are the same on two folds but for a constant."""
    loss = np.asarray(loss, float)
    e = Experiment(lambd=tuple(range(len(loss))), epochs=epochs or loss.shape[1])
    both = np.stack([loss - 0.1, loss + 0.1], axis=2)
    return Stopping(e, np.arange(len(loss), dtype=float), both, np.full(2, 0.5), None)


def test_the_choice_is_of_lambda_and_epochs() -> None:
    found = made([[5, 4, 3], [4, 2, 2], [6, 2.05, 7]])
    assert found.epochs.tolist() == [3, 2, 2]  # of equals the fewest
    assert found.scores.mean == pytest.approx([3, 2, 2.05])
    assert stopping.best(found) == Choice(1, 2)
    assert stopping.best(found, "one-se") == Choice(2, 2)
    assert stopping.warnings(found, Choice(1, 2)) == ()


def test_the_last_epoch_is_told() -> None:
    found = made([[5, 4, 3]])
    (warning,) = stopping.warnings(found, stopping.best(found))
    assert "number of epochs, 3, is the last" in warning
    assert "train longer" in warning


def test_lambda_0_alone_stops_early() -> None:
    """Few rows and much noise: the best is neither the first nor the last number of epochs."""
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((20, 40))
    y = wide[:, 0] + rng.standard_normal(20)
    rows = np.arange(20)
    splits = [Split(np.delete(rows, part), part) for part in np.split(rows, 4)]
    found = stopping.cross_validate(examples(wide, y), Formulation(), [0], splits)
    choice = stopping.best(found)
    assert 1 < choice.epochs < stopping.EPOCHS
    assert found.loss[0, choice.epochs - 1].mean() < found.loss[0, -1].mean()


def test_the_rate_is_stable_for_every_lambda_and_fold() -> None:
    tall = Formulation(standardize=True, factors=np.array([1.0, 30.0, 0.0, 1.0]))
    found = stopping.cross_validate(given(), tall, [0, 10], SPLITS)
    assert np.isfinite(found.loss).all()
    assert found.training.lr < 2 / 300  # below 2/(h + λ f) for the largest factor
    fixed = stopping.cross_validate(given(), tall, [0], SPLITS, TRAINING)
    assert fixed.training.lr == TRAINING.lr
    freed = stopping.cross_validate(given(), tall, [0], SPLITS, TRAINING, lr="auto")
    assert freed.training.lr > found.training.lr
    adam = replace(TRAINING, optimizer="adam", lr=0.125)
    kept = stopping.cross_validate(given(), tall, [0], SPLITS, adam, lr="auto")
    assert kept.training.lr == 0.125
    assert (
        stopping.cross_validate(given(), tall, [0], SPLITS, TRAINING, lr=0.03).training.lr == 0.03
    )


def test_what_diverges_is_left_out_and_all_is_an_error() -> None:
    formulation = Formulation(standardize=True)
    found = stopping.cross_validate(given(), formulation, [0, 1e9], SPLITS, TRAINING)
    assert np.isfinite(found.loss[0]).all()
    assert np.isinf(found.loss[1]).all()
    choice = stopping.best(found)
    assert choice.lambd == 0
    assert stopping.best(found, "one-se").lambd == 0
    assert "1 of 2 λ diverged on a fold" in stopping.warnings(found, choice)[0]
    path = stopping.path(given(), formulation, found)
    assert np.isnan(path.w[:, 1]).all()
    assert np.isfinite(path.w[:, 0]).all()
    with pytest.raises(DivergenceError, match="no λ is without a fold that diverged"):
        stopping.cross_validate(given(), formulation, [0, 1], SPLITS, TRAINING, lr=50)


def test_a_path_trains_each_lambda_for_its_own_epochs() -> None:
    formulation = Formulation(standardize=True)
    found = stopping.cross_validate(given(), formulation, [0, 0.1, 3], SPLITS, TRAINING)
    loss = found.loss.copy()
    loss[0, 2] = loss[1, 5] = loss[2, 2] = 0
    found = replace(found, loss=loss)
    assert found.epochs.tolist() == [3, 6, 3]
    path = stopping.path(given(), formulation, found)
    assert path.w.shape == (P, 3, 1)
    for i, epochs in enumerate(found.epochs.tolist()):
        w, b = stopping.fit(given(), formulation, found, Choice(i, epochs))
        assert relative_difference(path.w[:, i, 0], w) <= PARITY["float64"]
        assert path.b[i, 0] == pytest.approx(b)


def test_every_row_alone_and_one_split() -> None:
    formulation = Formulation(standardize=True)
    alone = stopping.cross_validate(given(), formulation, [0.1], None, TRAINING)
    assert alone.loss.shape == (1, EPOCHS, N)
    rows = np.arange(N)
    listed = [Split(np.delete(rows, i), rows[i : i + 1]) for i in rows]
    spelled = stopping.cross_validate(given(), formulation, [0.1], listed, TRAINING)
    assert (alone.loss == spelled.loss).all()
    one = stopping.cross_validate(given(), formulation, [0.1], SPLITS[:1], TRAINING)
    three = stopping.cross_validate(given(), formulation, [0.1], SPLITS, TRAINING)
    assert relative_difference(one.loss, three.loss[:, :, :1]) <= PARITY["float64"]


def test_a_constant_column_has_no_weight() -> None:
    constant = examples(np.column_stack([X, np.full(N, 7.0)]), Y)
    formulation = Formulation(standardize=True)
    found = stopping.cross_validate(constant, formulation, [0], SPLITS, TRAINING)
    w, b = stopping.fit(constant, formulation, found, Choice(0, 2))
    assert w[-1] == 0
    assert np.isfinite(b)


@pytest.mark.parametrize(
    ("data", "formulation", "message"),
    [
        (given(), Formulation(intercept=False), "always trains a bias"),
        (examples(X, np.column_stack([Y, Y])), Formulation(), "one target, and y has 2"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    data: Examples, formulation: Formulation, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        stopping.cross_validate(data, formulation, [0], SPLITS)


def test_sparse_inputs_and_too_many_rows_alone_are_refused() -> None:
    from scipy import sparse

    with pytest.raises(InputError, match="takes no sparse X"):
        stopping.cross_validate(examples(sparse.csr_matrix(X), Y), Formulation(), [0], SPLITS)
    many = examples(np.ones((2001, 1)), np.arange(2001.0))
    with pytest.raises(InputError, match="choose a number of folds"):
        stopping.cross_validate(many, Formulation(), [0], None)
