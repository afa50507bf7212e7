"""Run by a worker's interpreter as a script: what its process does before it serves.

    PYTHON .../weightdecay/child.py LIFELINE

Its environment needs only a framework and NumPy: this package is loaded from where this file lies,
and nothing that lies beside it becomes importable. LIFELINE is the number of an inherited
descriptor, the reading end of a pipe of which the parent holds the other end; see `follow`.

Imports wait until this file's folder is off the path, where its modules would be top-level ones.
"""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Serve the parent until it closes the stream of requests."""
    leave_folder()
    if sys.version_info < (3, 11):  # noqa: UP036  # a user may name any Python
        sys.exit("weightdecay needs Python 3.11 or newer, and this is " + sys.version.split()[0])
    requests, answers = take_streams()
    follow(int(sys.argv[1]))
    load_package()
    from weightdecay.serve import serve

    serve(requests, answers)


def leave_folder() -> None:
    """Take this file's folder off the path."""
    if sys.path and os.path.realpath(sys.path[0]) == _folder():
        del sys.path[0]


def take_streams() -> tuple[io.BufferedReader, io.BufferedWriter]:
    """Requests and answers, on descriptors that nobody else knows.

    Whatever prints goes to descriptor 2 from here on, and whatever reads finds nothing, so that no
    framework and no process that it starts can come between the frames.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def follow(lifeline: int) -> None:
    """Die, and take the process group along, when the other end of `lifeline` closes.

    That is when the parent has ended, however it ended, even in the middle of a call. Where the
    kernel can send the signal itself (Linux), it does: a thread would have to wait for a framework
    that keeps the interpreter's lock.
    """
    import fcntl
    import select
    import signal
    import threading

    def wait() -> None:
        os.read(lifeline, 1)
        die()

    def die() -> None:
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # it closed before the kernel was asked
            die()
    else:
        threading.Thread(target=wait, daemon=True).start()


def load_package() -> None:
    """Import `weightdecay` from this file's folder, whatever else is installed or lies there."""
    from importlib.util import module_from_spec, spec_from_file_location

    folder = _folder()
    spec = spec_from_file_location(
        "weightdecay",
        os.path.join(folder, "__init__.py"),
        submodule_search_locations=[folder],
    )
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    sys.modules["weightdecay"] = package
    spec.loader.exec_module(package)


def _folder() -> str:
    return os.path.dirname(os.path.realpath(__file__))


if __name__ == "__main__":
    main()
