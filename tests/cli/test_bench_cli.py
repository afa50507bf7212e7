"""``weightdecay bench``: a table that says what it shows, and JSON that holds everything."""

from __future__ import annotations

import datetime
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from tests.commands import Outcome, in_process
from weightdecay import __version__
from weightdecay.benching import running
from weightdecay.environments import Interpreter
from weightdecay.errors import BackendNotInstalledError

QUICK = ["bench", "--backends", "numpy", "--size", "6x3", "--rounds", "2", "--threads", "1"]


Command: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*options: str) -> Outcome:
        return in_process(list(options), capsys, monkeypatch)

    return run


def test_the_json_is_complete(command: Command) -> None:
    report = command(*QUICK, "--lambdas", "3", "--format", "json").json
    assert report["weightdecay"] == __version__
    assert datetime.datetime.fromisoformat(report["date"]).tzinfo is not None
    assert {"processor", "cores", "memory_gib", "system", "python"} <= set(report["machine"])
    assert report["size"]["rows"] == 6
    assert report["steps"] == 2
    assert len(report["experiment"]["lambda"]) == report["size"]["lambdas"] == 3
    assert report["threads"] == 1
    assert report["rounds"] == 2
    assert report["busy"] is None or report["busy"] >= 0
    assert report["dtype"] == "float32"
    assert report["missing"] == {}
    assert report["scaling"] is None
    assert {"train", "loop", "first", "imports", "starts", "spread"} <= set(report["conventions"])
    (row,) = report["rows"]
    assert row["backend"] == "numpy"
    assert row["version"] == row["numpy"] == np.__version__
    assert row["agrees"] is True
    assert row["error"] is None
    assert row["largest_difference"] <= report["tolerance"]
    assert row["threads"] >= 1
    assert len(row["imports"]) == len(row["starts"]) == 2
    assert set(row["first"]) == {"bind", "place", "train"}
    assert row["times_fastest"] == 1
    for kind in ("train", "loop"):
        seconds = [one["seconds"] for one in row[kind]["measurements"]]
        assert len(seconds) == 2
        assert row[kind]["median"] == statistics.median(seconds)
        assert row[kind]["least"] == min(seconds)
        assert all(one["times"] >= 1 and one["cores"] >= 0 for one in row[kind]["measurements"])
    assert row["loop_seconds_per_step"] == row["loop"]["median"] / 2


def test_the_table_says_what_it_shows(command: Command) -> None:
    outcome = command(*QUICK)
    assert outcome.code == 0
    for words in (
        "6 examples of 3 inputs",
        "float32",
        "1 thread;",
        "cores",
        f"weightdecay {__version__}",
        "median absolute deviation of 2 rounds",
        "the losses of every epoch",
        "equal results: no parameter differs",
        "the running interpreter",
    ):
        assert words in outcome.out
    assert outcome.err == ""


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_and_its_exponents(command: Command, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cost.{suffix}"
    options = ["--rounds", "1", "--plot", str(path), "--format", "json"]
    outcome = command(*QUICK, *options)
    assert outcome.code == 0
    scaling = outcome.json["scaling"]
    assert {point["axis"] for point in scaling["points"]} == {"rows", "inputs", "lambdas"}
    assert all(point["error"] is None and point["train"] for point in scaling["points"])
    assert [one["axis"] for one in scaling["exponents"]] == ["rows", "inputs", "lambdas"]
    assert all(len(one["values"]) == 3 for one in scaling["exponents"])
    written = path.read_bytes()
    if suffix == "png":
        assert written.startswith(b"\x89PNG")
    else:
        (first, *_) = scaling["exponents"]
        assert f"numpy: n^{first['exponent']:.2f}" in written.decode()


def test_the_table_of_exponents(command: Command, tmp_path: Path) -> None:
    outcome = command(*QUICK, "--rounds", "1", "--plot", str(tmp_path / "cost.svg"))
    assert "cost grows with" in outcome.out
    assert "the 3 largest sizes: n from" in outcome.out


def only_numpy(name: str) -> Interpreter:
    if name != "numpy":
        raise BackendNotInstalledError(f"run weightdecay env create {name}.")
    return Interpreter("numpy", Path(sys.executable), "running")


def test_a_missing_backend_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "resolve", only_numpy)
    quick = [option for option in QUICK if option not in ("--backends", "numpy")]
    outcome = command(*quick)
    assert outcome.code == 0
    for name in ("torch", "tensorflow", "jax", "mxnet"):
        assert f"{name} is missing: run weightdecay env create {name}." in outcome.out


def test_a_missing_backend_that_was_asked_for_is_an_error(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "resolve", only_numpy)
    outcome = command(*QUICK, "--backends", "numpy,mxnet")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "run weightdecay env create mxnet." in outcome.err


def test_what_fails_is_exit_one_and_a_sentence(command: Command) -> None:
    outcome = command(*QUICK, "--device", "cuda")
    assert outcome.code == 1
    assert "numpy failed:" in outcome.out
    assert "finds no device 'cuda'" in outcome.out
    (row,) = command(*QUICK, "--device", "cuda", "--format", "json").json["rows"]
    assert row["train"] is row["loop"] is row["first"] is None
    assert "finds no device" in row["error"]


def test_nothing_to_draw_is_exit_one(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "cost.svg"
    outcome = command(*QUICK, "--device", "cuda", "--plot", str(path))
    assert outcome.code == 1
    assert "no backend was timed" in outcome.err
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backends", "numpy,tortch"], "did you mean 'torch'"),
        (["--backends", "numpy,"], "name backends with commas"),
        (["--size", "gide"], "did you mean 'guide'"),
        (["--size", "20x"], "write ROWSxINPUTS"),
        (["--batch-size", "7"], "choose at most 6"),
        (["--lambdas", "0"], "at least 1"),
        (["--epochs", "0"], "at least 1"),
        (["--rounds", "0"], "at least 1"),
        (["--threads", "0"], "processors"),
        (["--threads", "100000"], "processors"),
        (["--dtype", "float16"], "unknown dtype"),
        (["--implementation", "magic"], "unknown implementation"),
        (["--implementation", "native"], "'numpy' has no native implementation"),
        (["--plot", "cost.jpg"], "must end in .png or .svg"),
        (["--plot", "/no/such/folder/cost.png"], "cannot write"),
    ],
)
def test_bad_options_get_one_sentence(command: Command, options: list[str], message: str) -> None:
    outcome = command(*QUICK, *options)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert message in outcome.err
