"""The stability bounds are sharp, a divergence is told at once, and its advice works."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdecay import Experiment, Synthetic, fit, from_arrays
from weightdecay.data.minibatches import replay
from weightdecay.errors import DivergenceError
from weightdecay.stability import largest_curvature, safe_lr, stable_lr

RULES = [
    (rule, decay) for rule in ("sgd", "momentum", "nesterov") for decay in ("coupled", "decoupled")
]


def one_curvature() -> tuple[np.ndarray, np.ndarray]:
    """Orthogonal inputs of curvature 2 in every direction, the bias included."""
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=float)
    return np.sqrt(2) * signs, np.array([1.0, 2.0, -1.0, 0.5])


@pytest.mark.parametrize(("optimizer", "decay"), RULES)
def test_bounds_are_sharp(optimizer: str, decay: str) -> None:
    X, y = one_curvature()
    data = from_arrays(X, y)
    (plan,) = replay([[range(4)]], 4)
    curvature = largest_curvature(data, plan)
    assert curvature == pytest.approx(2)
    e = Experiment(
        optimizer=optimizer,
        decay=decay,
        lambd=0.5,
        batch_size="full",
        epochs=3000,
        momentum=0.6,
    )
    bound = stable_lr(optimizer, decay, curvature, 0.5, 0.6)
    assert bound is not None
    last_two = fit(replace(e, lr=0.99 * bound), data).history.weight_norm[-2:, 0]
    assert last_two[0] == pytest.approx(last_two[1])
    with pytest.raises(DivergenceError) as caught:
        fit(replace(e, lr=1.01 * bound), data)
    assert caught.value.bound == pytest.approx(bound)


def test_adam_has_a_bound_only_where_its_weights_decay_apart() -> None:
    assert stable_lr("adam", "coupled", 5, 3, 0.9) is None
    assert stable_lr("adam", "decoupled", 5, 4, 0.9) == 0.5
    with pytest.raises(DivergenceError, match=r"stability bound 0\.5 of adam"):
        fit(Experiment(optimizer="adam", decay="decoupled", lambd=4, lr=0.6, epochs=500))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_the_suggested_rate_works(backend: str, optimizer: str) -> None:
    @given(st.integers(0, 10**6), st.floats(0, 30), st.floats(0, 0.95), st.booleans())
    def check(seed: int, lambd: float, momentum: float, decoupled: bool) -> None:
        e = Experiment(
            data=Synthetic(num_train=12, num_inputs=8, num_val=1, noise_std=1),
            optimizer=optimizer,
            decay="decoupled" if decoupled else "coupled",
            lambd=lambd,
            momentum=momentum,
            lr=50,
            epochs=200,
            seed=seed,
        )
        with pytest.raises(DivergenceError) as caught:
            fit(e, backend=backend)
        error = caught.value
        assert error.epoch == 1
        assert error.suggested_lr is not None
        assert error.bound is not None
        assert error.suggested_lr < error.bound
        history = fit(replace(e, lr=error.suggested_lr), backend=backend).history
        assert history.train_loss[-1, 0] <= history.train_loss[0, 0] * 1.5

    check()


def test_the_message_holds_the_figures() -> None:
    with pytest.raises(DivergenceError) as caught:
        fit(Experiment(lr=2))
    error = caught.value
    assert error.exit_code == 1
    text = str(error)
    assert text.startswith("training diverged in epoch 1 at λ = 0: the learning rate 2 is past")
    assert f"{error.bound:.3g}" in text
    assert f"{error.suggested_lr:g} would work" in text


def test_the_epoch_is_the_one_in_which_it_happens(backend: str) -> None:
    """Just past the bound the loss grows slowly: not in the first epoch."""
    X, y = one_curvature()
    e = Experiment(lambd=0, batch_size="full", lr=1.1, epochs=10_000)
    with pytest.raises(DivergenceError) as caught:
        fit(e, from_arrays(X, y), backend=backend)
    last = caught.value.epoch
    assert 2 < last < 100
    fine = fit(replace(e, epochs=last - 1), from_arrays(X, y), backend=backend)
    assert np.isfinite(fine.history.train_loss).all()


def test_huge_numbers_are_not_blamed_on_the_rate(backend: str) -> None:
    X = np.full((6, 1), 1e-3)
    with pytest.raises(DivergenceError, match="too large for the dtype"):
        fit(Experiment(lr=0.1), (X, np.full(6, 1e200)), backend=backend)


def test_a_start_far_off_is_not_a_divergence() -> None:
    """A loss may be large, and may rise, as long as the rate is stable."""
    X, y = one_curvature()
    result = fit(
        Experiment(lambd=0, lr=0.01, optimizer="momentum", momentum=0.99, batch_size="full"),
        from_arrays(X, 0 * y),
        initial=([1e-6, 0], 1e6),
    )
    assert np.isfinite(result.history.train_loss).all()


@pytest.mark.parametrize(("bound", "expected"), [(0.0399, 0.01), (2.0, 1.0), (7.9e-5, 3e-5)])
def test_safe_rates_are_round_and_below_half(bound: float, expected: float) -> None:
    assert safe_lr(bound, "sgd", 0.9) == pytest.approx(expected)
    assert safe_lr(bound, "momentum", 0.9) < expected
