"""Every known backend on this machine, asked in the interpreter that would run it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from weightdecay.environments import Interpreter, resolve
from weightdecay.errors import BackendNotInstalledError, WeightDecayError
from weightdecay.registry import registrations
from weightdecay.worker import Worker


@dataclass(frozen=True)
class BackendInfo:
    """A known backend; `problem` says why it cannot be used, and is None when it is ready."""

    name: str
    installed: bool
    version: str | None
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    interpreter: Interpreter | None
    install: str
    problem: str | None


def available() -> list[BackendInfo]:
    """Start a worker for every backend that can be found, all at once, and ask each."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Worker | WeightDecayError] = {}
        interpreters: dict[str, Interpreter] = {}
        known = registrations()
        for name in known:
            try:
                interpreters[name] = resolve(name)
                worker = Worker(name, interpreters[name].python)
                started[name] = stack.enter_context(worker)
            except WeightDecayError as error:
                started[name] = error
        return [
            _ask(name, started[name], interpreters.get(name), registration.install)
            for name, registration in known.items()
        ]


def _ask(
    name: str,
    worker: Worker | WeightDecayError,
    interpreter: Interpreter | None,
    install: str,
) -> BackendInfo:
    try:
        if isinstance(worker, WeightDecayError):
            raise worker
        hello = worker.ready()
    except WeightDecayError as error:
        installed = interpreter is not None and not isinstance(error, BackendNotInstalledError)
        return BackendInfo(name, installed, None, (), (), interpreter, install, str(error))
    return BackendInfo(
        name,
        True,
        hello.backend_version,
        hello.devices,
        hello.dtypes,
        interpreter,
        install,
        None,
    )
