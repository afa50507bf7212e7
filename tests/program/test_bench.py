"""Benchmarks: what is not equal is not timed, all take turns, and what is read from the times."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tolerances import EXPONENT
from weightdecay.benching import case, lanes, machine, running, scaling, sizes, starting, threads
from weightdecay.benching.result import Bench, Measurement, Point, Row, Summary
from weightdecay.benching.running import Settings
from weightdecay.benching.sizes import Size
from weightdecay.data import minibatches
from weightdecay.data.load import load_data
from weightdecay.environments import Interpreter
from weightdecay.errors import BackendError, InputError
from weightdecay.stability import largest_curvature, stable_lr
from weightdecay.worker import (
    CHILD,
    Hello,
    Worker,
    WorkerCallError,
    WorkerCrashError,
    WorkerTimeoutError,
)

TINY = Size("tiny", 16, 2, 4, 2)
NAMES = ["numpy", "torch", "jax"]
PYTHON = Path(sys.executable)


@dataclass
class World:
    """Workers made up, with a clock made up: what they cost, and what they do wrong.

    `log` holds every call on any of them, in order.
    """

    cost: Callable[[str, dict[str, Any]], float] = lambda backend, header: 0.02
    mishap: Callable[[str, str, dict[str, Any]], None] = lambda backend, call, header: None
    lie: Callable[[str, str], float] = lambda backend, call: 0.0
    devices: Callable[[str], tuple[str, ...]] = lambda backend: ("cpu",)
    log: list[tuple[Any, ...]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def start(self, found: Interpreter, count: int) -> FakeWorker:
        self.log.append((found.backend, "start", count))
        return FakeWorker(self, found.backend)

    def measured(self) -> list[tuple[Any, ...]]:
        return [entry for entry in self.log if entry[1] == "bench_measure"]


class FakeWorker:
    def __init__(self, world: World, backend: str) -> None:
        self.world, self.backend = world, backend

    def ready(self) -> Hello:
        self.world.mishap(self.backend, "ready", {})
        devices = self.world.devices(self.backend)
        return Hello(self.backend, "1.0", "3.11", "2.0", devices, ("float32",))

    def call(self, name: str, header: Any, arrays: Any, limit: float) -> Any:
        self.world.log.append((self.backend, name, header.get("what"), header.get("times")))
        self.world.mishap(self.backend, name, header)
        if name == "bench_prepare":
            self.header = header
            self.world.log[-1] += (header["experiment"]["data"]["num_train"],)
        # The truth is what the parent knows already.
        found = {key: x + self.world.lie(self.backend, name) for key, x in REFERENCE.items()}
        if name == "bench_prepare":
            return {"bind_ns": 1_000_000, "place_ns": 2_000_000, "first_ns": 3_000_000}, found
        ns = self.world.cost(self.backend, self.header) * header["times"] * 1e9
        return {"ns": ns, "busy_ns": 2 * ns, "processors": 1, "threads": 5}, found

    def reading(self, name: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        self.world.closed.append(self.backend)


REFERENCE: dict[str, np.ndarray] = {}


@pytest.fixture(autouse=True)
def _reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's answer, for the workers that only pretend."""
    honest = case.make

    def make(*arguments: Any) -> case.Case:
        made = honest(*arguments)
        REFERENCE.update(made.reference._asdict())
        return made

    monkeypatch.setattr(running, "make", make)


def run(world: World, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Bench:
    monkeypatch.setattr(running, "resolve", lambda name: Interpreter(name, PYTHON, "running"))
    settings = Settings(**{"backends": NAMES, "size": TINY, "threads": 1, "rounds": 4, **options})
    return running.bench(settings, start=world.start, import_seconds=lambda found, count: 0.5)


# ---- who is timed, and when


def test_backends_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    found = run(world, monkeypatch)
    assert found.succeeded
    kinds, calibrations = ("train", "loop"), 6
    turns = [(backend, what) for backend, _, what, _ in world.measured()[calibrations:]]
    expected = [
        (NAMES[(turn + i) % 3], what) for turn in range(4) for what in kinds for i in range(3)
    ]
    assert turns == expected
    started = [backend for backend, call, *_ in world.log if call == "start"]
    assert started == ["numpy", "torch", "jax", "torch", "jax", "numpy", "jax", "numpy", "torch"]


def test_all_that_was_measured_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(World(cost=lambda backend, header: 0.02), monkeypatch)
    for row in found.rows:
        assert row.agrees
        assert row.error is None
        assert row.train == row.loop == (Measurement(0.02, 1, 2.0),) * 4
        assert row.imports == (0.5,) * 3
        assert len(row.starts) == 3
        assert row.first is not None
        assert (row.first.bind, row.first.place, row.first.train) == (1e-3, 2e-3, 3e-3)
        assert row.process == {"processors": 1, "threads": 5}
    assert found.pinned
    assert found.fastest == 0.02


def test_native_has_no_loop_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    found = run(world, monkeypatch, backends=["torch", "jax"], implementation="native")
    assert {what for _, _, what, _ in world.measured()} == {"train"}
    assert all(row.alone is None and row.steady is not None for row in found.rows)


@pytest.mark.parametrize("lie", [1e-3, math.nan, math.inf])
def test_what_disagrees_is_not_timed(lie: float, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(lie=lambda backend, call: lie if backend == "torch" else 0.0)
    found = run(world, monkeypatch)
    assert not found.succeeded
    _, torch, _ = found.rows
    assert not torch.agrees
    assert "does not agree with NumPy" in (torch.error or "")
    assert torch.steady is torch.alone is None
    assert {backend for backend, *_ in world.measured()} == {"numpy", "jax"}
    assert [len(row.train) for row in found.rows] == [4, 0, 4]


def test_rounding_is_no_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(World(lie=lambda backend, call: 1e-9), monkeypatch).succeeded


def test_what_is_timed_has_to_agree_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right at first, and wrong once the clock runs."""
    world = World(lie=lambda backend, call: backend == "jax" and call == "bench_measure")
    *_, jax = run(world, monkeypatch).rows
    assert "does not agree" in (jax.error or "")
    assert jax.train == ()


@pytest.mark.parametrize("during", ["ready", "bench_prepare", "bench_measure"])
@pytest.mark.parametrize(
    "kind", [WorkerCrashError, WorkerTimeoutError, WorkerCallError, BackendError]
)
def test_the_others_go_on(
    during: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mishap(backend: str, call: str, header: dict[str, Any]) -> None:
        if backend == "torch" and call == during:
            raise kind("out of luck")

    world = World(mishap=mishap)
    found = run(world, monkeypatch, scaling=True)
    assert not found.succeeded
    assert [row.error for row in found.rows] == [None, "out of luck", None]
    assert [len(row.train) for row in found.rows] == [4, 0, 4]
    assert found.scaling is not None
    assert {point.backend for point in found.scaling.points} == {"numpy", "jax"}
    assert set(world.closed) == set(NAMES)


def test_a_real_process_that_ends_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = "work.measure = serve.CALLS['bench_measure'] = lambda header, arrays: os._exit(3)"
    script = sabotaged(tmp_path, crash)
    healthy = {"torch": CHILD, "numpy": script}

    def start(found: Interpreter, count: int) -> Worker:
        return Worker("numpy", found.python, script=healthy[found.backend])

    monkeypatch.setattr(running, "resolve", lambda name: Interpreter(name, PYTHON, "running"))
    settings = Settings(backends=["numpy", "torch"], size=TINY, rounds=1, threads=1)
    monkeypatch.setattr(case.Case, "header", _always_numpy(case.Case.header))
    bad, good = running.bench(settings, start=start, import_seconds=lambda *_: None).rows
    assert "ended with exit code 3 during 'bench_measure'" in (bad.error or "")
    assert bad.agrees
    assert good.error is None
    assert len(good.train) == len(good.loop) == 1


def _always_numpy(header: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda self, backend: header(self, "numpy")


def test_progress_counts_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    totals: list[int] = []
    parts: list[None] = []
    monkeypatch.setattr(running, "resolve", lambda name: Interpreter(name, PYTHON, "running"))
    running.bench(
        Settings(backends=NAMES, size=TINY, threads=1, rounds=2, scaling=True),
        start=World().start,
        import_seconds=lambda found, count: None,
        on_start=totals.append,
        on_part=lambda: parts.append(None),
    )
    assert totals == [len(parts)]


def test_a_device_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(devices=lambda name: ("cpu", "cuda") if name in ("torch", "jax") else ("cpu",))
    found = run(world, monkeypatch, backends=None, device="cuda")
    assert [row.backend for row in found.rows] == ["torch", "jax"]
    assert set(found.missing) == {"numpy", "tensorflow", "mxnet"}
    assert "no device 'cuda'" in found.missing["numpy"]


def test_nothing_to_time_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not run(World(), monkeypatch, backends=None, device="cuda").succeeded


@pytest.mark.parametrize(("before", "after", "most"), [(0.1, 1.5, 1.5), (2.0, 0.0, 2.0)])
def test_a_machine_that_is_not_idle_is_noticed(
    before: float, after: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = iter([before, after])
    monkeypatch.setattr(machine, "busy", lambda: next(watched))
    found = run(World(), monkeypatch)
    assert found.busy == most
    assert found.disturbed


def test_busy_processors_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a processor: 3 s of it go by in 6 s."""
    seconds, clock = iter([100.0, 103.0]), iter([10.0, 16.0, 20.0])
    monkeypatch.setattr(machine, "_busy_seconds", lambda: next(seconds))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert machine.busy(0) == 0.5
    monkeypatch.setattr(machine, "_busy_seconds", lambda: None)
    assert machine.busy(0) is None


# ---- how long, and how often


@pytest.mark.parametrize(
    ("seconds", "times", "warm"), [(1e-3, 6, True), (0.02, 1, True), (1.0, 1, False)]
)
def test_a_measurement_lasts_long_enough(
    seconds: float, times: int, warm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers: list[dict[str, Any]] = []
    world = World(
        cost=lambda backend, header: seconds,
        mishap=lambda backend, call, header: headers.append(header),
    )
    (row,) = run(world, monkeypatch, backends=["numpy"], rounds=1).rows
    assert row.train[0].times == times
    assert row.train[0].seconds == pytest.approx(seconds)
    assert headers[-1] == {"what": "loop", "times": times, "warm": warm}
    assert times * seconds >= lanes.LEAST_SECONDS


def test_repetitions_are_guessed_again_while_code_warms_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first guess comes from a slow first repetition, and is too low."""
    costs = iter([4e-3, 1e-4])
    world = World(cost=lambda backend, header: next(costs, 1e-4))
    (row,) = run(world, monkeypatch, backends=["numpy"], rounds=1).rows
    assert row.train[0].times == math.ceil(1.2 * lanes.LEAST_SECONDS / 1e-4)


def test_summaries() -> None:
    assert Summary.of([1.0, 9.0, 2.0, 4.0, 3.0]) == Summary(median=3.0, spread=1.0, least=1.0)
    assert Summary.of([]) is None


# ---- threads


SCRIPT = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("child", {child!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
requests, answers = child.take_streams()
child.follow(int(sys.argv[1]))
child.load_package()
from weightdecay import serve
from weightdecay.benching import threads, work
serve.CALLS["tell"] = lambda header, arrays: ({{"variables": dict(os.environ)}} | threads.here(), {{}})
{sabotage}
serve.serve(requests, answers)
"""  # noqa: E501


def sabotaged(tmp_path: Path, sabotage: str = "") -> Path:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(child=str(CHILD), sabotage=sabotage))
    return script


def test_threads_reach_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any import, and over what the user's own environment says."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr(starting, "Worker", _with_script(sabotaged(tmp_path)))
    with starting.start_worker(Interpreter("numpy", PYTHON, "running"), 1) as worker:
        told, _ = worker.call("tell")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
        assert told["variables"][name] == "1"
    assert set(threads.VARIABLES) <= set(told["variables"])
    if hasattr(os, "sched_setaffinity"):
        assert told["processors"] == 1
        assert told["threads"] >= 1
    assert os.environ["OMP_NUM_THREADS"] == "7"


def _with_script(script: Path) -> Callable[..., Worker]:
    return lambda *arguments, **options: Worker(*arguments, **options, script=script)


def test_all_processors_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "processors", lambda: [2, 3, 5])
    assert threads.require(None) == 3
    assert threads.require(2) == 2
    for count in (0, 4, -1):
        with pytest.raises(InputError, match="1 to 3"):
            threads.require(count)


def test_a_process_that_is_gone_cannot_be_kept_anywhere() -> None:
    assert not threads.restrict(2**22 + 1, 1)  # beyond every process number


def test_the_import_of_numpy_takes_time() -> None:
    found = Interpreter("numpy", PYTHON, "running")
    assert (starting.import_seconds(found, 1) or 0) > 0


def test_an_import_that_fails_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "IMPORT", "raise ImportError")
    assert starting.import_seconds(Interpreter("numpy", PYTHON, "running"), 1) is None
    third_party = Interpreter("array_api_strict", PYTHON, "running")
    assert starting.import_seconds(third_party, 1) is None


# ---- cost against size


def test_the_exponents_of_a_power_law_are_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(backend: str, header: dict[str, Any]) -> float:
        e = header["experiment"]
        n, p, k = e["data"]["num_train"], e["data"]["num_inputs"], len(e["lambda"])
        return 1e-3 * n**1.5 * p**0.5 * k**0.25 if backend == "numpy" else 1e-3

    found = run(World(cost=cost), monkeypatch, backends=["numpy", "torch"], scaling=True)
    assert found.scaling is not None
    exponents = {(one.axis, one.backend): one for one in found.scaling.exponents}
    expected = {"rows": 1.5, "inputs": 0.5, "lambdas": 0.25}
    for axis, exponent in expected.items():
        assert exponents[axis, "numpy"].exponent == pytest.approx(exponent, abs=EXPONENT)
        assert exponents[axis, "torch"].exponent == pytest.approx(0, abs=EXPONENT)
        values = [size.rows for size in scaling.sizes(TINY, "rows")][-3:]
        assert exponents["rows", "numpy"].values == tuple(values)
    assert len(found.scaling.points) == 2 * sum(
        len(scaling.sizes(TINY, axis)) for axis in scaling.AXES
    )
    assert all(len(point.measurements) == 4 for point in found.scaling.points)


def test_overheads_do_not_flatten_an_exponent() -> None:
    """Only the upper points count."""
    costs = [(1, 1.0), (4, 1.0), (16, 1.0), (64, 4.0), (256, 16.0)]
    assert scaling.fit("rows", "numpy", costs).exponent == pytest.approx(1.0, abs=EXPONENT)
    assert scaling.fit("rows", "numpy", costs).values == (16, 64, 256)


def test_one_point_has_no_exponent() -> None:
    lone = Point("rows", 4, "numpy", (Measurement(1.0, 1, 1.0),))
    failed = Point("rows", 16, "numpy", (), "out of luck")
    assert scaling.exponents([lone, failed]) == ()


def test_a_failed_point_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = scaling.sizes(TINY, "rows")[-1].rows

    def mishap(backend: str, call: str, header: dict[str, Any]) -> None:
        rows = header.get("experiment", {}).get("data", {}).get("num_train")
        if rows == largest:
            raise WorkerCallError("too many rows")

    found = run(World(mishap=mishap), monkeypatch, backends=["numpy"], scaling=True)
    assert found.scaling is not None
    assert not found.succeeded
    assert found.rows[0].error is None
    failed = [point for point in found.scaling.points if point.error]
    assert [(point.axis, point.value, point.error) for point in failed] == [
        ("rows", largest, "too many rows")
    ]
    assert all(point.measurements for point in found.scaling.points if not point.error)


def test_a_process_that_is_lost_at_a_point_stays_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = (size.rows for size in scaling.sizes(TINY, "rows"))

    def mishap(backend: str, call: str, header: dict[str, Any]) -> None:
        if header.get("experiment", {}).get("data", {}).get("num_train") == second:
            raise WorkerCrashError("ended")

    found = run(World(mishap=mishap), monkeypatch, backends=["numpy"], scaling=True)
    assert found.scaling is not None
    assert found.rows[0].error is None
    before, *after = found.scaling.points
    assert (before.value, before.error) == (first, None)
    assert {point.error for point in after} == {"ended"}


@pytest.mark.parametrize("name", sizes.SIZES)
@pytest.mark.parametrize("axis", scaling.AXES)
def test_sizes_vary_one_thing(name: str, axis: str) -> None:
    size = sizes.SIZES[name]
    varied = scaling.sizes(size, axis)
    values = [getattr(other, axis) for other in varied]
    assert len(values) >= 3
    assert all(b == 4 * a for a, b in pairwise(values))
    assert getattr(size, axis) in values
    for other in varied:
        assert other.batch == size.batch <= other.rows
        for fixed in {*scaling.AXES} - {axis}:
            assert getattr(other, fixed) == getattr(size, fixed)
        assert other.rows * other.inputs <= max(scaling.MOST_NUMBERS, size.rows * size.inputs)


# ---- what is trained


def test_sizes_by_name_and_by_shape() -> None:
    assert sizes.parse("guide") == Size("guide", 20, 200, 5, 10)
    assert sizes.parse("guide").steps == 40
    assert sizes.parse("1000x7") == Size("1000x7", 1000, 7, 256, 2)
    assert sizes.parse("10x7").batch == 10
    assert sizes.parse("tall", batch_size="full", epochs=3, lambdas=4).steps == 3
    assert sizes.parse("10x7", batch_size="4", epochs=2).steps == 6


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("gide", {}, "did you mean 'guide'"),
        ("20x", {}, "write ROWSxINPUTS"),
        ("0x5", {}, "rows is 0"),
        ("5x0", {}, "inputs is 0"),
        ("5x5", {"batch_size": "6"}, "choose at most 5"),
        ("5x5", {"batch_size": "0"}, "at least 1"),
        ("5x5", {"batch_size": "some"}, "or 'full'"),
        ("5x5", {"epochs": 0}, "epochs is 0"),
        ("5x5", {"lambdas": 0}, "lambdas is 0"),
        ("1000000x1000000", {}, "choose at most 1e\\+09"),
    ],
)
def test_sizes_that_cannot_be(text: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sizes.parse(text, **options)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_strengths_are_held_exactly_in_float32(count: int) -> None:
    strengths = np.array(sizes.strengths(count))
    assert len(set(strengths)) == count
    assert strengths.min() > 0
    assert strengths.max() == sizes.LAMBDA
    assert (strengths.astype(np.float32) == strengths).all()


@pytest.mark.parametrize("shape", ["guide", "50x3", "40x400"])
def test_the_learning_rate_is_stable(shape: str) -> None:
    size = sizes.parse(shape)
    e = sizes.experiment(size)
    assert math.frexp(e.lr)[0] == 0.5  # a power of two
    data = load_data(e.data, e.seed)
    (plan, *_) = minibatches.draw(size.rows, e.batch_size, e.epochs, e.seed)
    curvature = largest_curvature(data, plan, None)
    bound = stable_lr(e.optimizer, e.decay, curvature, sizes.LAMBDA, e.momentum)
    assert bound is not None
    assert e.lr < bound


def test_settings_that_cannot_be() -> None:
    wrong: list[dict[str, Any]] = [
        {"rounds": 0},
        {"dtype": "float16"},
        {"implementation": "x"},
        {"backends": []},
    ]
    for options in wrong:
        with pytest.raises(InputError):
            Settings(**options)


def test_ready_is_measured_from_the_spawn(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([10.0, 12.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    world: Any = World()
    lane = lanes.Lane(Interpreter("numpy", PYTHON, "running"), lambda found: world.start(found, 1))
    lane.start()
    assert lane.row == Row(
        "numpy",
        Interpreter("numpy", PYTHON, "running"),
        version="1.0",
        python="3.11",
        numpy="2.0",
        starts=(2.5,),
    )
