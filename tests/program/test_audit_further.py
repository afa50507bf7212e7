"""The audit on decays that six steps at one size and one rate do not show."""

from __future__ import annotations

from typing import Any

import pytest

from tests import tricky, tricky_long, tricky_unnamed
from tests.commands import in_process
from tests.tolerances import AUDIT_LAMBDA
from weightdecay.auditing.auditor import audit
from weightdecay.auditing.result import AuditReport


def told(report: AuditReport) -> str:
    return "; ".join(report.headlines)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("AfterAWarmUp", "from step 11 on: the weights lose 0.0625 of their size"),
        ("AfterAThousand", "from step 1001 on"),
        ("EveryTenth", "from step 10 on"),
        ("AboveANorm", "does"),
        ("AtSmallRates", "at a learning rate of 0.00195312"),
        ("AllButEveryTenth", "it holds until step 10, and not in that one"),
        ("UntilTheSeventh", "it holds until step 8, and not in that one"),
        ("CoupledUntilTheSeventh", "it holds until step 8, and not in that one"),
        ("NotForSmallWeights", "it does not hold for weights 0.015625 times as large"),
        ("NotAtSmallRates", "it does not hold at a learning rate of 0.00195312"),
        ("BiasesLater", "it holds until step 11, and not in that one"),
        ("Averaging", "it holds until step 10, and not in that one"),
    ],
)
def test_what_six_steps_do_not_show(name: str, words: str) -> None:
    report = audit(getattr(tricky_long, name))
    assert (report.verdict, report.factor, report.residual) == ("other", None, None)
    assert words in told(report)


def test_none_says_how_far_it_looked() -> None:
    report = audit(tricky.Ignores)
    assert report.verdict == "none"
    assert report.facts["looked at"] == (
        "1,200 steps; weights 0.015625, 1 and 64 times as large; η = 0.00195312, 0.125, 1"
    )
    assert report.facts["zero gradient"] == "the weights stay"


def test_a_verdict_says_how_far_it_holds() -> None:
    facts = audit(tricky.AfterTheStep).facts
    assert facts["holds for"].startswith("100 steps, for weights 0.015625 times as large, ")
    assert facts["holds for"].endswith("at a learning rate of 1")


@pytest.mark.parametrize("seed", range(4))
def test_few_steps_that_hang_on_the_gradients_are_told_beside_the_verdict(seed: int) -> None:
    report = audit(tricky_long.NotAlongTheGradient, seed=seed)
    assert (report.verdict, report.factor) == ("decoupled", 1)
    assert "of 100 steps the decay is another, first in step" in told(report)


@pytest.mark.parametrize("name", ["Unnamed", "UnnamedAndLate", "UnnamedAndOff"])
def test_a_decay_of_an_unknown_name(name: str) -> None:
    report = audit(getattr(tricky_unnamed, name))
    assert report.verdict == "unrecognised"
    assert "strength: audit it with knob='strength' (--knob strength)" in told(report)
    known = audit(tricky_unnamed.Unnamed, knob="strength")
    assert (known.verdict, known.factor, known.order) == ("decoupled", 1, "after")


def test_an_unknown_name_is_told_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["audit", "tests.tricky_unnamed:Unnamed"]
    lines = in_process(command, capsys, monkeypatch).out.splitlines()
    assert lines[2].startswith("  decays by no setting that was recognised: with zero gradients ")
    assert lines[3] == "  unrecognised: decays, by no setting that was recognised"


def test_a_decay_that_nothing_turns_off() -> None:
    report = audit(tricky_unnamed.Fixed)
    assert report.verdict == "unrecognised"
    assert "shrink, by the share 0.00125 (η = 0.125); no number among its" in told(report)


@pytest.mark.parametrize("name", ["Clipping", "Normalising", "Plain"])
def test_what_moves_the_weights_and_is_no_decay(name: str) -> None:
    report = audit(getattr(tricky_unnamed, name))
    assert (report.verdict, report.headlines) == ("none", ())


@pytest.mark.parametrize(("name", "other"), [("Beside", "shrinkage"), ("BesideANamedOne", "l2")])
def test_two_decays_of_two_settings(name: str, other: str) -> None:
    report = audit(getattr(tricky_unnamed, name))
    assert (report.verdict, report.factor) == ("decoupled", 1)
    assert told(report).startswith("two decays at once: beside weight_decay")
    assert f"(--knob {other})" in told(report)
    assert audit(getattr(tricky_unnamed, name), knob=other).verdict == "coupled"


@pytest.mark.parametrize("name", ["TwiceInTurn", "TwiceAtOnce"])
def test_two_decays_of_one_setting(name: str) -> None:
    report = audit(getattr(tricky_long, name))
    assert report.verdict == "other"
    assert told(report) == "two decays at once, by one setting: one coupled, one decoupled"
    assert "+ λ" in report.equation
    assert "(1 − η λ) w" in report.equation


@pytest.mark.parametrize(
    "name", ["Gathering", "GatheringTheMean", "GatheringTheDecay", "GatheringDecoupled"]
)
def test_gradients_of_several_calls(name: str) -> None:
    """As without accumulation, once in four calls."""
    report = audit(getattr(tricky_long, name))
    decoupled = name == "GatheringDecoupled"
    assert (report.verdict, report.factor) == ("decoupled" if decoupled else "coupled", 1)
    assert report.facts["accumulation"].startswith("it steps once in 4 calls, with the ")
    shrunk = 0.75 if name == "GatheringTheDecay" else 0.9375  # which adds it up in each call
    assert report.facts["zero gradient"].startswith(f"the weights shrink by the factor {shrunk:g} ")
    ratio = 1 - tricky.BETA if decoupled else 1
    assert report.effective_lambda == pytest.approx(ratio, rel=AUDIT_LAMBDA)
    assert "L1" not in str(report).partition("hypothesis")[0]


def test_a_tie_is_broken_by_the_momentum_or_not_at_all() -> None:
    report = audit(tricky_long.WithMomentum)
    assert (report.verdict, report.factor) == ("decoupled", 1)
    assert report.equation == "w ← step((1 − ηλ/(1 − β)) w, g)"
    assert report.coincides_with == ("coupled",)
    given = audit(tricky_long.WithMomentum, momentum=0.75)
    assert (given.verdict, given.factor) == ("decoupled", 4)
    undecided = audit(tricky_long.WithMomentumAndNoName)
    assert (undecided.verdict, undecided.factor) == ("other", None)
    assert "with momentum β = 0.875: no hypothesis reproduces it" in told(undecided)


def test_no_figure_is_read_off_next_to_nothing() -> None:
    report = audit(tricky_long.Faint)
    assert (report.verdict, report.factor) == ("other", None)
    assert told(report).startswith("no figure for the decay: nothing can be read off so small an")


@pytest.mark.parametrize(
    ("factory", "given", "verdict", "words"),
    [
        (
            tricky_long.HalfPrecise,
            {"lr": 1e-3, "weight_decay": 1e-2},
            "none",
            "at your settings the decay does nothing: ηλ = 1e-05 is lost where the optimizer",
        ),
        (
            tricky.AfterTheStep,
            {"lr": 1e-9, "weight_decay": 1e-9},
            "none",
            "at your settings the decay does nothing: ηλ = 1e-18 is below rounding of float64",
        ),
        (
            tricky.AfterTheStep,
            {"lr": 1e-4, "weight_decay": 1e-4},
            "decoupled",
            "at your settings the decay does nothing in float32: ηλ = 1e-08 is below rounding of",
        ),
        (
            tricky.AfterTheStep,
            {"weight_decay": 1e-7},  # at the rate that the factory has by default
            "decoupled",
            "at your settings the decay does nothing in float32: ηλ = 1e-08 is below rounding of",
        ),
    ],
)
def test_a_decay_that_is_lost_at_the_users_settings(
    factory: Any, given: dict[str, float], verdict: str, words: str
) -> None:
    report = audit(factory, **given)
    assert report.verdict == verdict
    assert words in told(report)
    if verdict == "none":
        assert report.facts["at larger settings"].startswith("decoupled: ")
    assert not audit(factory).headlines


def test_a_rate_that_is_fixed_is_not_in_the_equation() -> None:
    report = audit(tricky_unnamed.FixedRate)
    assert report.verdict == "decoupled"
    assert report.factor == pytest.approx(1 / 1024)
    assert report.equation == "w ← step((1 − 0.000976562 λ) w, g)"
    assert report.times_learning_rate is None
    assert "whatever rate the factory has fixed" in str(report)
    assert not any("η" in rival.law for rival in report.rivals)


@pytest.mark.parametrize(
    ("name", "verdict", "equation"),
    [
        ("OnASchedule", "decoupled", "w ← step((1 − η_tλ) w, g)"),
        ("Independent", "decoupled-lr-free", "w ← step((1 − ηλ/η₀) w, g)"),
        ("RoundedAtRandom", "decoupled", "w ← step((1 − ηλ) w, g)"),
        ("Ramping", "other", "w ← ? (no hypothesis reproduces it)"),
    ],
)
def test_schedules_and_noise(name: str, verdict: str, equation: str) -> None:
    report = audit(getattr(tricky_long, name))
    assert (report.verdict, report.equation) == (verdict, equation)
    if verdict != "other":
        assert report.follows_schedule is True


def test_a_decay_of_the_wrong_sign_makes_the_weights_grow() -> None:
    report = audit(tricky.WrongSign)
    assert report.equation == "w ← step(w, g − λ w)"
    assert told(report) == "the weights grow: the decay has the wrong sign"
    assert report.facts["zero gradient"].startswith("the weights grow by the factor 1.0625")


def test_a_decay_that_is_gone_at_the_optimum_has_no_figure_of_rounding() -> None:
    report = audit(tricky_long.Cautious)
    assert report.verdict == "other"
    assert report.effective_lambda == 0


def test_what_decays_unrecognised_is_not_said_to_have_no_decay() -> None:
    report = audit(tricky_unnamed.Unnamed)
    assert report.verdict == "unrecognised"
    assert report.effective_lambda_reason == "not measured"
