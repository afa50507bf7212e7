"""Archives that are damaged, foreign or declare what they do not hold are refused in a sentence."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from weightdecay import memory
from weightdecay.data.table import load
from weightdecay.errors import InputError

COLUMNS = {"a": np.arange(9.0), "y": np.arange(9.0) ** 2}


def whole(compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **COLUMNS)
    return stream.getvalue()


def array(shape: str, dtype: str = "<f8", data: bytes = b"") -> bytes:
    words = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(words)) + words.encode() + data


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)
    return stream.getvalue()


def changed(content: bytes, signature: bytes, offset: int, value: int) -> bytes:
    """Every member with another byte in its record."""
    found, at = bytearray(content), -1
    while (at := content.find(signature, at + 1)) >= 0:
        found[at + offset] = value
    return bytes(found)


def with_flag(offset: int, value: int) -> bytes:
    local = changed(whole(), b"PK\x03\x04", offset, value)
    return changed(local, b"PK\x01\x02", offset + 2, value)


def saved(save: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


FLIPPED = bytearray(whole(compressed=True))
FLIPPED[70] ^= 0xFF
BAD = {
    "a single array": (saved(np.save, np.ones(3)), "single array .*savez"),
    "no array": (archive(), "holds no array"),
    "a text": (archive(a_txt=b"words"), "'a.txt' in .* is no array"),
    "damaged": (bytes(FLIPPED), "cannot be read as npz"),
    "half": (whole()[:200], "cannot be read as npz"),
    "encrypted": (with_flag(6, 1), "encrypted"),
    "packed otherwise": (with_flag(8, 99), "compression"),
    "a huge shape": (archive(a_npy=array("(10**12, 10**3)".replace("10**", "1" + "0" * 9))),
                     "declares the shape"),
    "a negative shape": (archive(a_npy=array("(-3,)")), "cannot be read as npz"),
    "no header": (archive(a_npy=array("(3(,)")), "cannot be read as npz"),
    "objects": (archive(a_npy=array("(3,)", "|O", b"...")), "without pickled objects"),
    "a number": (saved(np.savez, y=np.array(3.0)), r"has shape \(\): it must be a column"),
    "complex numbers": (saved(np.savez, a=np.array([1 + 2j, 3, 4]), y=np.arange(3)),
                        r"text in 'a' \('\(1\+2j\)' in row 1"),
    "foreign bytes": (saved(np.savez, a=np.array([b"\xff", b"b"]), b=np.arange(2), y=np.arange(2)),
                      "text in 'a'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_archive_of_columns_is_refused(tmp_path: Path, kind: str) -> None:
    content, message = BAD[kind]
    (tmp_path / "t.npz").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(str(tmp_path / "t.npz"), "y")
    assert "t.npz" in str(caught.value)


def test_records_and_time_spans_are_columns(tmp_path: Path) -> None:
    table = np.array([(1, 2.0), (3, 4.0), (4, 9.0)], dtype=[("a", "i4"), ("y", "f8")])
    np.savez(tmp_path / "t.npz", table=table)
    assert load(str(tmp_path / "t.npz"), "y").X.tolist() == [[1], [3], [4]]
    spans = np.array([1, 2, "NaT", 4], "timedelta64[m]")
    np.savez(tmp_path / "t.npz", a=spans, y=np.arange(4))
    loaded = load(str(tmp_path / "t.npz"), "y", missing="drop-rows")
    assert loaded.X.tolist() == [[60], [120], [240]]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_what_does_not_fit_into_memory_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    import polars as pl

    path = tmp_path / f"t.{suffix}"
    if suffix == "npz":
        np.savez(path, **COLUMNS)
    else:
        frame = pl.DataFrame(COLUMNS)
        frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    load(str(path), "y")
    monkeypatch.setattr(memory, "available", lambda: 300)
    with pytest.raises(InputError, match=r"take .* of memory, and 0.3 kB are free: free some"):
        load(str(path), "y")


def test_a_panic_of_polars_is_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import os

    import polars as pl

    pl.DataFrame(COLUMNS).write_parquet(tmp_path / "t.parquet")

    def panic(file: object) -> None:
        os.write(2, b"thread panicked")
        raise pl.exceptions.PanicException("assertion failed")

    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(InputError, match=r"cannot be read as parquet \(assertion failed\)"):
        load(str(tmp_path / "t.parquet"), "y")
    assert capfd.readouterr().err == ""


def test_a_limit_on_memory_is_told_before_polars_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n3,4\n", encoding="utf-8")
    monkeypatch.setattr(memory, "limit", lambda: 500_000_000)
    said = "takes 800 MB of address space, and the limit of this process leaves 500 MB: raise it"
    with pytest.raises(InputError, match=said):
        load(str(tmp_path / "t.csv"), "y")
