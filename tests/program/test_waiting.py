"""Waiting for a worker: what is told meanwhile, when it is given up, and how it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.program.test_worker import LONG, assert_gone, assert_reaped, write_script
from weightdecay import fleet, patience, vitals, worker
from weightdecay.environments import Interpreter
from weightdecay.errors import InputError
from weightdecay.fleet import Fleet
from weightdecay.patience import Patience
from weightdecay.vitals import Vitals
from weightdecay.worker import Worker, WorkerError, WorkerTimeoutError


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_script(tmp_path_factory.mktemp("waiting") / "script.py")


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a process all the time."""
    monkeypatch.setattr(worker, "LOOK", 0.001)


# ---- what a process is doing


@pytest.fixture
def process() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-S", "-c", program]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == b"ready\n"
        return started[-1]

    yield start
    for one in started:
        os.killpg(one.pid, signal.SIGKILL)
        one.communicate()


def test_a_process_that_computes_lives_on(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    one = process("print('ready', flush=True)\nwhile True: pass")
    found = vitals.look(one.pid)
    assert found is not None
    assert found.at_work
    assert found.lives_on(found)


def test_a_stopped_process_is_seen_as_that(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    one = process("print('ready', flush=True)\nwhile True: pass")
    os.kill(one.pid, signal.SIGSTOP)
    os.waitpid(one.pid, os.WUNTRACED)
    found = vitals.look(one.pid)
    assert found is not None
    assert found.told == "stopped (state T)"
    assert not found.lives_on(found)
    assert found.lives_on(Vitals("T", found.ticks - 1, False))


def test_what_a_process_has_started_counts(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    one = process(
        "import os, signal\nif os.fork(): signal.pause()\n"
        "print('ready', flush=True)\nwhile True: pass"
    )
    os.kill(one.pid, signal.SIGSTOP)
    os.waitpid(one.pid, os.WUNTRACED)
    found = vitals.look(one.pid)
    assert found is not None
    assert (found.state, found.at_work) == ("T", True)


def test_where_nothing_is_known_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "PROC", tmp_path / "absent")
    assert vitals.look(os.getpid()) is None


# ---- how long


def test_a_stopped_worker_is_told_and_given_up(looks: None) -> None:
    told: list[str] = []
    given = Patience(on_wait=told.append, notice=0, silence=0.05)
    with Worker("numpy", sys.executable, patience=given) as stopped:
        os.kill(stopped.pid, signal.SIGSTOP)
        with pytest.raises(
            WorkerTimeoutError,
            match=r"no answer to 'hello' and took no processor time for 0\.05 s: its process \d+ "
            r"is stopped \(state T\)",
        ):
            stopped.ready()
        assert_reaped(stopped.pid)
    assert f"its process {stopped.pid} is" in told[-1]
    assert "given up after 0.05 s without processor time or 120 s in all (--timeout, " in told[-1]


@pytest.mark.parametrize("alive", [True, False])
def test_one_that_works_is_waited_for(
    script: Path, fifo: Path, looks: None, monkeypatch: pytest.MonkeyPatch, alive: bool
) -> None:
    """It answers once it is told that it is waited for, after a silence of any length."""
    ticks = iter(range(10**9))
    monkeypatch.setattr(vitals, "look", lambda pid: Vitals("S", alive * next(ticks), False))

    gate = iter([fifo])

    def answer(told: str) -> None:
        for path in gate if alive else ():  # once
            path.open("wb").close()

    with Worker("numpy", sys.executable, script=script) as one:
        one.ready()
        one.patience = Patience(on_wait=answer, notice=0, silence=0)
        one.send("meet", {"fifo": str(fifo), "mode": "rb"})
        if alive:
            assert one.receive() == ({}, {})
        else:
            with pytest.raises(WorkerTimeoutError, match="took no processor time for 0 s"):
                one.receive()


def test_nothing_is_printed_without_a_listener(
    script: Path, fifo: Path, looks: None, capfd: pytest.CaptureFixture[str]
) -> None:
    given = Patience(limit=0.1, notice=0)
    with Worker("numpy", sys.executable, script=script) as one:
        one.ready()
        one.patience = given
        one.send("block", {"fifo": str(fifo)})
        with (
            fifo.open("rb"),
            pytest.raises(WorkerTimeoutError, match=r"'block' within 0\.1 s: its process"),
        ):
            one.receive()
    assert capfd.readouterr() == ("", "")


def test_the_limit_is_the_given_one_else_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert patience.current().limit is None
    assert patience.limit(120) == 120
    monkeypatch.setenv("WEIGHTDECAY_TIMEOUT", "300")
    assert patience.limit(120) == patience.current().limit == 300
    with patience.having(Patience(7)):
        assert patience.limit(120) == 7
    assert patience.limit(120) == 300


@pytest.mark.parametrize("text", ["", "abc", "0", "-1", "nan", "inf", "1e10", "1e999", "1_0 s"])
def test_a_variable_that_is_no_number_of_seconds_is_told(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("WEIGHTDECAY_TIMEOUT", text)
    with pytest.raises(InputError, match=r"^WEIGHTDECAY_TIMEOUT is .*: it must be"):
        patience.current()


# ---- several at once, and an interruption


def test_an_interruption_ends_all_and_nothing_begins_after_it(
    script: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Interpreter("numpy", Path(sys.executable), "running")
    begun: list[int] = []

    def lane(crew: Fleet, number: int) -> Iterator[None]:
        one = crew.start(found)
        for _ in range(2):
            begun.append(number)
            with pytest.raises(WorkerError):
                one.call("block", {"fifo": str(fifo)})
            yield

    def interrupted(*arguments: object, **options: object) -> None:
        reading.append(fifo.open("rb"))  # which waits until one of the calls has begun
        raise KeyboardInterrupt

    reading: list = []
    monkeypatch.setattr(fleet, "wait", interrupted)
    crew = Fleet(lambda found: Worker(found.backend, found.python, script=script))
    with pytest.raises(KeyboardInterrupt), crew:
        crew.side_by_side([lane(crew, 0), lane(crew, 1)])
    with reading[0]:
        assert_gone(reading[0])
    assert len(begun) <= 2
    assert len(set(begun)) == len(begun)
    with pytest.raises(WorkerError, match="interrupted"):
        crew.start(found)


def test_one_lane_that_raises_ends_the_others(script: Path, fifo: Path) -> None:
    found = Interpreter("numpy", Path(sys.executable), "running")

    def blocked(crew: Fleet) -> Iterator[None]:
        one = crew.start(found)
        one.send("block", {"fifo": str(fifo)})
        with pytest.raises(WorkerError):
            one.receive(LONG)
        yield

    def raising() -> Iterator[None]:
        fifo.open("rb").close()
        raise ZeroDivisionError
        yield

    crew = Fleet(lambda found: Worker("numpy", found.python, script=script))
    with crew, pytest.raises(ZeroDivisionError):
        crew.side_by_side([blocked(crew), raising()])


def test_lanes_give_what_they_give_in_their_own_context() -> None:
    with Fleet() as crew, patience.having(Patience(7)):
        assert crew.side_by_side([]) == []
        lanes = [(patience.limit(1) + i for i in range(n)) for n in (0, 1, 3)]
        assert crew.side_by_side(lanes) == [[], [7], [7, 8, 9]]


def test_a_platform_without_posix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POSIX", False)
    with pytest.raises(WorkerError, match="needs Linux, macOS or another POSIX system"):
        Worker("numpy", sys.executable)
