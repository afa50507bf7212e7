"""A backend in a process of its own, in an interpreter of its own.

The frameworks need versions of NumPy that exclude each other, and in one process they share
threads and memory; so each runs in a worker. A worker is started once and answers many calls; what
it can be asked is in `weightdecay.serve`, and `weightdecay.remote` makes a `fit` of it. Requests
and answers are frames (`weightdecay.frames`) on its standard input and output.

How long an answer is waited for is a matter of `weightdecay.patience`.

However a worker ends, and however this process ends, no process is left behind: a worker that is
closed is killed with all that it started, and one whose parent is gone kills itself (see
`weightdecay.child.follow`).
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, TypeAlias, cast

from weightdecay import answers, errors, frames, vitals
from weightdecay.errors import BackendError, InputError, WeightDecayError
from weightdecay.ops import NumPyArray
from weightdecay.patience import VARIABLE, Patience, current

POSIX = os.name == "posix"
CHILD = Path(__file__).with_name("child.py")
START_LIMIT = 120.0
"""Seconds that a framework may take to import, on a cold and busy machine."""
PARTING_LIMIT = 10.0
"""Seconds that a process may take to end once it has closed its output."""
THREADS_LIMIT = 1.0
"""Seconds for which a pipe may be held open by a process that has left the group."""
LOOK = 1.0
"""Seconds between looks at a process that is waited for."""
TAIL = 1 << 14
"""Bytes of a worker's standard error that are kept."""
LAST_LINES = 3

Answer: TypeAlias = tuple[dict[str, Any], dict[str, NumPyArray]]


class WorkerError(WeightDecayError):
    """A worker cannot be had, or is gone."""

    exit_code = 1


class WorkerCrashError(WorkerError):
    """The process of a worker ended by itself, or something outside killed it."""


class WorkerTimeoutError(WorkerError, TimeoutError):
    """A worker gave no answer in time, and was stopped."""


class WorkerGarbageError(WorkerError):
    """A worker wrote something that is no frame or no answer, and was stopped."""


class WorkerCallError(WorkerError):
    """A call raised an error that this package does not know; the worker lives on."""


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself once its framework is imported."""

    backend: str
    backend_version: str
    python_version: str
    numpy_version: str
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]


class Worker:
    """A running worker for one backend; it starts at once, and nothing waits until `ready`.

    So several workers start together::

        with contextlib.ExitStack() as stack:
            workers = [stack.enter_context(Worker(name, python)) for name, python in wanted]
            for worker in workers:
                worker.ready()

    Calls are answered one after another, in the order in which they were sent. A worker that
    crashed, hung or talked nonsense is closed, and every later use says so. An interrupted wait
    (Ctrl-C) closes the worker as well, since its answer could be taken for that of another call.

    Parameters
    ----------
    backend : str
        The backend to load.
    python : path
        The interpreter; `weightdecay.environments.resolve` finds it.
    script : path
        What it runs.
    variables : mapping, optional
        Environment variables that it has beside those of this process, or in their place.
    patience : Patience, optional
        How long answers are waited for; by default the current one.

    Raises
    ------
    WorkerError
        The interpreter cannot be started.
    """

    def __init__(
        self,
        backend: str,
        python: str | Path,
        *,
        script: Path = CHILD,
        variables: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        if not POSIX:
            raise WorkerError(
                "a backend in an interpreter of its own needs Linux, macOS or another POSIX "
                "system: install its framework in this interpreter."
            )
        self.backend = backend
        self.python = Path(python)
        self.patience = patience or current()
        self._ending = threading.Lock()
        self._started = time.monotonic()
        self._asked: deque[str] = deque()
        self._hello: Hello | None = None
        self._end: str | None = None
        self._tail = b""
        lifeline, held = os.pipe()
        self._lifeline = os.fdopen(held, "wb", buffering=0)
        try:
            self._process = subprocess.Popen(
                [str(python), str(script), str(lifeline)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[lifeline],
                env=environment() | dict(variables or {}),
                # Ctrl-C is for the parent, which closes its workers; and a group can be killed.
                start_new_session=True,
            )
        except OSError as error:
            self._lifeline.close()
            raise WorkerError(
                f"cannot start {self}: {(error.strerror or str(error)).lower()}."
            ) from error
        finally:
            os.close(lifeline)
        self._requests: queue.SimpleQueue[list[memoryview] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        self._due = threading.Semaphore(0)  # no more is read than was asked for
        # Three pipes, each able to block: a thread each.
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._write, self._read, self._listen)
        ]
        for thread in self._threads:
            thread.start()
        self.send("hello", {"backend": backend})

    def __str__(self) -> str:
        """Name the worker as messages do."""
        return f"the {self.backend} worker ({self.python})"

    def __enter__(self) -> Worker:
        """Give the worker itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the worker."""
        self.close()

    @property
    def pid(self) -> int:
        """The process, and the process group, of the worker."""
        return self._process.pid

    def ready(self, timeout: float | None = None) -> Hello:
        """Wait until the backend is loaded.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which the worker is stopped; by default the limit of its patience, else
            `START_LIMIT`.

        Raises
        ------
        BackendError
            Its framework is not installed there, or does not import.
        WorkerError
            The worker did not get so far.
        """
        if self._hello is None:
            try:
                header, _ = self._take(timeout or self.patience.limit or START_LIMIT)
            except WeightDecayError as error:
                self._stop(str(error))
                if isinstance(error, BackendError):  # which says nothing of where it was looked for
                    raise type(error)(f"in {self}: {error}") from error
                raise
            with self.reading("hello"):
                self._hello = Hello(
                    answers.text(header, "backend"),
                    answers.text(header, "backend_version"),
                    answers.text(header, "python_version"),
                    answers.text(header, "numpy_version"),
                    answers.texts(header, "devices"),
                    answers.texts(header, "dtypes"),
                )
        return self._hello

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """In this context an answer to the call `name` is taken apart.

        Raises
        ------
        WorkerGarbageError
            It is not what was asked for; the worker is stopped.
        """
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, WeightDecayError) and not isinstance(error, InputError):
                raise
            told = "its parts are of other types"
            if isinstance(error, LookupError | ValueError):
                told = f"it lacks {error}" if isinstance(error, LookupError) else str(error)
            self._fail(
                WorkerGarbageError,
                f"answered {name!r} with something else than was asked ({told})",
            )

    def call(
        self,
        name: str,
        header: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NumPyArray] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and wait for its answer; see `send` and `receive`."""
        self.send(name, header, arrays)
        return self.receive(timeout)

    def send(
        self,
        name: str,
        header: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NumPyArray] | None = None,
    ) -> None:
        """Ask for a call without waiting; the arrays must not change before its answer is here.

        Raises
        ------
        FrameError
            Something that cannot be sent.
        WorkerError
            The worker is gone.
        """
        self._require_open()
        self._requests.put(frames.encode({"call": name, **(header or {})}, arrays or {}))
        self._asked.append(name)
        self._due.release()

    def receive(self, timeout: float | None = None) -> Answer:
        """Wait for the answer to the oldest request that has none yet.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which the worker is stopped; the time until it is ready is not counted. By
            default the limit of its patience, if it has one.

        Raises
        ------
        WeightDecayError
            The call raised it there.
        WorkerCallError
            The call raised any other error.
        WorkerCrashError, WorkerTimeoutError, WorkerGarbageError
            The worker is gone.
        """
        self.ready()
        return self._take(timeout or self.patience.limit)

    def close(self) -> None:
        """Kill the process with all that it started, and wait until it is gone."""
        self._stop("it was closed")

    def _take(self, timeout: float | None) -> Answer:
        self._require_open()
        if not self._asked:
            raise WorkerError(f"{self} was not asked anything: send a request first.")
        try:
            answer = self._await(timeout)
        except WeightDecayError:
            raise
        except BaseException:
            self._stop("a wait for it was interrupted")
            raise
        if isinstance(answer, EOFError):
            self._fail(WorkerCrashError, f"{self._parting()} during {self._asked[0]!r}")
        if isinstance(answer, Exception):
            self._fail(WorkerGarbageError, f"wrote something that is no frame ({answer})")
        during = self._asked.popleft()
        if "error" in answer[0]:
            with self.reading(during):
                raised = self._raised(answer[0]["error"])
            raise raised
        return answer

    def _await(self, timeout: float | None) -> Answer | Exception:
        """The next answer; what its process does is looked at meanwhile, and told."""
        heard = time.monotonic()
        # Workers start together, and are waited for one after another.
        began = self._started if self._hello is None else heard
        notice, before, doing = self.patience.notice, None, ""
        while True:
            left = math.inf if timeout is None else began + timeout - time.monotonic()
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=max(min(LOOK, left), 0))
            now = time.monotonic()
            found = vitals.look(self.pid)
            if found is None or found.lives_on(before):
                heard = now
            if found is not None:
                doing = f": its process {self.pid} is {found.told}"
            before = found
            if timeout is not None and now - began >= timeout:
                self._give_up(f"within {timeout:g} s", doing)
            if now - heard > self.patience.silence:
                self._give_up(f"and took no processor time for {self.patience.silence:g} s", doing)
            if now - began >= notice:
                notice *= 3
                limits = [f"{self.patience.silence:g} s without processor time"]
                limits += [] if timeout is None else [f"{timeout:g} s in all"]
                self.patience.on_wait(
                    f"waiting since {now - began:.0f} s for {self} to answer {self._asked[0]!r}"
                    f"{doing}. It is given up after {' or '.join(limits)} (--timeout, {VARIABLE})."
                )

    def _give_up(self, when: str, doing: str) -> NoReturn:
        self._fail(WorkerTimeoutError, f"gave no answer to {self._asked[0]!r} {when}{doing}")

    def _raised(self, error: Mapping[str, Any]) -> WeightDecayError:
        """The error that a call raised: of its own class where that is one of this package's."""
        name, message = answers.text(error, "type"), answers.text(error, "message")
        trace, details = answers.text(error, "traceback"), error["details"]
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, WeightDecayError):
            raised = kind.__new__(kind, message)
            raised.__dict__.update({k: v for k, v in details.items() if not k.startswith("__")})
        else:
            first, *_ = message.strip().splitlines() or [""]
            raised = WorkerCallError(f"{self} raised {name}: {first}")
        raised.add_note(f"In {self}:\n{trace}")
        return raised

    def _parting(self) -> str:
        """How the process ended; its output has."""
        try:
            code = self._process.wait(PARTING_LIMIT)
        except subprocess.TimeoutExpired:
            return "closed its output and was stopped"
        if code >= 0:
            return f"ended with exit code {code}"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"

    def _fail(self, kind: type[WorkerError], what: str) -> NoReturn:
        self._stop(f"it {what}")
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines()]
        words = [line for line in lines if line and not line.startswith(("Traceback (", 'File "'))]
        last = " / ".join(words[-LAST_LINES:])
        said = f"its last words: {last}" if last else "it said nothing."
        if self._hello is None and kind in (WorkerCrashError, WorkerGarbageError):
            said += " It must be a Python 3.11 or newer that has the framework and NumPy."
        raise kind(f"{self} {what}; {said}")

    def _require_open(self) -> None:
        if self._end is not None:
            raise WorkerError(f"{self} is no longer there ({self._end}): start another.")

    def _stop(self, reason: str) -> None:
        with self._ending:  # an interruption closes what another thread waits for
            if self._end is not None:
                return
            # The group outlives its leader where that started others.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._lifeline.close()
            self._process.wait()
            self._end = reason
            self._requests.put(None)
            self._due.release()
            until = time.monotonic() + THREADS_LIMIT
            for thread in self._threads:
                thread.join(max(until - time.monotonic(), 0))

    def _write(self) -> None:
        stdin = cast(io.BufferedWriter, self._process.stdin)
        # A broken pipe is told by the thread that reads.
        with contextlib.suppress(OSError), stdin:
            while (request := self._requests.get()) is not None:
                frames.write_encoded(stdin, request)

    def _read(self) -> None:
        with cast(io.BufferedReader, self._process.stdout) as stdout:
            while self._due.acquire() and self._end is None:
                try:
                    self._answers.put(frames.read(stdout))
                except Exception as error:  # told by whoever waits
                    self._answers.put(error)
                    return

    def _listen(self) -> None:
        with cast(io.BufferedReader, self._process.stderr) as stderr:
            while chunk := stderr.read1():
                self._tail = (self._tail + chunk)[-TAIL:]


def environment() -> dict[str, str]:
    """What a worker inherits: all but the variables that would lend it this Python's packages."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
