"""``weightdecay tune``: what it chooses, prints, draws and writes, and which tables it refuses."""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.preprocessing import StandardScaler

from tests.commands import Outcome, in_process, in_subprocess, numbers
from tests.tolerances import L1, PARITY, RIDGE, relative_difference
from weightdecay.data.table import load
from weightdecay.errors import InputError
from weightdecay.tuning.model import load_model
from weightdecay.tuning.running import tune

Run = Callable[..., Outcome]
X, Y = load_diabetes(scaled=False, return_X_y=True)
RNG = np.random.default_rng(11)
N = 40
SMALL: dict[str, Any] = {
    "a": RNG.standard_normal(N).round(3).tolist(),
    "b": RNG.standard_normal(N).round(3).tolist(),
    "old": RNG.integers(0, 2, N).astype(bool).tolist(),
    "w": RNG.integers(0, 4, N).tolist(),
    "who": [f"p{i % 8}" for i in range(N)],
    "day": [f"2024-{12 - i % 12:02d}-{28 - i // 12:02d}" for i in range(N)],
}
SMALL["y"] = (2 * np.array(SMALL["a"]) - np.array(SMALL["b"]) + RNG.standard_normal(N)).tolist()
ROLES = ["--target", "y", "--sample-weight", "w"]
FAST = ["--no-compare", "--format", "json"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["tune", *map(str, arguments)], capsys, monkeypatch)


def write(path: Path, columns: dict[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small.csv", SMALL)


def test_json_has_the_numbers_of_tune(run: Run, backend: str) -> None:
    outcome = run("diabetes", "--format", "json", "--backend", backend, "--seed", "3")
    assert (outcome.code, outcome.err) == (0, "")
    report = outcome.json
    result = tune(X, Y, seed=3)
    assert report["backend"] == backend
    for key, values in {
        "lambdas": result.lambdas,
        "loss": result.scores.mean,
        "standard_error": result.scores.standard_error,
    }.items():
        assert relative_difference(report[key], values) <= RIDGE, key
    assert report["chosen"] == report["best"]
    assert report["chosen"]["loss"] == min(report["loss"])
    assert relative_difference(list(report["weights"].values()), result.w[:, 0]) <= RIDGE
    assert list(report["weights"])[:3] == ["age", "sex", "bmi"]
    assert report["one_standard_error"]["lambda"] >= report["best"]["lambda"]
    assert report["sensitivity"]["within_1_percent"][0] <= report["best"]["lambda"]
    assert 0 <= report["gap"] <= RIDGE * report["gap_scale"]
    assert set(report["conventions"]) >= {"objective", "loss", "standard_error", "prior", "gap"}


@pytest.mark.parametrize(
    ("options", "scikit"),
    [
        (["--penalty", "l2"], lambda r: Ridge(r["ridge_alpha"])),
        (["--penalty", "l1"], lambda r: Lasso(r["chosen"]["lambda"], tol=1e-12)),
        (
            ["--penalty", "elasticnet", "--l1-ratio", "0.3"],
            lambda r: ElasticNet(r["chosen"]["lambda"], l1_ratio=0.3, tol=1e-12),
        ),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_choice_is_what_the_sentence_says_in_scikit_learn(
    run: Run, small: Path, options: list[str], scikit: Callable[[Any], Any], weighted: bool
) -> None:
    roles = [*ROLES, "--drop", "day", "--group", "who", "--rule", "one-se"]
    if not weighted:
        roles[2:4] = ["--drop", "w"]
    report = run(small, *roles, *options, *FAST).json
    columns = np.array([SMALL[name] for name in ("a", "b", "old")], float).T
    weight = np.array(SMALL["w"], float) if weighted else None
    scaler = StandardScaler().fit(columns, sample_weight=weight)
    model = scikit(report).fit(scaler.transform(columns), SMALL["y"], sample_weight=weight)
    w = np.array(list(report["weights"].values())) * scaler.scale_
    assert relative_difference(w, model.coef_) <= (RIDGE if "l2" in options else L1)
    b = report["bias"] + sum(np.array(list(report["weights"].values())) * scaler.mean_)
    assert relative_difference(b, model.intercept_) <= (RIDGE if "l2" in options else L1)
    assert report["cv"] == "5 folds of whole groups"
    assert (report["ridge_alpha"] is None) == ("l2" not in options)


def test_the_table_marks_both_choices_and_says_what_to_take(run: Run) -> None:
    outcome = run("diabetes")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    report = run("diabetes", *FAST).json
    best, one = report["best"]["lambda"], report["one_standard_error"]["lambda"]
    assert lines[0] == "diabetes: progression from 10 inputs, 442 rows, 5 folds"
    assert "λ/2 ‖sw‖²" in lines[1]
    (marked,) = (line for line in lines if "← best" in line)
    assert marked.split()[0] == f"{best:.4g}"
    (marked,) = (line for line in lines if "← one standard error" in line)
    assert marked.split()[0] == f"{one:.4g}"
    (said,) = (line for line in lines if line.startswith("Take"))
    assert said.startswith(f"Take λ = {best:.6g}: its held-out loss is")
    assert f"Ridge(alpha={best * 442:.6g})" in said
    assert "\x1b" not in outcome.out
    for expected in ["σ²/(nτ²)", "marginal likelihood", "less than one standard error", "no penal"]:
        assert expected in outcome.out
    rule = run("diabetes", "--rule", "one-se", "--no-compare").out
    assert f"Take λ = {one:.6g}" in rule
    assert "within one standard error of the lowest" in rule
    assert "no penalty" not in rule


def test_inputs_are_compared_per_standard_deviation(run: Run) -> None:
    outcome = run("diabetes", "--format", "json", "--penalty", "elasticnet")
    found = outcome.json["comparison"]
    std = X.std(axis=0)
    least = LinearRegression().fit(X, Y).coef_ * std
    assert relative_difference(list(found["per_std"]["none"].values()), least) <= RIDGE
    for penalty in ("l2", "l1"):
        expected = tune(X, Y, penalty=penalty)
        values = list(found["per_std"][penalty].values())
        assert relative_difference(values, expected.w[:, 0] * std) <= L1
        assert found["lambda"][penalty] == pytest.approx(expected.lambd)
    chosen = np.array(list(outcome.json["weights"].values())) * std
    assert relative_difference(list(found["per_std"]["elasticnet"].values()), chosen) <= L1
    assert found["most_correlated"]["inputs"] == ["s1", "s2"]
    r = np.corrcoef(X[:, 4], X[:, 5])[0, 1]
    assert found["most_correlated"]["correlation"] == pytest.approx(r)


def test_the_prior_is_that_of_the_l2_fit(run: Run) -> None:
    report = run("diabetes", "--format", "json").json
    prior = report["prior"]
    assert prior["lambda"] == report["chosen"]["lambda"]
    tau = prior["noise_std"] / np.sqrt(442 * prior["lambda"])
    assert prior["weight_std"] == pytest.approx(tau)
    assert run("diabetes", "--penalty", "l1", *FAST).json["prior"] is None
    assert "As a prior (the L2 fit" in run("diabetes", "--penalty", "l1").out


@pytest.mark.filterwarnings("ignore::weightdecay.errors.EdgeOfGridWarning")
def test_splits_follow_the_columns(run: Run, small: Path) -> None:
    roles = ["--target", "y", "--drop", "w", "--drop", "who", "--time", "day", "--cv", "4"]
    report = run(small, *roles, *FAST).json
    assert report["inputs"] == ["a", "b", "old"]
    assert report["cv"] == "4 folds in time"
    columns = np.array([SMALL[name] for name in report["inputs"]], float).T
    order = np.argsort(np.array(SMALL["day"]))
    expected = tune(columns[order], np.array(SMALL["y"])[order], cv=4, times=np.arange(N))
    assert relative_difference(report["loss"], expected.scores.mean) <= RIDGE
    roles = ["--target", "y", "--drop", "day", "--group", "who", "--sample-weight", "w"]
    report = run(small, *roles, "--cv", "8", *FAST).json
    groups = np.array([int(who[1:]) for who in SMALL["who"]])
    splits = [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in range(8)]
    expected = tune(columns, SMALL["y"], cv=splits, sample_weight=SMALL["w"])
    assert relative_difference(report["loss"], expected.scores.mean) <= RIDGE
    roles = ["--target", "y", "--drop", "day", "--drop", "who", "--drop", "w"]
    assert run(small, *roles, "--cv", "loo", *FAST).json["cv"] == "leave-one-out"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--lambdas", "7"], {"count": 7}),
        (["--lambdas", "0,0.1:10:3"], {"lambdas": [0, 0.1, 1, 10]}),
        (["--lambdas", "0.5"], {"lambdas": [0.5]}),
        (["--standardize", "none"], {"standardize": False}),
        (["--repeats", "3"], {"cv": "5 folds, 3 times"}),
        (["--degree", "2"], {"weights": 65, "degree": 2}),
        (["--solver", "sgd", "--lambdas", "0,1", "--epochs", "9"], {"solver": "sgd"}),
    ],
)
def test_options_reach_tune(run: Run, options: list[str], expected: dict[str, Any]) -> None:
    report = run("diabetes", *options, *FAST).json
    report["count"] = len(report["lambdas"])
    report["weights"] = len(report["weights"])
    assert {key: report[key] for key in expected} == expected


def test_a_grid_of_one_is_shown_and_drawn(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "one.svg"
    outcome = run("diabetes", "--lambdas", "0", "--plot", path)
    assert outcome.code == 0
    assert "λ = 0 is a flat" in outcome.out
    assert "How delicate" not in outcome.out


def test_a_factor_of_zero_leaves_an_input_alone(run: Run) -> None:
    options = ["--penalty", "l1", "--lambdas", "1e6", "--penalty-factor", "bmi=0"]
    weights = run("diabetes", *options, *FAST).json["weights"]
    assert [name for name, weight in weights.items() if weight] == ["bmi"]
    alone = LinearRegression().fit(X[:, [2]], Y).coef_
    assert relative_difference(weights["bmi"], alone[0]) <= L1


def test_what_a_wrong_lambda_costs_is_said(run: Run, tmp_path: Path) -> None:
    x = np.arange(10.0)
    line = write(tmp_path / "line.csv", {"x": x.tolist(), "y": (3 * x).tolist()})
    options = [line, "--target", "y", "--lambdas", "1e-3,1e-2", "--no-compare"]
    tenfold = run(*options, "--format", "json").json["sensitivity"]["tenfold"]
    assert tenfold > 11  # so that the figure has a comma
    assert f"ten times it costs {100 * (tenfold - 1):,.0f} %." in run(*options).out


def test_an_edge_is_told_and_extended(run: Run) -> None:
    options = ["--lambdas", "10:100:4", *FAST]
    outcome = run("diabetes", *options)
    assert outcome.json["edge"] == "low"
    assert outcome.err.startswith("weightdecay: the best λ, 10, is the smallest of the grid")
    assert outcome.json["warnings"] == [outcome.err.removeprefix("weightdecay: ").strip()]
    extended = run("diabetes", *options, "--extend")
    assert extended.json["extended"] > 0
    assert extended.json["best"]["lambda"] < 1


def test_the_model_predicts_what_was_fitted(run: Run, small: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.json"
    roles = [*ROLES, "--time", "day", "--drop", "who"]
    outcome = run(small, *roles, "--degree", "2", "--rule", "one-se", "--out", out, *FAST)
    assert outcome.err == f"wrote {out}\n"
    model, report = load_model(out), outcome.json
    assert dict(zip(model.columns, model.w, strict=True)) == report["weights"]
    assert (model.b, model.lambd, model.loss) == (
        *(report["bias"], report["chosen"]["lambda"], report["chosen"]["loss"]),
    )
    assert (model.inputs, model.degree, model.rule) == (("a", "b", "old"), 2, "one-se")
    assert model.ignored == ("y", "who", "w", "day")
    columns = np.array([SMALL[name] for name in model.inputs], float).T
    expanded = np.column_stack(
        [columns] + [columns[:, i] * columns[:, j] for i in range(3) for j in range(i, 3)]
    )
    weight = np.array(SMALL["w"], float)
    scaler = StandardScaler().fit(expanded, sample_weight=weight)
    assert relative_difference(model.mean, scaler.mean_) <= PARITY["float64"]
    assert relative_difference(model.scale, scaler.scale_) <= PARITY["float64"]
    predicted = in_process_predict(out, small)
    expected = expanded @ np.array(model.w) + model.b
    assert relative_difference(predicted, expected) <= PARITY["float64"]


def in_process_predict(model: Path, table: Path) -> np.ndarray:
    outcome = in_subprocess(["predict", str(model), str(table), "--format", "json"])
    assert (outcome.code, outcome.err) == (0, "")
    return np.array(outcome.json["predictions"])


@pytest.mark.parametrize("suffix", ["svg", "png"])
@pytest.mark.parametrize(
    "options",
    [
        ["diabetes"],
        ["diabetes", "--no-compare", "--penalty", "elasticnet", "--lambdas", "0,1e-3:1e3:9"],
        ["diabetes", "--degree", "2", "--no-compare", "--lambdas", "8"],
    ],
)
def test_the_picture_has_losses_and_paths(
    run: Run, tmp_path: Path, options: list[str], suffix: str
) -> None:
    path = tmp_path / f"tune.{suffix}"
    outcome = run(*options, "--plot", path)
    assert outcome.code == 0
    assert f"wrote {path}" in outcome.err
    if suffix == "png":
        assert path.read_bytes().startswith(b"\x89PNG")
        return
    text = "".join(xml.etree.ElementTree.parse(path).getroot().itertext())
    assert "Held-out loss ± standard error" in text
    assert "best λ = " in text
    drawn = {p for p in ("L2", "L1", "elastic net") if f"Coefficients under {p}" in text}
    alone = {"elastic net"} if "elasticnet" in options else {"L2"}
    assert drawn == (alone if "--no-compare" in options else {"L2", "L1"})
    assert ("the 50 largest, 15 left out" in text) == ("--degree" in options)
    assert ("0 at the left end" in text) == ("elasticnet" in options)


def changed(**columns: Any) -> dict[str, Any]:
    return SMALL | columns


def with_value(name: str, row: int, value: Any) -> dict[str, Any]:
    values = list(SMALL[name])
    values[row] = value
    return changed(**{name: values})


PLAIN = ["--target", "y", "--drop", "who", "--drop", "day"]
BAD_TABLES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    (
        SMALL,
        ["--target", "y"],
        ["text in 'who' ('p0' in row 1, 40 rows), 'day'", "add --drop who --drop day, or encode"],
    ),
    (
        with_value("a", 2, ""),
        PLAIN,
        ["missing values in 'a' (row 3) of 40 rows", "add --missing drop-rows, or fill them in"],
    ),
    (with_value("a", 2, "NA"), PLAIN, ["missing values in 'a' (row 3)"]),
    (with_value("y", 2, "n/a"), PLAIN, ["missing values in 'y' (row 3)"]),
    (with_value("a", 5, "inf"), PLAIN, ["infinite values in 'a' (row 6): correct the file"]),
    (with_value("y", 5, "dear"), PLAIN, ["the target 'y' holds text ('dear' in row 6)"]),
    (changed(a=[""] * N), PLAIN, ["no value in 'a': add --drop a."]),
    (changed(y=[5] * N), PLAIN, ["the target 'y' is 5 in every row", "every weight is 0"]),
    ({k: v[:1] for k, v in SMALL.items()}, PLAIN, ["there is 1 row: at least 2"]),
    (with_value("w", 3, -1), [*PLAIN, "--sample-weight", "w"], ["negative weights in 'w' (row 4)"]),
    (changed(w=[0] * N), [*PLAIN, "--sample-weight", "w"], ["0 rows of a weight above 0"]),
    (changed(day=["1/2/2024", "2/1/2024"] * (N // 2)), [*PLAIN[:4], "--time", "day"],
     ["'1/2/2024', in which 1 can be the day, or the month (2 the day)", "does not sort as time"]),
    (with_value("who", 3, ""), [*PLAIN[:2], "--drop", "day", "--group", "who"],
     ["missing values in 'who' (row 4)"]),
    (SMALL, ["--target", "y", "--group", "y", "--drop", "who", "--drop", "day"],
     ["'y' is both the target and the group: choose one"]),
    (SMALL, ["--target", "z", *PLAIN[2:]], ["unknown column 'z'"]),
    (SMALL, [*PLAIN, "--drop", "wo"], ["unknown column 'wo': did you mean 'w"]),
    (SMALL, [*PLAIN, "--drop", "a", "--drop", "b", "--drop", "old", "--drop", "w"], ["no input"]),
    (SMALL, [], ["needs a target: name the column to predict, one of a, b, old"]),
    ({**SMALL, "": range(N)}, PLAIN, ["column 8 has no name: add --drop 'Unnamed: 7', or name"]),
    (changed(**{"my town": ["x"] * N}), PLAIN, ["add --drop 'my town'"]),
    (changed(a=["", *SMALL["a"][1:]], b=[*SMALL["b"][:1], *[""] * (N - 1)]),
     [*PLAIN, "--missing", "drop-rows"], ["no row is whole: add --drop b"]),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "arguments", "messages"), BAD_TABLES)
def test_a_bad_table_is_told_in_one_line(
    run: Run, tmp_path: Path, columns: dict[str, Any], arguments: list[str], messages: list[str]
) -> None:
    outcome = run(write(tmp_path / "t.csv", columns), *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    for message in messages:
        assert message in outcome.err


def test_everything_wrong_is_told_at_once(run: Run, tmp_path: Path) -> None:
    columns = with_value("a", 4, "NaN") | {"empty": [""] * N, "w": [*SMALL["w"][1:], "inf"]}
    path = write(tmp_path / "t.csv", columns | {"c": [3] * N})
    path.write_text(path.read_text(encoding="utf-8").replace("a,b,old", "a,b,b", 1))
    options = ["--target", "c", "--time", "y", "--drop", "nothing"]
    outcome = run(path, *options)
    assert (outcome.code, outcome.out) == (2, "")
    for expected in [
        "unknown column 'nothing'",
        "more than one column is called 'b'",
        "text in 'who'",
        "no value in 'empty'",
        "infinite values in 'w' (row 40)",
        "missing values in 'a' (row 5)",
        "the target 'c' is 3 in every row",
        "all options together: --drop b_duplicated_0 --drop who --drop day --drop empty "
        "--missing drop-rows",
    ]:
        assert expected.replace("--drop b_duplicated_0 ", "") in outcome.err


def test_the_options_that_are_told_settle_it(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", with_value("a", 4, "") | {"empty": [""] * N})
    outcome = run(path, "--target", "y", *FAST)
    options = outcome.err.rpartition("all options together: ")[2].split()
    outcome = run(path, "--target", "y", *FAST, *options)
    assert outcome.code == 0
    assert "left out 1 of 40 rows, in which values are missing (the first is row 5)" in outcome.err
    assert outcome.json["num_rows"] == N - 1
    expected = load(str(path), "y", drop=["who", "day", "empty"], missing="drop-rows")
    kept = np.delete(np.arange(N), 4)
    assert (expected.X[:, 1] == np.array(SMALL["b"])[kept]).all()


def test_a_constant_column_is_an_answer(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", changed(c=[7] * N))
    for penalty in ("l2", "l1"):
        outcome = run(path, *PLAIN, "--penalty", penalty, "--format", "json")
        assert outcome.json["weights"]["c"] == 0
        assert "'c' is constant, so that its weight is 0." in outcome.err


def test_two_rows_are_enough(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", {k: v[:2] for k, v in SMALL.items()})
    outcome = run(path, *PLAIN)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "cv is 5 and there are 2 rows" in outcome.err
    assert run(path, *PLAIN, "--cv", "2", "--lambdas", "1", *FAST).code == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_every_format_is_looked_at_alike(tmp_path: Path, suffix: str) -> None:
    columns = {k: v for k, v in SMALL.items() if k != "day"} | {"c": ["x", "NA"] * (N // 2)}
    path = tmp_path / f"t.{suffix}"
    if suffix == "npz":
        np.savez(path, **{name: np.array(values) for name, values in columns.items()})
    elif suffix == "parquet":
        pl.DataFrame(columns).write_parquet(path)
    else:
        write(path, columns)
    with pytest.raises(InputError) as caught:
        load(str(path), "y")
    assert "--drop who --drop c" in str(caught.value)
    assert "'c' ('x' in row 1, 20 rows)" in str(caught.value)
    loaded = load(str(path), "y", drop=["c"], group="who", sample_weight="w")
    assert loaded.inputs == ("a", "b", "old")
    assert loaded.groups is not None
    assert (loaded.groups == np.arange(N) % 8).all()
    assert loaded.X[:, 2].tolist() == SMALL["old"]


LATE = 10_050
"""Rows: more than those whose types are guessed from the first."""


def late(path: Path, first: str, last: list[str]) -> Path:
    values = [first] * (LATE - len(last)) + last
    return write(path, {"late": values, "y": range(LATE)})


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("1", ["2", "2.5"], [2, 2.5]),
        ("1", ["2", "1e3"], [2, 1000]),
        ("", ["2.5", "3"], [2.5, 3]),
        ("", ["true", "false"], [1, 0]),
        ("1", ["NA", "2"], [1, 2]),
    ],
)
def test_types_that_show_late_are_found(
    tmp_path: Path, first: str, last: list[str], expected: list[float]
) -> None:
    loaded = load(str(late(tmp_path / "t.csv", first, last)), "y", missing="drop-rows")
    assert loaded.X[-2:, 0].tolist() == expected


@pytest.mark.parametrize("value", ["true", "word"])
def test_late_text_is_found(tmp_path: Path, value: str) -> None:
    path = late(tmp_path / "t.csv", "1", [value])
    with pytest.raises(InputError, match=rf"text in 'late' \('{value}' in row {LATE}\)"):
        load(str(path), "y")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "does not exist"),
        (["diabetis"], "did you mean 'diabetes'"),
        (["diabetes", "--penalty", "l3"], "unknown penalty 'l3'"),
        (["diabetes", "--l1-ratio", "0.5"], "--l1-ratio goes with --penalty elasticnet only"),
        (["diabetes", "--penalty", "elasticnet", "--l1-ratio", "2"], "l1_ratio is 2"),
        (["diabetes", "--lambdas", "1:2"], "lambdas holds '1:2'"),
        (["diabetes", "--cv", "1"], "cv is 1"),
        (["diabetes", "--cv", "five"], "cv is 'five'"),
        (["diabetes", "--cv", "500"], "cv is 500 and there are 442 rows"),
        (["diabetes", "--rule", "worst"], "unknown rule 'worst'"),
        (["diabetes", "--missing", "guess"], "unknown missing 'guess'"),
        (["diabetes", "--standardize", "both"], "unknown standardize 'both'"),
        (["diabetes", "--epochs", "3"], "--epochs goes with --solver sgd only"),
        (["diabetes", "--penalty-factor", "bmi"], "write COLUMN=NUMBER"),
        (["diabetes", "--penalty-factor", "bm=1"], "did you mean 'bmi'?"),
        (["diabetes", "--plot", "plot.pdf"], "must end in .png or .svg"),
        (["diabetes", "--out", "model.pkl"], "must end in .json"),
        (["diabetes", "--out", "nowhere/model.json"], "cannot write"),
        (["diabetes", "--backend", "nunpy"], "did you mean 'numpy'"),
        (["diabetes", "--group", "sex", "--time", "age"], "do not go together"),
        ([], "FILE"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err


def test_another_interpreter_gives_the_same_numbers(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["diabetes", "--cv", "3", "--format", "json"]
    here = run(*options)
    monkeypatch.setenv("WEIGHTDECAY_NUMPY_PYTHON", sys.executable)
    there = run(*options)
    assert "numpy runs in" in there.err
    assert numbers(there.json) == numbers(here.json)


def test_a_pipe_gets_json_and_nothing_else() -> None:
    outcome = in_subprocess(["tune", "diabetes", "--no-compare", "--format", "json"])
    assert (outcome.code, outcome.err) == (0, "")
    assert len(outcome.json["lambdas"]) == 100
