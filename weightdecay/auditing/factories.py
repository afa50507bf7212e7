"""From what the user names to a factory and the framework that it belongs to."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weightdecay.errors import InputError
from weightdecay.registry import BUILT_IN, load_probe

ROOTS = {
    "torch": "torch",
    "keras": "tensorflow",
    "tf": "tensorflow",
    "tensorflow": "tensorflow",
    "optax": "jax",
    "jax": "jax",
    "mxnet": "mxnet",
    "mx": "mxnet",
}
"""The first word of a dotted name, or of the module of a class, to the backend that drives it."""


def backend_of_name(name: str) -> str | None:
    """The backend of a dotted name such as 'torch.optim.AdamW'; None for the user's own."""
    return None if ":" in name else ROOTS.get(name.split(".")[0])


def find_factory(
    factory: str | Callable[..., Any], backend: str | None = None
) -> tuple[str, str, Callable[..., Any]]:
    """The backend, the name and the factory that are meant.

    Parameters
    ----------
    factory : str or callable
        A framework's dotted name, ``package.module:factory`` for the user's own, or the callable
        itself.
    backend : str, optional
        Which framework a callable of the user's own belongs to, where its module does not tell.

    Raises
    ------
    InputError
        Nothing of that name, nothing that can be called, or a framework that cannot be told.
    BackendError
        The framework cannot be had in this interpreter.
    """
    if isinstance(factory, str):
        known = backend or backend_of_name(factory)
        if ":" not in factory:
            if known is None:
                raise InputError(
                    f"{factory!r} belongs to no known framework: write a name such as "
                    "torch.optim.AdamW, or package.module:factory for one of your own."
                )
            return known, factory, load_probe(known).find(factory)
        name, found = factory, _import(factory)
    else:
        name, found = _name(factory), factory
    if not callable(found):
        raise InputError(
            f"{name} is {found!r}: name a class or a function that makes an optimizer."
        )
    return backend or _told(name, found), name, found


def _import(name: str) -> Any:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` would have it
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise InputError(f"there is no module {error.name!r}, which {name!r} asks for.") from error
    except AttributeError as error:
        raise InputError(f"module {module!r} has no {attribute!r}: name what is there.") from error
    return found


def _plain(factory: Callable[..., Any]) -> Callable[..., Any]:
    """What a partial or a decorated function is of."""
    while isinstance(factory, functools.partial):
        factory = factory.func
    plain: Callable[..., Any] = inspect.unwrap(factory)
    return plain


def _name(factory: Callable[..., Any]) -> str:
    factory = _plain(factory)
    module = getattr(factory, "__module__", None) or "?"
    name = getattr(factory, "__qualname__", None) or type(factory).__qualname__
    return f"{module}.{name}" if module.split(".")[0] in ROOTS else f"{module}:{name}"


def _told(name: str, factory: Callable[..., Any]) -> str:
    """By the classes it derives from, by its own module, else by what its module's names are."""
    factory = _plain(factory)
    lineage = inspect.getmro(factory) if inspect.isclass(factory) else (factory,)
    by_class = {ROOTS.get(str(c.__module__).split(".")[0]) for c in lineage} - {None}
    if len(by_class) == 1:
        return str(by_class.pop())
    names = getattr(factory, "__globals__", None)
    if names is None:
        names = vars(sys.modules.get(str(getattr(factory, "__module__", "")), object))
    used = set(_names_in(getattr(factory, "__code__", None)) or names) & set(names)
    modules = {_root(names[used_name]) for used_name in used}
    found = {ROOTS[root] for root in modules if root in ROOTS}
    if len(found) == 1:
        return found.pop()
    if not found:
        return "numpy"
    raise InputError(
        f"{name} could belong to {' or '.join(sorted(found))}: say which with backend="
        f"{sorted(found)[0]!r} (--backend {sorted(found)[0]})."
    )


def _names_in(code: Any) -> set[str]:
    """The global names that a function mentions, with the functions inside it."""
    if code is None:
        return set()
    inner = [_names_in(c) for c in code.co_consts if inspect.iscode(c)]
    return set(code.co_names).union(*inner)


def _root(value: object) -> str:
    module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")
    return str(module or "").split(".")[0]


def backends() -> list[str]:
    """The backends whose frameworks have optimizers of their own."""
    return [name for name, registration in BUILT_IN.items() if registration.native]
