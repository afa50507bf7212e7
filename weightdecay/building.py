"""Making an environment: one at a time, by commands that end when this process does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from weightdecay.errors import WeightDecayError

ROOT_VARIABLE = "WEIGHTDECAY_ENVIRONMENTS"
WITHOUT = ("PYTHONPATH", "PYTHONHOME")

OnLine: TypeAlias = Callable[[str], None]


class EnvironmentBuildError(WeightDecayError):
    """A managed environment could not be made."""

    exit_code = 1


def run(what: str, command: list[str], on_line: OnLine) -> None:
    """Run a command, pass on its lines, and raise on failure with the last of them."""
    last = "it printed nothing"
    variables = {k: v for k, v in os.environ.items() if k not in WITHOUT}
    with subprocess.Popen(  # in a group of its own, since pip and venv start others
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=variables,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                on_line(line.rstrip("\n"))
                last = line.strip() or last
        except BaseException:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        raise EnvironmentBuildError(
            f"{what} failed with exit code {process.returncode}; its last line: {last}"
        )


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let what ends this process raise, so that what it has begun is ended and swept up."""

    def leave(number: int, frame: object) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = (signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, leave)
        for number in ending
        if signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second process from building or sweeping in the folder of a backend."""
    try:
        import fcntl
    except ImportError as error:
        raise EnvironmentBuildError(
            "an environment of its own needs Linux, macOS or another POSIX system: install the "
            "framework in this interpreter."
        ) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentBuildError(
            f"cannot write to {folder} ({reason}): set {ROOT_VARIABLE} to another folder."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EnvironmentBuildError(
                f"another process is making the environment of {folder.name!r}: wait until it is "
                "done."
            ) from error
        yield
