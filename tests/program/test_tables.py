"""Tables as other programs write them, each read as what it is, or refused in words that fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow
import pyarrow.parquet
import pytest

from weightdecay import Table, load_data
from weightdecay.data.dialect import Reading
from weightdecay.data.table import Loaded, load
from weightdecay.errors import InputError

A = (0.5, 4.25, 12.0, 7.5, 3.0)
B = (40, 31, 28, 55, 9)
Y = (1.5, 2.0, -3.25, 4.0, 6.0)
PLAIN = "".join(f"{a},{b},{y}\n" for a, b, y in zip(A, B, Y, strict=True))


def read(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Loaded:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = {"target": "y"} | options
    return load(str(path), options.pop("target"), **options)


def lines(separator: str, *, end: str = "", decimal: str = ".", names: str = "a b y") -> str:
    """The same table with other separators and marks."""
    rows = [separator.join(names.split())]
    rows += [separator.join(map(str, row)) for row in zip(A, B, Y, strict=True)]
    header, *body = (row + end for row in rows)
    return "\n".join([header, *(row.replace(".", decimal) for row in body)]) + "\n"


INDEX = "".join(f"{i},{row}\n" for i, row in enumerate(PLAIN.splitlines()))
LABELLED = "".join(f'"{i + 1}",{row}\n' for i, row in enumerate(PLAIN.splitlines()))

SAME: dict[str, tuple[str | bytes, str]] = {
    "plain": (lines(","), ""),
    "a mark at its front": (b"\xef\xbb\xbf" + lines(",").encode(), ""),
    "carriage returns": (lines(",").replace("\n", "\r\n"), ""),
    "old carriage returns": (lines(",").replace("\n", "\r"), ""),
    "the end of DOS": (lines(",") + "\x1a", ""),
    "blanks around": (lines(", "), ""),
    "semicolons": (lines(";"), "read with the separator ';'"),
    "tabs": (lines("\t"), "read with the separator '\\t'"),
    "pipes": (lines("|"), "read with the separator '|'"),
    "blanks": (lines("  "), "read with the separator ' '"),
    "decimal commas": (lines(";", decimal=","), "read with decimal commas: 'a', 'y'"),
    "decimal commas after tabs": (lines("\t", decimal=","), "read with decimal commas"),
    "sep=": ("sep=;\n" + lines(";"), "line 1 says that ';' separates cells"),
    "quoted sep=": ('"sep=|"\n' + lines("|"), "line 1 says that '|' separates cells"),
    "comments": ("# one\n#\n" + lines(","), "left out lines 1 to 2, which start with '#'"),
    "names in a comment": ("# made today\n# a,b,y\n" + PLAIN, "the names come from line 2"),
    "a title": ("Rents\n\n" + lines(","), "left out 'Rents', which stands above the table"),
    "a wide title": ("Rents;;\n" + lines(";"), "left out 'Rents', which stands above"),
    "a footer": (lines(",") + "Source: us,,\n", "nothing but 'Source: us'"),
    "units": (lines(",").replace("\n", "\nm,kg,EUR\n", 1), "units?"),
    "blank lines": (lines(",").replace("\n", "\n\n", 3) + "\n\n", ""),
    "empty rows": (lines(",").replace("\n", "\n,,\n", 3) + ",,\n", ""),
    "commas at the ends": (lines(",", end=","), "left out a column without a name and without"),
    "commas at the ends of rows": ("a,b,y\n" + PLAIN.replace("\n", ",\n"), ""),
    "two empty names": (lines(",", end=",,"), "left out 2 columns without a name and without"),
    "a nameless index": (",a,b,y\n" + INDEX, "left out the stored index 'Unnamed: 0'"),
    "a named index": ("Unnamed: 0,a,b,y\n" + INDEX, "left out the stored index 'Unnamed: 0'"),
    "an index read and written again": (
        ",Unnamed: 0,a,b,y\n" + "".join(f"{row[0]},{row}\n" for row in INDEX.splitlines()),
        "left out the stored indexes 'Unnamed: 0.1', 'Unnamed: 0'",
    ),
    "index": ("index,a,b,y\n" + INDEX, "left out the stored index 'index'"),
    "labels of R": ('"a","b","y"\n' + LABELLED, "left out the stored index"),
    "labels of R between blanks": (
        ('"a","b","y"\n' + LABELLED).replace(",", " "),
        "left out the stored index",
    ),
    "row names of R": (
        "a,b,y\n" + "".join(f"r{i},{row}\n" for i, row in enumerate(PLAIN.splitlines())),
        "left out the stored index",
    ),
    "UTF-16": (lines("\t").encode("utf-16"), "read in the encoding UTF-16"),
    "UTF-16 without a mark": (lines("\t").encode("utf-16-le"), "read in the encoding UTF-16-LE"),
    "UTF-32": (lines(",").encode("utf-32"), "read in the encoding UTF-32"),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_table_is_found(tmp_path: Path, kind: str) -> None:
    content, note = SAME[kind]
    loaded = read(tmp_path, content)
    assert loaded.inputs == ("a", "b")
    assert loaded.X.T.tolist() == [list(A), list(B)]
    assert loaded.y.tolist() == list(Y)
    assert note in "\n".join(loaded.notes)
    assert bool(note) == bool(loaded.notes)


@pytest.mark.parametrize("kind", ["plain", "semicolons", "tabs", "decimal commas", "pipes"])
def test_a_txt_file_is_looked_at_alike(tmp_path: Path, kind: str) -> None:
    assert read(tmp_path, SAME[kind][0], "t.txt").X.T.tolist() == [list(A), list(B)]


def test_what_separates_can_be_said(tmp_path: Path) -> None:
    content = "a:b:y\n1:2:3\n4:5:7\n"
    assert read(tmp_path, content, reading=Reading(separator=":")).X.tolist() == [[1, 2], [4, 5]]
    both = "a;b,c;d\n1;2,3;4\n2;3,5;5\n"
    with pytest.raises(InputError, match=r"both ',' and ';' can be"):
        read(tmp_path, "a;b,y\nk;l,m\nm;n,o\n", target="a")
    assert read(tmp_path, both, target="a").inputs == ("b,c", "d")


def test_a_comma_inside_a_quoted_name_separates_nothing(tmp_path: Path) -> None:
    loaded = read(tmp_path, '"x, m";"z, s";y\n1,5;2,25;3\n2,5;1,75;9\n3,0;1,5;1\n')
    assert loaded.inputs == ("x, m", "z, s")
    assert loaded.X.tolist() == [[1.5, 2.25], [2.5, 1.75], [3, 1.5]]
    loaded = read(tmp_path, '"a\n(m)",b,y\n1,2,3\n4,5,7\n')
    assert loaded.inputs == ("a\n(m)", "b")


def test_encodings(tmp_path: Path) -> None:
    content = "größe;höhe;y\n1,5;2;3\n2,5;1;9\n3,5;4;1\n"
    loaded = read(tmp_path, content.encode("cp1252"))
    assert loaded.inputs == ("größe", "höhe")
    assert "read in the encoding Windows-1252 (Latin-1)" in loaded.notes[0]
    assert read(tmp_path, content.encode("cp850"), reading=Reading(encoding="cp850")).inputs == (
        *("größe", "höhe"),
    )
    with pytest.raises(InputError, match="unknown encoding 'cp9999'"):
        Reading(encoding="cp9999")
    with pytest.raises(InputError, match="is not utf-16 text"):
        read(tmp_path, content.encode("utf-16")[:-1])
    with pytest.raises(InputError, match="holds bytes that are no text"):
        read(tmp_path, b"a,y\n\0\0\0\1,2\n")


def test_a_row_of_a_header_twice_is_refused(tmp_path: Path) -> None:
    for header in ("a,b,a,y", "y,b,y,a"):
        name = header[0]
        with pytest.raises(InputError, match=rf"is called '{name}' \(columns 1 and 3\)"):
            read(tmp_path, header + "\n1,2,3,4\n5,6,7,9\n")
        with pytest.raises(InputError, match=rf"is called '{name}' \(columns 1 and 3\)"):
            load_data(Table(str(tmp_path / "t.csv"), target="y"), seed=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1.5,2\n2.5,3\n3.5,9\n", "the first line holds numbers only: put a line with the names"),
        ("a,y\n1,2\n3,4,5\n", "row 2 has more cells than the header, which has 2"),
        ('a,y\n1,2\n"3,4\n5,6\n', "a quotation mark in line 3 is never closed"),
        ('a,y\n1,2\n"3"4,5\n', "a quotation mark in line 3 is followed by more than a separator"),
        ("\n\n  \n", "it holds no table: every line is empty"),
        ("a,y\n", "has a header and no rows"),
        (
            "a,y,\n1,2,x\n2,5,z\n",
            r"t.csv': column 3 has no name: add --drop 'Unnamed: 2'",
        ),
        ("x,y\n1,5,2,5\n2,5,3,5\n", "row 1 has more cells than the header"),
        ("n,y\n1,1,5\n2,2,5\n", "row 1 has more cells than the header"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


def test_an_unnamed_column_is_one_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, lines(",", names="a  y").replace("a,y", "a,,y"))
    assert str(caught.value).endswith("column 2 has no name: add --drop 'Unnamed: 1', or name it.")
    loaded = read(tmp_path, lines(",").replace("a,b,y", "a,,y"), drop=["Unnamed: 1"])
    assert loaded.inputs == ("a",)


def test_options_are_told_together_only_where_they_settle_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "a,b,y\nx,,1\nz,,2\n")
    assert "all options together" not in str(caught.value)  # they would leave no input
    with pytest.raises(InputError) as caught:
        read(tmp_path, "a,b,c,y\nx,,1,1\nz,2,2,2\nz,3,3,4\n")
    assert "all options together: --drop a --missing drop-rows" in str(caught.value)
    read(tmp_path, "a,b,c,y\nx,,1,1\nz,2,2,2\nz,3,3,4\n", drop=["a"], missing="drop-rows")


def test_a_row_that_may_be_a_sum_is_told(tmp_path: Path) -> None:
    loaded = read(tmp_path, "a,b,y\nx,1,2\nz,2,4\nTotal,3,6\n", drop=["a"])
    assert loaded.notes == ("the last row holds 'Total': leave it out if it sums up others.",)


def test_a_stored_index_can_play_a_part(tmp_path: Path) -> None:
    loaded = read(tmp_path, ",a,b,y\n" + INDEX, time="Unnamed: 0")
    assert loaded.times is not None
    assert loaded.times.tolist() == [0, 1, 2, 3, 4]
    assert not loaded.notes


def test_a_column_that_counts_the_rows_is_told(tmp_path: Path) -> None:
    loaded = read(tmp_path, "id,a,b,y\n" + INDEX)
    assert loaded.inputs == ("id", "a", "b")
    assert loaded.notes == ("'id' numbers the rows and is an input: --drop id leaves it out.",)


@pytest.mark.parametrize("named", [False, True])
def test_the_index_of_pandas_in_parquet_is_no_input(tmp_path: Path, named: bool) -> None:
    label = "idx" if named else "__index_level_0__"
    frame = pyarrow.table({"a": A, "b": B, "y": Y, label: [9, 7, 5, 3, 1]})
    said = json.dumps({"index_columns": [label], "columns": [], "pandas_version": "3.0.0"})
    pyarrow.parquet.write_table(
        frame.replace_schema_metadata({"pandas": said}), tmp_path / "t.parquet"
    )
    loaded = load(str(tmp_path / "t.parquet"), "y")
    assert loaded.inputs == ("a", "b")
    assert loaded.notes == (f"left out the stored index {label!r}.",)
    data = load_data(Table(str(tmp_path / "t.parquet"), target="y"), seed=0)
    assert (data.columns, data.notes) == (("a", "b"), loaded.notes)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "npz"])
def test_a_path_is_no_pattern(tmp_path: Path, suffix: str) -> None:
    for name, shift in (("data[1]", 0), ("data1", 100), ("a*", 0), ("ab", 100), ("d?", 0)):
        columns = {"a": np.array(A) + shift, "y": np.array(Y)}
        path = tmp_path / f"{name}.{suffix}"
        if suffix == "npz":
            np.savez(path, **columns)
        elif suffix == "parquet":
            pl.DataFrame(columns).write_parquet(tmp_path / "t")
            (tmp_path / "t").rename(path)
        else:
            separator = "," if suffix == "csv" else "\t"
            path.write_text(lines(separator, names="a b y").replace("0.5", str(0.5 + shift)))
    for name in ("data[1]", "a*"):
        assert load(str(tmp_path / f"{name}.{suffix}"), "y").X[0, 0] == 0.5
    with pytest.raises(InputError, match="does not exist"):
        load(str(tmp_path / f"data?.{suffix}"), "y")


def test_types_of_parquet(tmp_path: Path) -> None:
    frame = {
        "wait": pl.Series([1500, 60_000, None], dtype=pl.Duration("ms")),
        "blob": pl.Series([b"\xff\xfe", b"a", b"b"]),
        "list": [[1], [2], [3]],
        "day": pl.Series(["2024-01-01", "2024-01-02", "2023-01-01"]).str.to_date(),
        "kind": pl.Series(["1.10", "1.1", "1.1"], dtype=pl.Categorical),
        "id": pl.Series([1577134800019000002, 1577134800019000003, 1577134800019000002]),
        "y": [1.0, 2.0, 4.0],
    }
    pl.DataFrame(frame).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError) as caught:
        load(str(tmp_path / "t.parquet"), "y")
    for said in ("'blob' ('values of type Binary'", "'list' ('values of type", "'2024-01-01'"):
        assert said in str(caught.value)
    options: dict[str, Any] = {"drop": ["blob", "list"], "missing": "drop-rows"}
    loaded = load(str(tmp_path / "t.parquet"), "y", group="id", time="day", **options)
    assert loaded.inputs == ("wait", "kind")
    assert loaded.X[:, 0].tolist() == [1.5, 60]
    assert loaded.groups is not None
    assert loaded.times is not None
    assert (loaded.groups.tolist(), loaded.times.tolist()) == ([0, 1], [1, 2])
    assert "'wait' (0:00:01.500000 is 1.5 seconds)" in loaded.notes[0]
    options["drop"] = ["blob", "list", "day", "wait"]
    kinds = load(str(tmp_path / "t.parquet"), "y", group="kind", **options).groups
    assert kinds is not None
    assert kinds.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("words", "groups"),
    [
        (["1.1", "1.10", "2E3", "2000"], 4),
        (["1577134800018000000", "1577134800018000001", "1577134800018000001", "NA"], 2),
        (["007", "7", "07", "7"], 3),
        (["true", "TRUE", "True", "true"], 3),
    ],
)
def test_labels_are_text(tmp_path: Path, words: list[str], groups: int) -> None:
    rows = "".join(f"{word},{i},{i * i}\n" for i, word in enumerate(words))
    loaded = read(tmp_path, "g,a,y\n" + rows, group="g", missing="drop-rows")
    assert loaded.groups is not None
    assert len(set(loaded.groups.tolist())) == groups
    np.savez(tmp_path / "t.npz", g=np.array(words), a=np.arange(4), y=np.arange(4) ** 2)
    again = load(str(tmp_path / "t.npz"), "y", group="g", missing="drop-rows").groups
    assert again is not None
    assert again.tolist() == loaded.groups.tolist()


def test_a_field_may_be_long(tmp_path: Path) -> None:
    long = "x" * 200_000
    loaded = read(tmp_path, f'n,a,y\n"{long}",1,2\n"b, c",3,5\n', drop=["n"])
    assert loaded.X.tolist() == [[1], [3]]
    import csv

    assert csv.field_size_limit() == 131_072  # which is everybody's


def test_ragged_rows_lack_values(tmp_path: Path) -> None:
    loaded = read(tmp_path, "a,b,y\n1,2,3\n4\n5,6,8\n", missing="drop-rows")
    assert loaded.X.tolist() == [[1, 2], [5, 6]]
    assert "left out 1 of 3 rows" in loaded.notes[0]
    late = "a,b,y\n" + "1,2,3\n" * 300 + "1,2,4,5\n"
    with pytest.raises(InputError, match="row 301 has more cells"):
        read(tmp_path, late)


def test_a_mark_of_a_missing_value_can_be_named(tmp_path: Path) -> None:
    content = "a,b,y\n1,gone,3\n-999,5,4\n5,6,8\n-999.0,6,9\n7,8,1\n"
    loaded = read(tmp_path, content, missing="drop-rows", reading=Reading(na=("gone", "-999")))
    assert loaded.X.tolist() == [[5, 6], [7, 8]]
    pl.DataFrame({"a": [1.0, -999], "y": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"missing values in 'a' \(row 2\)"):
        load(str(tmp_path / "t.parquet"), "y", reading=Reading(na=("-999",)))
