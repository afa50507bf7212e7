"""``weightdecay sweep``: what it prints, draws and warns of, here and in another interpreter."""

from __future__ import annotations

import sys
import xml.etree.ElementTree
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Outcome, in_process, in_subprocess, numbers
from tests.core.test_sweep import made
from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, Synthetic, from_arrays, sweep
from weightdecay.history import History
from weightdecay.report.sweep import warnings
from weightdecay.sweeping import remote
from weightdecay.sweeping.axis import exponents, ticks
from weightdecay.sweeping.terminal import draw
from weightdecay.worker import Worker

Run = Callable[..., Outcome]
SMALL = ["--num-inputs", "5", "--num-val", "8", "--epochs", "2"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["sweep", *arguments], capsys, monkeypatch)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("numpy", sys.executable) as started:
        yield started


def test_json_is_one_object_with_the_numbers_of_the_sweep(run: Run, backend: str) -> None:
    outcome = run(
        *["--lambdas", "0,0.1:10:3", "--lr", "0.01,0.05", "--seeds", "2", "--folds", "3"],
        *["--penalty", "l1", "--format", "json", "--backend", backend, *SMALL],
    )
    assert (outcome.code, outcome.err.count("\n")) == (0, 1)
    report = outcome.json
    e = Experiment(data=Synthetic(num_inputs=5, num_val=8), penalty="l1", epochs=2)
    result = sweep(e, lambdas=(0, 0.1, 1, 10), lrs=(0.01, 0.05), seeds=2, folds=3)
    assert Experiment.from_dict(report["experiment"]) == result.experiment
    assert report["backend"] == backend
    assert report["lambdas"] == [0, 0.1, 1, 10]
    assert (report["lrs"], report["seeds"], report["folds"]) == ([0.01, 0.05], [0, 1], 3)
    best = np.argmin(result.val_loss.mean(axis=(2, 3)), axis=1)
    at = np.arange(4), best
    assert report["lr"] == [result.lrs[r] for r in best]
    expected = {
        "train_loss": result.train_loss[at].mean(axis=(1, 2)),
        "val_loss": result.val_loss[at].mean(axis=(1, 2)),
        "val_loss_std": result.val_loss[at].std(axis=(1, 2)),
        "weight_norm": np.linalg.norm(result.w, axis=0)[at].mean(axis=(1, 2)),
        "nonzero": (result.w != 0).sum(axis=0)[at].mean(axis=(1, 2)),
    }
    for key, values in expected.items():
        assert relative_difference(report[key], values) <= PARITY["float64"], key
    lowest = int(np.argmin(expected["val_loss"]))
    assert report["best"]["lambda"] == report["lambdas"][lowest]
    assert report["best"]["lr"] == report["lr"][lowest]
    assert report["best"]["val_loss"] == report["val_loss"][lowest]
    assert report["best"]["val_loss_std"] == report["val_loss_std"][lowest]
    assert (report["at_edge"], report["lr_at_edge"], report["diverged"]) == (False, True, 0)
    runs = report["runs"]
    assert {len(column) for column in runs.values()} == {4 * 2 * 2 * 3}
    i = runs["lambda"].index(1) + 2 * 3 + 1  # the second rate, the first seed, the second fold
    assert [runs[key][i] for key in ("lr", "seed", "fold")] == [0.05, 0, 1]
    assert runs["val_loss"][i] == pytest.approx(result.val_loss[2, 1, 0, 1])
    assert runs["nonzero"][i] == result.nonzero[2, 1, 0, 1]
    assert set(report) >= {"conventions", "dtype", "device", "backend_version", "seconds"}


def test_a_number_that_is_none_becomes_null(run: Run) -> None:
    outcome = run("--lambdas", "0,1,1e300", "--format", "json", *SMALL)
    assert outcome.code == 0
    report = outcome.json
    assert report["val_loss"][2] is None
    assert report["runs"]["train_loss"][2] is None
    assert report["runs"]["fold"] == [None] * 3
    assert report["folds"] is None
    assert report["runs"]["diverged"] == [False, False, True]
    assert report["diverged"] == 1
    assert "1 of 3 runs diverged, the first in epoch 1 at λ = 1e+300: the learning" in outcome.err
    assert "would work" in outcome.err


def test_the_table_marks_the_best_and_the_plot_has_both_curves(run: Run) -> None:
    outcome = run()
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert "100 runs = 100 λ × 1 learning rate × 1 seed" in lines[0]
    assert "λ/2 ‖w‖²" in lines[1]
    (best,) = (line for line in lines if "← best" in line)
    assert best.split()[0] == "21.54"
    assert "training" in outcome.out
    assert "validation" in outcome.out
    assert lines[-1].startswith("The best λ is 21.5443, with validation loss 0.0118, 0.519 times")
    rows = lines[lines.index(next(line for line in lines if "───" in line)) :]
    assert 12 <= next(i for i, line in enumerate(rows) if not line.strip()) - 1 <= 13
    assert max(map(len, lines[:-1])) <= 80
    assert "\x1b" not in outcome.out


def test_more_axes_have_more_columns(run: Run) -> None:
    options = ["--lambdas", "0,1,1e9", "--lr", "0.01,0.02", "--seeds", "2", "--penalty", "l1"]
    out = run(*options, *SMALL, "--decay", "decoupled", "--optimizer", "momentum").out
    for expected in ["lr", "±", "nonzero", "momentum with decoupled decay", "2 seeds"]:
        assert expected in out
    assert "diverged" in run("--lambdas", "0,1,1e9", *SMALL).out


@pytest.mark.parametrize(
    ("losses", "lambdas", "lrs", "expected"),
    [
        ([[1], [2], [3]], (1, 2, 3), (0.1,), ["best λ = 1 is the smallest", "downwards"]),
        ([[3], [2], [1]], (1, 2, 3), (0.1,), ["best λ = 3 is the largest", "upwards"]),
        ([[1], [2], [3]], (0, 2, 3), (0.1,), []),
        ([[5, 3], [4, 1], [5, 2]], (0, 2, 3), (0.1, 0.2), ["rate 0.2 is the largest", "upwards"]),
    ],
)
def test_warnings_name_the_direction(
    losses: list[list[float]],
    lambdas: tuple[float, ...],
    lrs: tuple[float, ...],
    expected: list[str],
) -> None:
    text = " ".join(warnings(made(np.array(losses)[:, :, None, None], lambdas, lrs)))
    assert bool(text) == bool(expected)
    for part in expected:
        assert part in text


def test_the_edge_is_told_on_standard_error(run: Run) -> None:
    outcome = run("--lambdas", "0.001:0.1:3", "--format", "json", *SMALL, "--num-inputs", "50")
    assert outcome.json["at_edge"] is True
    assert outcome.err.startswith("weightdecay: the best λ = 0.1 is the largest of the grid")


def test_all_diverged_is_exit_one_and_a_rate(run: Run) -> None:
    outcome = run("--lr", "5", "--lambdas", "0,1", "--format", "json")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert "would work" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lambdas", "1:2"], "lambdas holds '1:2'"),
        (["--lambdas", ""], "lambdas is empty"),
        (["--lr", "0"], "lrs is 0"),
        (["--lr", "fast"], "lrs holds 'fast'"),
        (["--seeds", "0"], "seeds is 0"),
        (["--folds", "1"], "folds is 1"),
        (["--folds", "21"], "folds is 21 and there are 20"),
        (["--max-memory", "much"], "max_memory is 'much'"),
        (["--penalty", "none"], "leaves no λ to sweep"),
        (["--plot", "plot.pdf"], "must end in .png or .svg"),
        (["--save-experiment", "best.json"], "must end in .toml"),
        (["--data", "nowhere.csv", "--target", "y"], "nowhere.csv"),
        (["--backend", "nunpy"], "did you mean 'numpy'"),
        (["--lambda", "3"], "--lambdas"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err


def test_the_best_can_be_saved_and_run(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "best.toml"
    options = ["--lambdas", "0,1,3", "--lr", "0.001,0.01", "--save-experiment", str(path)]
    best = run(*options, "--format", "json").json["best"]
    saved = Experiment.from_file(path)
    assert (saved.lambd, saved.lr) == ((best["lambda"],), best["lr"])


def test_an_experiment_in_a_file_is_the_start(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(Experiment(lr=0.02, epochs=3, seed=4, penalty="l1").to_toml())
    report = run("--experiment", str(path), "--seeds", "2", "--lambdas", "1", "--format", "json")
    assert report.json["lrs"] == [0.02]
    assert report.json["seeds"] == [4, 5]
    assert report.json["experiment"]["penalty"] == "l1"


@pytest.mark.parametrize(
    "options",
    [
        ["--lambdas", "0,1e-2:1e2:9", "--penalty", "l1", "--seeds", "2"],
        ["--lambdas", "0,1e300", "--num-inputs", "60"],
        ["--lambdas", "3"],
    ],
)
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_has_three_panels(
    run: Run, tmp_path: Path, options: list[str], suffix: str
) -> None:
    path = tmp_path / f"paths.{suffix}"
    outcome = run(*SMALL, *options, "--plot", str(path))
    assert outcome.code == 0
    assert f"wrote {path}" in outcome.err
    if suffix == "png":
        assert path.read_bytes().startswith(b"\x89PNG")
        return
    text = "".join(xml.etree.ElementTree.parse(path).getroot().itertext())
    for expected in ["Loss after training", "Norm of the weights", "Coefficients", "best λ = "]:
        assert expected in text
    assert ("Weights that are not 0" in text) == ("l1" in options)
    assert ("± standard deviation" in text) == ("--seeds" in options)
    assert ("0 at the left end" in text) == (len(options[1]) > 1)
    assert ("the 50 largest, 10 left out" in text) == ("60" in options)
    assert ("left out: 1 λ that diverged" in text) == ("0,1e300" in options)


def test_zero_stands_left_of_the_others() -> None:
    places = exponents((0, 0.01, 1))
    assert places[1:].tolist() == [-2, 0]
    assert places[0] < -2
    assert ticks((0, 0.01, 1)) == [(places[0], "0"), (-2, "1e-02"), (-1, "1e-01"), (0, "1e+00")]
    assert ticks((2, 3)) == [(np.log10(2), "2"), (np.log10(3), "3")]
    assert exponents((0,)).tolist() == [0]
    assert len(ticks((1e-40, 1e40))) <= 10


@pytest.mark.parametrize("losses", [[1, 2, 3], [1, np.nan, 2], [0, 0, 0], [np.nan] * 3])
def test_any_losses_can_be_drawn(losses: list[float]) -> None:
    text = draw(made(np.reshape(losses, (3, 1, 1, 1)), (0, 1, 10)), 80, colors=False)
    lines = text.splitlines()
    assert len(lines) == 15
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith("λ")


RNG = np.random.default_rng(8)
DATA = from_arrays(
    RNG.standard_normal((9, 3)),
    RNG.standard_normal(9),
    RNG.standard_normal((4, 3)),
    RNG.standard_normal(4),
    sample_weight=RNG.uniform(0.2, 1, 9),
)


@pytest.mark.parametrize(
    "settings",
    [
        {"seeds": 2, "lrs": (0.01, 5)},
        {"folds": 3, "max_memory": 2000},
        {"experiment": Experiment(batch_size="full", penalty_factors={"x1": 0.0}), "seeds": 2},
    ],
)
def test_a_worker_gives_the_same_bits(worker: Worker, settings: dict) -> None:
    arguments = {"experiment": Experiment(epochs=3), "lambdas": (0, 0.5, 2), **settings}
    here = sweep(data=DATA, backend="numpy", **arguments)
    there = remote.sweep(worker, data=DATA, **arguments)
    for name in ("w", "b", "diverged"):
        assert (getattr(here, name) == getattr(there, name)).all(), name
    for f in fields(History):
        one, other = getattr(here.history, f.name), getattr(there.history, f.name)
        assert np.array_equal(one, other, equal_nan=True), f.name
    for name in ("experiment", "lambdas", "lrs", "seeds", "num_folds", "columns", "lost"):
        assert getattr(here, name) == getattr(there, name), name
    assert (there.backend, there.backend_version) == ("numpy", np.__version__)
    assert there.seconds > 0


def test_a_worker_tells_the_same_errors(worker: Worker) -> None:
    from weightdecay.errors import BackendError

    with pytest.raises(BackendError, match="tpu9"):
        remote.sweep(worker, Experiment(epochs=1), DATA, lambdas=1, device="tpu9")


def test_another_interpreter_gives_the_same_numbers(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--lambdas", "0,1:9:3", "--folds", "2", "--format", "json", *SMALL]
    here = run(*options)
    monkeypatch.setenv("WEIGHTDECAY_NUMPY_PYTHON", sys.executable)
    there = run(*options)
    assert "numpy runs in" in there.err
    assert numbers(there.json) == numbers(here.json)


def test_help_alone_tells_how(run: Run) -> None:
    out = run("--help").out
    for expected in ["START:STOP:COUNT", "0,1e-4:1e2:50", "--folds", "--max-memory", "diverges"]:
        assert expected in out
    assert "--lambda " not in out


def test_a_pipe_gets_json_and_nothing_else() -> None:
    outcome = in_subprocess(["sweep", "--format", "json", "--seeds", "3"])
    assert (outcome.code, outcome.err) == (0, "")
    assert len(outcome.json["lambdas"]) == 100
