"""Time stamps sort as instants, or are refused; never as text."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdecay.data.instants import order, ranks
from weightdecay.data.table import load
from weightdecay.errors import InputError
from weightdecay.tuning.splits import make

ASCENDING = [
    ["2025-9", "2025-10", "2025-11"],
    ["2025-95", "2025-100", "2025-101"],
    ["2024-001", "2024-060", "2024-366"],
    ["2025-01-01T04:00:00-08:00", "2025-01-01T22:00:00+09:00", "2025-01-01T06:00:00-08"],
    ["2025-01-01T08:00:00Z", "2025-01-01T08:00:00.5Z", "2025-01-01T08:00:01Z"],
    ["2025-01-01 08:00:00,25", "2025-01-01 08:00:00,5"],
    ["2025-01-01", "2025-01-01 00:30", "2025-01-02"],
    ["2024/9/30", "2024/10/1"],
    ["20.11.2019", "1.2.2020", "3.1.2021"],
    ["13/1/2024", "1/2/2024"],
    ["1/14/2024", "2/1/2024"],
    ["2024-01-01 11:59 AM", "2024-01-01 12:00 PM", "2024-01-01 01:00 PM"],
    ["31JAN2024:08:00:00", "31JAN2024:09:00:00", "01FEB2024:00:00:00"],
    ["31-Jan-2024", "1-Feb-2024"],
    ["Dec 2023", "Jan 2024"],
    ["2023Q4", "2024-Q1"],
    ["2020-W53", "2021-W01-2", "2021-W02"],
    ["8:05", "9:00", "10:00"],
    ["18.00.00", "18.00.30"],
    ["20240131T080000Z", "20240131T093000Z"],
    ["9", "10", "11.5"],
    ["1577134800019000002", "1577134800019000003"],
    ["0.1", "0.10000000000000000001"],
    ["2024-12-31T24:00:00", "2025-01-01T00:00:01"],
]


@pytest.mark.parametrize("words", ASCENDING)
def test_what_is_later_comes_later(words: list[str]) -> None:
    found = order(words[::-1])
    assert not found.fault
    assert ranks([found.keys[word] for word in words]) == list(range(len(words)))


def test_equal_instants_are_equal() -> None:
    words = ["2025-01-01T12:00:00Z", "2025-01-01T13:00:00+01:00", "2025-01-01T07:00:00.000-0500"]
    assert len(set(order(words).keys.values())) == 1
    assert len(set(order(["1.0", "1", "1.00"]).keys.values())) == 1


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["1/2/2024", "2/1/2024"], "'1/2/2024', in which 1 can be the day, or the month"),
        (["2024-01-01T00:00:00", "2024-01-02T00:00:00Z"], "without an offset from UTC beside"),
        (["31012024", "01022024"], "in which the year comes last"),
        (["2024.1", "2024.12"], "can be a month or a fraction of a year"),
        (["2024-01", "2024-01-15"], "'2024-01'"),
        (["2024-01-31", "2024-02-30"], "'2024-02-30'"),
        (["2024-01-31 25:00", "2024-01-31 24:30"], "'2024-01-31 25:00'"),
        (["31/1/24", "1/2/24"], "'31/1/24'"),
        (["monday", "tuesday"], "'monday'"),
        (["1", "two"], "'two'"),
        (["9" * 5000], "'999"),
    ],
)
def test_what_does_not_sort_is_refused(words: list[str], fault: str) -> None:
    assert fault in order(words).fault


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
            st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes))),
        ),
        min_size=2,
        max_size=6,
    )
)
def test_instants_are_those_of_datetime(moments: list[tuple[datetime, timezone]]) -> None:
    given = [moment.replace(tzinfo=zone) for moment, zone in moments]
    found = order([moment.isoformat() for moment in given])
    assert not found.fault
    for a in given:
        for b in given:
            assert (found.keys[a.isoformat()] < found.keys[b.isoformat()]) == (a < b)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_rows_are_ordered_in_time(tmp_path: Path, suffix: str) -> None:
    when = ["2025-01-01T22:00:00+09:00", "2025-01-01T04:00:00-08:00", "2025-01-01T06:00:00-08:00"]
    columns = {"when": when, "a": [1, 2, 3], "y": [1, 2, 4]}
    path = tmp_path / f"t.{suffix}"
    if suffix == "npz":
        np.savez(path, **{name: np.array(values) for name, values in columns.items()})
    elif suffix == "parquet":
        pl.DataFrame(columns).write_parquet(path)
    else:
        pl.DataFrame(columns).write_csv(path)
    times = load(str(path), "y", time="when").times
    assert times is not None
    assert times.tolist() == [1, 0, 2]


def test_typed_times(tmp_path: Path) -> None:
    stamp = np.array(["2024-02", "NaT", "2023-01"], "datetime64[s]")
    big = np.array([3, 1, 2]) + 1577134800019000000
    np.savez(tmp_path / "t.npz", t=stamp, i=big, f=np.array([0.5, np.nan, -1]), a=range(3), y=big)
    path = str(tmp_path / "t.npz")
    for name, expected in (("t", [1, 0]), ("f", [1, 0])):
        found = load(path, "a", time=name, drop=sorted({"t", "f"} - {name}), missing="drop-rows")
        assert found.times is not None
        assert np.argsort(found.times).tolist() == expected
    found = load(path, "a", time="i", drop=["t", "f"])
    assert found.times is not None
    assert found.times.tolist() == [2, 0, 1]
    pl.DataFrame({"t": [31012024, 1022024, 2022024], "a": [1, 2, 3], "y": [1, 2, 4]}).write_parquet(
        tmp_path / "t.parquet"
    )
    load(str(tmp_path / "t.parquet"), "y", time="t")
    (tmp_path / "t.csv").write_text("t,a,y\n31012024,1,2\n01022024,3,4\n", encoding="utf-8")
    with pytest.raises(InputError, match="'31012024', in which the year comes last, which does no"):
        load(str(tmp_path / "t.csv"), "y", time="t")


def test_words_from_python_are_instants_too() -> None:
    zoned = ["2025-01-01T22:00:00+09:00", "2025-01-01T04:00:00-08:00", "2025-01-01T06:00:00-08:00"]
    for times in (["2025-10", "2025-9", "2025-11"], zoned, np.array(zoned, object)):
        splits = make(2, 3, times=times)
        assert splits is not None
        assert [split.held_out.tolist() for split in splits] == [[0], [2]]
    refused: tuple[tuple[Any, str], ...] = (
        (["b", "a", "c"], "times holds 'b', which does not sort as time"),
        ([1.0, np.nan, 2], "times, row 2: the value is missing"),
        (np.array(["2024", "NaT", "2023"], "datetime64[Y]"), "times, row 2: the value is missing"),
    )
    for wrong, message in refused:
        with pytest.raises(InputError, match=message):
            make(2, 3, times=wrong)
    for groups in ([None, "a", "b"], [np.nan, 1, 2]):
        with pytest.raises(InputError, match="groups, row 1: the value is missing"):
            make(2, 3, groups=groups)
    splits = make(3, 3, groups=np.array([1577134800018000001, 1577134800018000002, "a"], object))
    assert splits is not None
