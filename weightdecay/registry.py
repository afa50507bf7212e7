"""From a backend's name to its ops: lazily, and with an error that says what is missing.

The name is the argument where one is given, else the environment variable
``WEIGHTDECAY_BACKEND`` (read at the call, not at import), else ``numpy``. A backend that was asked
for and cannot be had is an error: never another backend in its place.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, cast

from weightdecay.errors import (
    BackendBrokenError,
    BackendError,
    BackendNotInstalledError,
    InputError,
    NoEquivalentError,
    UnknownNameError,
    install_hint,
)
from weightdecay.ops import DTYPES, VERBS, Adapter, Ops

if TYPE_CHECKING:
    from weightdecay.models.reading import ModelReader
    from weightdecay.native import NativeTrainer
    from weightdecay.printed import PrintedProgram
    from weightdecay.probe import Probe

ENVIRONMENT_VARIABLE = "WEIGHTDECAY_BACKEND"
ENTRY_POINT_GROUP = "weightdecay.backends"
DEFAULT = "numpy"


@dataclass(frozen=True)
class Registration:
    """Where a backend's adapter lives, and what must be installed for it to import.

    Attributes
    ----------
    name : str
        What users write.
    module : str
        The adapter module.
    framework : str or None
        The top-level package it needs; None when only the adapter knows.
    install : str
        How to install that package.
    native : str or None
        The module of its native implementation, if it has one.
    probe : str or None
        The module that drives its optimizers; see `weightdecay.probe`.
    models : str or None
        The module that reads its models; see `weightdecay.models`.
    settings : str
        The dtype in which its native optimizers hold rates and λ; see `weightdecay.held`.
    """

    name: str
    module: str
    framework: str | None
    install: str
    native: str | None = None
    probe: str | None = None
    models: str | None = None
    settings: str = "float64"


def _built_in(
    name: str,
    install: str | None = None,
    native: str | None = None,
    settings: str = "float64",
) -> Registration:
    own = f"weightdecay.backends.native.{native or name}"
    return Registration(
        name,
        f"weightdecay.backends.{name}_backend",
        name,
        install or f"run {install_hint(name)}",
        native and f"{own}_native",
        f"{own}_probe",
        native and f"{own}_models",
        settings,
    )


BUILT_IN = {
    registration.name: registration
    for registration in (
        _built_in("numpy", install="comes with weightdecay"),
        _built_in("torch", native="torch"),
        _built_in("tensorflow", native="keras", settings="float32"),
        _built_in("jax", native="optax"),
        _built_in("mxnet", native="gluon", settings="float32"),
    )
}


def registrations() -> dict[str, Registration]:
    """Every known backend: the built-in ones, then those of the entry-point group.

    A third party's package registers an adapter module under ``weightdecay.backends``; the names of
    built-in backends are taken.
    """
    from importlib.metadata import entry_points  # 40 ms that the built-in backends need not pay

    third_party = {
        point.name: Registration(
            point.name,
            point.value,
            None,
            f"comes with {point.dist.name}" if point.dist else "comes with its own package",
        )
        for point in entry_points(group=ENTRY_POINT_GROUP)
        if point.name not in BUILT_IN
    }
    return BUILT_IN | third_party


def resolve_name(name: str | None = None) -> str:
    """The backend that is meant: the argument, else the environment variable, else NumPy.

    Raises
    ------
    InputError
        The argument or the variable is set and empty, or carries quotation marks.
    """
    origin = "backend"
    if name is None:
        name = os.environ.get(ENVIRONMENT_VARIABLE)
        origin = ENVIRONMENT_VARIABLE
        if name is None:
            return DEFAULT
    if not name.strip():
        raise InputError(f"{origin} is empty: name a backend, such as 'numpy', or leave it out.")
    if name != name.strip().strip("'\""):
        plain = name.strip().strip("'\" ")
        raise InputError(
            f"{origin} is {name!r}, with quotation marks or blanks in the value: write {plain}."
        )
    return name


def find(name: str) -> Registration:
    """The registration of a backend.

    Raises
    ------
    UnknownNameError
        No backend of that name is built in or registered.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    known = registrations()
    if name not in known:
        raise UnknownNameError("backend", name, known)
    return known[name]


def is_installed(package: str) -> bool:
    """Whether a package can be found; a mere folder of that name, which has no origin, is none."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def load_adapter(name: str) -> Adapter:
    """Import a backend's adapter and check that it offers what an adapter must.

    Raises
    ------
    UnknownNameError
        No backend of that name is known.
    BackendNotInstalledError
        Its framework is not installed.
    BackendBrokenError
        The framework is installed and does not import, or the adapter is incomplete; the original
        error is chained.
    """
    registration = find(name)
    framework = registration.framework
    if framework is not None and not is_installed(framework):
        raise BackendNotInstalledError(
            f"backend {name!r} needs the package {framework!r}, which is not installed: "
            f"{registration.install}."
        )
    module = _import(name, registration.module)
    missing = [
        part for part in ("version", "dtypes", "devices", "bind") if not hasattr(module, part)
    ]
    if missing:
        raise BackendBrokenError(
            f"the adapter {registration.module!r} of backend {name!r} lacks {', '.join(missing)}: "
            "see weightdecay.ops.Adapter."
        )
    return cast(Adapter, module)


def _import(name: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except BackendError:
        raise
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackendBrokenError(
            f"backend {name!r} is installed but does not import "
            f"({type(error).__name__}: {first_line}): reinstall it."
        ) from error


def load_native(name: str) -> NativeTrainer:
    """The native implementation that comes with a backend.

    Raises
    ------
    NoEquivalentError
        The backend has none.
    BackendError
        As `load_adapter`.
    """
    load_adapter(name)
    registration = find(name)
    if registration.native is None:
        raise NoEquivalentError(
            f"backend {name!r} has no native implementation, for it has no optimizer of its own: "
            "choose the implementation 'scratch', or another backend."
        )
    return cast("NativeTrainer", _import(name, registration.native))


def load_probe(name: str) -> Probe:
    """What drives the optimizers of a built-in backend's framework; raises as `load_adapter`."""
    load_adapter(name)
    module = find(name).probe
    if module is None:
        raise NoEquivalentError(f"backend {name!r} has no probe: its optimizers cannot be driven.")
    return cast("Probe", _import(name, module))


def load_models(name: str) -> ModelReader:
    """What reads the models of a built-in backend's framework; raises as `load_adapter`."""
    load_adapter(name)
    module = find(name).models
    if module is None:
        raise NoEquivalentError(f"backend {name!r} has no models of its own.")
    return cast("ModelReader", _import(name, module))


def load_book(name: str) -> PrintedProgram:
    """The book's concise program for a built-in backend; raises as `load_adapter`."""
    load_adapter(name)
    return cast("PrintedProgram", _import(name, f"weightdecay.backends.book.{name}_book"))


@functools.cache
def _bind(name: str, dtype: str, device: str) -> Ops:
    """Bind once: a backend keeps its compiled loops with the ops they were made for."""
    adapter = load_adapter(name)
    if dtype not in adapter.dtypes:
        raise BackendError(
            f"backend {name!r} has no {dtype} here: it has {', '.join(adapter.dtypes)}."
        )
    devices = adapter.devices()
    if device not in devices:
        raise BackendError(
            f"backend {name!r} finds no device {device!r} here: it has {', '.join(devices)}."
        )
    ops = adapter.bind(dtype, device)
    missing = [verb for verb in (*VERBS, "dtype", "device") if not hasattr(ops, verb)]
    if missing:
        raise BackendBrokenError(
            f"the adapter of backend {name!r} lacks {', '.join(missing)}: see weightdecay.ops."
        )
    return ops


def load(name: str | None = None, dtype: str = "float64", device: str = "cpu") -> Ops:
    """The tensor ops of a backend, bound to a dtype and a device.

    Parameters
    ----------
    name : str, optional
        'numpy', 'torch' or a registered third party's; by default ``WEIGHTDECAY_BACKEND``, else
        'numpy'.
    dtype : str
        'float32' or 'float64'.
    device : str
        'cpu', 'cuda' or whatever else the backend lists.

    Raises
    ------
    InputError, UnknownNameError, BackendNotInstalledError, BackendBrokenError, BackendError
        Each says in one sentence what is wrong and what would be right.
    """
    if dtype not in DTYPES:
        raise UnknownNameError("dtype", dtype, DTYPES)
    return _bind(resolve_name(name), dtype, device)
