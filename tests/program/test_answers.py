"""What a worker says is taken for what was asked only if it is that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from weightdecay import answers
from weightdecay.answers import AnswerError
from weightdecay.auditing.result import Rival

GOOD = {"version": "1.0", "names": ["a"], "seconds": 0.5, "count": 3}


def test_what_was_asked_is_read() -> None:
    assert answers.text(GOOD, "version") == "1.0"
    assert answers.texts(GOOD, "names") == ("a",)
    assert answers.number(GOOD, "seconds") == 0.5
    assert answers.whole(GOOD, "count") == 3
    x = np.zeros((2, 3))
    assert answers.floats({"x": x}, "x", (None, 3)) is x


@pytest.mark.parametrize("value", [None, 1, [], {}, "1" * 1000, [1], True, -1, np.nan, np.inf])
def test_what_was_not_asked_is_told(value: Any) -> None:
    given = {"x": value}
    wrong = [answers.whole] if value != 1 or value is True else []
    if not (isinstance(value, int | float) and value == 1 and value is not True):
        wrong.append(answers.number)
    if not isinstance(value, str):
        wrong.append(answers.text)
    if value != []:
        wrong.append(answers.texts)
    for read in wrong:
        with pytest.raises(AnswerError, match=r"^x is .*, and should be") as caught:
            read(given, "x")
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros((2, 4)), np.zeros((2, 3), int), np.zeros((2, 3), complex), None]
)
def test_an_array_of_another_shape_or_kind_is_told(array: np.ndarray | None) -> None:
    arrays = {} if array is None else {"x": array}
    with pytest.raises(AnswerError, match=r"x"):
        answers.floats(arrays, "x", (2, 3))


@dataclass(frozen=True)
class Report:
    kind: Literal["a", "b"]
    factor: float | None
    names: tuple[str, ...]
    pair: tuple[int, float]
    rivals: tuple[Rival, ...]
    settings: dict[str, Any]
    sure: bool


RIVAL = Rival("coupled", 1.0, "ηλ", 0.0, True)
REPORT = {"kind": "a", "factor": 1, "names": ("x",), "pair": (1, 2.5), "rivals": (RIVAL,)}
REPORT |= {"settings": {"lr": object()}, "sure": False}


def test_a_dataclass_of_what_it_declares_is_taken() -> None:
    report = Report(**REPORT)
    assert answers.checked(report) is report


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "c"),
        ("factor", "1"),
        ("factor", True),
        ("names", ["x"]),
        ("names", ("x", 1)),
        ("pair", (1, 2.5, 3)),
        ("pair", (1.5, 2)),
        ("rivals", ({"name": "coupled"},)),
        ("settings", [1]),
        ("sure", 0),
    ],
)
def test_a_dataclass_of_something_else_is_told(name: str, value: Any) -> None:
    with pytest.raises(AnswerError, match=f"^{name} is .*, of another type"):
        answers.checked(Report(**REPORT | {name: value}))


def test_a_named_tuple_is_checked_too() -> None:
    class Entry(NamedTuple):
        factory: str

    assert answers.checked(Entry("torch.optim.SGD"))
    with pytest.raises(AnswerError, match="factory is 5"):
        answers.checked(Entry(5))
