"""Time stamps as instants: exact numbers that ascend with time, in one format for a whole column.

A text is never ordered as text. What can be read in two ways, or mixes local times with offsets, is
refused, and both readings are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeAlias

Key: TypeAlias = Fraction | int

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
YEARS = range(1000, 3001)
LONGEST = 400
"""Characters of the longest number that is taken for a time."""

LIKELY = range(1800, 2200)
"""Years that eight digits in a row are taken to begin with."""

CLOCK = (
    r"(?:[T ]+|:(?=\d\d:))(?P<H>\d{1,2})[:.]?(?P<M>\d{2})(?:[:.]?(?P<S>\d{2})(?:[.,](?P<f>\d+))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)
SHAPES = {
    "date": r"(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})",
    "compact": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    "month": r"(?P<y>\d{4})[-/](?P<m>\d{1,2})",
    "ordinal": r"(?P<y>\d{4})-(?P<o>\d{1,3})",
    "quarter": r"(?P<y>\d{4})[- ]?[Qq](?P<q>[1-4])",
    "week": r"(?P<y>\d{4})-?W(?P<w>\d{2})(?:-?(?P<wd>[1-7]))?",
    "day first": r"(?P<d>\d{1,2})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<y>\d{4})",
    "month first": r"(?P<m>\d{1,2})(?P<sep>[-/.])(?P<d>\d{1,2})(?P=sep)(?P<y>\d{4})",
    "named month": r"(?P<d>\d{1,2})[- ]?(?P<b>[A-Za-z]{3})[a-z]*[- ,]*(?P<y>\d{4})",
    "month and year": r"(?P<b>[A-Za-z]{3})[a-z]*[-. ,]*(?P<y>\d{4})",
    "clock": r"",
}
"""How a date is written; a column has one shape throughout."""

WITH_CLOCK = {"date", "compact", "ordinal", "day first", "month first", "named month"}
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
YEAR_POINT_MONTH = re.compile(r"\d{4}\.(\d|1[0-2])")


def _compiled(name: str) -> re.Pattern[str]:
    if name == "clock":
        return re.compile(CLOCK.replace(r"(?:[T ]+|:(?=\d\d:))", "").replace("[:.]?", "[:.]"))
    return re.compile(SHAPES[name] + (f"(?:{CLOCK})?" if name in WITH_CLOCK else ""))


_SHAPES = {name: _compiled(name) for name in SHAPES}


@dataclass(frozen=True)
class Order:
    """Words in the order of time.

    Attributes
    ----------
    keys : mapping
        Of every word its place in time: equal instants have equal keys, later ones larger.
    fault : str
        Why there is no such order; "" where there is.
    note : str
        How the words were read, where somebody could have read them otherwise.
    """

    keys: dict[str, Key]
    fault: str = ""
    note: str = ""


def order(words: Iterable[str]) -> Order:
    """The order in time of distinct words, none of which is missing."""
    known = list(dict.fromkeys(words))
    if all(len(word) < LONGEST and NUMBER.fullmatch(word) for word in known):
        return _of_numbers(known)
    found: dict[str, list[Key]] = {}
    for name, shape in _SHAPES.items():
        matches = [match for match in map(shape.fullmatch, known) if match is not None]
        if len(matches) == len(known):
            keys = [_instant(match.groupdict()) for match in matches]
            places = [key for key in keys if key is not None]
            if len(places) == len(known):
                found[name] = places
    if "month" in found and "ordinal" in found and _plain_months(known):
        del found["ordinal"]
    if {"day first", "month first"} <= set(found):
        if "." in known[0].split()[0]:
            del found["month first"]
        elif ranks(found["day first"]) == ranks(found["month first"]):
            return Order(dict(zip(known, found["day first"], strict=True)))
        else:
            day, month, _ = re.split(r"[-/]", known[0], maxsplit=2)
            return Order({}, f"{known[0]!r}, in which {day} can be the day, or the month ({month} "
                             "the day)")  # fmt: skip
    if not found:
        return Order({}, _first_odd(known))
    name, ordered = next(iter(found.items()))
    read = map(_SHAPES[name].fullmatch, known)
    zones = [bool(match.groupdict().get("zone")) for match in read if match is not None]
    if len(set(zones)) > 1:
        local, other = known[zones.index(False)], known[zones.index(True)]
        return Order({}, f"{local!r} without an offset from UTC beside {other!r} with one")
    said = {"day first": "with the day first", "month first": "with the month first"}.get(name, "")
    if name == "ordinal":
        said = "as years and days of the year"
    return Order(dict(zip(known, ordered, strict=True)), note=said)


def ranks(keys: Sequence[Key]) -> list[int]:
    """Equal keys have equal numbers, from 0, which ascend as the keys do."""
    place = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [place[key] for key in keys]


def _of_numbers(words: list[str]) -> Order:
    """Numbers ascend as such, unless their digits spell a date whose year comes last."""
    if all(YEAR_POINT_MONTH.fullmatch(word) for word in words):
        lengths = {len(word) for word in words}
        if len(lengths) > 1:
            return Order({}, f"{words[0]!r}, which can be a month or a fraction of a year")
    if all(len(word) == 8 and word.isdigit() for word in words):
        first = all(_is_date(word[:4], word[4:6], word[6:]) for word in words)
        last = all(
            _is_date(word[4:], word[2:4], word[:2]) or _is_date(word[4:], word[:2], word[2:4])
            for word in words
        )
        if last and not first:
            return Order({}, f"{words[0]!r}, in which the year comes last")
    return Order({word: Fraction(word) for word in words})


def _is_date(year: str, month: str, day: str) -> bool:
    return int(year) in LIKELY and _day(int(year), int(month), int(day)) is not None


def _plain_months(words: list[str]) -> bool:
    """Whether YYYY-N are months: never above 12, and not one digit here and three there."""
    return all(int(word[5:]) <= 12 and len(word) <= 7 for word in words)


def _first_odd(words: list[str]) -> str:
    """The first word that does not go with the others."""
    shapes = (NUMBER, *_SHAPES.values())
    best = max(shapes, key=lambda shape: sum(shape.fullmatch(word) is not None for word in words))
    for word in words:
        match = best.fullmatch(word)
        if match is None or (best is not NUMBER and _instant(match.groupdict()) is None):
            return _shortened(word)
    return _shortened(words[0])


def _shortened(word: str) -> str:
    return repr(word if len(word) <= 40 else word[:39] + "…")


def _instant(part: dict[str, str | None]) -> Key | None:
    """Seconds since the year 1, UTC or local; None where there is no such day or time."""
    day = _whole_day(part)
    if day is None:
        return None
    seconds: Key = 86400 * day
    if part.get("H") is None:
        return seconds
    hour, minute = int(part["H"] or 0), int(part["M"] or 0)
    second = Fraction(f"{part['S'] or 0}.{part['f'] or 0}")
    half = part.get("half")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half in "pP")
    if minute > 59 or second >= 61 or hour > 24 or (hour == 24 and (minute or second)):
        return None
    seconds += 3600 * hour + 60 * minute + second
    zone = part.get("zone") or "Z"
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = 3600 * int(digits[:2]) + 60 * int(digits[2:])
        seconds -= offset if zone[0] == "+" else -offset
    return seconds


def _whole_day(part: dict[str, str | None]) -> int | None:
    """The day of a date, of the first day of a month, quarter or week, or 0 of a time alone."""
    if part.get("y") is None:
        return 0
    year = int(part["y"] or 0)
    if year not in YEARS:
        return None
    if part.get("o"):
        within = int(part["o"] or 0)
        first = _day(year, 1, 1)
        leap = _day(year, 2, 29) is not None
        return first + within - 1 if first and 1 <= within <= 365 + leap else None
    if part.get("w"):
        week, weekday = int(part["w"] or 0), int(part.get("wd") or 1)
        try:
            return date.fromisocalendar(year, week, weekday).toordinal()
        except ValueError:
            return None
    if part.get("b"):
        name = (part["b"] or "").lower()
        month = MONTHS.index(name) + 1 if name in MONTHS else 0
    elif part.get("q"):
        month = 3 * int(part["q"] or 1) - 2
    else:
        month = int(part.get("m") or 1)
    return _day(year, month, int(part.get("d") or 1))


def _day(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None
