"""What can go wrong, each with the exit code that the command line gives it.

Every message is one sentence or two: what was wrong, and what would be right.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence

from weightdecay import escaping

MOST_COMPARED = 5_000
"""Known names among which a near one is sought: that takes a fraction of a second."""
MOST_LISTED = 40
"""Known names that a message lists."""
LONGEST_REASON = 200
"""Characters of what a library says of its own failure."""
LONGEST_NAME = 80
"""Characters of a known name as it is listed, and of one for which a near one is sought."""


class WeightDecayError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 2


class InputError(WeightDecayError, ValueError):
    """A value, a file or a name that cannot be used."""


class UnknownNameError(InputError):
    """A name that is none of the known ones; the message offers the nearest."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        """Say that `name` is no known `kind`, and which ones are."""
        text, names = str(name), sorted(known)
        near = nearest(text, names)
        hint = "" if near is None else f"did you mean {escaping.shown(near)}? "
        listed = ", ".join(
            escaping.line(escaping.shortened(known_name, LONGEST_NAME))
            for known_name in names[:MOST_LISTED]
        )
        more = len(names) - MOST_LISTED
        listed += f" and {more:,} more" if more > 0 else ""
        super().__init__(f"unknown {kind} {escaping.shown(text)}: {hint}known are {listed}.")


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that is spelled most like `name`, if one is; a name without end is like none."""
    if len(name) > LONGEST_NAME:
        return None
    spelled = {known.lower(): known for known in names if len(known) <= LONGEST_NAME}
    if name.lower() in spelled:
        return spelled[name.lower()]
    near = difflib.get_close_matches(name.lower(), [*spelled][:MOST_COMPARED], n=1, cutoff=0.5)
    return spelled[near[0]] if near else None


class MissingExtraError(WeightDecayError, ImportError):
    """An optional library is needed and not installed, or does not import."""

    def __init__(self, purpose: str, extra: str) -> None:
        """Say what needs the extra named `extra`, and how to install it.

        Raised while an ImportError is handled that is about more than a missing module, it says
        that: a library may be damaged, or memory may have run out as it was loaded.
        """
        failed = sys.exc_info()[1]
        if isinstance(failed, ImportError) and not isinstance(failed, ModuleNotFoundError):
            reason = escaping.line(escaping.shortened(str(failed), LONGEST_REASON))
            super().__init__(
                f"{purpose} needs the extra {extra!r}, which is installed and does not import "
                f"({reason}): install it anew, or free memory if that ran out."
            )
        else:
            super().__init__(f"{purpose} needs the extra {extra!r}: run {install_hint(extra)}.")


class BackendError(WeightDecayError):
    """A backend that was asked for cannot be used."""


class BackendNotInstalledError(BackendError, ImportError):
    """The framework of a known backend is not installed."""


class BackendBrokenError(BackendError, ImportError):
    """The framework is installed but does not import, or its adapter is incomplete."""


class NoEquivalentError(InputError):
    """A framework has no exact equivalent of what was asked; nothing is approximated."""


class ForeignError(InputError):
    """Somebody else's code, which was called, failed.

    Attributes
    ----------
    phase : str
        Where: 'its construction', 'step 2'.
    said : str
        The type and the first line of what was raised.
    """

    def __init__(self, phase: str, said: str) -> None:
        """Say what was raised, and in which phase."""
        self.phase, self.said = phase, said
        super().__init__(f"{phase} failed ({said})")


class IllConditionedWarning(UserWarning):
    """The data leave an answer fewer digits than are promised."""


class EdgeOfGridWarning(UserWarning):
    """The best λ is the first or the last of its grid, so a better one may lie beyond."""


class DivergenceError(WeightDecayError, ArithmeticError):
    """Training left the finite numbers, or is on its way out of them.

    Attributes
    ----------
    epoch : int
        The epoch, counted from 1, in which it happened.
    lambd : float
        λ of the run that diverged.
    bound : float or None
        Learning rates below it are stable on this data; None where the update rule has no such
        bound.
    suggested_lr : float or None
        A learning rate that stays clear of the bound.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        epoch: int,
        lambd: float,
        bound: float | None,
        suggested_lr: float | None,
    ) -> None:
        """Keep the figures beside the sentence, for programs that act on them."""
        super().__init__(message)
        self.epoch = epoch
        self.lambd = lambd
        self.bound = bound
        self.suggested_lr = suggested_lr


def install_hint(extra: str) -> str:
    """How to install an extra of this project."""
    return f"pip install '.[{extra}]' in the checkout"
