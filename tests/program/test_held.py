"""Settings that a framework holds in float32: which they are, and what the matrix says of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.program.test_matrix import ONE, sabotaged
from tests.tolerances import PARITY
from weightdecay import Experiment, held, load_data, matrix, registry
from weightdecay.environments import Interpreter
from weightdecay.report import parity as report
from weightdecay.worker import Worker

AWKWARD = replace(ONE, penalty="l2", lambd=0.1, lr=0.003, optimizer="momentum")


@given(
    lr=st.floats(1e-6, 1),
    lambd=st.floats(0, 100),
    momentum=st.floats(0, 1 - 1e-6),
    optimizer=st.sampled_from(["sgd", "momentum", "adam"]),
)
def test_what_is_rounded_is_held(lr: float, lambd: float, momentum: float, optimizer: str) -> None:
    e = replace(AWKWARD, lr=lr, lambd=lambd, momentum=momentum, optimizer=optimizer)
    ran = held.in_float32(e)
    assert held.rounded(ran) == {}
    assert held.in_float32(ran) == ran
    assert ran.lr == float(np.float32(lr))
    assert ran.lambd == (float(np.float32(lambd)),)
    assert (ran.momentum == momentum) or optimizer == "momentum"  # which sgd does not read
    assert held.is_held(ran, tuple("abcd"))


def test_the_catalogue_is_held_as_it_is() -> None:
    columns = load_data(matrix.DYADIC.data, 0).columns
    assert all(held.is_held(case.experiment, columns) for case in matrix.cases())


def test_a_share_or_a_factor_may_not_be_held() -> None:
    shared = held.in_float32(replace(ONE, l1_ratio=0.3, lambd=0.1))
    factors = held.in_float32(replace(AWKWARD, penalty_factors=(0.1, 1, 1, 1)))
    for experiment in (shared, factors):
        assert held.rounded(experiment) == {}
        assert not held.is_held(experiment, tuple("abcd"))


def test_a_momentum_that_would_become_1_stays() -> None:
    e = replace(AWKWARD, momentum=1 - 1e-12)
    assert held.in_float32(e) == e
    assert not held.is_held(e, tuple("abcd"))


NARROW = """
from weightdecay import held, remote
train = remote.fit_here
def fit_in_float32(experiment, data, **where):
    if where["implementation"] == "native":
        experiment, where = held.in_float32(experiment), where | {"implementation": "scratch"}
    return train(experiment, data, **where)
remote.fit_here = fit_in_float32
"""


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Interpreter], Worker]:
    """A backend whose native implementation holds its settings in float32."""
    numpy = replace(registry.BUILT_IN["numpy"], native="no_module", settings="float32")
    monkeypatch.setitem(registry.BUILT_IN, "numpy", numpy)
    return sabotaged(tmp_path, NARROW)


@pytest.mark.parametrize(
    ("experiment", "told"),
    [
        (AWKWARD, "had lr = 0.003000000026077032, λ = 0.10000000149011612, momentum = 0.8999999"),
        (
            replace(AWKWARD, penalty_factors=(0.1, 1, 1, 1)),
            "; it rounds the λ of some inputs, too: 1e-06 counts as rounding",
        ),
    ],
)
def test_the_reference_has_the_settings_that_the_run_had_and_that_is_said(
    narrow: Callable[[Interpreter], Worker], experiment: Experiment, told: str
) -> None:
    found = matrix.run(["numpy"], start=narrow, experiment=experiment, tolerance=PARITY["float64"])
    assert found.agrees
    native = found.rows[-1]
    assert native.case.implementation == "native"
    assert native.agrees
    assert native.rounded["lr"] == float(np.float32(0.003))
    shown = io.StringIO()
    report.show(Console(file=shown, width=200), found)
    assert told in shown.getvalue()
    assert '"rounded_settings": {\n        "lr": 0.003' in report.as_json(found)
