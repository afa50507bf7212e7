"""The audit on optimizers it has never seen, whose mathematics is written in `tests.tricky`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tricky
from tests.commands import in_process, in_subprocess
from tests.tolerances import AUDIT_LAMBDA, AUDIT_RESIDUAL
from weightdecay.auditing.auditor import audit
from weightdecay.auditing.result import VERDICTS, AuditReport
from weightdecay.errors import InputError, UnknownNameError

ALL = {"hidden.weight": True, "hidden.bias": True, "norm.scale": True, "head.weight": True}
MATRICES = {"hidden.weight": True, "hidden.bias": False, "norm.scale": False, "head.weight": True}

EXPECTED: dict[str, dict[str, Any]] = {
    "AfterTheStep": {"verdict": "decoupled", "factor": 1, "order": "after"},
    "OfTheOldWeights": {"verdict": "decoupled", "factor": 1, "order": "during"},
    "BeforeAStepThatReads": {"verdict": "decoupled", "factor": 1, "order": "before"},
    "InsideTheClip": {"verdict": "coupled", "factor": 1, "inside_clipping": True},
    "OutsideTheClip": {"verdict": "coupled", "factor": 1, "inside_clipping": False},
    "HalfMissing": {"verdict": "coupled", "factor": 2, "inside_momentum": True},
    "OddFactor": {"verdict": "coupled", "factor": pytest.approx(0.37)},
    "WrongSign": {"verdict": "coupled", "factor": -1},
    "EveryOtherStep": {"verdict": "other", "factor": None},
    "ForgetsTheLast": {"verdict": "coupled", "decayed": {**ALL, "head.weight": False}},
    "SparesTheBias": {"verdict": "decoupled", "decayed": MATRICES, "bias_decayed": False},
    "FreeOfTheRate": {"verdict": "decoupled-lr-free", "times_learning_rate": False},
    "DeafToTheSchedule": {
        "verdict": "decoupled",
        "times_learning_rate": True,
        "follows_schedule": False,
    },
    "Divides": {"verdict": "proximal", "factor": 1, "order": "after"},
    "InsideTheTrustRatio": {"verdict": "trust-ratio", "factor": 1},
    "OfTheNorm": {"verdict": "other"},
    "OfTheAverage": {"verdict": "other"},
    "SquaresLambda": {"verdict": "other"},
    "Ignores": {"verdict": "none", "residual": None},
    "TheSign": {"verdict": "coupled", "factor": 1},
    "PlainDescent": {"verdict": "coupled", "coincides_with": ("decoupled",)},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_tricks_are_seen_through(name: str) -> None:
    report = audit(getattr(tricky, name))
    found = {key: getattr(report, key) for key in EXPECTED[name]}
    assert found == EXPECTED[name]
    if report.verdict in ("none", "other"):
        assert report.factor is None
    else:
        assert report.residual is not None
        assert report.residual <= AUDIT_RESIDUAL


def test_every_trick_is_expected() -> None:
    written = {
        name
        for name, found in vars(tricky).items()
        if isinstance(found, type) and issubclass(found, tricky.Tricky)
    }
    assert written == set(EXPECTED) | {"Tricky"}
    assert {e["verdict"] for e in EXPECTED.values()} == set(VERDICTS) - {"unrecognised"}


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("name", ["AfterTheStep", "InsideTheClip", "EveryOtherStep", "TheSign"])
def test_the_verdict_does_not_hang_on_the_draw(name: str, seed: int) -> None:
    report = audit(getattr(tricky, name), seed=seed)
    found = {key: getattr(report, key) for key in EXPECTED[name]}
    assert found == EXPECTED[name]


@given(lr=st.floats(1e-4, 0.3), weight_decay=st.floats(1e-4, 1.0))
def test_the_users_settings_are_tried_as_well(lr: float, weight_decay: float) -> None:
    report = audit(tricky.AfterTheStep, lr=lr, weight_decay=weight_decay)
    assert (report.verdict, report.factor, report.order) == ("decoupled", 1, "after")


def test_a_decay_that_changes_with_its_setting_is_other() -> None:
    """Right at the values of the probe, and wrong at the user's."""
    assert audit(tricky.SquaresLambda).verdict == "other"


def test_the_facts_of_a_decay_that_is_other() -> None:
    facts = audit(tricky.EveryOtherStep).facts
    shares = facts["share of the weights lost in each step"]
    assert shares.startswith("0.0625, 0, 0.0625, 0, 0.0625, 0 (")
    assert facts["first step, λ doubled"].endswith("2 times as large")
    assert "nothing" in facts["of the movement not in line with the weights"]
    squared = audit(tricky.SquaresLambda).facts
    assert squared["first step, λ doubled"].endswith("4 times as large")


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("SparesTheBias", 1 - tricky.BETA),  # decoupled beside a heavy ball
        ("HalfMissing", 2.0),
        ("FreeOfTheRate", (1 - tricky.BETA) * 8),  # λ/η
        ("PlainDescent", 1.0),
    ],
)
def test_the_optimum_that_a_quadratic_settles_on(name: str, ratio: float) -> None:
    effective = audit(getattr(tricky, name)).effective_lambda
    assert effective == pytest.approx(ratio, rel=AUDIT_LAMBDA)


def test_a_rejected_hypothesis_shows_its_residual() -> None:
    rivals = {rival.name: rival for rival in audit(tricky.AfterTheStep).rivals}
    assert rivals["decoupled, after"].accepted
    rejected = [rival for rival in rivals.values() if not rival.accepted]
    assert len(rejected) == len(rivals) - 1
    assert all(rival.residual > 1e-3 for rival in rejected)


def test_a_report_survives_json() -> None:
    for name in ("Ignores", "AfterTheStep", "OfTheNorm"):
        report = audit(getattr(tricky, name))
        text = json.dumps(report.to_dict(), allow_nan=False)
        assert AuditReport.from_dict(json.loads(text)) == report


def test_a_report_prints_as_a_table() -> None:
    text = str(audit(tricky.AfterTheStep, lr=0.1))
    assert "w ← (1 − ηλ) step(w, g)" in text
    assert "tests.tricky:AfterTheStep(lr=0.1)" in text


def test_a_decay_of_zero_is_none() -> None:
    assert audit(tricky.AfterTheStep, weight_decay=0.0).verdict == "none"


class NoKnob:
    def __init__(self, params: list[np.ndarray], lr: float = 0.1) -> None:
        self.params, self.lr = params, lr

    def step(self, gradients: list[np.ndarray]) -> None:
        for w, g in zip(self.params, gradients, strict=True):
            w -= self.lr * g


class TwoKnobs(tricky.Tricky):
    def __init__(self, params: list[np.ndarray], lr: float = 0.1, wd: float = 0.1, l2: float = 0.1):
        super().__init__(params, lr, wd)
        self.l2 = l2

    def update(self, i: int, w: np.ndarray, g: np.ndarray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, g + self.l2 * w)


def test_each_of_two_decays_can_be_audited() -> None:
    assert audit(TwoKnobs).verdict == "decoupled"
    assert audit(TwoKnobs, knob="l2").verdict == "coupled"
    assert audit(TwoKnobs, l2=0.5).verdict == "coupled"
    with pytest.raises(InputError, match="wd and l2 are both set"):
        audit(TwoKnobs, wd=0.1, l2=0.1)


class WithALimit(tricky.Tricky):
    """Coupled, clipped by value: before the decay joins, or after it."""

    inside = False

    def __init__(
        self,
        params: list[np.ndarray],
        lr: float = 0.1,
        weight_decay: float = 0.0,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.limit = np.inf if clipvalue is None else clipvalue

    def update(self, i: int, w: np.ndarray, g: np.ndarray) -> None:
        if self.inside:
            g = np.clip(g + self.weight_decay * w, -self.limit, self.limit)
        else:
            g = np.clip(g, -self.limit, self.limit) + self.weight_decay * w
        w -= self.lr * self.direction(i, g)


class InsideItsLimit(WithALimit):
    inside = True


class BesideItsLimit(WithALimit):
    def update(self, i: int, w: np.ndarray, g: np.ndarray) -> None:
        w *= 1 - self.lr * self.weight_decay
        w -= self.lr * self.direction(i, np.clip(g, -self.limit, self.limit))


@pytest.mark.parametrize(
    ("factory", "verdict", "inside"),
    [
        (WithALimit, "coupled", False),
        (InsideItsLimit, "coupled", True),
        (BesideItsLimit, "decoupled", False),
    ],
)
@pytest.mark.parametrize("given", [{}, {"clipvalue": 0.25}])
def test_a_clip_that_can_be_set(factory: Any, verdict: str, inside: bool, given: dict) -> None:
    report = audit(factory, **given)
    assert (report.verdict, report.inside_clipping) == (verdict, inside)


def test_an_optimizer_without_a_decay_setting() -> None:
    report = audit(NoKnob)
    assert (report.verdict, report.knob) == ("none", None)


@pytest.mark.parametrize(
    ("factory", "settings", "message"),
    [
        ("nowhere.at.all", {}, "belongs to no known framework"),
        ("tests.tricky:Nobody", {}, "has no 'Nobody'"),
        ("tests.nobody:Nobody", {}, "there is no module 'tests.nobody'"),
        ("tests.tricky:BETA", {}, "name a class or a function"),
        (tricky.AfterTheStep, {"weight_dekay": 1}, "did you mean 'weight_decay'"),
        (tricky.AfterTheStep, {"lr": "fast"}, "it must be a finite number"),
    ],
)
def test_bad_input(factory: object, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit(factory, **settings)
    assert issubclass(UnknownNameError, InputError)


def test_the_command_prints_a_table_and_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["audit", "tests.tricky:HalfMissing", "--set", "lr=0.1"]
    table = in_process(command, capsys, monkeypatch)
    assert table.code == 0
    assert "coupled" in table.out
    assert "g + 2 λ w" in table.out
    report = in_process([*command, "--format", "json"], capsys, monkeypatch).json
    assert report["verdict"] == "coupled"
    assert report["settings"] == {"lr": 0.1}
    assert "conventions" in report
    assert len(report["rivals"]) >= 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name an optimizer"),
        (["torch.optim.SGD", "--all"], "name an optimizer"),
        (["tests.tricky:Divides", "--set", "lr"], "write NAME=VALUE"),
        (["tests.tricky:Divides", "--out", "there"], "--out goes with --all"),
        (["--all", "--knob", "wd"], "leave out --set and --knob"),
        (["--all", "--backend", "numpy"], "unknown backend"),
        (["tests.tricky:Divides", "--set", "lr=__import__('os')"], "must be a finite number"),
    ],
)
def test_bad_commands(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = in_process(["audit", *arguments], capsys, monkeypatch)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_factory_in_the_current_folder_is_found(tmp_path: Path) -> None:
    shutil.copy(tricky.__file__, tmp_path / "mine.py")
    outcome = in_subprocess(
        ["audit", "mine:Divides", "--backend", "numpy", "--format", "json"], cwd=tmp_path
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["verdict"] == "proximal"
