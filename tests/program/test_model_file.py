"""The model file: written and read back bit by bit, refused when it is not sound, and applied."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.commands import Outcome, in_process, in_subprocess
from tests.tolerances import PARITY, relative_difference
from weightdecay import __version__
from weightdecay.errors import InputError
from weightdecay.tuning.model import Model, load_model

Run = Callable[..., Outcome]
RNG = np.random.default_rng(3)
AWKWARD = (0.1, -1 / 3, 5e-324, 1.7976931348623157e308, -0.0)


def made(**changes: Any) -> Model:
    """A model of three inputs, as by hand."""
    settings: dict[str, Any] = {
        "target": "price",
        "inputs": ("a", "b", "ç, d"),
        "degree": 1,
        "columns": ("a", "b", "ç, d"),
        "w": (0.1, -1 / 3, 2.0),
        "b": 0.7,
        "lambd": 1 / 7,
        "penalty": "l2",
        "l1_ratio": 0.0,
        "penalty_factors": None,
        "mean": (0.0, 1.0, 2.0),
        "scale": (1.0, 0.3, 5.0),
        "rule": "one-se",
        "cv": "5 folds",
        "loss": 0.3,
        "standard_error": 0.01,
        "num_examples": 20,
        "dropped": ("name",),
        "sample_weight": "w",
        "group": None,
        "time": "when",
    }
    return Model(**(settings | changes))


def test_a_model_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    names = tuple(f"x{i}" for i in range(5))
    model = made(
        **dict.fromkeys(("inputs", "columns"), names), w=AWKWARD, mean=AWKWARD, scale=(0.1,) * 5
    )
    model.save(tmp_path / "model.json")
    again = load_model(str(tmp_path / "model.json"))
    assert again == model
    assert np.array(again.w).tobytes() == np.array(AWKWARD).tobytes()
    model = made(standard_error=None, epochs=7, solver="sgd", penalty_factors=(0, 1, 2.5))
    model.save(tmp_path / "model.json")
    assert load_model(tmp_path / "model.json") == model
    assert [f.name for f in tmp_path.iterdir()] == ["model.json"]


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    made().save(tmp_path / "model.json")
    found = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert (found["format"], found["version"]) == ("weightdecay-model", 1)
    assert (found["weightdecay"], found["numpy"]) == (__version__, np.__version__)
    assert found["weights"] == [0.1, -1 / 3, 2.0]
    assert found["lambda"] == 1 / 7
    assert "½" in found["objective"]
    assert "λ" in found["objective"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "its format is not 'weightdecay-model'"),
        ({"version": 2}, "of version 2, and weightdecay .* reads version 1: update"),
        ({"version": True}, "of version True"),
        ({"weights": ...}, "it lacks 'weights'"),
        ({"note": "mine"}, "no model has 'note'"),
        ({"weights": ..., "wieghts": [1, 2, 3]}, "it lacks 'weights' and no model has 'wieghts'"),
        ({"weights": "abc"}, "weights is 'abc'"),
        ({"weights": [1, 2, "3"]}, "weights is '3'"),
        ({"weights": [1, 2, True]}, "weights is True"),
        ({"weights": [1, 2, None]}, "weights is None"),
        ({"weights": [1, 2, float("nan")]}, "weights is nan"),
        ({"weights": [1, 2, float("inf")]}, "weights is inf"),
        ({"weights": [1, 2]}, "weights holds 2 numbers: one for each of the 3 columns"),
        ({"weights": []}, "weights is empty"),
        ({"mean": [1, 2]}, "mean holds 2 numbers"),
        ({"scale": [1, 2, 0]}, "scale is 0"),
        ({"penalty_factors": [1, 1]}, "penalty_factors holds 2 numbers"),
        ({"penalty_factors": [1, 1, -1]}, "penalty factor|penalty_factors is -1"),
        ({"bias": None}, "bias is None"),
        ({"lambda": -1}, "lambda is -1"),
        ({"penalty": "l3"}, "unknown penalty 'l3'"),
        ({"rule": 3}, "unknown rule"),
        ({"degree": 2}, "the 3 columns are not those of the inputs to degree 2"),
        ({"degree": 10**9}, "not those of the inputs to degree"),
        ({"degree": 0}, "degree is 0"),
        ({"columns": ["a", "b", "c"]}, "not those of the inputs"),
        ({"inputs": ["a", "a", "b"]}, "inputs holds no name, or one twice"),
        ({"inputs": [1, 2, 3]}, "inputs is"),
        ({"target": ["y"]}, "target is"),
        ({"target": ""}, "target is ''"),
        ({"group": 3}, "group is 3"),
        ({"dropped": None}, "dropped is None"),
        ({"num_examples": 1.5}, "num_examples is 1.5"),
        ({"loss": -1}, "loss is -1"),
    ],
)
def test_what_is_no_sound_model_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "model.json"
    made().save(path)
    found = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in found.items() if v is not ...}), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\x80\x04\x95", "is not text"),
        (b"[1, 2]", "its format is not"),
        (b"null", "its format is not"),
        (b'{"weights": [1]}', "its format is not"),
        (b'{"format": "weightdecay-model", "format": "weightdecay-model"}', "key 'format' twice"),
    ],
)
def test_what_is_no_model_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_model(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path, message in [(tmp_path, "it is a folder"), (tmp_path / "none.json", "No such file")]:
        with pytest.raises(InputError, match=message):
            load_model(path)
    with pytest.raises(InputError, match="cannot write"):
        made().save(tmp_path / "nowhere" / "model.json")


def test_predictions_are_the_equation() -> None:
    X = RNG.standard_normal((6, 3))
    assert relative_difference(made().predict(X), X @ made().w + 0.7) <= PARITY["float64"]
    frame = pl.DataFrame(dict(zip(("a", "b", "ç, d"), X.T, strict=True)))
    shuffled = frame.select("ç, d", pl.lit(3).alias("other"), "a", "b")
    assert (made().predict(shuffled) == made().predict(X)).all()
    a, b = X[:, 0], X[:, 1]
    model = made(
        **{"inputs": ("a", "b"), "degree": 2, "columns": ("a", "b", "a^2", "a*b", "b^2")},
        **{"w": (1, 2, 3, 4, 5), "mean": (0,) * 5, "scale": (1,) * 5},
    )
    expected = a + 2 * b + 3 * a**2 + 4 * a * b + 5 * b**2 + 0.7
    assert relative_difference(model.predict(X[:, :2]), expected) <= PARITY["float64"]


def test_what_cannot_be_predicted_is_refused() -> None:
    for X, message in [
        (np.ones((2, 2)), r"shape \(2, 2\): it must be \(rows, 3\)"),
        (np.ones(3), r"shape \(3,\)"),
        ([["a", "b", "c"]], "does not hold numbers"),
        (pl.DataFrame({"a": [1], "c": [2]}), "lacks the columns 'b', 'ç, d'"),
    ]:
        with pytest.raises(InputError, match=message):
            made().predict(X)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["predict", *map(str, arguments)], capsys, monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    made().save(tmp_path / "model.json")
    return tmp_path / "model.json"


X = RNG.standard_normal((12, 3)).round(3)
PRICE = (X @ made().w + 0.7 + RNG.standard_normal(12)).round(3)
COLUMNS: dict[str, list[Any]] = dict(zip(("a", "b", "ç, d"), X.T.tolist(), strict=True))


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def test_columns_are_matched_by_name(run: Run, model: Path, tmp_path: Path) -> None:
    order = {name: COLUMNS[name] for name in ("ç, d", "a", "b")}
    outcome = run(model, write(tmp_path / "t.csv", order), "--format", "csv")
    assert (outcome.code, outcome.err) == (0, "")
    header, *lines = outcome.out.splitlines()
    assert header == "price"
    assert [float(x) for x in lines] == made().predict(X).tolist()


def test_the_target_and_ignored_columns_may_be_there(run: Run, model: Path, tmp_path: Path) -> None:
    others = {"when": ["?"] * 12, "price": PRICE.tolist(), "name": ["n"] * 12, "w": [1] * 12}
    path = write(tmp_path / "t.csv", others | COLUMNS)
    outcome = run(model, path, "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    report = outcome.json
    predicted = made().predict(X)
    assert report["predictions"] == predicted.tolist()
    assert report["score"]["rows"] == 12
    expected = np.mean((predicted - PRICE) ** 2) / 2
    assert relative_difference(report["score"]["loss"], expected) <= PARITY["float64"]
    r2 = 1 - np.mean((predicted - PRICE) ** 2) / PRICE.var()
    assert relative_difference(report["score"]["r2"], r2) <= PARITY["float64"]
    assert set(report["conventions"]) >= {"predictions", "loss", "r2"}
    outcome = run(model, path, "--format", "csv")
    assert len(outcome.out.splitlines()) == 13
    assert f"½ mean squared error {expected:.4g}, R² {r2:.4g}, over 12 rows" in outcome.err


def test_the_table_shows_the_first_rows(run: Run, model: Path, tmp_path: Path) -> None:
    prices = ["", "text", "inf", *PRICE[3:].tolist()]
    path = write(tmp_path / "t.csv", COLUMNS | {"price": prices})
    outcome = run(model, path)
    assert (outcome.code, outcome.err) == (0, "")
    assert "price of 12 rows" in outcome.out
    assert "and 2 rows more" in outcome.out
    assert "over 9 rows whose price is known" in outcome.out
    predicted = made().predict(X)
    assert f"{predicted[4] - PRICE[4]:+.3g}" in outcome.out
    none = run(model, write(path, COLUMNS | {"price": [""] * 12}), "--format", "json")
    assert none.json["score"] is None
    same = run(model, write(path, COLUMNS | {"price": [3] * 12}), "--format", "json")
    assert same.json["score"]["r2"] is None
    assert "no R²" in run(model, path).out


def test_predictions_can_be_written(run: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "predictions.csv"
    made(target='the "price", net').save(model)
    outcome = run(model, write(tmp_path / "t.csv", COLUMNS), "--out", out)
    assert outcome.code == 0
    assert f"wrote {out}" in outcome.err
    with out.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ['the "price", net']
    assert [float(x) for (x,) in rows] == made().predict(X).tolist()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1], "B": [2], "c": [3]}, "lacks 'b', 'ç, d' and the model does not know 'B', 'c'"),
        (
            {**COLUMNS, "rooms": [1] * 12},
            "the model was fitted to: the model does not know 'rooms'",
        ),
        ({"a": [1], "b": [2]}, "the model was fitted to: it lacks 'ç, d'."),
        ({"a": [1, "x"], "b": [2, 3], "ç, d": [3, 3]}, "text in 'a' ('x' in row 2)"),
        ({"a": [1, 1], "b": [2, "inf"], "ç, d": [3, 3]}, "infinite values in 'b' (row 2)"),
    ],
)
def test_other_columns_are_refused_by_name(
    run: Run, model: Path, tmp_path: Path, columns: dict[str, list[Any]], message: str
) -> None:
    outcome = run(model, write(tmp_path / "t.csv", columns))
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err


def test_a_column_twice_is_refused(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b,"ç, d",a\n1,2,3,4\n', encoding="utf-8")
    outcome = run(model, tmp_path / "t.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "more than one column called 'a'" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.json", "t.csv"], "cannot read the model file"),
        (["model.json", "none.csv"], "does not exist"),
        (["model.json", "t.csv", "--out", "x.txt"], "must end in .csv"),
        (["model.json", "t.csv", "--out", "nowhere/x.csv"], "cannot write"),
        (["model.json"], "FILE"),
        (["model.json", "diabetes"], "it lacks 'a', 'b', 'ç, d' and"),
    ],
)
def test_bad_input_is_one_line(
    run: Run,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    write(tmp_path / "t.csv", COLUMNS)
    monkeypatch.chdir(tmp_path)
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err


def test_a_pipe_gets_csv_and_nothing_else(model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", COLUMNS)
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    outcome = in_subprocess(["predict", str(model), str(path), "--format", "csv"], env=environment)
    assert (outcome.code, outcome.err) == (0, "")
    assert len(outcome.out.splitlines()) == 13
