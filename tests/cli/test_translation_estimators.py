"""Estimators whose settings no training rule holds: tried with them, and refused."""

from __future__ import annotations

import pytest

from weightdecay.errors import InputError
from weightdecay.report.translate import as_text
from weightdecay.translation.translating import translate


@pytest.mark.parametrize("to", ["book", "sklearn"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ridge(alpha=3, positive=True)", "no weight may be negative"),
        ("Lasso(0.1, positive=True)", "no weight may be negative"),
        ("Ridge(fit_intercept=False)", "the model has no bias"),
        ("Lasso(0.1, fit_intercept=False)", "the model has no bias"),
        ("ElasticNet(0.1, l1_ratio=0.5, fit_intercept=False)", "the model has no bias"),
    ],
)
def test_the_estimator_is_tried_with_its_setting(text: str, reason: str, to: str) -> None:
    found = translate(text, to, n=50)
    assert found.verdict == "refused"
    assert any(reason in told for told in found.reasons)
    assert found.difference is not None
    assert found.difference > found.tolerance


@pytest.mark.parametrize(
    "text",
    [
        "SGDRegressor(fit_intercept=False, learning_rate='constant')",
        "SGDRegressor(average=True, learning_rate='constant')",
    ],
)
def test_a_regressor_is_tried_with_its_setting(text: str) -> None:
    found = translate(text, "book")
    assert found.verdict == "refused"
    assert found.difference is not None
    assert found.difference > found.tolerance


def test_ridge_is_fitted_to_no_more_examples_than_there_is_room_for() -> None:
    found = translate("Ridge(alpha=3)", "book", n=10**15)
    assert found.verdict == "exact"
    assert any("fitted to 10000 random examples" in note for note in found.notes)
    for n in (0, 10**15 + 1, 10**400):
        with pytest.raises(InputError, match="n is"):
            translate("Ridge(alpha=3)", "book", n=n)


def test_a_decay_too_small_to_be_seen_is_said_to_be_unseen() -> None:
    small = translate("WeightDecay(lambd=1e-12, lr=0.001)", "sklearn")
    assert any("too little to be seen" in note for note in small.notes)
    assert translate("WeightDecay(lambd=1e-3, lr=0.001)", "sklearn").notes == (
        "SGDRegressor takes one example a step",
    )


def test_a_factor_below_zero_is_none_of_sgd_regressors() -> None:
    """η λ = 20: the guide's weights change their sign at every step, and the regressor's do not."""
    to = translate("WeightDecay(lambd=200, lr=0.1)", "sklearn")
    back = translate("SGDRegressor(alpha=200, learning_rate='constant', eta0=0.1)", "book")
    for found in (to, back):
        assert found.verdict == "refused"
        assert any("stops at 0" in reason for reason in found.reasons)


def test_steps_that_leave_the_finite_numbers_are_compared_with_nothing() -> None:
    found = translate("WeightDecay(lambd=1e15, lr=1e15)", "book")
    assert (found.verdict, found.difference) == ("refused", None)
    assert "leave the finite numbers" in found.reasons[-1]
    assert "no difference was measured" in as_text(found)
