"""Numbers: what is too large, too long or no number at all is answered at once, with a bound."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weightdecay as wd
from tests.commands import in_process
from weightdecay import bounds, memory
from weightdecay.benching import sizes
from weightdecay.benching.running import Settings
from weightdecay.data.monomials import monomial_features
from weightdecay.data.sources import Polynomial, Synthetic, Table
from weightdecay.data.synthetic import draw_linear
from weightdecay.errors import InputError
from weightdecay.sweeping.grid import bytes_of, grid, seeds
from weightdecay.tuning.grids import given as given_grid
from weightdecay.tuning.splits import make
from weightdecay.validate import integer, parse_integer, parse_number

HUGE = 10**5000
COUNTED: list[tuple[Callable[[Any], object], int]] = [
    (lambda n: wd.Experiment(epochs=n), bounds.EPOCHS),
    (lambda n: wd.Experiment(seed=n), bounds.SEED),
    (lambda n: wd.Experiment(batch_size=n), bounds.COUNT),
    (lambda n: Synthetic(num_train=n), bounds.COUNT),
    (lambda n: Synthetic(num_val=n), bounds.COUNT),
    (lambda n: Synthetic(num_inputs=n), bounds.COUNT),
    (lambda n: Polynomial(degree=n), bounds.FACTORIAL),
    (lambda n: Table("a.csv", degree=n), bounds.DEGREE),
    (lambda n: seeds(n, 0), bounds.SEEDS),
    (given_grid, bounds.GRID),
    (lambda n: Settings(rounds=n), bounds.ROUNDS),
    (lambda n: sizes.parse("guide", epochs=n), bounds.EPOCHS),
    (lambda n: sizes.parse("guide", lambdas=n), bounds.GRID),
    (lambda n: make(2, 10, repeats=n), bounds.REPEATS),
]


@pytest.mark.parametrize(("count", "most"), COUNTED)
def test_every_count_has_a_bound_that_is_said(count: Callable[[Any], object], most: int) -> None:
    for number in (most + 1, 10**30, HUGE):
        with pytest.raises(InputError, match=rf"at most {most:,}\.$") as caught:
            count(number)
        assert len(str(caught.value)) < 600


OPTIONS = [
    *("run --epochs", "run --num-train", "run --num-inputs", "run --seed", "run --batch-size"),
    *("run --degree", "sweep --seeds", "sweep --folds", "sweep --max-memory"),
    *("compare-remedies --copies", "compare-remedies --folds", "compare-remedies --epochs"),
    *("tune diabetes --cv", "tune diabetes --repeats", "tune diabetes --degree"),
    *("tune diabetes --seed", "tune diabetes --lambdas", "bench --rounds", "bench --threads"),
    *("bench --size", "translate Ridge(alpha=1) --to book --n", "audit json:loads --seed"),
    "translate Ridge(alpha=1) --to book --n 9 --seed",
]
VALUES = ["9" * 5000, "1" + "0" * 30, "-1", "1_000", "0x10", "１２", "1e", "", "-" * 20_000 + "1"]


@pytest.mark.parametrize("typed", OPTIONS)
def test_every_option_answers_at_once(
    typed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    *command, option = typed.split()
    for value in VALUES:
        outcome = in_process([*command, f"{option}={value}"], capsys, monkeypatch)
        assert (outcome.code, outcome.out) == (2, ""), value
        assert outcome.err.startswith("weightdecay: ")
        assert outcome.err.count("\n") == 1
        assert len(outcome.err) < 700


@given(st.integers(-(10**39), 10**39))
def test_whole_numbers_are_read_as_they_are_written(number: int) -> None:
    assert parse_integer(str(number)) == number
    assert parse_integer(f"{number:+d}") == number


@given(st.floats())
def test_numbers_are_read_as_they_are_written(number: float) -> None:
    assert np.array_equal(parse_number(repr(number)), number, equal_nan=True)


@pytest.mark.parametrize(
    "text", ["", " ", "1_0", "0x1", "１", "٣", "1e", "e5", ".", "--1", "1.2.3", "infinity!", "1 2",
             "1\n2", "1,5", "9" * 5000, "1" * 401, "0" * 401 + "1", "True", "1j"],
)  # fmt: skip
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None
    assert parse_integer(text) is None


def test_what_does_not_fit_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    for ask in (
        lambda: draw_linear(Synthetic(num_train=1000, num_inputs=1000), 0),
        lambda: monomial_features(np.zeros((1000, 20)), 3, [f"x{i}" for i in range(20)]),
        lambda: wd.fit(wd.Experiment(epochs=10_000)),
        lambda: wd.sweep(wd.Experiment(epochs=10), lambdas="1e-3:1:90000"),
        lambda: make(10, 10_000, repeats=100),
    ):
        with pytest.raises(InputError, match=r"take [0-9.,]+ [MG]B of memory, and 1 MB are free: "):
            ask()
    memory.require("a few numbers", 100, "nothing")


def test_where_nothing_is_known_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in ("_machine", "_group", "limit"):
        monkeypatch.setattr(memory, source, lambda: None)
    memory.require("many numbers", 10**18, "nothing")


def test_what_is_free_is_known_here() -> None:
    free = memory.available()
    assert free is not None
    assert 10**7 < free < 10**14


def test_a_grid_is_bounded_as_a_whole() -> None:
    for words in ("1:2:" + "9" * 5000, "1:2:1000000000000", ",".join(["1:2:90000", "3:4:90000"])):
        with pytest.raises(InputError, match=re.escape(f"{bounds.GRID:,}") + "|START:STOP:COUNT"):
            grid("lambdas", words)
    with pytest.raises(InputError, match="more than 100,000 numbers"):
        grid("lambdas", np.ones(bounds.GRID + 1))
    with pytest.raises(InputError, match="write an amount of memory"):
        bytes_of("1_0GB")


def test_a_bound_is_part_of_the_sentence() -> None:
    with pytest.raises(InputError, match=r"^n is 11: it must be at most 10\.$"):
        integer("n", 11, 1, 10)
    assert integer("n", np.int8(10), 1, 10) == 10
