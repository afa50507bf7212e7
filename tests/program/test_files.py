"""Tables written by other tools, and what is said of those that cannot be used."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from weightdecay import Table, load_data
from weightdecay.errors import InputError

ROWS = [(20 + i, float(i % 7), "north" if i % 2 else "south", 3.5 * i - 1) for i in range(12)]
NAMES = ("age", "income", "region", "price")


def write_csv(path: Path, rows: list = ROWS, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([NAMES, *rows])
    return path


def arrow() -> pyarrow.Table:
    return pyarrow.table(dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True)))


def write(path: Path) -> Path:
    """The same table in the format of the suffix, by csv, pyarrow or NumPy."""
    if path.name.endswith("arrow.csv"):
        pyarrow.csv.write_csv(arrow(), path)
    elif path.suffix == ".csv":
        write_csv(path, delimiter=";" if "semicolon" in path.name else ",")
    elif path.suffix == ".tsv":
        write_csv(path, delimiter="\t")
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(arrow(), path)
    else:
        columns = dict(zip(NAMES, map(np.array, zip(*ROWS, strict=True)), strict=True))
        np.savez(path, **columns)
    return path


@pytest.mark.parametrize(
    "name", ["a.csv", "arrow.csv", "semicolon.csv", "a.tsv", "a.parquet", "a.npz", "A.CSV"]
)
def test_every_format_gives_the_same_numbers(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name) if name != "A.CSV" else write_csv(tmp_path / name)
    source = Table(str(path), target="price", drop=("region",), standardize="none")
    data = load_data(source, seed=0)
    assert data.columns == ("age", "income")
    assert (data.num_train, data.num_val) == (10, 2)
    together = np.vstack([data.X_train, data.X_val]), np.append(data.y_train, data.y_val)
    order = np.argsort(together[0][:, 0])
    assert together[0][order].tolist() == [[age, income] for age, income, _, _ in ROWS]
    assert together[1][order].tolist() == [price for *_, price in ROWS]


def test_a_matrix_in_an_archive_is_many_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.arange(12.0).reshape(6, 2), y=np.arange(6))
    data = load_data(Table(str(tmp_path / "a.npz"), target="y", standardize="none"), seed=0)
    assert data.columns == ("X0", "X1")
    assert (data.X_train[:, 0] == 2 * data.y_train).all()


def test_booleans_and_integers_are_numbers(tmp_path: Path) -> None:
    table = pyarrow.table({"old": [True, False] * 3, "y": pyarrow.array(range(6), "int8")})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    data = load_data(Table(str(tmp_path / "a.parquet"), target="y", standardize="none"), seed=0)
    assert (data.X_train[:, 0] == (data.y_train % 2 == 0)).all()


def test_sample_weights_come_from_a_column(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv")
    source = Table(str(path), target="price", drop=("region",), sample_weight="age")
    data = load_data(source, seed=0)
    assert data.columns == ("income",)
    assert data.weight_train is not None
    assert len(set(data.weight_train)) == 10


def test_degree_expands_before_standardising(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv")
    data = load_data(Table(str(path), target="price", drop=("region",), degree=2), seed=0)
    assert data.columns == ("age", "income", "age^2", "age*income", "income^2")
    assert np.max(abs(data.X_train.mean(axis=0))) < 1e-10


def replaced(row: int, column: int, value: object) -> list:
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (replaced(3, 0, ""), r"missing values in 'age' \(row 4\)"),
        (replaced(3, 0, "nan"), r"missing values in 'age' \(row 4\)"),
        (replaced(11, 1, "inf"), r"infinite values in 'income' \(row 12\)"),
        (replaced(2, 3, "-inf"), r"infinite values in 'price' \(row 3\)"),
        (replaced(5, 1, "unknown"), r"'income' \('unknown' in row 6\).* or add --na unknown if"),
        (replaced(0, 3, "NA"), r"missing values in 'price' \(row 1\)"),
        ([], "no rows"),
        (ROWS[:1], "there is 1 row: at least 2"),
        ([*ROWS[:5], ("30",)], r"missing values in .*'price' \(row 6\)"),
        (
            [*ROWS[:5], (1, 2, "north", 3, 4, 5)],
            "row 6 has more cells than the header, which has 4",
        ),
    ],
)
def test_bad_values_are_named_with_column_and_row(tmp_path: Path, rows: list, message: str) -> None:
    path = write_csv(tmp_path / "a.csv", rows)
    with pytest.raises(InputError, match=message):
        load_data(Table(str(path), target="price", drop=("region",)), seed=0)


def truncated(path: Path) -> Path:
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = truncated(tmp_path / f"a.{suffix}")
    with pytest.raises(InputError, match=f"cannot be read as {suffix}"):
        load_data(Table(str(path), target="price"), seed=0)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "npz"])
def test_empty_and_foreign_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    source = Table(str(path), target="price")
    with pytest.raises(InputError, match="does not exist"):
        load_data(source, seed=0)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        load_data(source, seed=0)
    path.write_bytes(gzip.compress(b"not a table" * 99)[3:])
    with pytest.raises(InputError):
        load_data(source, seed=0)


def test_pickles_in_archives_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(InputError, match="without pickled objects"):
        load_data(Table(str(tmp_path / "a.npz"), target="y"), seed=0)


def test_archives_of_unequal_lengths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(3), y=np.ones(4))
    with pytest.raises(InputError, match="equal lengths"):
        load_data(Table(str(tmp_path / "a.npz"), target="y"), seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a target: name the column to predict, one of age, income, region, price"),
        ({"target": "prise"}, "unknown column 'prise': did you mean 'price'"),
        ({"target": "price", "drop": ("aje",)}, "unknown column 'aje': did you mean 'age'"),
        ({"target": "price", "sample_weight": "w"}, "unknown column 'w'"),
        ({"target": "price"}, r"text in 'region' \('south' in row 1, 12 rows\): add --drop region"),
        ({"target": "price", "drop": ("price",)}, "'price' is both the target and dropped"),
        (
            {"target": "price", "drop": ("age", "income", "region")},
            "there is no input beside these columns",
        ),
    ],
)
def test_columns_that_do_not_fit_are_named(tmp_path: Path, options: dict, message: str) -> None:
    path = write_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=message):
        load_data(Table(str(path), **options), seed=0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("diabetis", "unknown data 'diabetis': did you mean 'diabetes'"),
        ("houses.xlsx", "must end in .csv"),
    ],
)
def test_unknown_sources_are_refused(source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_data(Table(source), seed=0)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        load_data(Table(str(tmp_path / "a.csv"), target="y"), seed=0)
