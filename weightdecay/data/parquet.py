"""Parquet files, through polars."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weightdecay import memory
from weightdecay.data import header
from weightdecay.data.archives import FREE
from weightdecay.errors import InputError


def read(path: Path) -> tuple[Any, tuple[str, ...]]:
    """A polars frame, its text without blanks around, and the columns that are row labels.

    Raises
    ------
    InputError
        The file is damaged, of another kind, or too large.
    """
    import polars as pl

    damage = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OSError)
    try:
        with path.open("rb") as file, _without_panic():
            footer = _footer(file)
            rows = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
            width = len(pl.read_parquet_schema(file))
            memory.require(f"{rows:,} rows of {width:,} columns", rows * width, FREE, 60)
            file.seek(0)
            frame = pl.read_parquet(file).with_columns(pl.col(pl.String).str.strip_chars())
    except InputError:
        raise
    except damage as error:
        reason = (str(error).strip().splitlines() or ["damaged"])[0][:200].rstrip(".")
        raise InputError(
            f"{str(path)!r} cannot be read as parquet ({reason}): it may be truncated or of "
            "another kind."
        ) from error
    return frame, header.index_of_metadata(footer)


@contextmanager
def _without_panic() -> Iterator[None]:
    """Keep what polars prints of its own state, where a damaged file ends it, from the user."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _footer(file: Any) -> bytes:
    """A Parquet file's last bytes, in which its metadata stand."""
    end = file.seek(0, 2)
    file.seek(max(end - 8, 0))
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(end - 8 - length, 0))
    footer: bytes = file.read(length)
    file.seek(0)
    return footer
