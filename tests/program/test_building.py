"""Environments when something goes wrong: interruptions, a full disk, and garbage in the folder."""

from __future__ import annotations

import builtins
import errno
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import in_process
from tests.program.test_environments import PACKAGES, build, fill
from tests.program.test_worker import assert_gone
from weightdecay import building, environments
from weightdecay.building import EnvironmentBuildError
from weightdecay.errors import InputError
from weightdecay.worker import Worker


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mit Leerzeichen und ümlaut" / "environments"
    monkeypatch.setenv(environments.ROOT_VARIABLE, str(folder))
    return folder


# ---- interruptions


def test_what_a_command_has_started_ends_with_it(tmp_path: Path) -> None:
    """As ensurepip, which venv starts, and which went on writing into the folder."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = (
        "import os, subprocess, sys, time; fifo = os.open(sys.argv[1], os.O_WRONLY); "
        "sleep = [sys.executable, '-c', 'import time; time.sleep(1000)']; "
        "subprocess.Popen(sleep, pass_fds=[fifo]); "
        "print('started', flush=True); time.sleep(1000)"
    )

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    # Opened for reading first, without waiting for a writer.
    with os.fdopen(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb") as reading:
        with pytest.raises(KeyboardInterrupt):
            building.run("making it", [sys.executable, "-c", program, str(fifo)], interrupt)
        assert_gone(reading)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_program_leaves_nothing(root: Path, number: int) -> None:
    def ended(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
        fill(folder)
        os.kill(os.getpid(), number)
        raise AssertionError("it went on")

    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as left:
        environments.create("jax", build=ended)
    assert left.value.code == 128 + number
    assert signal.getsignal(number) is before
    assert [path.name for path in (root / "jax").iterdir()] == ["lock"]


def test_what_cannot_be_swept_up_does_not_hide_the_reason(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    def interrupted(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
        fill(folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        with pytest.raises(KeyboardInterrupt):
            environments.create("jax", build=interrupted)
    made = environments.create("jax", build=build)
    assert sorted(path.name for path in (root / "jax").iterdir()) == [made.folder.name, "lock"]


# ---- what lies in the folder


GARBAGE = {
    "deep": "[" * 100_000,
    "binary": "\x00\x01\udcff",
    "no object": "3",
    "packages in one string": '{"python_version": "3.11", "packages": "numpy"}',
    "packages by name": '{"python_version": "3.11", "packages": {"numpy": "2"}}',
    "packages of numbers": '{"python_version": "3.11", "packages": [1]}',
    "no version": '{"python_version": 3.11, "packages": []}',
    "a long number": '{"python_version": ' + "1" * 5000 + ', "packages": []}',
}


@pytest.mark.parametrize("marker", GARBAGE)
def test_a_marker_that_says_something_else_is_none(
    marker: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = environments.create("jax", build=build)
    raw = GARBAGE[marker].encode(errors="surrogateescape")
    (made.folder / environments.MARKER).write_bytes(raw)
    assert environments.find("jax") is None
    listed = in_process(["env", "list", "--format", "json"], capsys, monkeypatch)
    assert (listed.code, listed.err) == (0, "")
    assert [row["managed"] for row in listed.json["environments"]] == [None] * 5
    assert environments.create("jax", build=build).packages == PACKAGES


def test_a_folder_in_the_markers_place_is_none_and_can_be_removed() -> None:
    made = environments.create("jax", build=build)
    (made.folder / environments.MARKER).unlink()
    (made.folder / environments.MARKER / "inside").mkdir(parents=True)
    assert environments.find("jax") is None
    environments.remove("jax")
    assert not made.folder.exists()


def test_a_file_or_a_link_with_the_name_of_a_build_is_none(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    fill(elsewhere)
    (root / "jax").mkdir(parents=True)
    (root / "jax" / "7").write_text("no folder")
    (root / "jax" / "8").symlink_to(elsewhere)
    assert environments.find("jax") is None
    made = environments.create("jax", build=build)
    assert made.folder.name == "9"
    assert sorted(path.name for path in (root / "jax").iterdir()) == ["9", "lock"]
    assert (elsewhere / "bin").is_dir()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_no_more_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def full(path: Path, *arguments: Any, **options: Any) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(EnvironmentBuildError, match=os.strerror(error).lower()):
            environments.create("jax", build=build)
    assert [path.name for path in (root / "jax").iterdir()] == ["lock"]


def test_a_folder_that_cannot_be_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "jax").mkdir(parents=True)

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(EnvironmentBuildError, match=r"cannot read .*jax .permission denied"):
        environments.find("jax")


# ---- names of paths


def test_a_worker_runs_from_a_path_with_spaces_and_letters_beyond_ascii(root: Path) -> None:
    def linked(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (folder / "bin" / "python").chmod(0o755)
        return PACKAGES

    made = environments.create("numpy", build=linked)
    assert " " in str(made.python)
    with Worker("numpy", made.python) as worker:
        assert worker.ready().backend == "numpy"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("~nobody-of-this-name/python", "of no known user"),
        ("x" * 5000, "is no file"),
        ("\x1b[31m", r"'\\x1b\[31m', which is no file"),
    ],
)
def test_an_impossible_path_is_told(monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
    monkeypatch.setenv("WEIGHTDECAY_TORCH_PYTHON", value)
    with pytest.raises(InputError, match=f"WEIGHTDECAY_TORCH_PYTHON is .*{told}") as caught:
        environments.resolve("torch")
    assert len(str(caught.value)) < 500
    if value.startswith("~"):
        monkeypatch.setenv(environments.ROOT_VARIABLE, value)
        with pytest.raises(InputError, match=r"WEIGHTDECAY_ENVIRONMENTS is .* of no known user"):
            environments.root()


def test_a_platform_without_posix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def without_fcntl(name: str, *rest: Any) -> Any:
        if name == "fcntl":
            raise ImportError
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_fcntl)
    with pytest.raises(EnvironmentBuildError, match="needs Linux, macOS or another POSIX system"):
        environments.create("jax", build=build)


def test_the_marker_of_a_build_is_what_pip_lists() -> None:
    made = environments.create("jax", build=build)
    marker = json.loads((made.folder / environments.MARKER).read_text(encoding="utf-8"))
    assert (marker["python_version"], tuple(marker["packages"])) == (made.python_version, PACKAGES)
