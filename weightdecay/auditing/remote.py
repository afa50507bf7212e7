"""`audit` in a worker: an optimizer is named on one side of the pipe, and measured on the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from weightdecay import answers
from weightdecay.auditing.atlas import entries
from weightdecay.auditing.auditor import audit as audit_here
from weightdecay.auditing.result import AuditReport
from weightdecay.ops import NumPyArray
from weightdecay.worker import Worker


def audit(
    worker: Worker,
    factory: str,
    settings: Mapping[str, Any],
    *,
    knob: str | None = None,
    seed: int = 0,
    timeout: float | None = None,
    backend: str | None = "",
    path: Sequence[str] = (),
) -> AuditReport:
    """Do what `weightdecay.audit` does, in `worker` and on its backend.

    Another `backend`, or None for the one that the factory tells, is that of a module of the
    user's own, which is looked for on `path` too.
    """
    header = {
        "backend": worker.backend if backend == "" else backend,
        "path": list(path),
        "factory": factory,
        "settings": dict(settings),
        "knob": knob,
        "seed": seed,
    }
    found, _ = worker.call("audit", header, timeout=timeout)
    with worker.reading("audit"):
        return answers.checked(AuditReport.from_dict(found))


def answer(
    header: dict[str, Any], arrays: dict[str, NumPyArray]
) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """Audit what the parent named; the worker's side."""
    sys.path += [entry for entry in header.get("path", ()) if entry not in sys.path]
    report = audit_here(
        header["factory"],
        backend=header["backend"],
        knob=header["knob"],
        seed=header["seed"],
        **{name: _tuples(value) for name, value in header["settings"].items()},
    )
    return report.to_dict(), {}


def answer_entries(
    header: dict[str, Any], arrays: dict[str, NumPyArray]
) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """List the atlas's entries of a backend; the worker's side."""
    return {"entries": [entry._asdict() for entry in entries(header["backend"])]}, {}


def _tuples(value: Any) -> Any:
    """Lists are what JSON makes of tuples, and frameworks take tuples."""
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
