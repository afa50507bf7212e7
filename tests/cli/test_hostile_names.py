"""Names that do harm, all in one table, to every command that shows names and in every format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from tests.commands import in_process
from tests.hostile.answering import HOSTILE

TARGET = "=cmd|' /c calc'!A1\x1b[2J"
NAMES = ["[/x]", "[bold]b", "a\x08", "\x1b[31mred", "a\x9bb", "\u202egnp", "a\nweightdecay: well",
         "@SUM(1)", "n" * 3000, ":smile:", "<b>&", "]]>"]  # fmt: skip
SHOWN = ["[/x]", "[bold]b", r"a\x08", r"\x1b[31mred", r"\u202egnp", ":smile:", "@SUM(1)"]
FAST = ["--epochs", "2", "--batch-size", "8"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    columns = {name: rng.standard_normal(40) for name in NAMES}
    columns[TARGET] = sum(columns.values()) + rng.standard_normal(40)
    path = tmp_path_factory.mktemp("names") / "t.csv"
    pl.DataFrame(columns).write_csv(path)
    return path


COMMANDS = ["tune", "predict", "run", "sweep", "compare-remedies"]
SHOWINGS = [*((command, output) for command in COMMANDS for output in ("table", "json")),
            ("predict", "csv")]  # fmt: skip


@pytest.mark.parametrize(("command", "output"), SHOWINGS)
def test_no_name_reaches_a_terminal_a_picture_or_a_file_as_it_is(
    command: str,
    output: str,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, plot, csv = (tmp_path / name for name in ("m.json", "p.svg", "p.csv"))
    role = [f"--target={TARGET}", "--plot", str(plot), "--format", output]
    tuned = ["tune", str(table), f"--target={TARGET}", "--lambdas", "0.1,1", "--out", str(model)]
    if command == "predict":
        assert in_process([*tuned, "--no-compare"], capsys, monkeypatch).code == 0
        arguments = ["predict", str(model), str(table), "--format", output, "--out", str(csv)]
    elif command == "tune":
        arguments = [*tuned, *role]
    else:
        few = [*FAST, "--lambdas", "0.1,1"] if command == "sweep" else FAST
        few = ["--epochs", "20"] if command == "compare-remedies" else few
        arguments = [command, "--data", str(table), *role, *few]
    outcome = in_process(arguments, capsys, monkeypatch)
    assert outcome.code == 0, outcome.err
    for text in (outcome.out, outcome.err):
        assert not HOSTILE.search(text)
        assert not re.search("^weightdecay: well", text, re.M)
        assert output == "json" or all(len(line) < 2000 for line in text.splitlines())
    if output == "json":
        report = json.loads(outcome.out)
        if command == "tune":
            assert set(report["weights"]) == set(NAMES)
    elif command == "tune":
        for name in SHOWN:
            assert name in outcome.out
    if plot.exists():
        ElementTree.fromstring(plot.read_bytes())
    if model.exists():
        assert json.loads(model.read_bytes())["inputs"] == NAMES
        assert not HOSTILE.search(model.read_text())
    if csv.exists():
        assert csv.read_text().startswith(r"'=cmd|' /c calc'!A1\x1b[2J")
        assert [float(line) for line in csv.read_text().splitlines()[1:]]
    written = {"predict": {"m.json", "p.csv"}, "tune": {"m.json", "p.svg"}}.get(command, {"p.svg"})
    assert {path.name for path in tmp_path.iterdir()} == written
