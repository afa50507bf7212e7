"""All frameworks' optimizers audited, each framework in a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weightdecay import answers, patience
from weightdecay.auditing import remote
from weightdecay.auditing.atlas import Entry
from weightdecay.auditing.result import AuditReport
from weightdecay.environments import Interpreter, resolve
from weightdecay.errors import BackendNotInstalledError, InputError
from weightdecay.fleet import Fleet
from weightdecay.worker import Worker

CALL_LIMIT = 120.0
"""Seconds after which an audit counts as hung."""


@dataclass(frozen=True)
class Audited:
    """An entry of the atlas; `error` says why there is no report."""

    backend: str
    entry: Entry
    report: AuditReport | None
    error: str | None


@dataclass(frozen=True)
class Atlas:
    """Every entry, where each framework ran, and the frameworks that could not be had."""

    rows: tuple[Audited, ...]
    versions: dict[str, str]
    interpreters: tuple[Interpreter, ...]
    missing: dict[str, str]


def survey(
    names: Sequence[str],
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_row: Callable[[], None] = lambda: None,
) -> Atlas:
    """Audit every built-in optimizer of some backends."""
    found: list[Interpreter] = []
    missing: dict[str, str] = {}
    for name in names:
        try:
            found.append(resolve(name))
        except BackendNotInstalledError as error:
            missing[name] = str(error)
    limit = patience.limit(CALL_LIMIT)
    with Fleet() as fleet:
        workers = [fleet.start(interpreter) for interpreter in found]
        for worker in workers:
            worker.ready()
        todo = {worker.backend: _entries(worker, limit) for worker in workers}
        on_start(sum(map(len, todo.values())))

        def lane(worker: Worker) -> Iterator[Audited]:
            for entry in todo[worker.backend]:
                yield _row(worker, entry, limit)
                on_row()

        rows = list(itertools.chain(*fleet.side_by_side([lane(worker) for worker in workers])))
    versions = {row.backend: row.report.version for row in rows if row.report}
    return Atlas(tuple(rows), versions, tuple(found), missing)


def _entries(worker: Worker, limit: float) -> list[Entry]:
    header, _ = worker.call("atlas", {"backend": worker.backend}, timeout=limit)
    with worker.reading("atlas"):
        return [answers.checked(Entry(**entry)) for entry in header["entries"]]


def _row(worker: Worker, entry: Entry, limit: float) -> Audited:
    try:
        report = remote.audit(worker, entry.factory, entry.settings, knob=entry.knob, timeout=limit)
    except InputError as error:  # the framework fails with these settings, decay or not
        return Audited(worker.backend, entry, None, str(error))
    return Audited(worker.backend, entry, report, None)
