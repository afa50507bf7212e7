"""What a benchmark shows: a table that can be quoted, and every single measurement."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from weightdecay import __version__
from weightdecay.benching.result import Bench, Measurement, Row, Scaling, Summary
from weightdecay.benching.scaling import UPPER
from weightdecay.escaping import to_json
from weightdecay.report.terminal import Console, Table, Text

AXES = {"rows": "n", "inputs": "inputs", "lambdas": "λ"}
TIMED = {
    "scratch": "one training from data on the device: initial state, minibatches, λ and learning "
    "rate in, all steps, the losses of every epoch, results out and awaited",
    "native": "one training by the framework's own optimizer from data in host memory: model and "
    "data placed, all steps, the losses of every epoch, results out and awaited, one λ after the "
    "other",
}
CONVENTIONS = {
    "imports": "seconds that importing the framework takes in a process of its own",
    "starts": "seconds from spawning a worker until it is ready, the import included",
    "first": "seconds of binding the backend, of placing the data, and of the first training with "
    "all compilation",
    "loop": "one compiled or plain loop over all steps without any loss, parameters out and "
    "awaited",
    "spread": "median absolute deviation",
    "times": "repetitions in one measurement; seconds are those of one repetition",
    "busy": "processors that other programs kept busy, before or after",
    "cores": "processor time over time on the clock",
    "largest_difference": "of any final parameter from NumPy's, over the largest of NumPy's",
}


def as_json(bench: Bench) -> str:
    """One JSON object; numbers that are not finite are null."""
    report = {
        "weightdecay": __version__,
        "date": bench.date,
        "machine": bench.machine,
        "busy": bench.busy,
        "size": asdict(bench.size),
        "steps": bench.size.steps,
        "experiment": bench.experiment.to_dict(),
        "implementation": bench.implementation,
        "dtype": bench.dtype,
        "device": bench.device,
        "threads": bench.threads,
        "pinned": bench.pinned,
        "rounds": bench.rounds,
        "tolerance": bench.tolerance,
        "conventions": {"train": TIMED[bench.implementation], **CONVENTIONS},
        "rows": [_row(row, bench) for row in bench.rows],
        "missing": bench.missing,
        "scaling": bench.scaling and _scaling(bench.scaling),
    }
    return to_json(report, indent=2)


def _row(row: Row, bench: Bench) -> dict[str, Any]:
    finite = row.difference is not None and math.isfinite(row.difference)
    return {
        "backend": row.backend,
        "version": row.version,
        "python": row.python,
        "numpy": row.numpy,
        "interpreter": str(row.interpreter.python),
        "origin": row.interpreter.origin,
        "agrees": row.agrees,
        "largest_difference": row.difference if finite else None,
        "error": row.error,
        **row.process,
        "imports": row.imports,
        "starts": row.starts,
        "first": row.first and asdict(row.first),
        "train": _measured(row.steady, row.train),
        "loop": _measured(row.alone, row.loop),
        "times_fastest": _ratio(row, bench),
        "loop_seconds_per_step": row.alone and row.alone.median / bench.size.steps,
    }


def _measured(
    summary: Summary | None, measurements: tuple[Measurement, ...]
) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {**asdict(summary), "measurements": [asdict(one) for one in measurements]}


def _ratio(row: Row, bench: Bench) -> float | None:
    if row.steady is None or not bench.fastest:
        return None
    return row.steady.median / bench.fastest


def _scaling(scaling: Scaling) -> dict[str, Any]:
    return {
        "points": [
            {
                "axis": point.axis,
                "value": point.value,
                "backend": point.backend,
                "train": _measured(point.cost, point.measurements),
                "error": point.error,
            }
            for point in scaling.points
        ],
        "exponents": [asdict(exponent) for exponent in scaling.exponents],
    }


def show(console: Console, bench: Bench) -> None:
    """For a person: the table, what it means, and what it was taken on."""
    table = Table()
    for header in ("backend", "version"):
        table.add_column(header, no_wrap=True)
    headers = ["import\ns", "start\ns", "first\nms", "steady\nms", "ratio"]
    if bench.implementation == "scratch":
        headers.append("loop\nµs/step")
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for row in sorted(bench.rows, key=lambda row: _ratio(row, bench) or math.inf):
        table.add_row(*_cells(row, bench)[: len(headers) + 2])
    say = _Sayer(console)
    say(f"{described(bench)}; {circumstances(bench)}")
    console.print(table)
    say(f"steady: {TIMED[bench.implementation]};")
    say(
        f"  median ± median absolute deviation of {bench.rounds} "
        f"round{'s' * (bench.rounds > 1)}, one backend at a time "
        "while the others idle; ratio: to the fastest"
    )
    say("first: binding the backend and the first training, with all compilation")
    if bench.implementation == "scratch":
        say("loop: all steps in one call without any loss, awaited")
    differences = [row.difference for row in bench.rows if row.agrees and row.difference]
    say(
        "equal results: no parameter differs from NumPy's by more than "
        f"{max(differences, default=0.0):.1e} of the largest ({bench.tolerance:g} is allowed)"
    )
    pinned = ", each process kept on as many processors" if bench.pinned else ""
    cores = ", ".join(f"{row.backend} {_cores(row):.1f}" for row in bench.rows if row.train)
    say(f"threads: {bench.threads} for every backend{pinned}; kept busy: {cores or 'none'}")
    if bench.disturbed:
        say(
            f"the machine was not idle: other programs kept {bench.busy:.1f} processors busy; "
            "repeat without them"
        )
    for row in bench.rows:
        say(f"{row.backend} ran in {row.interpreter}, Python {row.python}, NumPy {row.numpy}")
    for row in bench.rows:
        if row.error:
            say(f"{row.backend} failed: {row.error}")
    for name, reason in bench.missing.items():
        say(f"{name} is missing: {reason}")
    if bench.scaling is not None:
        _show_scaling(console, bench.scaling)


def _cells(row: Row, bench: Bench) -> list[str]:
    def median(summary: Summary | None, digits: int, factor: float = 1.0) -> str:
        return f"{summary.median * factor:.{digits}f}" if summary else ""

    steady, first, ratio = row.steady, row.first, _ratio(row, bench)
    return [
        row.backend,
        row.version or "",
        median(Summary.of(row.imports), 2),
        median(Summary.of(row.starts), 2),
        _significant((first.bind + first.train) * 1e3) if first and row.agrees else "",
        f"{_significant(steady.median * 1e3)} ± {_significant(steady.spread * 1e3, 2)}"
        if steady
        else "failed",
        _significant(ratio) if ratio is not None else "",
        _significant(row.alone.median / bench.size.steps * 1e6) if row.alone else "",
    ]


def _significant(value: float, digits: int = 3) -> str:
    """A number with three digits that count, never in powers of ten."""
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{decimals}f}"


def _cores(row: Row) -> float:
    """Processors that a process kept busy, in the middle."""
    summary = Summary.of([one.cores for one in row.train])
    return summary.median if summary else 0.0


def described(bench: Bench) -> str:
    """What was trained, in words."""
    size, e = bench.size, bench.experiment
    lambdas = f"λ = {e.lambd[0]:g}" if size.lambdas == 1 else f"{size.lambdas} λ at once"
    if bench.implementation == "native" and size.lambdas > 1:
        lambdas = f"{size.lambdas} λ one after the other"
    how = {"scratch": "from scratch", "native": "native"}[bench.implementation]
    return (
        f"{size.name}: {size.rows:,} examples of {size.inputs:,} inputs, batch {size.batch}, "
        f"{size.epochs} epoch{'s' * (size.epochs > 1)} ({size.steps:,} steps), {lambdas}, "
        f"{bench.dtype}, {bench.device}, {how}"
    )


def circumstances(bench: Bench) -> str:
    """Threads, machine, day and version, in words."""
    m = bench.machine
    memory = f"{m['memory_gib']} GiB, " if m["memory_gib"] else ""
    return (
        f"{bench.threads} thread{'s' * (bench.threads > 1)}; {m['processor']}, {m['cores']} cores, "
        f"{memory}{m['system']}; {bench.date[:10]}; weightdecay {__version__}"
    )


def _show_scaling(console: Console, scaling: Scaling) -> None:
    found = {(one.axis, one.backend): one for one in scaling.exponents}
    backends = list(dict.fromkeys(point.backend for point in scaling.points))
    table = Table()
    table.add_column("cost grows with")
    for axis in AXES.values():
        table.add_column(axis, justify="right")
    for backend in backends:
        cells = [found.get((axis, backend)) for axis in AXES]
        table.add_row(backend, *(f"{cell.exponent:.2f}" if cell else "" for cell in cells))
    console.print(table)
    say = _Sayer(console)
    ranges = {one.axis: one.values for one in scaling.exponents}
    listed = "; ".join(
        f"{AXES[axis]} from {values[0]:,} to {values[-1]:,}" for axis, values in ranges.items()
    )
    say(
        "exponents: slope of log seconds of one training on log size, by least squares over the "
        f"{UPPER} largest sizes: {listed}"
    )
    for point in scaling.points:
        if point.error:
            say(f"{point.backend} failed at {AXES[point.axis]} = {point.value:,}: {point.error}")


class _Sayer:
    """Prints lines as they are, unbroken."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)
