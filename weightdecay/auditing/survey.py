"""All frameworks' optimizers audited, each framework in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from weightdecay.auditing import remote
from weightdecay.auditing.atlas import Entry
from weightdecay.auditing.result import AuditReport
from weightdecay.environments import Interpreter, resolve
from weightdecay.errors import BackendNotInstalledError, InputError
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
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(i.backend, i.python)) for i in found]
        for worker in workers:
            worker.ready()
        todo = {worker.backend: _entries(worker) for worker in workers}
        on_start(sum(map(len, todo.values())))

        def lane(worker: Worker) -> list[Audited]:
            rows = []
            for entry in todo[worker.backend]:
                rows.append(_row(worker, entry))
                on_row()
            return rows

        with ThreadPoolExecutor(max_workers=max(len(workers), 1)) as pool:
            try:
                rows = [row for lane_rows in pool.map(lane, workers) for row in lane_rows]
            except BaseException:  # Ctrl-C: nobody waits for the audits under way
                for worker in workers:
                    worker.close()
                raise
    versions = {row.backend: row.report.version for row in rows if row.report}
    return Atlas(tuple(rows), versions, tuple(found), missing)


def _entries(worker: Worker) -> list[Entry]:
    header, _ = worker.call("atlas", {"backend": worker.backend}, timeout=CALL_LIMIT)
    return [Entry(**entry) for entry in header["entries"]]


def _row(worker: Worker, entry: Entry) -> Audited:
    try:
        report = remote.audit(
            worker, entry.factory, entry.settings, knob=entry.knob, timeout=CALL_LIMIT
        )
    except InputError as error:  # the framework fails with these settings, decay or not
        return Audited(worker.backend, entry, None, str(error))
    return Audited(worker.backend, entry, report, None)
