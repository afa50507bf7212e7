"""Somebody else's code, called: what it raises is one sentence, what it prints and warns is kept.

An optimizer under audit may fail in any way, at any step. Whatever it raises, leaving the program
included, becomes a `ForeignError` that says in which phase; only Ctrl-C goes through. What it
prints must not mix with a report, and what it warns of is worth a line of it.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from weightdecay.errors import ForeignError, WeightDecayError

LONGEST = 300
"""Characters of a foreign message that are passed on."""


def sentence(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    if isinstance(error, ForeignError):
        return error.said
    line = first_line(str(error))
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def first_line(text: str) -> str:
    """The first line that holds something, cut where it is too long."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"


@dataclass
class Heard:
    """What foreign code prints and warns of, the first of each, and what it is about just now."""

    printed: str = ""
    warned: str = ""
    phase: str = field(default="", compare=False)

    def facts(self) -> dict[str, str]:
        """For a report."""
        said = {"it prints": self.printed, "it warns": self.warned}
        return {name: text for name, text in said.items() if text}


@contextmanager
def calling(phase: str, heard: Heard) -> Iterator[None]:
    """Call foreign code inside; raises `ForeignError` for whatever it raises."""
    heard.phase = phase
    out = io.StringIO()
    try:
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
            warnings.simplefilter("always")
            yield
    except (WeightDecayError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ForeignError(phase, sentence(error)) from error
    finally:
        heard.phase = ""
        heard.printed = heard.printed or first_line(out.getvalue())
        if caught and not heard.warned:
            heard.warned = f"{caught[0].category.__name__}: {first_line(str(caught[0].message))}"
