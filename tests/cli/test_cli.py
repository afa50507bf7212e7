"""The commands: what they print, in both formats, and that it is the same on every backend."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Outcome, in_process, in_subprocess, numbers
from tests.program.test_files import write, write_csv
from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, __version__, fit

Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["run", *arguments], capsys, monkeypatch)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "houses.csv")


def test_json_is_one_object_with_the_named_keys(run: Run) -> None:
    outcome = run("--format", "json")
    assert outcome.code == 0
    assert outcome.err == ""
    report = outcome.json
    assert {"experiment", "backend", "backend_version", "dtype", "device", "runs"} <= set(report)
    assert Experiment.from_dict(report["experiment"]) == Experiment()
    assert (report["backend"], report["dtype"], report["device"]) == ("numpy", "float64", "cpu")
    assert report["backend_version"] == np.__version__
    assert [r["lambda"] for r in report["runs"]] == [0, 3]
    result = fit(Experiment())
    for i, row in enumerate(report["runs"]):
        certificate = result.certificates[i]
        assert len(row["train_loss"]) == len(row["val_loss"]) == 10
        expected = {
            "train_loss": result.history.train_loss[:, i],
            "val_loss": result.history.val_loss[:, i],
            "weight_norm": np.linalg.norm(result.params.w[:, i]),
            "penalty": row["lambda"] / 2 * result.params.w[:, i] @ result.params.w[:, i],
            "bias": result.params.b[i],
            "optimum_gap": certificate.optimum_gap,
            "kkt_residual": certificate.kkt_residual,
        }
        for key, value in expected.items():
            assert relative_difference(row[key], value) <= PARITY["float64"], key
        assert row["seconds"] > 0


def test_the_table_says_what_it_shows(run: Run) -> None:
    out = run().out
    for expected in [
        "synthetic",
        "minimise",
        "λ/2 ‖w‖²",
        "‖w‖₂",
        "½‖w‖²",
        "above optimum",
        "seconds",
    ]:
        assert expected in out
    assert "training" in out
    assert "validation" in out
    assert "1e-05 │" in out  # the logarithmic axis
    assert out.rstrip().splitlines()[-1].endswith(".")
    assert "Weight decay helps here: λ = 3 ends with 0.58 times" in out
    assert "\x1b" not in out  # no colours in a pipe
    assert max(map(len, out.split("Weight decay")[0].splitlines())) <= 90


def test_the_sentence_follows_the_numbers(run: Run) -> None:
    assert "does not help" in run("--num-train", "500", "--num-inputs", "3", "--lr", "0.05").out
    assert "At λ = 1 the validation loss" in run("--lambda", "1").out


def test_l1_shows_the_zeros_and_a_bound(run: Run) -> None:
    out = run("--penalty", "l1", "--lambda", "0.02", "--epochs", "40").out
    assert "nonzero" in out
    assert "≤" in out


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet", "houses.npz"])
def test_files_of_other_tools_train(run: Run, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    options = ["--data", str(path), "--target", "price", "--drop", "region", "--format", "json"]
    report = run(*options).json
    assert report["experiment"]["data"]["target"] == "price"
    for row in report["runs"]:
        assert row["train_loss"][-1] < row["train_loss"][0]


@pytest.mark.parametrize("data", ["diabetes", "polynomial"])
def test_named_data_trains(run: Run, data: str) -> None:
    report = run("--data", data, "--lambda", "0.1", "--lr", "0.005", "--format", "json").json
    (row,) = report["runs"]
    assert row["val_loss"][-1] < row["val_loss"][0]


def test_every_option_reaches_the_experiment(run: Run, table: Path) -> None:
    options = (
        f"--data {table} --target price --drop region --sample-weight age "
        "--validation-fraction 0.4 --standardize both --degree 2 --missing drop-rows "
        "--separator , --decimal . --encoding utf-8 --na gone --penalty elasticnet "
        "--lambda 0.5 --lambda 1 --l1-ratio 0.2 --penalty-factor income=0 --penalize-bias "
        "--optimizer nesterov --decay decoupled --l1-update subgradient --lr 0.02 --momentum 0.5 "
        "--betas 0.8 0.99 --eps 1e-6 --batch-size full --epochs 4 --no-shuffle "
        "--init-std 0.1 --seed 7 --dtype float32 --backend numpy --device cpu --format json"
    )
    report = run(*options.split()).json
    assert report["dtype"] == "float32"
    assert report["experiment"] == {
        "data": {
            "source": str(table),
            "target": "price",
            "drop": ["region"],
            "sample_weight": "age",
            "validation_fraction": 0.4,
            "standardize": "both",
            "degree": 2,
            "missing": "drop-rows",
            "separator": ",",
            "decimal": ".",
            "encoding": "utf-8",
            "na": ["gone"],
        },
        "penalty": "elasticnet",
        "lambda": [0.5, 1],
        "l1_ratio": 0.2,
        "penalty_factors": {"income": 0},
        "penalize_bias": True,
        "optimizer": "nesterov",
        "decay": "decoupled",
        "l1_update": "subgradient",
        "lr": 0.02,
        "momentum": 0.5,
        "betas": [0.8, 0.99],
        "eps": 1e-6,
        "batch_size": "full",
        "epochs": 4,
        "shuffle": False,
        "init_std": 0.1,
        "seed": 7,
    }


def test_the_synthetic_data_is_adjustable(run: Run) -> None:
    options = "--num-train 9 --num-val 8 --num-inputs 7 --true-weight 2 --true-bias 3 --noise-std 0"
    data = run(*options.split(), "--format", "json").json["experiment"]["data"]
    assert data == {
        "source": "synthetic",
        "num_train": 9,
        "num_val": 8,
        "num_inputs": 7,
        "weight": 2,
        "bias": 3,
        "noise_std": 0,
    }


def test_an_experiment_file_is_run_and_overridden(run: Run, tmp_path: Path) -> None:
    path, saved = tmp_path / "e.toml", tmp_path / "saved.toml"
    path.write_text("lambda = [1, 2]\nepochs = 3\n[data]\nsource = 'synthetic'\nnum_inputs = 5\n")
    options = ["--experiment", str(path), "--epochs", "2", "--num-train", "6"]
    outcome = run(*options, "--save-experiment", str(saved), "--format", "json")
    report = outcome.json["experiment"]
    assert (report["lambda"], report["epochs"]) == ([1, 2], 2)
    assert (report["data"]["num_inputs"], report["data"]["num_train"]) == (5, 6)
    assert outcome.err == f"wrote {saved}\n"
    again = run("--experiment", str(saved), "--format", "json").json
    assert numbers(again) == numbers(outcome.json)


def test_pictures_are_what_their_names_say(run: Run, tmp_path: Path) -> None:
    png, svg = tmp_path / "a.png", tmp_path / "a.svg"
    for path in (png, svg):
        path.write_text("an older picture")
        outcome = run("--plot", str(path), "--format", "json")
        assert outcome.code == 0
        assert outcome.err == f"wrote {path}\n"
        assert outcome.json["runs"]
    assert png.read_bytes().startswith(b"\x89PNG")
    text = "".join(xml.etree.ElementTree.parse(svg).getroot().itertext())
    for expected in ["λ = 0", "λ = 3", "training", "validation", "epoch", "½ mean squared error"]:
        assert expected in text
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg"}
    assert svg.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_backends_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = in_process(["backends"], capsys, monkeypatch).out
    assert "numpy" in out
    assert np.__version__ in out
    assert ".[torch]" in out
    rows = in_process(["backends", "--format", "json"], capsys, monkeypatch).json["backends"]
    assert {"name", "installed", "version", "devices", "dtypes", "install"} <= set(rows[0])


def test_help_and_version() -> None:
    outcome = in_subprocess(["--version"])
    assert (outcome.code, outcome.out) == (0, f"weightdecay, version {__version__}\n")
    for command in (["--help"], ["run", "--help"], ["backends", "--help"]):
        outcome = in_subprocess(command)
        assert outcome.code == 0
        assert outcome.out.startswith("Usage: ")


IMPATIENT = """
import sys
from weightdecay import cli, progress
progress.PATIENCE = 0
sys.argv = ["weightdecay", "run", "--format", "json"]
cli.main()
"""


def test_a_terminal_gets_a_progress_bar(tmp_path: Path) -> None:
    """Drawn on standard error, so that standard output stays clean."""
    parent, child = pty.openpty()
    with (tmp_path / "out").open("wb") as out:
        environment = {**os.environ, "TERM": "xterm"}
        command = [sys.executable, "-c", IMPATIENT]
        process = subprocess.Popen(command, stdout=out, stderr=child, env=environment)
        os.close(child)
        drawn = b""
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while chunk := os.read(parent, 4096):
                drawn += chunk
        os.close(parent)
        assert process.wait() == 0
    assert b"epochs" in drawn
    assert (tmp_path / "out").read_text().startswith("{")


def test_output_without_unicode_still_comes() -> None:
    outcome = in_subprocess(["run"], env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert outcome.code == 0
    assert "training loss" in outcome.out


def test_no_command_at_all_shows_the_help() -> None:
    outcome = in_subprocess([])
    assert outcome.code == 2
    assert outcome.err.startswith("Usage: ")
    for command in ("run", "backends", "parity", "book", "env"):
        assert f"\n  {command} " in outcome.err
    assert "..." not in outcome.err.replace("[ARGS]...", "")  # no summary is cut short


def test_a_full_disk_gets_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "weightdecay", "run"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = [sys.executable, "-m", "weightdecay", "run", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
