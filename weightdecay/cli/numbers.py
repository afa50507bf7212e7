"""Numbers on the command line: one reader for every option, which answers at once.

Decimal digits of ASCII alone. Python's own reader also takes 1_000 and the digits of every script,
and takes very long over thousands of digits.
"""

from __future__ import annotations

from typing import Any

import click

from weightdecay.escaping import shown
from weightdecay.validate import parse_integer, parse_number


class _Whole(click.ParamType):  # type: ignore[type-arg]  # not generic in every version
    name = "integer"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        found = value if isinstance(value, int) else parse_integer(value)
        if found is None:
            self.fail(
                f"{shown(value)} is not a valid integer: write digits, such as 10.", param, ctx
            )
        return found


class _Real(click.ParamType):  # type: ignore[type-arg]
    name = "float"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        found = float(value) if isinstance(value, int | float) else parse_number(value)
        if found is None:
            self.fail(
                f"{shown(value)} is not a valid float: write digits, such as 1e-3.", param, ctx
            )
        return found


WHOLE = _Whole()
"""A whole number; the command says from what to what."""
REAL = _Real()
"""A number; the command says within which limits."""


def whole_or_word(text: str) -> int | str:
    """A whole number where the text spells one, and otherwise the word that it is."""
    found = parse_integer(text)
    return text if found is None else found
