"""Names to strengths, by patterns of which the first that matches wins."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from weightdecay import validate
from weightdecay.errors import InputError


def matches(name: str, pattern: str) -> bool:
    """Shell-style and case-sensitive: ``*`` is anything, dots included.

    ``*.`` at the front also matches nothing at all, so that ``*.bias`` is every bias, at the root
    too; ``norm*`` is only what begins with it.
    """
    return fnmatchcase(name, pattern) or (
        pattern.startswith("*.") and fnmatchcase(name, pattern.removeprefix("*."))
    )


def assign(
    names: Sequence[str], patterns: Mapping[str, float], aliases: Mapping[str, str]
) -> dict[str, float]:
    """The strength of every name, in the order of the patterns.

    Parameters
    ----------
    names : sequence of str
        Every parameter's.
    patterns : mapping of str to float
        Patterns and their λ.
    aliases : mapping of str to str
        Further names of shared parameters, to their first.

    Raises
    ------
    InputError
        A pattern matches nothing, or nothing that an earlier one has left; a parameter is matched
        by none; a strength is negative or not finite.
    """
    if not isinstance(patterns, Mapping) or not patterns:
        raise InputError(
            'the patterns must be a mapping such as {"*.bias": 0, "norm*": 0, "*": 1e-2}.'
        )
    if not names:
        raise InputError("the model has no parameters: there is nothing to decay.")
    strengths: dict[str, float] = {}
    takers: dict[str, str] = {}
    for pattern, value in patterns.items():
        if not isinstance(pattern, str):
            raise InputError(f"the pattern {pattern!r} is no string: write names, with * in them.")
        strength = validate.number(f"the strength of {pattern!r}", value, least=0)
        matched = [name for name in names if matches(name, pattern)]
        free = [name for name in matched if name not in takers]
        if not free:
            raise InputError(_why_nothing(pattern, matched, takers, names, aliases))
        takers |= dict.fromkeys(free, pattern)
        strengths |= dict.fromkeys(free, strength)
    left = [name for name in names if name not in takers]
    if left:
        raise InputError(
            f'no pattern matches {listed(left)}: add them, or a last "*" for all that is left.'
        )
    return strengths


def _why_nothing(
    pattern: str,
    matched: Sequence[str],
    takers: Mapping[str, str],
    names: Sequence[str],
    aliases: Mapping[str, str],
) -> str:
    if matched:
        earlier = " and ".join(repr(p) for p in dict.fromkeys(takers[name] for name in matched))
        return (
            f"the pattern {pattern!r} comes too late: {earlier} before it takes "
            f"{listed(matched)}; put it first, or leave it out."
        )
    for alias, name in aliases.items():
        if matches(alias, pattern):
            return f"the pattern {pattern!r} matches {alias}, which is tied: name it {name}."
    bare = pattern.replace("*", "")
    near = max(names, key=lambda name: difflib.SequenceMatcher(None, bare, name).ratio())
    return f"the pattern {pattern!r} matches no parameter: the nearest is {near!r}."


def listed(names: Sequence[str], most: int = 3) -> str:
    """'a, b and c', or 'a, b, c and 4 more'."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
