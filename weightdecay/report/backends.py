"""What can be run where: the backends, and the environments made for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weightdecay import environments
from weightdecay.errors import WeightDecayError
from weightdecay.report.terminal import Console, Table, Text
from weightdecay.survey import BackendInfo

ORIGINS = {
    "variable": "the Python its variable names",
    "running": "this Python",
    "managed": "its own environment",
}


def backend_row(info: BackendInfo) -> dict[str, Any]:
    """What the JSON says of a backend."""
    return {
        "name": info.name,
        "installed": info.installed,
        "version": info.version,
        "devices": list(info.devices),
        "dtypes": list(info.dtypes),
        "python": str(info.interpreter.python) if info.interpreter else None,
        "origin": info.interpreter.origin if info.interpreter else None,
        "install": info.install,
        "problem": info.problem,
    }


def show_backends(console: Console, backends: Sequence[BackendInfo]) -> None:
    """One row a known backend, and what stands in the way of each that cannot be used."""
    table = Table()
    for header in ("backend", "installed", "version", "devices", "dtypes", "runs in"):
        table.add_column(header)
    for info in backends:
        installed = "yes" if not info.problem else "broken" if info.installed else "no"
        table.add_row(
            info.name,
            installed,
            info.version or "",
            ", ".join(info.devices),
            ", ".join(info.dtypes),
            ORIGINS[info.interpreter.origin] if info.interpreter else "",
        )
    console.print(table)
    for info in backends:
        console.print(Text(f"{info.name}: {info.problem or info.install}"), soft_wrap=True)


def environment_rows() -> list[dict[str, Any]]:
    """Each backend's interpreter, where it comes from, and what was made for it."""
    made = {found.backend: found for found in environments.list_environments()}
    rows = []
    for name in environments.REQUIREMENTS:
        row: dict[str, Any] = {"backend": name, "python": None, "origin": None, "problem": None}
        try:
            interpreter = environments.resolve(name)
            row |= {"python": str(interpreter.python), "origin": interpreter.origin}
        except WeightDecayError as error:
            row["problem"] = str(error)
        row["managed"] = str(made[name].folder) if name in made else None
        row["packages"] = list(made[name].packages) if name in made else []
        rows.append(row)
    return rows


def show_environments(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """One row a backend: the interpreter that would run it, and its environment if one was made."""
    table = Table(collapse_padding=False)
    for header in ("backend", "runs in", "which is", "environment made"):
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(
            row["backend"],
            Text(row["python"] or "not found"),
            ORIGINS.get(row["origin"], ""),
            Text(row["managed"] or ""),
        )
    console.print(table)
    for row in rows:
        if row["problem"]:
            console.print(Text(f"{row['backend']}: {row['problem']}"), soft_wrap=True)
