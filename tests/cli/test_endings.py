"""How a command ends: pipes that close, disks that are full, interrupts, memory, warnings."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.commands import in_process
from weightdecay.data.dataset import Dataset
from weightdecay.data.load import load_data
from weightdecay.data.sources import DataSource
from weightdecay.errors import IllConditionedWarning

RUN = ["run", "--epochs", "2"]
COMMAND = [sys.executable, "-m", "weightdecay", *RUN]


def test_a_reader_that_stops_reading_loses_no_file(tmp_path: Path) -> None:
    plot, experiment = tmp_path / "a.svg", tmp_path / "e.toml"
    command = [*COMMAND, "--plot", str(plot), "--save-experiment", str(experiment)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    running.stdout.close()  # as head does, once it has seen enough; here before the first line
    _, said = running.communicate()
    assert (running.returncode, said) == (1, "")
    assert plot.read_text().startswith("<svg")
    assert "epochs = 2" in experiment.read_text()


def test_a_full_disk_and_a_closed_output_are_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == ("weightdecay: the output cannot be written (No space left on device).\n")
    closed = ["sh", "-c", '"$@" >&-', "sh", *COMMAND]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (
        1,
        "weightdecay: the output cannot be written (standard output is closed).\n",
    )


def test_an_interrupt_is_one_line_and_130(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plot = tmp_path / "a.svg"
    plot.write_text("precious")
    for place in ("weightdecay.data.load.load_data", "os.fsync"):
        with monkeypatch.context() as patched:
            patched.setattr(place, lambda *_: signal.raise_signal(signal.SIGINT))
            outcome = in_process([*RUN, "--plot", str(plot)], capsys, monkeypatch)
        assert (outcome.code, outcome.out) == (130, "")
        assert outcome.err == "weightdecay: interrupted.\n"
        assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("Unable to allocate 3 TiB"),
                                   OSError(12, "Cannot allocate memory")])  # fmt: skip
def test_memory_that_runs_out_is_said(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("weightdecay.data.load.load_data", fail)
    outcome = in_process(RUN, capsys, monkeypatch)
    assert outcome.code == 2
    assert outcome.err.startswith("weightdecay: memory ran out")
    assert ("3 TiB" in outcome.err) == ("3 TiB" in str(error))
    assert outcome.err.count("\n") == 1


def test_an_input_that_cannot_be_used_is_not_called_the_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("n" * 300, "../" * 3000):
        for arguments in (["tune", f"{file}.csv"], ["predict", f"{file}.json", "diabetes"],
                          ["run", "--experiment", f"{file}.toml"]):  # fmt: skip
            outcome = in_process(arguments, capsys, monkeypatch)
            assert outcome.code == 2
            assert "output" not in outcome.err
            assert len(outcome.err) < 800


def warning(source: DataSource, seed: int) -> Dataset:
    """The data, with a warning of NumPy's and one of ours."""
    assert np.float64(1e308) * 10 == np.inf
    warnings.warn("The data leave few digits", IllConditionedWarning, stacklevel=2)
    return load_data(source, seed)


def test_warnings_are_sentences_without_paths(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr("weightdecay.data.load.load_data", warning)
        outcome = in_process([*RUN, "--format", "json"], capsys, monkeypatch)
    assert outcome.code == 0
    assert json.loads(outcome.out)["experiment"]["epochs"] == 2
    assert outcome.err.splitlines() == [
        "weightdecay: a library warns: overflow encountered in scalar multiply.",
        "weightdecay: The data leave few digits.",
    ]


def test_warnings_that_are_made_errors_are_a_sentence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weightdecay.data.load.load_data", warning)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = in_process(RUN, capsys, monkeypatch)
    assert outcome.code == 1
    assert outcome.err == (
        "weightdecay: a warning stopped this, as PYTHONWARNINGS asks for: overflow encountered in "
        "scalar multiply\n"
    )
