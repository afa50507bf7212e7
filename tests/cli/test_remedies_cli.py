"""``weightdecay compare-remedies``: what it prints, draws and warns of."""

from __future__ import annotations

import xml.etree.ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Outcome, in_process, in_subprocess
from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, Polynomial, Synthetic
from weightdecay.remedies import picture
from weightdecay.remedies.comparing import Remedies, compare_remedies
from weightdecay.remedies.concluding import conclusion
from weightdecay.report.remedies import as_json

Run = Callable[..., Outcome]
SMALL = ["--num-inputs", "6", "--num-train", "40", "--num-val", "12", "--epochs", "8"]
SMALL += ["--copies", "20"]
SOURCE = Synthetic(num_inputs=6, num_train=40, num_val=12)
NAMES = ["none", "l2", "l1", "elasticnet", "early", "features", "noise"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["compare-remedies", *arguments], capsys, monkeypatch)


@pytest.fixture(scope="module")
def result() -> Remedies:
    return compare_remedies(Experiment(data=SOURCE, seed=2), folds=4, epochs=8, copies=20)


def test_json_is_one_object_with_the_numbers_of_the_comparison(run: Run, result: Remedies) -> None:
    outcome = run(*SMALL, "--folds", "4", "--seed", "2", "--format", "json")
    assert outcome.code == 0
    report = outcome.json
    assert list(report["remedies"]) == NAMES
    for name in NAMES:
        found, expected = report["remedies"][name], result[name]
        assert found["strength"] == expected.strength
        for key in ("cv_loss", "cv_standard_error", "train_loss", "val_loss", "weight_norm"):
            assert found[key] == pytest.approx(getattr(expected, key), rel=1e-12), key
        assert found["nonzero"] == expected.nonzero
        assert np.mean(found["fold_loss"]) == pytest.approx(found["cv_loss"])
        assert len(found["fold_loss"]) == 4
    strengths = [report["remedies"][name]["strength_is"] for name in NAMES]
    assert strengths == [None, "λ", "λ", "λ", "epochs", "inputs", "ν"]
    ridge = report["remedies"]["noise"]["ridge"]
    assert ridge["lambda"] == report["remedies"]["noise"]["strength"] ** 2
    assert report["remedies"]["l2"]["ridge"] is None
    assert report["best"] == result.best.name
    assert report["lowest_val_loss"] == result.lowest.name
    assert report["tied"] == [remedy.name for remedy in result.tied]
    curve = report["curve"]
    assert curve["rows"] == [10, 20, 30, 40]
    for name in ("none", "l2"):
        mean = result.curve.mean(name)
        assert relative_difference(curve[name]["val_loss"], mean) <= PARITY["float64"]
        full = report["remedies"][name]["val_loss"]
        assert curve[name]["val_loss"][-1] == pytest.approx(full, rel=1e-12)
    assert report["conclusion"] == conclusion(result)
    assert "½ mean squared error" in report["conventions"]["losses"]
    assert (report["num_train"], report["num_val"], report["folds"]) == (40, 12, 4)
    assert (report["epochs"], report["copies"], report["seed"]) == (8, 20, 2)
    assert set(report) >= {"data", "backend", "backend_version", "dtype", "device", "seconds"}


def test_a_number_that_is_none_becomes_null(result: Remedies) -> None:
    broken = replace(result["l2"], train_loss=float("inf"), val_loss=float("nan"))
    text = as_json(replace(result, remedies=(result["none"], broken, result["noise"])))
    assert '"train_loss": null, "val_loss": null' in text


def test_the_table_marks_the_best_and_says_what_the_losses_are(run: Run, result: Remedies) -> None:
    out = run(*SMALL, "--folds", "4", "--seed", "2").out
    lines = out.splitlines()
    assert lines[0] == "synthetic: 40 training rows, 12 validation rows, 6 inputs, 4 folds"
    ranked = sorted(result.remedies, key=lambda remedy: remedy.val_loss)
    places = [next(i for i, row in enumerate(lines) if f" {r.label} " in row) for r in ranked]
    assert places == sorted(places)
    (best,) = (line for line in lines if line.strip().startswith("→ "))
    assert result.best.label in best
    assert f"{result.best.val_loss:.2e}" in best
    assert sum(line.strip().startswith("≈ ") for line in lines) == len(result.tied)
    assert "½ (w·x + b − y)²" in out
    assert "standardised inputs" in out
    assert lines[-len(conclusion(result)) :] == conclusion(result)
    assert max(map(len, lines[: -len(conclusion(result))])) <= 90
    assert "\x1b" not in out


def test_least_norm_is_said_where_inputs_outnumber_rows(run: Run) -> None:
    options = ["--num-inputs", "30", "--num-train", "20", "--num-val", "5", "--epochs", "3"]
    out = run(*options, "--copies", "5").out
    assert "least squares, of least norm, on all inputs" in out
    assert "of least norm" not in run(*SMALL).out


def test_the_last_epoch_is_told_on_standard_error(run: Run) -> None:
    outcome = run(*SMALL, "--epochs", "1", "--format", "json")
    assert outcome.json["remedies"]["early"]["strength"] == 1
    assert "early stopping: the best number of epochs, 1, is the last" in outcome.err


@pytest.mark.parametrize("suffix", ["svg", "png"])
@pytest.mark.parametrize("data", ["synthetic", "polynomial"])
def test_the_picture_has_two_panels(
    tmp_path: Path, result: Remedies, suffix: str, data: str
) -> None:
    """The losses of the polynomial stand on logarithmic axes."""
    if data == "polynomial":
        source = Polynomial(num_train=20, num_val=10, degree=12)
        result = compare_remedies(Experiment(data=source), epochs=5, copies=5)
    path = tmp_path / f"remedies.{suffix}"
    picture.draw_to_file(result, path)
    if suffix == "png":
        assert path.read_bytes().startswith(b"\x89PNG")
        return
    text = "".join(xml.etree.ElementTree.parse(path).getroot().itertext())
    for expected in ["Loss of each remedy", "More data", "training rows", "held out by folds"]:
        assert expected in text
    for remedy in result.remedies:
        assert remedy.label in text
    scale, floor = picture._scale([x for r in result.remedies for x in (r.val_loss, r.cv_loss)])
    assert ("log" in str(scale)) == (floor > 0) == (data == "polynomial")


def test_plot_writes_and_says_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "remedies.svg"
    outcome = run(*SMALL, "--plot", str(path))
    assert outcome.code == 0
    assert f"wrote {path}" in outcome.err
    assert path.exists()


def test_a_table_is_standardised_by_its_training_part(run: Run, tmp_path: Path) -> None:
    """The same table in other units gives the same strengths and losses."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3))
    y = X @ [1.0, -2.0, 0.5] + rng.standard_normal(50)
    reports = []
    for scale in (1.0, 1000.0):
        path = tmp_path / f"{scale:g}.csv"
        table = np.column_stack([scale * X + scale, y])
        np.savetxt(path, table, delimiter=",", header="a,b,c,y", comments="", fmt="%.17g")
        options = ["--data", str(path), "--target", "y", "--epochs", "5", "--copies", "5"]
        report = run(*options, "--standardize", "none", "--format", "json").json
        assert (report["num_train"], report["num_val"]) == (40, 10)
        reports.append(report["remedies"])
    for name in NAMES:
        for key in ("strength", "val_loss", "cv_loss", "weight_norm"):
            one, other = (report[name][key] for report in reports)
            assert one == (other if one is None else pytest.approx(other, rel=1e-8)), (name, key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "1"], "cv is 1"),
        (["--folds", "21"], "cv is 21 and there are 20 rows"),
        (["--epochs", "0"], "epochs is 0"),
        (["--copies", "0"], "copies is 0"),
        (["--plot", "plot.pdf"], "must end in .png or .svg"),
        (["--data", "nowhere.csv", "--target", "y"], "nowhere.csv"),
        (["--backend", "nunpy"], "did you mean 'numpy'"),
        (["--degree", "3"], "degree does not apply"),
        (["--device", "tpu9"], "tpu9"),
        (["--lambda", "3"], "--lambda"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err


def test_help_tells_how(run: Run) -> None:
    out = run("--help").out
    for expected in ["--folds", "--epochs", "--copies", "validation part", "compare-remedies"]:
        assert expected in out


def test_a_pipe_gets_json_and_nothing_else() -> None:
    outcome = in_subprocess(["compare-remedies", *SMALL, "--seed", "2", "--format", "json"])
    assert outcome.code == 0
    assert list(outcome.json["remedies"]) == NAMES
