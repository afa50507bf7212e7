"""How long the process of a backend is waited for, and who is told meanwhile.

A process that works is waited for as long as it works. One that gives no answer and takes no
processor time either (it was stopped, it waits for a lock) is given up after `SILENCE`. A limit, of
``--timeout`` or ``WEIGHTDECAY_TIMEOUT``, ends any wait for an answer. After `NOTICE`, whoever
listens is told what is waited for; without a listener nothing is printed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from weightdecay.errors import InputError
from weightdecay.validate import number

VARIABLE = "WEIGHTDECAY_TIMEOUT"
LONGEST = 1e9
NOTICE = 6.0
"""Seconds after which it is told what is waited for; then again whenever the wait has tripled."""
SILENCE = 60.0
"""Seconds without an answer and without processor time after which a process counts as hung."""


def _nobody(told: str) -> None:
    pass


@dataclass(frozen=True)
class Patience:
    """What a wait for an answer may take.

    Attributes
    ----------
    limit : float or None
        Seconds for an answer; None as long as the process works.
    on_wait : callable
        Told in a sentence what is waited for.
    silence, notice : float
        See `SILENCE` and `NOTICE`.
    """

    limit: float | None = None
    on_wait: Callable[[str], None] = _nobody
    silence: float = SILENCE
    notice: float = NOTICE


_CURRENT: ContextVar[Patience] = ContextVar("patience")


def current() -> Patience:
    """The patience of workers that start now: that of `having`, else of the variable.

    Raises
    ------
    InputError
        The variable is no number of seconds.
    """
    return _CURRENT.get(None) or Patience(from_variable())


def limit(usual: float) -> float:
    """Seconds for an answer that usually takes far less than `usual`: a limit that was given."""
    return current().limit or usual


@contextmanager
def having(patience: Patience) -> Iterator[None]:
    """Let workers that start in this context have a patience."""
    before = _CURRENT.set(patience)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def seconds(name: str, value: object) -> float:
    """A limit from a user."""
    return number(name, value, above=0, most=LONGEST)


def from_variable() -> float | None:
    """The limit that the environment variable gives, if any."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{VARIABLE} is {text[:40]!r}: it must be a number of seconds.") from None
    return seconds(VARIABLE, value)
