"""How a text file is laid out: what stands above the table, what separates cells, where rows begin.

A file that says so is believed; else the separator is the one that gives rows of equal width. Where
two readings are left, both are named and none is taken.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from weightdecay.data.encodings import require_encoding
from weightdecay.errors import InputError
from weightdecay.validate import names

SEPARATORS = (",", ";", "\t", "|")
SPELLED = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
SAMPLE = 200
"""Records from which the separator is told."""

NUMBER = r"[($€£]?\s*[-+−]?[0-9][0-9.,'’\s]*(?:[eE][-+]?[0-9]+)?\s*[%€)]?|[-+]?[.,][0-9]+"
"""How a number looks, however it is written."""

_NUMBER = re.compile(NUMBER)
SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What a user says of a file that it does not say itself.

    Attributes
    ----------
    separator : str, optional
        One character between cells; 'tab', 'space' and their like are spelled out.
    decimal : '.' or ',', optional
        The decimal mark; the other one then groups thousands.
    encoding : str, optional
        Of the text.
    na : tuple of str
        Further marks of a missing value.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no file has."""
        if self.separator is not None:
            object.__setattr__(self, "separator", _separator(self.separator))
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal is {self.decimal!r}: it must be '.' or ','.")
        if self.encoding is not None:
            require_encoding(self.encoding)
        object.__setattr__(self, "na", names("na", self.na))


def _separator(given: object) -> str:
    found = SPELLED.get(given.lower(), given) if isinstance(given, str) else None
    if found is None or len(found) != 1 or found in '"\r\n' or found.isalnum():
        words = ", ".join(SPELLED)
        raise InputError(
            f"separator is {given!r}: it must be one character, such as ';', or {words}."
        )
    return found


@dataclass(frozen=True)
class Outline:
    """Where the table stands in a text.

    Attributes
    ----------
    separator : str
    header : tuple of str
        The names as they are written.
    start : int
        Where the rows begin, in characters.
    notes : tuple of str
        What was skipped or found out.
    line : int
        The line of the header, from 1.
    """

    separator: str
    header: tuple[str, ...]
    start: int
    notes: tuple[str, ...]
    line: int


def outline(text: str, reading: Reading, suffix: str = ".csv") -> Outline:
    """Look for the header.

    Raises
    ------
    InputError
        No line holds anything, two separators fit, or a quotation mark is never closed.
    """
    notes = []
    stream = io.StringIO(text, newline="")
    found = SEPARATOR_LINE.fullmatch(stream.readline().strip(' \r\n"'))
    said = found[1] if found else None
    if said is None:
        stream.seek(0)
    else:
        notes.append(f"line 1 says that {said!r} separates cells.")
    comments, start = _comments(stream)
    separator = reading.separator or said or _told(text[start:], suffix)
    if separator != {".tsv": "\t"}.get(suffix, ",") and said is None and reading.separator is None:
        notes.append(f"read with the separator {separator!r}.")
    header, above, stop = _header(text, start, separator)
    if comments:
        named = _named_in_comment(comments[-1], separator, header)
        if named is not None:
            header, above, stop = named, [], start
            notes.append(f"the names come from line {len(comments)}, which starts with '#'.")
        skipped = len(comments) - (named is not None)
        if skipped:
            first = "line 1" if skipped == 1 else f"lines 1 to {skipped}"
            notes.append(f"left out {first}, which start{'s' * (skipped == 1)} with '#'.")
    notes += [f"left out {_short(words)}, which stands above the table." for words in above]
    line = text.count("\n", 0, stop) or 1
    return Outline(separator, tuple(name.strip() for name in header), stop, tuple(notes), line)


def records(stream: io.StringIO, separator: str, first: int = 0) -> Iterator[list[str]]:
    """Cells of every line, or of the lines of a quoted cell; none where a line is empty.

    Raises
    ------
    InputError
        A quotation mark is not closed, or text follows one that closes; `first` lines stand above.
    """
    reader: Any = csv.reader(
        iter(stream.readline, ""), delimiter=separator, strict=True, skipinitialspace=True
    )
    last = 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            open_ended = "unexpected end" in str(error)
            what = "is never closed" if open_ended else "is followed by more than a separator"
            line = first + (last + 1 if open_ended else reader.line_num)
            raise InputError(
                f"a quotation mark in line {line} {what}: a quoted cell ends with one, and doubles "
                "those inside."
            ) from None
        last = reader.line_num
        yield record


@contextmanager
def long_fields(length: int) -> Iterator[None]:
    """Let a cell be as long as the text; the limit is that of the whole process."""
    before = csv.field_size_limit(max(length, 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def is_number(cell: str) -> bool:
    """Whether a cell looks like a number, however it is written."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def _comments(stream: io.StringIO) -> tuple[list[str], int]:
    """Lines above the table that start with '#', and where they end."""
    found: list[str] = []
    while True:
        at = stream.tell()
        line = stream.readline()
        if not line.startswith("#") and (line.strip() or not line):
            return found, at
        if line.startswith("#"):
            found.append(line)


def _told(text: str, suffix: str) -> str:
    """The separator that gives rows of equal width; where two do, the one that gives numbers."""
    fits = {}
    for separator in SEPARATORS:
        sample = _sample(text, separator)
        widths = Counter(map(len, sample[1:] or sample))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1:
            share = count / sum(widths.values())
            fits[separator] = share, len(sample[0]) == width, _numbers(sample)
    if not fits:
        sample = _sample(text, " ")
        filled = {len([cell for cell in record if cell]) for record in sample[1:]}
        regular = len(filled) == 1 and filled.pop() > 1
        return " " if regular and 2 * _numbers(sample) > 1 else ","
    if suffix == ".tsv" and "\t" in fits:
        return "\t"
    best = max(fits.values())
    found = [separator for separator in fits if fits[separator] == best]
    if len(found) > 1:
        raise InputError(
            f"both {found[0]!r} and {found[1]!r} can be what separates its cells: say which, such "
            f"as --separator {SPELLING[found[0]]}."
        )
    return found[0]


SPELLING = {character: word for word, character in SPELLED.items() if word != "\\t"}


def _sample(text: str, separator: str) -> list[list[str]]:
    """The first records that hold several cells; none where quotation marks do not fit."""
    found: list[list[str]] = []
    try:
        for record in islice(records(io.StringIO(text, newline=""), separator), SAMPLE):
            if any(cell.strip() for cell in record):
                found.append(record)
    except InputError:
        return []
    while len(found) > 1 and _is_title(found[0], found[1:]):
        del found[0]
    return found


def _numbers(sample: list[list[str]]) -> float:
    """The share of cells that are numbers, the header not counted."""
    cells = [cell for record in sample[1:] for cell in record if cell.strip()]
    return sum(map(is_number, cells)) / len(cells) if cells else 0.0


def _header(text: str, start: int, separator: str) -> tuple[list[str], list[str], int]:
    """The header, the titles above it, and where the rows begin."""
    stream = io.StringIO(text, newline="")
    stream.seek(start)
    first = text.count("\n", 0, start)
    ahead: list[tuple[list[str], int]] = []
    for record in records(stream, separator, first):
        if any(cell.strip() for cell in record):
            ahead.append((record, stream.tell()))
        if len(ahead) == 20:
            break
    if not ahead:
        raise InputError("it holds no table: every line is empty.")
    above = []
    while len(ahead) > 1 and _is_title(ahead[0][0], [record for record, _ in ahead[1:]]):
        above.append(next(cell for cell in ahead.pop(0)[0] if cell.strip()))
    return (ahead[0][0], above, ahead[0][1])


def _is_title(record: list[str], following: list[list[str]]) -> bool:
    """Whether a line holds one text, and a line of several names without numbers comes later."""
    filled = [bool(cell.strip()) for cell in record]
    if filled.count(True) != 1 or not filled[0] or is_number(record[0]):
        return False
    for later in following[:5]:
        cells = [cell for cell in later if cell.strip()]
        if len(cells) > 1:
            return not any(map(is_number, cells))
    return False


def _named_in_comment(line: str, separator: str, below: list[str]) -> list[str] | None:
    """The names in the last comment, where the line below it holds numbers and is as wide."""
    try:
        names = next(records(io.StringIO(line.lstrip("#"), newline=""), separator), [])
    except InputError:
        return None
    fits = len(names) == len(below) > 1 and not any(map(is_number, names))
    return names if fits and any(map(is_number, below)) else None


def _short(words: str) -> str:
    return repr(words if len(words) <= 30 else words[:29] + "…")
