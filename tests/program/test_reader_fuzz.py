"""The reader of tables, fed with what nobody wrote on purpose."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weightdecay.data import cells, dialect, files
from weightdecay.data.dialect import Reading
from weightdecay.data.instants import order
from weightdecay.data.table import load
from weightdecay.errors import InputError

FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = st.text("ab,;|\t\"' #=.-\n\r\u00e9λ0123456789", max_size=8)
ROWS = st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=5)


@FEW
@given(rows=ROWS, separator=st.sampled_from(",;\t|"), quoted=st.booleans())
def test_any_rows_are_read_or_refused(
    tmp_path: Path, rows: list[list[str]], separator: str, quoted: bool
) -> None:
    stream = io.StringIO(newline="")
    style = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(stream, delimiter=separator, quoting=style).writerows([["a", "b", "y"], *rows])
    refused_or_read(tmp_path / "t.csv", stream.getvalue().encode())


@FEW
@given(content=st.one_of(st.binary(min_size=1, max_size=60),
                         st.text(min_size=1, max_size=60).map(lambda t: t.encode()),
                         st.text("y,;1.\n\"#a", min_size=1, max_size=60).map(str.encode)),
       suffix=st.sampled_from(["csv", "tsv", "txt", "parquet", "npz"]))  # fmt: skip
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    refused_or_read(tmp_path / f"t.{suffix}", content)


def refused_or_read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for target in ("y", "a"):
        try:
            loaded = load(str(path), target, group="b", missing="drop-rows")
        except InputError:
            continue
        assert np.isfinite(loaded.X).all()
        assert np.isfinite(loaded.y).all()
        assert len(loaded.X) == len(loaded.y) >= 2


CELLS = st.text("xyz ,;\"'\n\u00e9λ-", max_size=6).map(lambda t: f"w{t}w")


@FEW
@given(
    words=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=6),
    separator=st.sampled_from(",;\t|"),
)
def test_labels_come_back_as_they_were_written(
    tmp_path: Path, words: list[list[str]], separator: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "y"], *words])
    path = tmp_path / "t.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    found = files.read(path, Reading(separator=separator))
    assert [found.columns[name].to_list() for name in "aby"] == [
        [row[j].strip() for row in words] for j in range(3)
    ]


@FEW
@given(
    table=st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=2,
        max_size=6,
    ),
    separator=st.sampled_from(",;\t| "),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    comma=st.booleans(),
    quoted=st.booleans(),
)
def test_numbers_come_back_bit_by_bit(
    tmp_path: Path,
    table: list[list[float]],
    separator: str,
    end: str,
    comma: bool,
    quoted: bool,
) -> None:
    table = [*table, [0.25, -0.5, 0.125]]  # which shows the decimal mark
    text = [[repr(x).replace(".", "," if comma else ".") for x in row] for row in table]
    quote = '"' if quoted or (comma and separator == ",") else ""
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in text]
    path = tmp_path / "t.csv"
    path.write_text(end.join([separator.join("aby"), *lines, ""]), encoding="utf-8", newline="")
    file = files.read(path, Reading(separator=separator))
    found = [file.contents(name).values.tolist() for name in "aby"]
    assert found == [list(column) for column in zip(*table, strict=True)]


@FEW
@given(rows=st.lists(st.lists(st.text("a1. ", max_size=3), max_size=4), max_size=6))
def test_both_ways_to_the_rows_agree(rows: list[list[str]]) -> None:
    body = "".join(",".join(row) + "\n" for row in rows)
    found = dialect.Outline(",", ("a", "b"), 0, (), 1)
    assert cells._at_once(body, found).rows() == cells._by_record(body, found).rows()


@FEW
@given(st.lists(st.text("0123456789-/:.TZ+ JanMAR", max_size=20), min_size=1, max_size=4))
def test_any_words_have_an_order_or_none(words: list[str]) -> None:
    found = order(words)
    assert bool(found.fault) != (set(found.keys) == set(words))


@pytest.mark.parametrize("name", ["a\x1b[31m", "=1+1", "[bold]", "a" * 10_000, "\u202e", "'", "$x"])
def test_any_name_can_be_used_in_options(tmp_path: Path, name: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([[name, "b", "y"], ["x", 1, 2], ["z", 2, 5]])
    (tmp_path / "t.csv").write_text(stream.getvalue(), encoding="utf-8", newline="")
    assert load(str(tmp_path / "t.csv"), "y", drop=[name]).inputs == ("b",)
