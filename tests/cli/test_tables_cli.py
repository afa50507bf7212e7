"""Every command reads a table through one door: what is left out, said and refused is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Outcome, in_process
from tests.tolerances import RIDGE, relative_difference
from weightdecay.data.sources import Table
from weightdecay.experiment import Experiment
from weightdecay.tuning.model import load_model

Run = Callable[..., Outcome]
RNG = np.random.default_rng(5)
N = 24
A, B = RNG.standard_normal(N).round(2), RNG.standard_normal(N).round(2)
Y = (2 * A - B + np.arange(N) + RNG.standard_normal(N)).round(2)
COMMANDS = {
    "run": ["run", "--epochs", "1", "--lambda", "1", "--data"],
    "sweep": ["sweep", "--epochs", "1", "--lambdas", "1", "--data"],
    "remedies": ["compare-remedies", "--epochs", "1", "--copies", "1", "--folds", "2", "--data"],
    "tune": ["tune", "--no-compare", "--lambdas", "1"],
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process([*map(str, arguments)], capsys, monkeypatch)


def write(path: Path, header: str, *, index: bool = False, separator: str = ",") -> Path:
    rows = [header]
    for i, (a, b, y) in enumerate(zip(A, B, Y, strict=True)):
        rows.append(separator.join([str(i)] * index + [str(a), str(b), str(y)]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def told(outcome: Outcome) -> list[str]:
    """What is said of the table."""
    lines = [line.removeprefix("weightdecay: ") for line in outcome.err.splitlines()]
    return [line for line in lines if line.startswith(("left out", "read", "'"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stored_index_is_no_input(run: Run, tmp_path: Path, command: str) -> None:
    whole = write(tmp_path / "whole.csv", "a,b,y")
    indexed = write(tmp_path / "indexed.csv", ",a,b,y", index=True)
    options = ["--target", "y", "--format", "json"]
    expected = run(*COMMANDS[command], whole, *options)
    found = run(*COMMANDS[command], indexed, *options)
    assert (expected.code, found.code) == (0, 0)
    assert told(expected) == []
    assert told(found) == ["left out the stored index 'Unnamed: 0'."]

    def figures(outcome: Outcome) -> str:
        report = json.dumps(outcome.json).replace("indexed.csv", "whole.csv")
        found = json.loads(report)
        for key in ("notes", "seconds"):
            found.pop(key, None)
        return json.dumps(strip(found))

    assert figures(found) == figures(expected)


def strip(report: object) -> object:
    """A report without how long it took."""
    if isinstance(report, dict):
        return {key: strip(part) for key, part in report.items() if "seconds" not in key}
    return [strip(part) for part in report] if isinstance(report, list) else report


@pytest.mark.parametrize("header", ["a,a,y", "y,b,y", "a, b,y;"])
def test_every_command_refuses_the_same_tables(run: Run, tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "t.csv", header)
    said = {run(*command, path, "--target", "y").err for command in COMMANDS.values()}
    assert len(said) == 1
    (words,) = said
    if header[0] == header[2] or header[0] == header[4]:
        assert f"more than one column is called '{header[0]}' (columns 1 and" in words


@pytest.mark.parametrize("command", COMMANDS)
def test_how_a_file_is_read_can_be_said(run: Run, tmp_path: Path, command: str) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{i % 7 + 1}.{100 + i}:{i}:{i * i % 11}\n" for i in range(N))
    path.write_bytes(("größe:b:y\n" + rows + "gone:1:1\n").encode("cp850"))
    options = ["--separator", ":", "--decimal", ",", "--encoding", "cp850", "--na", "gone"]
    options += ["--missing", "drop-rows", "--target", "y", "--format", "json"]
    outcome = run(*COMMANDS[command], path, *options)
    assert outcome.code == 0, outcome.err
    assert "left out 1 of 25 rows" in outcome.err


def test_an_experiment_remembers_how_its_table_is_read(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a:b:y", separator=":")
    saved = tmp_path / "e.toml"
    options = ["--target", "y", "--separator", ":", "--na", "?", "--missing", "drop-rows"]
    first = run("run", "--data", path, *options, "--save-experiment", saved, "--format", "json")
    again = run("run", "--experiment", saved, "--format", "json")
    assert strip(again.json) == strip(first.json)
    source = Experiment.from_file(saved).data
    assert isinstance(source, Table)
    assert (source.separator, source.na, source.missing) == (":", ("?",), "drop-rows")


def test_prediction_comes_through_the_same_door(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ",a,b,y", index=True)
    model = tmp_path / "m.json"
    options = ["--target", "y", "--na", "-999", "--out", model]
    assert run(*COMMANDS["tune"], path, *options).code == 0
    fitted = load_model(model)
    assert (fitted.inputs, fitted.na) == (("a", "b"), ("-999",))
    new = tmp_path / "new.csv"
    new.write_text(";b;a\n7;1,5;2,25\n\n9;;1,0\n8;-999;2\n5;0,25;0,5\n;;\n\n", encoding="utf-8")
    outcome = run("predict", model, new, "--out", tmp_path / "p.csv", "--format", "json")
    assert outcome.code == 0
    found = outcome.json["predictions"]
    X = np.array([[2.25, 1.5], [0.5, 0.25]])
    assert relative_difference([found[0], found[3]], X @ fitted.w + fitted.b) <= RIDGE
    assert found[1:3] == [None, None]
    said = "2 rows lack an input and get no prediction, of 4 (the first is row 2, without 'b')."
    assert said in outcome.err
    assert "read with decimal commas" in outcome.err
    assert outcome.json["notes"][-1] == said
    lines = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "y"
    assert lines[2:4] == ['""', '""']
    table = run("predict", model, new).out
    assert ["2"] in [line.split() for line in table.splitlines()]


def test_an_older_model_is_read(run: Run, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    assert run(*COMMANDS["tune"], write(tmp_path / "t.csv", "a,b,y"), "--target", "y",
               "--out", model).code == 0  # fmt: skip
    settings = json.loads(model.read_text(encoding="utf-8"))
    assert "na" not in settings  # which older programs would refuse
    settings["inputs"] = settings["columns"] = ["a", " b"]  # as names once were read
    model.write_text(json.dumps(settings), encoding="utf-8")
    outcome = run("predict", model, write(tmp_path / "t.csv", "a, b,y"), "--format", "json")
    assert (outcome.code, len(outcome.json["predictions"])) == (0, N)
