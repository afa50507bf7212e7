"""Workers: the same bits as here, whatever a framework prints, and no process left behind."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import weightdecay
from weightdecay import Dataset, Experiment, Synthetic, fit, from_arrays, load_data, remote
from weightdecay.errors import (
    BackendNotInstalledError,
    DivergenceError,
    InputError,
    NoEquivalentError,
    UnknownNameError,
)
from weightdecay.frames import FrameError
from weightdecay.worker import (
    CHILD,
    Worker,
    WorkerCallError,
    WorkerCrashError,
    WorkerError,
    WorkerGarbageError,
    WorkerTimeoutError,
)

LONG = 60
"""Seconds after which what should have happened counts as never to happen."""

# A worker as it is started in earnest, with calls that it does not have in earnest. A fifo in a
# request is opened for writing when the call begins, and is open as long as a process holds it: its
# reader knows that the call has begun, and sees the end when the last process is gone.
SCRIPT = """
import ctypes, importlib.util, os, signal, subprocess, sys, threading
{first}
spec = importlib.util.spec_from_file_location("child", {child!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
requests, answers = child.take_streams()
child.follow(int(sys.argv[1]))
child.load_package()
from weightdecay import registry, serve

def call(function):
    serve.CALLS[function.__name__] = function

@call
def echo(header, arrays):
    return header, arrays

@call
def noise(header, arrays):
    print("printed")
    sys.stdout.flush()
    os.write(1, b"written to 1")
    os.write(2, b"written to 2")
    subprocess.run(["echo", "by another process"], check=True)
    print("left in a buffer", end="")
    return {{"typed": sys.stdin.read()}}, arrays

@call
def path(header, arrays):
    return {{"path": sys.path, "file": serve.__file__}}, {{}}

@call
def leave(header, arrays):
    print("one", "two", "the last", sep="\\n\\n")
    print("words", file=sys.stderr)
    os._exit(3)

@call
def flood(header, arrays):
    os.write(2, b"x" * 1_000_000 + b"\\nend\\n")
    os._exit(3)

@call
def kill(header, arrays):
    os.kill(os.getpid(), signal.SIGKILL)

@call
def garbage(header, arrays):
    answers.write(b"Segmentation fault, or so it says")
    answers.flush()
    threading.Event().wait()

@call
def fail(header, arrays):
    raise KeyError("an error of its own\\nin two lines")

@call
def unsendable(header, arrays):
    return {{"x": object()}}, {{}}

@call
def block(header, arrays):
    with open(header["fifo"], "wb"):
        threading.Event().wait()

@call
def keep_lock(header, arrays):
    with open(header["fifo"], "wb"):
        ctypes.PyDLL(None).pause()  # and the interpreter's lock is held meanwhile

@call
def bear(header, arrays):
    fifo = os.open(header["fifo"], os.O_WRONLY)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], pass_fds=[fifo])
    os.close(fifo)
    return {{}}, {{}}

@call
def meet(header, arrays):
    with open(header["fifo"], header["mode"]):
        return {{}}, {{}}

registry.BUILT_IN["ghost"] = registry.Registration("ghost", "x", "no_such_framework", "a wish")
{last}
serve.serve(requests, answers)
"""


@pytest.fixture(autouse=True, scope="module")
def _streams_are_buffered() -> Iterator[None]:
    """A developer's or a container's variable would do what `serve` has to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONUNBUFFERED", raising=False)
        yield


@pytest.fixture(autouse=True)
def _no_test_hangs() -> Iterator[None]:
    """What waits for ever fails instead."""

    def fail(signum: int, frame: object) -> None:
        raise AssertionError("the test hung")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(2 * LONG)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def write_script(path: Path, first: str = "", last: str = "") -> Path:
    path.write_text(SCRIPT.format(child=str(CHILD), first=first, last=last), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_script(tmp_path_factory.mktemp("worker") / "script.py")


@pytest.fixture(scope="module")
def shared() -> Iterator[Worker]:
    """A worker as in earnest, for tests that do it no harm."""
    with Worker("numpy", sys.executable) as worker:
        yield worker


@pytest.fixture
def worker(script: Path) -> Iterator[Worker]:
    """A worker that can be asked to misbehave."""
    with Worker("numpy", sys.executable, script=script) as worker:
        yield worker


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def assert_gone(reading: BinaryIO) -> None:
    """No process holds the other end of a fifo, at the latest soon."""
    readable, _, _ = select.select([reading], [], [], LONG)
    assert readable, "a process was left behind"
    assert reading.read() == b""


def assert_reaped(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# ---- what it answers


def test_says_what_it_is(shared: Worker) -> None:
    hello = shared.ready()
    assert hello.backend == "numpy"
    assert hello.backend_version == hello.numpy_version == np.__version__
    assert hello.python_version == ".".join(map(str, sys.version_info[:3]))
    assert hello.devices == ("cpu",)
    assert hello.dtypes == ("float32", "float64")
    assert shared.ready() is hello


SMALL = Experiment(data=Synthetic(num_train=13, num_val=7, num_inputs=5), epochs=3)


def weighted() -> Dataset:
    """Sample weights of which the mean is not quite 1, so that scaling them again moves bits."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X, y, s = rng.standard_normal((11, 4)), rng.standard_normal(11), rng.uniform(0.1, 1, 11)
        dataset = from_arrays(
            X, y, sample_weight=s, validation_fraction=0.3, columns=("a", "b", "c", "d")
        )
        weight = dataset.weight_train
        assert weight is not None
        if (weight / weight.mean() != weight).any():
            return dataset
    raise AssertionError("no such weights were drawn")


FITS: dict[str, tuple[Experiment, Callable[[], Dataset | None], dict[str, Any]]] = {
    "as it comes": (Experiment(), lambda: None, {}),
    "adam, L1, recorded": (
        replace(SMALL, optimizer="adam", penalty="elasticnet", penalize_bias=True),
        lambda: None,
        {"record": True},
    ),
    "float32": (replace(SMALL, optimizer="momentum"), lambda: None, {"dtype": "float32"}),
    "float32 data": (
        SMALL,
        lambda: from_arrays(np.eye(4, 3, dtype=np.float32), np.arange(4, dtype=np.float32)),
        {"initial": (np.ones((3, 2)), np.array([0.5, -1 / 3])), "plan": [[[0, 1, 3]], [[2], [1]]]},
    ),
    "weighted, named factors": (
        replace(SMALL, batch_size="full", lambd=(0.1,), penalty_factors={"b": 0.5}),
        weighted,
        {"record": True},
    ),
    "ragged plan": (
        SMALL,
        lambda: None,
        {"plan": [[[0, 5, 5], [1]], [[3, 2]], [[4], [0, 1, 2, 3], [12]]], "record": True},
    ),
}


@pytest.mark.parametrize("case", FITS)
def test_a_fit_is_the_fit_here_bit_for_bit(shared: Worker, case: str) -> None:
    experiment, make_data, options = FITS[case]
    dataset = make_data() or load_data(experiment.data, experiment.seed)
    here = fit(experiment, dataset, backend="numpy", **options)
    there = remote.fit(shared, experiment, dataset, **options)
    same = (
        "experiment",
        "backend",
        "backend_version",
        "implementation",
        "dtype",
        "device",
        "dataset",
    )
    assert [getattr(there, name) for name in same] == [getattr(here, name) for name in same]
    pairs = [*zip(there.params, here.params, strict=True)]
    pairs += zip(vars(there.history).values(), vars(here.history).values(), strict=True)
    assert (there.trajectory is None) == (here.trajectory is None)
    if there.trajectory is not None and here.trajectory is not None:
        pairs += zip(there.trajectory, here.trajectory, strict=True)
    for found, wanted in pairs:
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        assert found.tobytes() == wanted.tobytes()
    assert there.seconds > 0


def test_a_fit_draws_its_own_data(shared: Worker) -> None:
    assert remote.fit(shared, SMALL).params.w.tobytes() == fit(SMALL).params.w.tobytes()


def test_the_implementation_is_passed_on(shared: Worker) -> None:
    assert remote.fit(shared, SMALL).implementation == "scratch"
    with pytest.raises(NoEquivalentError, match="'numpy' has no native implementation"):
        remote.fit(shared, SMALL, implementation="native")


def test_arrays_pass_there_and_back(worker: Worker) -> None:
    sent = {"x": np.array([math.nan, -0.0, 1 / 3]), "none": np.zeros((0, 2)), "n": np.array(7)}
    header, received = worker.call("echo", {"a": [1, None, "λ"]}, sent)
    assert header == {"call": "echo", "a": [1, None, "λ"]}
    assert list(received) == list(sent)
    for name, array in sent.items():
        assert (received[name].dtype, received[name].shape) == (array.dtype, array.shape)
        assert received[name].tobytes() == array.tobytes()


def test_what_it_prints_does_not_come_between_the_frames(worker: Worker) -> None:
    x = np.arange(100_000.0)
    for _ in range(2):
        header, arrays = worker.call("noise", {}, {"x": x})
        assert header == {"typed": ""}
        assert arrays["x"].tobytes() == x.tobytes()


def test_answers_come_in_the_order_of_the_requests(worker: Worker) -> None:
    for i in range(3):
        worker.send("echo", {"i": i})
    assert [worker.receive()[0]["i"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(WorkerError, match="was not asked anything"):
        worker.receive()


# ---- where it finds things


def test_its_folder_is_not_on_its_path(tmp_path: Path) -> None:
    """An installed copy, beside which and inside which there are traps."""
    site = tmp_path / "site"
    package = shutil.copytree(Path(weightdecay.__file__).parent, site / "weightdecay")
    (package / "backends.py").unlink(missing_ok=True)  # in a checkout, where it points elsewhere
    (adapters,) = importlib.import_module("weightdecay.backends").__path__
    shutil.copytree(adapters, package / "backends", dirs_exist_ok=True)
    for trap in (site / "numpy.py", package / "json.py", package / "queue.py"):
        trap.write_text("raise SystemExit('trapped')")
    with Worker("numpy", sys.executable, script=package / "child.py") as worker:
        assert worker.ready().numpy_version == np.__version__
        assert remote.fit(worker, SMALL).params.w.tobytes() == fit(SMALL).params.w.tobytes()


def test_this_pythons_variables_are_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('trapped')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with Worker("numpy", sys.executable) as worker:
        assert worker.ready().numpy_version == np.__version__


def test_the_working_directory_is_not_on_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(tmp_path)
    with Worker("numpy", sys.executable) as worker:
        assert worker.ready().numpy_version == np.__version__


# ---- what goes wrong in a call


def test_what_cannot_be_run_is_refused_here(shared: Worker) -> None:
    for options in ({"plan": [[[99]]]}, {"initial": ([1], 0)}):
        with pytest.raises(InputError):
            remote.start(shared, SMALL, **options)
    with pytest.raises(InputError):
        remote.start(shared, replace(SMALL, batch_size=99))
    assert remote.fit(shared, SMALL).params.w.tobytes() == fit(SMALL).params.w.tobytes()


def test_an_error_comes_back_as_itself_and_the_worker_lives_on(shared: Worker) -> None:
    experiment = replace(SMALL, lr=50.0, epochs=40)
    with pytest.raises(DivergenceError) as here:
        fit(experiment, backend="numpy")
    with pytest.raises(DivergenceError) as there:
        remote.fit(shared, experiment)
    assert str(there.value) == str(here.value)
    details = vars(there.value).copy()
    assert "/weightdecay/" in details.pop("__notes__")[0]
    assert details == vars(here.value)
    with pytest.raises(UnknownNameError, match="did you mean 'fit'"):
        shared.call("fitt")
    assert remote.fit(shared, SMALL).params.w.tobytes() == fit(SMALL).params.w.tobytes()


def test_an_unforeseen_error_is_named_and_the_worker_lives_on(worker: Worker) -> None:
    with pytest.raises(WorkerCallError, match=r"the numpy worker \(.*\) raised KeyError") as caught:
        worker.call("fail")
    assert "\n" not in str(caught.value)
    assert "in two lines" in caught.value.__notes__[0]
    with pytest.raises(WorkerCallError, match=r"raised FrameError: .*JSON"):
        worker.call("unsendable")
    assert worker.call("echo", {"a": 1})[0]["a"] == 1


def test_what_cannot_be_sent_is_refused_here_and_the_worker_lives_on(worker: Worker) -> None:
    with pytest.raises(FrameError, match="only numbers"):
        worker.call("echo", {}, {"x": np.array(["text"])})
    assert worker.call("echo", {"a": 1})[0]["a"] == 1


def test_a_framework_that_is_missing_there_is_told_with_the_place(script: Path) -> None:
    with Worker("ghost", sys.executable, script=script) as worker:
        with pytest.raises(BackendNotInstalledError, match=r"in the ghost worker \(.*python.*\): "):
            worker.ready()
        with pytest.raises(WorkerError, match="no longer there"):
            worker.ready()
        assert_reaped(worker.pid)


# ---- what goes wrong with the process


@pytest.mark.parametrize(
    ("call", "kind", "told"),
    [
        (
            "leave",
            WorkerCrashError,
            "ended with exit code 3 during 'leave'; its last words: two / ",
        ),
        ("leave", WorkerCrashError, "two / the last / words$"),
        (
            "flood",
            WorkerCrashError,
            "ended with exit code 3 during 'flood'; its last words: .*end$",
        ),
        ("kill", WorkerCrashError, "was killed by SIGKILL during 'kill'; it said nothing"),
        ("garbage", WorkerGarbageError, "wrote something that is no frame .*b'Segm'"),
    ],
)
def test_a_crash_is_told_in_one_sentence(
    worker: Worker, call: str, kind: type[WorkerError], told: str
) -> None:
    with pytest.raises(kind, match=told) as caught:
        worker.call(call)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 20_000
    assert_reaped(worker.pid)
    with pytest.raises(
        WorkerError, match=r"no longer there \(it (ended|was|wrote) .*start another"
    ):
        worker.call("echo")


def test_a_kill_from_outside_is_told(worker: Worker, fifo: Path) -> None:
    worker.send("block", {"fifo": str(fifo)})
    with fifo.open("rb"):
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerCrashError, match="was killed by SIGKILL during 'block'"):
            worker.receive()


@pytest.mark.parametrize("call", ["block", "keep_lock"])
def test_a_hang_is_ended(worker: Worker, fifo: Path, call: str) -> None:
    worker.send(call, {"fifo": str(fifo)})
    with fifo.open("rb") as reading:
        with pytest.raises(WorkerTimeoutError, match=rf"gave no answer to '{call}' within 0\.01 s"):
            worker.receive(timeout=0.01)
        assert_gone(reading)
    assert_reaped(worker.pid)


def test_a_hang_before_it_is_ready_is_ended(tmp_path: Path) -> None:
    script = write_script(tmp_path / "script.py", first="threading.Event().wait()")
    with Worker("numpy", sys.executable, script=script) as worker:
        with pytest.raises(WorkerTimeoutError, match=r"gave no answer to 'hello' within 0\.01 s"):
            worker.ready(timeout=0.01)
        assert_reaped(worker.pid)


def test_an_interpreter_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"cannot start the numpy worker \(.*absent\): no such"):
        Worker("numpy", tmp_path / "absent")
    with pytest.raises(WorkerError, match=r"cannot start the numpy worker \(.*\): permission"):
        Worker("numpy", tmp_path)


def test_a_python_too_old_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    run = f"import runpy; runpy.run_path({str(CHILD)!r}, run_name='__main__')"
    script.write_text(f"import sys; sys.version_info = (3, 10, 0); {run}", encoding="utf-8")
    with (
        Worker("numpy", sys.executable, script=script) as worker,
        pytest.raises(WorkerCrashError, match=r"'hello'; its last words: .* needs Python 3\.11"),
    ):
        worker.ready()


# ---- what it leaves behind: nothing


def test_closing_ends_it_in_mid_call_and_twice_is_fine(worker: Worker, fifo: Path) -> None:
    worker.send("block", {"fifo": str(fifo)})
    with fifo.open("rb") as reading:
        worker.close()
        assert_reaped(worker.pid)
        assert_gone(reading)
    worker.close()
    with pytest.raises(WorkerError, match=r"no longer there \(it was closed\)"):
        worker.send("echo")


def test_closing_ends_what_it_started(worker: Worker, fifo: Path) -> None:
    worker.send("bear", {"fifo": str(fifo)})
    with fifo.open("rb") as reading:
        worker.receive()
        worker.close()
        assert_gone(reading)


def test_a_crash_ends_what_it_started(worker: Worker, fifo: Path) -> None:
    worker.send("bear", {"fifo": str(fifo)})
    with fifo.open("rb") as reading:
        worker.receive()
        with pytest.raises(WorkerCrashError, match="ended with exit code 3"):
            worker.call("leave")
        assert_gone(reading)


def test_no_descriptor_and_no_thread_is_left(script: Path) -> None:
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    for call in ("leave", "garbage", "echo"):
        with (
            Worker("numpy", sys.executable, script=script) as worker,
            contextlib.suppress(WorkerError),
        ):
            worker.call(call)
    with pytest.raises(WorkerError):
        Worker("numpy", "/nowhere/python")
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_an_interrupted_wait_closes_it(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def get(self, timeout: float | None) -> None:
            raise KeyboardInterrupt

        def put(self, answer: object) -> None:
            pass

    worker.ready()
    monkeypatch.setattr(worker, "_answers", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        worker.call("echo")
    assert_reaped(worker.pid)
    with pytest.raises(WorkerError, match="interrupted"):
        worker.call("echo")


PARENT = """
import signal, sys
from weightdecay.worker import Worker
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
script, call, fifo, how = sys.argv[1:]
worker = Worker("numpy", sys.executable, script=script)
worker.send(call, {"fifo": fifo})
if how == "leave":
    worker.ready()
    open(fifo).close()
elif how == "with":
    with worker:
        worker.receive()
else:
    worker.receive()
"""


def start_parent(script: Path, call: str, fifo: Path, how: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, script, call, fifo, how], stderr=subprocess.PIPE
    )


WITHOUT_KERNEL = "import fcntl; del fcntl.F_SETSIG"


@pytest.mark.parametrize(
    ("first", "call"),
    [("", "block"), ("", "keep_lock"), (WITHOUT_KERNEL, "block")],
    ids=["in mid-call", "with the lock held", "where the kernel sends no signal"],
)
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_its_parent_is_killed(
    tmp_path: Path, fifo: Path, signum: int, first: str, call: str
) -> None:
    script = write_script(tmp_path / "script.py", first=first)
    with start_parent(script, call, fifo) as parent, fifo.open("rb") as reading:
        parent.send_signal(signum)
        assert parent.wait(LONG) == -signum
        assert_gone(reading)


@pytest.mark.parametrize("how", ["with", "without"])
def test_it_ends_when_its_parent_is_interrupted(script: Path, fifo: Path, how: str) -> None:
    with start_parent(script, "keep_lock", fifo, how) as parent, fifo.open("rb") as reading:
        parent.send_signal(signal.SIGINT)
        _, told = parent.communicate(timeout=LONG)
        assert parent.returncode == -signal.SIGINT
        assert told.rstrip().endswith(b"KeyboardInterrupt")
        assert_gone(reading)


def test_it_ends_when_its_parent_ends_and_forgot_it(script: Path, fifo: Path) -> None:
    with start_parent(script, "block", fifo, "leave") as parent, fifo.open("rb") as reading:
        _, told = parent.communicate(timeout=LONG)
        assert (parent.returncode, told) == (0, b"")
        assert_gone(reading)


def test_it_ends_when_its_parent_was_gone_before_it_listened(tmp_path: Path, fifo: Path) -> None:
    """The parent ends between the start of the interpreter and `follow`."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = f"open({str(gate)!r}, 'rb').read(); held = open({str(fifo)!r}, 'wb')"
    script = write_script(tmp_path / "script.py", first=first, last="threading.Event().wait()")
    with start_parent(script, "block", fifo) as parent:
        with gate.open("wb"):
            parent.kill()
            parent.wait(LONG)
        with fifo.open("rb") as reading:
            assert_gone(reading)


# ---- several at once


def test_starting_and_sending_do_not_wait(tmp_path: Path) -> None:
    """All workers stand before their gates, with requests larger than a pipe, until they open."""
    gates = [tmp_path / "gate0", tmp_path / "gate1"]
    with contextlib.ExitStack() as stack:
        workers = []
        for gate in gates:
            os.mkfifo(gate)
            script = write_script(
                gate.with_suffix(".py"), first=f"open({str(gate)!r}, 'rb').read()"
            )
            worker = stack.enter_context(Worker("numpy", sys.executable, script=script))
            worker.send("echo", {"pid": worker.pid}, {"x": np.zeros(1_000_000)})
            workers.append(worker)
        for gate in gates:
            gate.open("wb").close()
        assert [worker.receive()[0]["pid"] for worker in workers] == [w.pid for w in workers]


def test_several_work_at_once(script: Path, fifo: Path) -> None:
    """Neither call ends before the other has begun."""
    with contextlib.ExitStack() as stack:
        one, two = (
            stack.enter_context(Worker("numpy", sys.executable, script=script)) for _ in range(2)
        )
        one.send("meet", {"fifo": str(fifo), "mode": "rb"})
        two.send("meet", {"fifo": str(fifo), "mode": "wb"})
        assert one.receive(LONG) == two.receive(LONG) == ({}, {})


def test_several_fits_at_once(shared: Worker) -> None:
    with Worker("numpy", sys.executable) as other:
        pending = [remote.start(worker, SMALL) for worker in (shared, other, shared)]
        results = [one.result() for one in pending]
    assert len({result.params.w.tobytes() for result in results}) == 1
