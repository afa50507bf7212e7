"""Bad input gets one clear sentence, exit code 2, no traceback, and nothing is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.commands import in_process
from tests.program.test_files import ROWS, replaced, truncated, write_csv
from weightdecay.errors import MissingExtraError

TABLE = "--data {table} --target price --drop region"

# What a user typed, and what the sentence must hold: what was wrong, what would be right.
BAD_INPUTS = [
    (
        "--data {nan} --target price --drop region",
        "missing values in 'age' (row 4)",
        "--missing drop-rows",
    ),
    (
        "--data {infinite} --target price --drop region",
        "infinite values in 'income' (row 2)",
        "correct",
    ),
    ("--data {table} --target price", "text in 'region' ('south' in row 1", "add --drop region"),
    (
        "--data {table} --target prise --drop region",
        "unknown column 'prise'",
        "did you mean 'price'?",
    ),
    ("--data {table}", "needs a target", "age, income, region, price"),
    ("--data {empty} --target price", "is empty", "must hold a table"),
    ("--data {truncated} --target price", "cannot be read as parquet", "truncated"),
    ("--data {one_row} --target price --drop region", "there is 1 row", "at least 2"),
    ("--data missing.csv --target price", "does not exist", "name a .csv file"),
    ("--data diabetis", "unknown data 'diabetis'", "did you mean 'diabetes'?"),
    (TABLE + " --batch-size 11", "batch_size is 11 and there are 10", "at most 10"),
    (TABLE + " --num-inputs 3", "num_inputs does not apply", "validation_fraction"),
    (TABLE + " --penalty-factor income", "penalty factor 'income'", "age=0"),
    (TABLE + " --penalty-factor incme=0", "unknown penalty factor", "did you mean 'income'?"),
    ("--target y", "target does not apply to the data 'synthetic'", "num_train"),
    ("--lambda -1", "lambda is -1", "at least 0"),
    ("--lambda nan", "lambda is nan", "at least 0"),
    ("--lambda three", "'three' is not a valid float", "--lambda"),
    ("--penalty none --lambda 3", "lambda is 3 with the penalty 'none'", "'l2'"),
    ("--lr 0", "lr is 0", "above 0"),
    ("--lr inf", "lr is inf", "finite"),
    ("--epochs 0", "epochs is 0", "at least 1"),
    ("--batch-size half", "'half'", "'full'"),
    ("--penalty l3", "unknown penalty 'l3'", "did you mean"),
    ("--optimizer adamw", "unknown optimizer 'adamw'", "did you mean 'adam'?"),
    ("--decay decoupld", "unknown decay", "did you mean 'decoupled'?"),
    ("--backend pytorch", "unknown backend 'pytorch'", "did you mean 'torch'?"),
    ("--dtype float16", "unknown dtype 'float16'", "float32, float64"),
    ("--device cuda", "finds no device 'cuda'", "it has cpu"),
    ("--plot {folder}/no/such/a.png", "cannot write", "a folder that exists"),
    ("--plot {folder}", "is no picture", ".png or .svg"),
    ("--plot {folder}/a.pdf", "is no picture", ".png or .svg"),
    ("--save-experiment {folder}/a.json", "is no experiment file", ".toml"),
    ("--experiment {folder}/missing.toml", "cannot read the experiment", "TOML or JSON"),
    ("--experiment {misspelt}", "unknown setting 'epoch'", "did you mean 'epochs'?"),
    ("--experiment {broken}", "is not TOML", "Invalid value"),
    ("--no-such-option", "No such option", "--no-such-option"),
    ("--format xml", "'xml' is not one of", "json"),
    ("extra", "unexpected extra argument", "extra"),
]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    names = ["table", "nan", "infinite", "empty", "one_row"]
    paths = {name: tmp_path / f"{name}.csv" for name in names}
    write_csv(paths["table"])
    write_csv(paths["nan"], replaced(3, 0, "nan"))
    write_csv(paths["infinite"], replaced(1, 1, "inf"))
    write_csv(paths["one_row"], ROWS[:1])
    paths["empty"].touch()
    paths |= {name: tmp_path / f"{name}.toml" for name in ("misspelt", "broken")}
    paths["misspelt"].write_text("epoch = 3")
    paths["broken"].write_text("lambda = [")
    return {**paths, "truncated": truncated(tmp_path / "truncated.parquet"), "folder": tmp_path}


@pytest.mark.parametrize(("typed", "wrong", "right"), BAD_INPUTS)
def test_bad_input_gets_one_sentence(
    files: dict[str, Path],
    typed: str,
    wrong: str,
    right: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = {name: files["folder"] / name for name in ("kept.png", "kept.toml")}
    for path in kept.values():
        path.write_text("precious")
    before = sorted(path.name for path in files["folder"].iterdir())
    arguments = ["run", *typed.format(**files).split()]
    if "--plot" not in typed:
        arguments += ["--plot", str(kept["kept.png"])]
    if "--save-experiment" not in typed:
        arguments += ["--save-experiment", str(kept["kept.toml"])]

    outcome = in_process(arguments, capsys, monkeypatch)

    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("weightdecay: ")
    assert outcome.err.count("\n") == 1, outcome.err
    assert wrong in outcome.err
    assert right in outcome.err
    assert sorted(path.name for path in files["folder"].iterdir()) == before
    assert {path.read_text() for path in kept.values()} == {"precious"}


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture fails half-way: the destination keeps what it had, and nothing lies beside it."""

    def to_disk(descriptor: int) -> None:
        os.ftruncate(descriptor, 20)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", to_disk)
    target = tmp_path / "a.svg"
    target.write_text("precious")
    outcome = in_process(["run", "--plot", str(target)], capsys, monkeypatch)
    assert outcome.code == 2
    assert "No space left on device" in outcome.err
    assert target.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("polars", ["--data", "{table}", "--target", "price"], "files"),
        ("altair", ["--plot", "{folder}/a.png"], "plot"),
        ("sklearn.datasets", ["--data", "diabetes"], "sklearn"),
    ],
)
def test_a_missing_extra_is_named(
    files: dict[str, Path],
    package: str,
    arguments: list[str],
    extra: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    arguments = ["run", *(argument.format(**files) for argument in arguments)]
    outcome = in_process(arguments, capsys, monkeypatch)
    assert outcome.code == 2
    assert f"pip install '.[{extra}]'" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_library_that_does_not_import_is_not_called_missing() -> None:
    for failed, said in [
        (ImportError("failed to map segment from shared object"), "failed to map segment"),
        (ModuleNotFoundError("No module named 'altair'"), "pip install '.[plot]'"),
    ]:
        try:
            raise failed
        except ImportError:
            sentence = str(MissingExtraError("--plot", "plot"))
        assert said in sentence
        assert ("does not import" in sentence) == (type(failed) is ImportError)
