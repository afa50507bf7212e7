"""What a factory takes beside what it updates: its keyword arguments, read from its signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Any

VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def first(factory: Callable[..., Any]) -> str | None:
    """The name of the argument that comes first, None where any number may come."""
    listed = list(inspect.signature(factory).parameters.values())
    return listed[0].name if listed and listed[0].kind not in VARIADIC else None


def options(factory: Callable[..., Any], until: type = object) -> dict[str, Any]:
    """The keyword arguments to their defaults, without the one that comes first.

    What a class hands on to its bases as ``**kwargs`` is looked up there, below `until`; the
    nearest default holds. What a base requires the class gives it by itself.
    """
    if isinstance(factory, functools.partial):
        bound = list(inspect.signature(factory.func).parameters)[: len(factory.args)]
        found = {k: v for k, v in options(factory.func, until).items() if k not in bound}
        return found | factory.keywords
    found = {}
    for constructor, hidden in _constructors(factory, until):
        listed = list(inspect.signature(constructor).parameters.values())[hidden:]
        named = [p for p in listed if p.kind not in VARIADIC]
        if listed and listed[0].kind not in VARIADIC:
            named = named[1:]
        for p in named:
            if not hidden or p.default is not Parameter.empty:  # which the subclass gives itself
                found.setdefault(p.name, p.default)
        rest = [p.name for p in listed if p.kind is Parameter.VAR_KEYWORD]
        if not rest or not _hands_on(constructor, rest[0]):
            break
    return found


def _constructors(factory: Callable[..., Any], until: type) -> Iterator[tuple[Any, int]]:
    """Whose signatures to read, the nearest first, and how many arguments of each to leave out."""
    if not inspect.isclass(factory):
        yield factory, 0
        return
    own = [base for base in factory.__mro__ if "__init__" in vars(base)]
    if own[0] in (object, until):  # made by a metaclass or __new__: as it presents itself
        yield factory, 0
        return
    yield factory, 0
    for base in own[1:]:
        if base in (object, until):
            return
        yield vars(base)["__init__"], 1  # without self


def _hands_on(constructor: Any, rest: str) -> bool:
    """Whether ``**rest`` is used once more after the signature."""
    function = constructor.__init__ if inspect.isclass(constructor) else constructor
    try:
        return inspect.getsource(function).count(f"**{rest}") > 1
    except (OSError, TypeError):  # no source to read
        return True
