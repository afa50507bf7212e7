"""Which interpreter runs a backend, and the environments that are made for backends.

In this order: the variable ``WEIGHTDECAY_<BACKEND>_PYTHON``; the running interpreter, where it
finds the framework; a managed environment. Otherwise an error, which names the command that makes
one. The answer carries where it came from, so that a command can say which interpreter ran.

Managed environments lie in the user's data directory (or in ``WEIGHTDECAY_ENVIRONMENTS``), as

    <backend>/<number>/                    one build: a virtual environment
    <backend>/<number>/weightdecay.json    its marker, written last: a build without is none

A build never takes the place of another before it is whole: numbers only grow, and the others go
when the new one has its marker. One interrupted is swept up by the next.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from weightdecay import registry
from weightdecay.building import ROOT_VARIABLE as ROOT_VARIABLE
from weightdecay.building import EnvironmentBuildError as EnvironmentBuildError
from weightdecay.building import OnLine as OnLine
from weightdecay.building import alone, ended_by_signals
from weightdecay.building import run as _run
from weightdecay.errors import (
    BackendNotInstalledError,
    InputError,
    UnknownNameError,
    install_hint,
)
from weightdecay.escaping import shown

MARKER = "weightdecay.json"


@dataclass(frozen=True)
class Requirement:
    """What a backend's environment needs.

    Attributes
    ----------
    framework : str
        The package that tells whether the backend is there.
    packages : tuple of str
        What pip installs; the versions are those of the constraint file.
    imports : tuple of str
        What must import before the environment counts as made.
    before : (int, int), optional
        The first version of Python that is too new.
    """

    framework: str
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    before: tuple[int, int] | None = None


REQUIREMENTS = {
    "numpy": Requirement("numpy", ("numpy",), ("numpy",)),
    "torch": Requirement("torch", ("torch", "numpy"), ("torch", "numpy")),
    "tensorflow": Requirement("tensorflow", ("tensorflow-cpu",), ("tensorflow", "numpy")),
    "jax": Requirement("jax", ("jax", "optax"), ("jax", "optax", "numpy")),
    "mxnet": Requirement("mxnet", ("mxnet", "numpy"), ("mxnet", "numpy"), before=(3, 12)),
}


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs a backend, and why that one."""

    backend: str
    python: Path
    origin: Literal["variable", "running", "managed"]

    def __str__(self) -> str:
        """Say which one it is, for a reader."""
        origins = {
            "variable": f"from {variable(self.backend)}",
            "running": "the running interpreter",
            "managed": "a managed environment",
        }
        return f"{self.python} ({origins[self.origin]})"


@dataclass(frozen=True)
class Environment:
    """A managed environment that is whole."""

    backend: str
    folder: Path
    python_version: str
    packages: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _python(self.folder)


Build: TypeAlias = Callable[[str, Path, OnLine], tuple[str, ...]]


def variable(backend: str) -> str:
    """The environment variable that names a backend's interpreter."""
    return f"WEIGHTDECAY_{re.sub(r'[^A-Z0-9]', '_', backend.upper())}_PYTHON"


def resolve(backend: str) -> Interpreter:
    """The interpreter that runs a backend; nothing of it is imported.

    Raises
    ------
    InputError
        The variable names something that cannot be run.
    UnknownNameError
        No backend of that name is known.
    BackendNotInstalledError
        The framework is nowhere; the message names the command that installs it.
    """
    if backend not in REQUIREMENTS:
        registry.find(backend)  # a third party's, which only this interpreter knows; or an error
    given = os.environ.get(variable(backend))
    if given is not None:
        return Interpreter(backend, _runnable(given, variable(backend)), "variable")
    if backend not in REQUIREMENTS:
        return Interpreter(backend, Path(sys.executable), "running")
    framework = REQUIREMENTS[backend].framework
    if registry.is_installed(framework):
        return Interpreter(backend, Path(sys.executable), "running")
    managed = find(backend)
    if managed is not None:
        return Interpreter(backend, managed.python, "managed")
    raise BackendNotInstalledError(
        f"backend {backend!r} needs the package {framework!r}, which is not installed: "
        f"run {install_hint(backend)}, or weightdecay env create {backend}, or set "
        f"{variable(backend)} to a Python that has it."
    )


def root() -> Path:
    """The folder of the managed environments; it need not exist."""
    given = os.environ.get(ROOT_VARIABLE)
    if given is not None:
        if not given.strip():
            raise InputError(f"{ROOT_VARIABLE} is empty: name a folder, or leave it out.")
        return _path(given, ROOT_VARIABLE, "a folder")
    import platformdirs

    return platformdirs.user_data_path("weightdecay", appauthor=False) / "environments"


def find(backend: str) -> Environment | None:
    """The managed environment of a backend, if there is a whole one."""
    for build in reversed(_builds(backend)):
        marker = _marker(build)
        # A virtual environment dies with the Python that it was made from.
        if marker is not None and os.access(_python(build), os.X_OK):
            return Environment(backend, build, *marker)
    return None


def list_environments() -> list[Environment]:
    """Every managed environment that is whole."""
    return [found for backend in REQUIREMENTS if (found := find(backend)) is not None]


def remove(backend: str) -> None:
    """Delete the managed environment of a backend, and what is left of broken builds of it.

    Raises
    ------
    InputError
        There is none.
    """
    _require_known(backend)
    if not _builds(backend):
        raise InputError(f"there is no managed environment for {backend!r} in {root()}.")
    with alone(root() / backend):
        for build in _builds(backend):
            _delete(build)


def create(
    backend: str,
    *,
    replace: bool = False,
    on_line: OnLine = lambda line: None,
    build: Build | None = None,
) -> Environment:
    """Make the managed environment of a backend, from the running version of Python.

    Parameters
    ----------
    backend : str
        'numpy', 'torch', 'tensorflow', 'jax' or 'mxnet'.
    replace : bool
        Make it anew where there is one; that one serves until the new one is whole.
    on_line : callable
        Called with every line that venv and pip print.
    build : callable, optional
        What fills the folder of a build and returns what is installed there; by default `install`.

    Raises
    ------
    InputError
        There is one already.
    EnvironmentBuildError
        This Python is too new for the framework, pip failed, the framework does not import there.
    """
    _require_known(backend)
    _require_suitable_python(backend)
    with alone(root() / backend):
        existing = find(backend)
        if existing is not None and not replace:
            raise InputError(
                f"there is a managed environment for {backend!r} already, {existing.folder}: "
                "replace it, or remove it first."
            )
        before = _builds(backend)
        folder = root() / backend / str(1 + max((int(old.name) for old in before), default=0))
        try:
            with ended_by_signals():
                packages = (build or install)(backend, folder, on_line)
                _mark(folder, packages)
        except BaseException:
            with contextlib.suppress(OSError):  # what is left of it is swept up by the next
                _delete(folder)
            raise
        for old in before:
            with contextlib.suppress(OSError):
                _delete(old)
    made = find(backend)
    if made is None:
        raise EnvironmentBuildError(f"the environment {folder} was made and is gone again.")
    return made


def install(backend: str, folder: Path, on_line: OnLine) -> tuple[str, ...]:
    """Make a virtual environment, install what a backend requires, and see that it imports.

    Returns
    -------
    tuple of str
        Every package there with its version, as pip freezes it.

    Raises
    ------
    EnvironmentBuildError
        A step failed; the message holds the last line it printed.
    """
    requirement = REQUIREMENTS[backend]
    constraints = constraint_file(backend)
    # -P: what lies in the working directory is none of these modules.
    python = [str(_python(folder)), "-P"]
    pip = [*python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run("making a virtual environment", [sys.executable, "-P", "-m", "venv", str(folder)], on_line)
    _run(
        f"installing {' '.join(requirement.packages)}",
        [*pip, "install", "--constraint", str(constraints), *requirement.packages],
        on_line,
    )
    names = ", ".join(requirement.imports)
    _run(f"importing {names}", [*python, "-c", f"import {names}"], on_line)
    packages: list[str] = []
    _run("listing the packages", [*pip, "freeze"], packages.append)
    return tuple(packages)


def constraint_file(backend: str) -> Path:
    """The versions that a backend is known to work with; the file lies beside its adapter."""
    adapters = importlib.import_module("weightdecay.backends").__path__[0]
    path = Path(adapters, "constraints", f"{backend}.txt")
    if not path.is_file():
        raise EnvironmentBuildError(
            f"the versions for backend {backend!r} should be in {path}, which is missing: "
            "reinstall weightdecay."
        )
    return path


def _runnable(given: str, name: str) -> Path:
    python = _path(given, name, "a Python interpreter")  # not resolved: a venv's Python is a link
    if not given.strip() or not os.path.isfile(python):
        raise InputError(f"{name} is {shown(given)}, which is no file: name a Python interpreter.")
    if not os.access(python, os.X_OK):
        raise InputError(
            f"{name} is {shown(given)}, which cannot be run: name a Python interpreter."
        )
    return python


def _path(given: str, name: str, wanted: str) -> Path:
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError as error:  # ~ of a user whom nobody knows
        raise InputError(f"{name} is {shown(given)}, of no known user: name {wanted}.") from error


def _require_known(backend: str) -> None:
    if backend not in REQUIREMENTS:
        raise UnknownNameError("backend", backend, REQUIREMENTS)


def _require_suitable_python(backend: str) -> None:
    before = REQUIREMENTS[backend].before
    if before is not None and sys.version_info[:2] >= before:
        newest = f"{before[0]}.{before[1] - 1}"
        raise EnvironmentBuildError(
            f"backend {backend!r} needs Python {newest} or older, and this is "
            f"{platform.python_version()}: run weightdecay with Python {newest}, or set "
            f"{variable(backend)} to a Python {newest} that has {REQUIREMENTS[backend].framework}."
        )


def _builds(backend: str) -> list[Path]:
    """The folders of a backend's builds, whole or not, the oldest first."""
    folder = root() / backend
    try:
        found = [path for path in folder.iterdir() if path.name.isdecimal()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentBuildError(
            f"cannot read {folder} ({reason}): set {ROOT_VARIABLE} to another folder."
        ) from error
    return sorted(found, key=lambda path: int(path.name))


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _mark(folder: Path, packages: tuple[str, ...]) -> None:
    marker = {"python_version": platform.python_version(), "packages": packages}
    unfinished = folder / f"{MARKER}.part"
    try:
        unfinished.write_text(json.dumps(marker, indent=2), encoding="utf-8")
        unfinished.replace(folder / MARKER)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentBuildError(f"cannot write to {folder} ({reason}).") from error


def _marker(build: Path) -> tuple[str, tuple[str, ...]] | None:
    """The Python and the packages of a build that is whole; None where the marker says neither."""
    try:
        marker = json.loads((build / MARKER).read_text(encoding="utf-8"))
        python, packages = marker["python_version"], marker["packages"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    listed = isinstance(packages, list) and all(isinstance(name, str) for name in packages)
    return (python, tuple(packages)) if isinstance(python, str) and listed else None


def _delete(build: Path) -> None:
    """Delete a build; the marker goes first, so that half a build never looks like a whole one."""
    with contextlib.suppress(OSError):  # there is none, or something else has its name
        (build / MARKER).unlink()
    if build.is_dir() and not build.is_symlink():
        shutil.rmtree(build)
    else:
        build.unlink(missing_ok=True)
