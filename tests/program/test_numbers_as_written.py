"""Numbers as people write them: one format for a column, and an error where two can be meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdecay.data.contents import Contents
from weightdecay.data.dialect import Reading
from weightdecay.data.files import read
from weightdecay.data.table import load
from weightdecay.errors import InputError

NBSP, THIN = "\u00a0", "\u202f"


def column(folder: Path, cells: list[str], separator: str = ";", *, beside: str = "") -> Contents:
    """A column of a file whose other column holds `beside` in every row, or nothing but 1."""
    rows = (f'"{cell}"{separator}"{beside or 1}"\n' for cell in cells)
    (folder / "t.csv").write_text(f"x{separator}z\n" + "".join(rows), encoding="utf-8")
    return read(folder / "t.csv").contents("x")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.5", "-2", "+3", ".5", "4.", "1e3", "2.5E-1"], [1.5, -2, 3, 0.5, 4, 1000, 0.25]),
        (["1,5", "-2", ",5", "1,5E+03"], [1.5, -2, 0.5, 1500]),
        (["1.234,5", "793"], [1234.5, 793]),
        (["1,234.5", "793"], [1234.5, 793]),
        (["1.234.567", "3.415"], [1234567, 3415]),
        (["1,234,567", "3,415"], [1234567, 3415]),
        (["3.415", "12345"], [3.415, 12345]),  # who groups thousands groups all of them
        (["3,415", "12345"], [3.415, 12345]),
        (["0.415", "3.415"], [0.415, 3.415]),
        (["0,415", "3,415"], [0.415, 3.415]),
        ([f"1{NBSP}234,5", f"12{THIN}345"], [1234.5, 12345]),
        (["1 234", "12 345 678"], [1234, 12345678]),
        (["1'234.50", "7.25"], [1234.5, 7.25]),
        (["1’234", "7"], [1234, 7]),
        (["$3,415.00", "-$5", "$-6", "($7)"], [3415, -5, -6, -7]),
        (["€ 3,50", "1.000,25"], [3.5, 1000.25]),
        (["12,50 €", "-3,00 €"], [12.5, -3]),
        (["CHF 12.50", "CHF 3"], [12.5, 3]),
        (["85.4%", "3 %", "-1%"], [85.4, 3, -1]),
        (["12,5%", "3%"], [12.5, 3]),
        (["−659", "–3", "7"], [-659, -3, 7]),
        (["(659)", "1.5"], [-659, 1.5]),
        (["659-", "1.5"], [-659, 1.5]),
        (["TRUE", "False", "true"], [1, 0, 1]),
        (["TRUE", "NA", "FALSE"], [1, np.nan, 0]),
        (["WAHR", "FALSCH"], [1, 0]),
        (["1.5", ".A", "2", "._"], [1.5, np.nan, 2, np.nan]),
        (["1.5", "--", "2.5", "3"], [1.5, np.nan, 2.5, 3]),
        (["1.5", "#DIV/0!", "..", "2", "3"], [1.5, np.nan, np.nan, 2, 3]),
        (["1.5", ":", "2", "*", "3", "4", "n.a."], [1.5, np.nan, 2, np.nan, 3, 4, np.nan]),
        (["inf", "-Infinity", "1"], [np.inf, -np.inf, 1]),
    ],
)
def test_a_column_has_one_format(tmp_path: Path, cells: list[str], values: list[float]) -> None:
    found = column(tmp_path, cells)
    assert np.array_equal(found.values, values, equal_nan=True)
    assert not found.text.size


@pytest.mark.parametrize(
    "cells",
    [
        ["85%", "0.3"],
        ["$5", "€6"],
        ["1.5", "1,5"],
        ["1.5", "word"],
        ["20.11.2019", "21.11.2019"],
        ["18.00.00", "19.30.00"],
        ["1_000", "2"],
        ["1,2,3", "2"],
        ["true", "1.5"],
        ["0x10", "2"],
        ["1 2", "3"],
        ["12 34", "56"],
        ["--", "a", "b"],
        ["1e", "2"],
        ["192.168.0.1", "10.0.0.1"],
        ["٣", "4"],
    ],
)
def test_other_words_stay_text(tmp_path: Path, cells: list[str]) -> None:
    found = column(tmp_path, cells)
    assert found.text.size
    assert np.isnan(found.values[found.text]).all()


@pytest.mark.parametrize("cells", [["3.415", "793"], ["3,415", "1,341"], ["-3.415"]])
def test_thousands_or_decimals(tmp_path: Path, cells: list[str]) -> None:
    cells += ["1"] * (len(cells) == 1)
    whole = [float(cell.replace(".", "").replace(",", "")) for cell in cells]
    parted = [float(cell.replace(",", ".")) for cell in cells]
    assert column(tmp_path, cells).ambiguous == cells[0]
    comma = "," in cells[0]
    other = column(tmp_path, cells, beside="2,5")  # decimal commas elsewhere
    assert other.values.tolist() == (parted if comma else whole)
    other = column(tmp_path, cells, beside="2.5")  # decimal points elsewhere
    assert other.values.tolist() == (whole if comma else parted)
    for neither in ("18.30", "24.12", "1000"):  # a time, a day, no mark
        assert column(tmp_path, cells, beside=neither).ambiguous
    for separator in (",", "\t"):
        found = column(tmp_path, cells, separator)
        assert bool(found.ambiguous) == comma
        assert comma or found.values.tolist() == parted
    # Where commas separate cells and a small number has none, they are no decimal mark.
    found = column(tmp_path, [*cells, "793"], ",")
    assert found.values.tolist() == [*(whole if comma else parted), 793]


def test_the_user_says_which(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("km;m2;y\n3.415;43;899\n1.341;44;497\n793;60;455\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(str(path), "y")
    assert "'km' can hold thousands or decimals: '3.415' is 3415 or 3.415" in str(caught.value)
    assert "--decimal ',' or --decimal '.'" in str(caught.value)
    for decimal, first in ((",", 3415), (".", 3.415)):
        loaded = load(str(path), "y", reading=Reading(decimal=decimal))
        assert loaded.X[0, 0] == first
    with pytest.raises(InputError, match=r"decimal is ';': it must be '\.' or ','"):
        Reading(decimal=";")


def test_what_is_no_plain_number_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'a,b,c,y\n85%,"3,415",--,1\n3%,"1,000",2,2\n4%,5,3,4\n7%,6,4,4\n', encoding="utf-8"
    )
    notes = "\n".join(load(str(tmp_path / "t.csv"), "y", missing="drop-rows").notes)
    assert "read as numbers: 'a' ('85%' is 85), 'b' ('3,415' is 3415)." in notes
    assert "taken for missing values: 'c' ('--' in row 1)." in notes


@given(
    values=st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=3, max_size=8),
    style=st.sampled_from(["point", "comma", "grouped point", "grouped comma", "spaced", "swiss"]),
)
def test_a_number_is_read_as_it_was_written(values: list[float], style: str) -> None:
    import polars as pl

    from weightdecay.data import numerals

    values = [*values, 0.25]  # which shows the mark
    written = [f"{value:,.2f}" for value in values]
    marks = {"point": ("", "."), "comma": ("", ","), "grouped point": (",", "."),
             "grouped comma": (".", ","), "spaced": (THIN, ","), "swiss": ("’", ".")}  # fmt: skip
    table = str.maketrans(dict(zip(",.", marks[style], strict=True)))
    bare = numerals.bare(pl.Series([text.translate(table) for text in written])).cells
    mark = numerals.decide(numerals.mark_of(bare), bare, frozenset(), ";")
    assert numerals.numbers(bare, mark).to_list() == values


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1200", "5300", "-999", "9100"], True),  # all the others are positive
        (["-0.5", "0.7", "0.1", "999"], True),  # far away
        (["-0.5", "0.7", "0.1", "999", "999"], True),
        (["-999", "-400", "300", "700"], False),
        (["97", "98", "99", "100"], False),
        (["95", "97", "98", "99"], False),
        (["-999", "-999"], False),
        (["-998", "5", "7"], False),
    ],
)
def test_a_number_that_may_stand_for_nothing_is_told(
    tmp_path: Path, cells: list[str], said: bool
) -> None:
    rows = "".join(f"{cell},{i}\n" for i, cell in enumerate(cells))
    (tmp_path / "t.csv").write_text("x,y\n" + rows, encoding="utf-8")
    notes = load(str(tmp_path / "t.csv"), "y").notes
    assert any("in 'x' stands apart" in note and "--na" in note for note in notes) == said
