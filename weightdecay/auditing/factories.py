"""From what the user names to a factory and the framework that it belongs to."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from weightdecay.auditing.foreign import Heard, calling
from weightdecay.errors import ForeignError, InputError
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
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise InputError(
            f"{name!r} names nothing: write package.module:factory, such as train.optim:make."
        )
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` would have it
        sys.path.insert(0, here)
    try:
        with calling(f"importing {module}", Heard()):
            found: Any = importlib.import_module(module)
    except ForeignError as error:
        raise InputError(_unimported(name, module, error)) from error
    try:
        with calling(f"looking up {attribute}", Heard()):
            for part in attribute.split("."):
                found = getattr(found, part)
    except ForeignError as error:
        raise InputError(f"module {module!r} has no {attribute!r}: name what is there.") from error
    return found


def _unimported(name: str, module: str, error: ForeignError) -> str:
    """Why a module cannot be imported, and what would be right."""
    cause = error.__cause__
    if isinstance(cause, ModuleNotFoundError):
        backend = ROOTS.get(str(cause.name).split(".")[0])
        hint = f" Give --backend {backend} to run it where that is." if backend else ""
        return f"there is no module {cause.name!r}, which {name!r} asks for.{hint}"
    if isinstance(cause, SyntaxError):
        at = f" in line {cause.lineno} of {Path(str(cause.filename)).name}" if cause.lineno else ""
        return f"module {module!r} is no Python{at}: {cause.msg}."
    if isinstance(cause, SystemExit):
        return (
            f"module {module!r} ends the program while it is imported (sys.exit): put what it "
            "runs under if __name__ == '__main__'."
        )
    return f"module {module!r} cannot be imported ({error.said}): mend what it raises."


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
    """By the classes it derives from, by what it mentions, else by what its module has.

    NumPy where nothing on the way belongs to a framework.
    """
    factory = _plain(factory)
    lineage = inspect.getmro(factory) if inspect.isclass(factory) else (factory,)
    by_class = {ROOTS.get(str(c.__module__).split(".")[0]) for c in lineage} - {None}
    if len(by_class) == 1:
        return str(by_class.pop())
    home = str(getattr(factory, "__module__", ""))
    names = getattr(factory, "__globals__", None)
    if names is None:
        names = vars(sys.modules.get(home, object))
    mentioned = _names_in(getattr(factory, "__code__", None))
    within = {ROOTS[word] for word in mentioned if word in ROOTS and word not in names}
    used = [names[word] for word in mentioned if word in names]
    for found in (within | _frameworks(used), _reached(used), _frameworks(names.values())):
        if len(found) == 1:
            return next(iter(found))
        if found:
            first = sorted(found)[0]
            raise InputError(
                f"{name} could belong to {' or '.join(sorted(found))}: say which with backend="
                f"{first!r} (--backend {first})."
            )
    return "numpy"


def _frameworks(values: Iterable[Any]) -> set[str]:
    return {ROOTS[root] for value in values if (root := _root(value)) in ROOTS}


DEPTH = 3
"""Modules that lead from one to the next, from a factory to its framework."""


def _reached(used: Iterable[Any]) -> set[str]:
    """The frameworks that the modules of what is used have, or theirs; the nearest that tell."""
    modules = {module for value in used if (module := _module_of(value))}
    seen: set[str] = set()
    for _ in range(DEPTH):
        modules -= seen | LIBRARIES
        held = [v for m in modules if m in sys.modules for v in list(vars(sys.modules[m]).values())]
        if found := _frameworks(held):
            return found
        seen |= modules
        modules = {module for value in held if (module := _module_of(value))}
    return set()


LIBRARIES = {"builtins", "numpy", *sys.stdlib_module_names}
"""Which belong to no framework, whatever they have imported."""


def _module_of(value: object) -> str:
    try:
        module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")
    except Exception:  # what is looked up lazily may fail in any way
        return ""
    text = module if isinstance(module, str) else ""
    return "" if text.split(".")[0] in LIBRARIES else text


def _names_in(code: Any) -> set[str]:
    """The global names that a function mentions, with the functions inside it."""
    if code is None:
        return set()
    inner = [_names_in(c) for c in code.co_consts if inspect.iscode(c)]
    return set(code.co_names).union(*inner)


def _root(value: object) -> str:
    return _module_of(value).split(".")[0]


def backends() -> list[str]:
    """The backends whose frameworks have optimizers of their own."""
    return [name for name, registration in BUILT_IN.items() if registration.native]
