"""The whole benchmark: prove that results are equal, then measure, round after round, in turn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from weightdecay import bounds
from weightdecay.benching import machine, scaling, starting, threads
from weightdecay.benching.case import Case, make
from weightdecay.benching.lanes import Lane
from weightdecay.benching.result import Bench, Measurement, Point, Scaling
from weightdecay.benching.sizes import SIZES, Size
from weightdecay.environments import Interpreter, resolve
from weightdecay.errors import BackendNotInstalledError, InputError, NoEquivalentError
from weightdecay.ops import DTYPES
from weightdecay.registry import BUILT_IN, find
from weightdecay.train import IMPLEMENTATIONS
from weightdecay.validate import choice, integer
from weightdecay.worker import Worker

STARTS = 3
"""Starts of every worker that are timed, unless there are fewer rounds."""
SCALING_ROUNDS = 5
"""The most rounds at every point of a scaling."""


@dataclass(frozen=True)
class Settings:
    """What to time, and how.

    Attributes
    ----------
    backends : sequence of str, optional
        By default every built-in one that can be found.
    size : Size
        What is trained.
    implementation, dtype, device : str
        'scratch' or 'native'; 'float32' or 'float64'; 'cpu' or another that every backend has.
    threads : int, optional
        For every backend; by default all processors that this process may use.
    rounds : int
        Measurements of every backend.
    scaling : bool
        Whether to vary n, inputs and number of λ as well.
    """

    backends: Sequence[str] | None = None
    size: Size = SIZES["guide"]
    implementation: str = "scratch"
    dtype: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    rounds: int = 11
    scaling: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be timed."""
        choice("implementation", self.implementation, IMPLEMENTATIONS)
        choice("dtype", self.dtype, DTYPES)
        integer("rounds", self.rounds, 1, bounds.ROUNDS)
        object.__setattr__(self, "threads", threads.require(self.threads))
        if self.backends is not None and not self.backends:
            raise InputError("backends is empty: name at least one, or leave it out.")


def bench(
    settings: Settings,
    *,
    start: Callable[[Interpreter, int], Worker] = starting.start_worker,
    import_seconds: Callable[[Interpreter, int], float | None] = starting.import_seconds,
    on_start: Callable[[int], None] = lambda total: None,
    on_part: Callable[[], None] = lambda: None,
    call_limit: float | None = None,
) -> Bench:
    """Time backends, each in a process of its own, one at a time while the others idle.

    Parameters
    ----------
    settings : Settings
        What to time.
    start, import_seconds : callables
        Start the worker of an interpreter with so many threads; time its framework's import.
    on_start, on_part : callables
        Told the number of parts, and of every part that is over.
    call_limit : float, optional
        Seconds after which a call counts as hung; by default the current patience's, or 600.

    Raises
    ------
    BackendNotInstalledError, UnknownNameError, NoEquivalentError
        A backend that was asked for by name cannot be had, or has nothing native.
    """
    count = threads.require(settings.threads)
    busy = [machine.busy()]
    interpreters, missing = _find(settings)
    starts = min(STARTS, settings.rounds)
    kinds = ("train", "loop") if settings.implementation == "scratch" else ("train",)
    sizes = {axis: scaling.sizes(settings.size, axis) for axis in scaling.AXES}
    several = min(SCALING_ROUNDS, settings.rounds)
    parts = starts + 1 + settings.rounds * len(kinds)
    parts += settings.scaling * sum(map(len, sizes.values())) * (1 + several)
    on_start(parts * len(interpreters))
    lanes = [Lane(found, lambda found: start(found, count), call_limit) for found in interpreters]

    def case(size: Size) -> Case:
        return make(size, settings.implementation, settings.dtype, settings.device)

    main = case(settings.size)
    with contextlib.ExitStack() as stack:
        for lane in lanes:
            stack.callback(lane.close)
        for turn in range(starts):
            for lane in _in_turn(lanes, turn):
                lane.start()
                seconds = import_seconds(lane.row.interpreter, count) if lane.alive else None
                if seconds is not None:
                    lane.row = replace(lane.row, imports=(*lane.row.imports, seconds))
                on_part()
        lanes = _with_device(lanes, settings, missing)
        for lane in lanes:
            first = lane.prove(main)
            lane.row = replace(lane.row, first=first)  # which the proof has changed
            on_part()
        found = _measure(lanes, kinds, settings.rounds, on_part)
        for lane in lanes:
            train, loop = (tuple(found.get((lane, kind), ())) for kind in ("train", "loop"))
            lane.row = replace(lane.row, train=train, loop=loop)
        rows = tuple(lane.row for lane in lanes)
        points: list[Point] = []
        lanes = [lane for lane in lanes if lane.alive]
        if settings.scaling:
            for axis, along in sizes.items():
                for size in along:
                    points += _point(lanes, axis, case(size), several, on_part)
    busy.append(machine.busy())
    return Bench(
        size=settings.size,
        experiment=main.experiment,
        implementation=settings.implementation,
        dtype=settings.dtype,
        device=settings.device,
        threads=count,
        pinned=all(row.process.get("processors") == count for row in rows if row.train),
        rounds=settings.rounds,
        tolerance=main.tolerance,
        machine=machine.describe("numpy"),
        busy=max((one for one in busy if one is not None), default=None),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=rows,
        missing=missing,
        scaling=Scaling(tuple(points), scaling.exponents(points)) if settings.scaling else None,
    )


def _find(settings: Settings) -> tuple[list[Interpreter], dict[str, str]]:
    """The interpreters of the backends, and why others cannot be had; by name, that is an error."""
    native = settings.implementation == "native"
    if settings.backends is not None:
        for name in settings.backends:
            if native and find(name).native is None:
                raise NoEquivalentError(
                    f"backend {name!r} has no native implementation: leave it out, or choose the "
                    "implementation 'scratch'."
                )
        return [resolve(name) for name in settings.backends], {}
    found, missing = [], {}
    for name, registration in BUILT_IN.items():
        if native and registration.native is None:
            continue
        try:
            found.append(resolve(name))
        except BackendNotInstalledError as error:
            missing[name] = str(error)
    return found, missing


def _with_device(lanes: list[Lane], settings: Settings, missing: dict[str, str]) -> list[Lane]:
    """Without the backends that nobody asked for by name and that lack the device."""
    if settings.backends is not None:
        return lanes
    kept = []
    for lane in lanes:
        if lane.alive and settings.device not in lane.devices:
            missing[lane.row.backend] = (
                f"it finds no device {settings.device!r} here: it has {', '.join(lane.devices)}."
            )
        else:
            kept.append(lane)
    return kept


def _in_turn(lanes: Sequence[Lane], turn: int) -> Iterator[Lane]:
    """All lanes, in every round from another on, so that none always follows the same one."""
    first = turn % max(len(lanes), 1)
    yield from (*lanes[first:], *lanes[:first])


def _measure(
    lanes: Sequence[Lane], kinds: Sequence[str], rounds: int, on_part: Callable[[], None]
) -> dict[tuple[Lane, str], list[Measurement]]:
    """One measurement of every kind on every lane in every round."""
    found: dict[tuple[Lane, str], list[Measurement]] = {}
    for lane in lanes:
        for kind in kinds:
            lane.calibrate(kind)
    for turn in range(rounds):
        for kind in kinds:
            for lane in _in_turn(lanes, turn):
                measurement = lane.measure(kind)
                if measurement is not None:
                    found.setdefault((lane, kind), []).append(measurement)
                on_part()
    return found


def _point(
    lanes: Sequence[Lane], axis: str, case: Case, rounds: int, on_part: Callable[[], None]
) -> list[Point]:
    """One point of a scaling on every backend, proved like everything else."""
    for lane in lanes:
        lane.forgive()
        lane.prove(case)
        on_part()
    found = _measure(lanes, ("train",), rounds, on_part)
    value = getattr(case.size, axis)
    return [
        Point(axis, value, lane.row.backend, tuple(found.get((lane, "train"), ())), lane.row.error)
        for lane in lanes
    ]
