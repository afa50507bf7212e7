"""The audit on optax's wrappers, fixed rates and schedules."""

from __future__ import annotations

from typing import Any

import optax
import pytest

from tests.tolerances import AUDIT_LAMBDA
from weightdecay.auditing.auditor import audit


def gathering(learning_rate: float, weight_decay: float) -> Any:
    chain = optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate))
    return optax.MultiSteps(chain, 3)


def of_a_fixed_rate(weight_decay: float = 0.01) -> Any:
    return optax.adamw(1e-3, weight_decay=weight_decay)


def on_a_cosine(learning_rate: float, weight_decay: float) -> Any:
    schedule = optax.cosine_decay_schedule(learning_rate, 100)
    return optax.adamw(schedule, weight_decay=weight_decay)


def on_a_warm_up(weight_decay: float) -> Any:
    schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 100)
    return optax.adamw(schedule, weight_decay=weight_decay)


def test_gathered_gradients() -> None:
    report = audit(gathering)
    assert (report.verdict, report.factor, report.coincides_with) == ("coupled", 1, ("decoupled",))
    assert report.facts["accumulation"].startswith("it steps once in 3 calls, with the mean")
    assert report.effective_lambda == pytest.approx(1, rel=AUDIT_LAMBDA)


def test_a_rate_that_the_factory_has_fixed() -> None:
    report = audit(of_a_fixed_rate)
    assert (report.verdict, report.times_learning_rate) == ("decoupled", None)
    assert report.equation == "w ← step((1 − 0.001 λ) w, g)"
    assert "whatever rate the factory has fixed" in str(report)


@pytest.mark.parametrize("factory", [on_a_cosine, on_a_warm_up])
def test_a_schedule_that_the_factory_has_fixed(factory: Any) -> None:
    report = audit(factory)
    assert (report.verdict, report.factor) == ("decoupled", 1)
    assert report.equation == "w ← step((1 − η_tλ) w, g)"
    assert report.follows_schedule is True
    assert "follows a schedule that the factory has fixed" in str(report)


def test_a_decay_that_is_other_is_no_l1_penalty() -> None:
    report = audit("optax.contrib.schedule_free_adamw")
    assert report.verdict == "other"
    assert "L1" not in str(report).partition("hypothesis")[0]
