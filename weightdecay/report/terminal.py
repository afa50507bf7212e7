"""What prints for a person: rich's console, table and text, for which no text is anything but text.

No square bracket is markup and no character controls the terminal, whatever file, class or variable
a text comes from; see `weightdecay.escaping`. Everything that is shown is shown through these.
"""

from __future__ import annotations

import os
from typing import Any

import rich.console
import rich.table
import rich.text
from rich import box

from weightdecay.escaping import name, sentence
from weightdecay.validate import parse_integer

WIDEST = 10_000
"""Characters of a line of the widest terminal."""


class Console(rich.console.Console):
    """Standard output or a stream, without markup, emoji codes and colours of its own."""

    def __init__(self, **settings: Any) -> None:
        plain = {"markup": False, "emoji": False, "highlight": False, "_environ": _environment()}
        super().__init__(**{**plain, **settings})

    def render_str(self, text: str, **settings: Any) -> rich.text.Text:
        """A text that is printed, or that stands in a table."""
        return super().render_str(sentence(text), **settings)


def _environment() -> dict[str, str]:
    """The variables, with a width and a height only where they are those of a terminal."""
    sizes = {name: parse_integer(os.environ.get(name, "")) for name in ("COLUMNS", "LINES")}
    wrong = {name for name, size in sizes.items() if size is None or not 1 <= size <= WIDEST}
    return {name: value for name, value in os.environ.items() if name not in wrong}


class Text(rich.text.Text):
    """A text as it is, but harmless."""

    def __init__(self, text: str = "", **settings: Any) -> None:
        super().__init__(sentence(text), **settings)


class Table(rich.table.Table):
    """A table in the one style that this program has; every cell is one line of plain text."""

    def __init__(self, **settings: Any) -> None:
        usual = {"box": box.SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}
        super().__init__(**{**usual, **settings})

    def add_column(self, header: Any = "", footer: Any = "", **settings: Any) -> None:
        """A column; its header may have two lines."""
        super().add_column(Text(str(header)), Text(str(footer)), **settings)

    def add_row(self, *cells: Any, **settings: Any) -> None:
        """A row of texts."""
        super().add_row(*(Text(name(str(cell))) for cell in cells), **settings)
