r"""Text from elsewhere, made harmless before it goes anywhere: the one place that decides how.

A name may come from a file, an environment variable, an argument or somebody's class, and may hold
anything: an escape sequence that repaints a terminal, a character that turns the order of reading
round, half a surrogate pair that no encoding can write, a hundred thousand letters. Such characters
are shown as Python spells them, ``\x1b``; ordinary text in any script stays as it is.

========================  ==========================================================
where text goes           what makes it harmless
========================  ==========================================================
a terminal                `sentence` for a text, `name` for a name or a cell within one
                          (`weightdecay.report.terminal` does it for all that it prints)
a picture                 `name` (`weightdecay.pictures` does it for a whole chart)
JSON                      `to_json`
CSV                       `csv_cell`
an error                  `shown` for the value that was wrong; `shell` in an option to type
========================  ==========================================================
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable
from typing import Any

LONGEST_VALUE = 250
"""Characters of a wrong value that an error repeats."""
MOST_NAMES = 12
"""Names that a sentence lists."""
LONGEST_NAME = 200
"""Characters of a name in a table, a sentence or a picture."""
LONGEST_WORD = 300
"""Characters of a word that a terminal gets; names of columns are shorter, and paths mostly."""
LONGEST_TEXT = 20_000
"""Characters of an error. The longest true ones list every column that has to be dropped."""

# Controls but tab and line feed, separators of lines, marks that turn the direction of reading or
# have no width, halves of surrogate pairs, what is no character, and tags.
_HOSTILE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"
)
_IN_LINES = re.compile(f"[{_HOSTILE}]")
_IN_LINE = re.compile(rf"[{_HOSTILE}\t\n]")
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def lines(text: str) -> str:
    """A text whose only control characters are tabs and ends of lines."""
    return _IN_LINES.sub(_spelled, text)


def line(text: str) -> str:
    """A name or a cell, in one line whatever it holds."""
    return _IN_LINE.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text of more than `most` characters, and how much is left out.

    For names of fewer than some twenty characters nothing is gained, and nothing is done.
    """
    if len(text) <= max(most, 20):
        return text
    head, tail = 2 * most // 3, most // 4
    return f"{text[:head]}… ({len(text) - head - tail:,} characters left out) …{text[-tail:]}"


def name(text: str) -> str:
    """A name in a sentence, a table or a picture: one line, and not without end."""
    return line(shortened(text, LONGEST_NAME))


def shown(value: object) -> str:
    """A value that is wrong, as an error repeats it: in Python's notation, one line, not long."""
    try:
        if isinstance(value, str | bytes) and len(value) > LONGEST_VALUE:
            head, tail = 2 * LONGEST_VALUE // 3, LONGEST_VALUE // 4
            left_out = f"… ({len(value) - head - tail:,} characters left out) …"
            return line(repr(value[:head])[:-1] + left_out + repr(value[-tail:]).lstrip("b")[1:])
        return line(shortened(repr(value), LONGEST_VALUE))
    except Exception:  # somebody's own class, or a whole number of more digits than Python writes
        if isinstance(value, int):
            return f"a whole number of {int(value.bit_length() * math.log10(2)):,} digits"
        return f"a value of the type {type(value).__name__}"


def listed(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """Names as an error repeats them, with commas between, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(map(shown, every[:most])) + more


def shell(text: str) -> str:
    """A text as a shell reads it: as it is, in quotation marks, or spelled in ``$''``."""
    if line(text) == text:
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    # From 0x80 on, a shell takes \x for a byte and \u for a character.
    spelled = re.sub(r"[\x80-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", quoted)
    return f"$'{line(spelled)}'"


def sentence(text: str) -> str:
    """An error or a warning for a terminal: nothing hostile in it, and no word without end."""
    words = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda m: shortened(m[0], LONGEST_WORD), text)
    return lines(shortened(words, LONGEST_TEXT))


def csv_cell(text: str) -> str:
    """A text as a cell of a CSV file, which no spreadsheet takes for a formula.

    Text that begins with =, +, − or @ gets an apostrophe before it, as spreadsheets write it
    themselves; so does text that begins with apostrophes and then such a sign, so that taking one
    away gives back what it was. A number stays a number, whatever its sign.
    """
    harmless = line(text)
    formula = _FORMULA.match(harmless) and not _NUMBER.fullmatch(harmless)
    return f"'{harmless}" if formula else harmless


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that every reader takes: what is not finite is null, what is hostile is escaped.

    Between its strings JSON is ASCII, so that what is hostile stands within a string, where
    ``\\u`` and four digits say the same.
    """  # noqa: D301
    words = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return _IN_LINES.sub(_in_json, words)


def _in_json(match: re.Match[str]) -> str:
    return "\\u007f" if match[0] == "\x7f" else json.dumps(match[0])[1:-1]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
