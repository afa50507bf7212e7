"""The rows of a text file as columns of text, through polars."""

from __future__ import annotations

import io
from itertools import islice
from typing import Any

from weightdecay.data.dialect import Outline, long_fields, records

AT_ONCE = 50_000
"""Records that are held as Python lists at a time."""


def read(text: str, found: Outline) -> Any:
    """A frame of text, without blanks around; "" where nothing stands. Empty lines are no rows.

    It has as many columns as the header, or as the longest row where that is longer.

    Raises
    ------
    InputError
        A quotation mark is not closed.
    """
    body = text[found.start :]
    if '"' in body or found.separator == " ":
        return _by_record(body, found)
    return _at_once(body, found)


def _at_once(body: str, found: Outline) -> Any:
    """Without quotation marks every line is a row; polars wants to know how long they may be."""
    import polars as pl

    body = body.replace("\r\n", "\n").replace("\r", "\n")
    lines = body.split("\n", 200)[:200]
    width = max(len(found.header), *(line.count(found.separator) + 1 for line in lines))
    schema = {str(j): pl.String for j in range(width)}
    try:
        frame = pl.read_csv(
            io.BytesIO(body.encode()),
            has_header=False,
            separator=found.separator,
            quote_char=None,
            schema=schema,
        )
    except pl.exceptions.NoDataError:
        return pl.DataFrame(schema=schema)
    except pl.exceptions.PolarsError:  # rows of other lengths
        return _by_record(body, found)
    frame = frame.select(pl.all().str.strip_chars().fill_null(""))
    return frame.filter(_filled(frame))


def _by_record(body: str, found: Outline) -> Any:
    """Record by record, as RFC 4180 has it."""
    import polars as pl

    parts, width = [], len(found.header)
    with long_fields(len(body)):
        stream = records(io.StringIO(body, newline=""), found.separator, found.line)
        while chunk := list(islice(stream, AT_ONCE)):
            rows = [record for record in chunk if record]
            width = max([width, *map(len, rows)])
            columns = zip(*(record + [""] * (width - len(record)) for record in rows), strict=True)
            schema = {str(j): pl.String for j in range(width)}
            data = {str(j): cells for j, cells in enumerate(columns)} if rows else None
            parts.append(pl.DataFrame(data, schema=schema))
    schema = {str(j): pl.String for j in range(width)}
    frame = pl.concat([pl.DataFrame(schema=schema), *parts], how="diagonal")
    frame = frame.select(pl.all().str.strip_chars().fill_null(""))
    return frame.filter(_filled(frame)) if width > 1 else frame


def _filled(frame: Any) -> Any:
    """Whether a row holds anything."""
    import polars as pl

    return frame.select(pl.any_horizontal(pl.all() != "")).to_series()
