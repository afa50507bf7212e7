"""The worker's side of the pipe: a request in, an answer out, one after another.

A request's header names a call, ``{"call": "hello", ...}``, one of `CALLS`. An error comes back as
``{"error": {"type", "message", "details", "traceback"}}``, and the worker lives on.
"""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from weightdecay import book, frames, remote
from weightdecay.auditing import remote as auditing
from weightdecay.benching import work
from weightdecay.errors import UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.registry import load_adapter

Header: TypeAlias = dict[str, Any]
Arrays: TypeAlias = dict[str, NumPyArray]
Call: TypeAlias = Callable[[Header, Arrays], tuple[Header, Arrays]]


def hello(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    """Import a backend and say what it is; see `weightdecay.worker.Hello`."""
    adapter = load_adapter(header["backend"])
    found = {
        "backend": header["backend"],
        "backend_version": adapter.version,
        "python_version": platform.python_version(),
        "numpy_version": np.__version__,
        "devices": adapter.devices(),
        "dtypes": adapter.dtypes,
    }
    return found, {}


def _rehearse(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    from weightdecay.translation import staging

    return staging.answer(header, arrays)


def _sweep(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    from weightdecay.sweeping import remote as sweeping

    return sweeping.answer(header, arrays)


def _tune(header: Header, arrays: Arrays) -> tuple[Header, Arrays]:
    from weightdecay.tuning import remote as tuning

    return tuning.answer(header, arrays)


CALLS: dict[str, Call] = {
    "hello": hello,
    "fit": remote.answer,
    "sweep": _sweep,
    "tune": _tune,
    "rehearse": _rehearse,
    "book": book.answer,
    "audit": auditing.answer,
    "atlas": auditing.answer_entries,
    "bench_prepare": work.prepare,
    "bench_measure": work.measure,
}
"""What a worker can be asked."""


def serve(requests: frames.Stream, answers: frames.Stream) -> None:
    """Answer requests until their stream ends."""
    # What a framework prints is wanted before it crashes.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    while True:
        try:
            request = frames.read(requests)
        except frames.EndOfFramesError:
            return
        frames.write_encoded(answers, _answer(*request))


def _answer(header: Header, arrays: Arrays) -> list[memoryview]:
    try:
        name = header.get("call")
        if name not in CALLS:
            raise UnknownNameError("call", name, CALLS)
        return frames.encode(*CALLS[name](header, arrays))
    except Exception as error:
        return frames.encode({"error": _description(error)}, {})


def _description(error: Exception) -> dict[str, Any]:
    plain = (str, int, float, type(None))
    return {
        "type": type(error).__name__,
        "message": str(error),
        "details": {key: value for key, value in vars(error).items() if isinstance(value, plain)},
        "traceback": "".join(traceback.format_exception(error)),
    }
