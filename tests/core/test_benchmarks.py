"""The benchmarks: that they race what they say, and report what they measured; never how fast."""

from __future__ import annotations

import importlib
import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY
from weightdecay import Experiment, fit

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


class Modules:
    """The modules of benchmarks/, which is no package: imported by name when asked for."""

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(name)


@pytest.fixture(name="bench")
def _bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = set(sys.modules)
    yield Modules()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def small() -> Experiment:
    return Experiment(lambd=(3.0,), epochs=2)


def test_every_contestant_trains_what_we_train(bench: Modules, backend: str) -> None:
    if backend in bench.results.BACKENDS:
        trainings = bench.tax.prepare(backend, small())
    else:  # a backend whose library has no loops here, against those of NumPy
        problem = bench.problem.as_problem(small())
        trainings = {n: make(problem) for n, make in bench.results.contestants("numpy").items()}
    w, b = fit(small(), backend=backend, dtype="float32").params
    wanted = np.append(w, b).astype(np.float64)
    assert {"plain", "lean"} <= set(trainings)
    for name, training in trainings.items():
        for _ in range(2):  # a training leaves behind what it started from
            found_w, found_b = training()
            assert found_w.shape == (200,), name
            found = np.append(found_w, found_b)
            assert np.max(abs(found - wanted)) <= PARITY["float32"] * np.max(abs(wanted)), name


def test_contestants_that_train_something_else_are_not_timed(bench: Modules) -> None:
    problem = bench.problem.as_problem(small())
    other = bench.problem.as_problem(Experiment(lambd=(2.9,), epochs=2))
    plain = bench.results.contestants("numpy")["plain"]
    bench.results.require_equal({"one": plain(problem), "same": plain(problem)})
    with pytest.raises(ValueError, match=r"'other' ends .* away from 'one'"):
        bench.results.require_equal({"one": plain(problem), "other": plain(other)})
    nan = (np.full(200, np.nan, np.float32), 0.0)
    with pytest.raises(ValueError, match="'nan' ends nan away"):
        bench.results.require_equal({"one": plain(problem), "nan": lambda: nan})


def test_the_loops_do_not_import_their_rival(bench: Modules) -> None:
    paths = sorted((BENCHMARKS / "loops").glob("*_loops.py"))
    assert len(paths) == len(bench.results.BACKENDS)
    for path in paths:
        named = re.findall(r"weightdecay\.[\w.]+", path.read_text(encoding="utf-8"))
        allowed = r"weightdecay\.backends\.(\w+_backend|native\.keras_on_tensorflow)"
        assert all(re.fullmatch(allowed, name) for name in named), path.name


def test_rounds_are_interleaved_and_the_first_call_is_not_counted(bench: Modules) -> None:
    called: list[str] = []
    now = itertools.count()
    durations = {"slow": iter([100, 5, 1, 3]), "quick": iter([100, 1, 1, 2])}

    def make(name: str) -> Any:
        def run() -> None:
            called.append(name)
            for _ in range(next(durations[name]) - 1):
                next(now)

        return run

    times = bench.timing.interleaved(
        {name: make(name) for name in durations}, 3, clock=lambda: float(next(now))
    )
    assert called == ["slow", "quick"] * 4
    assert times == {"slow": (3.0, 1.0, 5.0), "quick": (1.0, 1.0, 2.0)}
    assert bench.timing.best(times | {"slowest": times["slow"]._replace(median=4)}, "s") == "slow"
    assert bench.results.ratio(times, "slow", "quick") == 3.0


def test_memory_is_read_from_the_right_field(bench: Modules) -> None:
    status = "Name:\tpython\nVmPeak:\t 9 kB\nVmHWM:\t  4000 kB\nVmRSS:\t  1000 kB\n"
    assert bench.memory.held(status, "VmHWM") == 4000 * 1024
    assert bench.memory.held(status, "VmRSS") == 1000 * 1024
    assert bench.memory.as_multiple(before=100, peak=560, data=400) == 1.15
    with pytest.raises(ValueError, match="kB was expected"):
        bench.memory.held("VmRSS: 1 MB", "VmRSS")


def test_an_epoch_is_compared_with_memory_and_with_others(bench: Modules) -> None:
    epoch, Times = bench.epoch, bench.timing.Times
    ours = dict.fromkeys(
        (epoch.SHUFFLED, epoch.SHUFFLED + epoch.LOSSES, epoch.IN_ORDER + epoch.LOSSES),
        Times(6.0, 5.0, 7.0),
    )
    ours[epoch.IN_ORDER] = Times(3.0, 3.0, 3.0)
    others = {epoch.PRODUCT: Times(2.0, 2.0, 2.0), epoch.COPY: Times(4.0, 4.0, 4.0)}
    ratios = epoch.compare(ours | others | {epoch.REGRESSOR: Times(60.0, 1.0, 99.0)})
    assert ratios[f"{epoch.SHUFFLED} / {epoch.PRODUCT}"] == 3.0
    assert ratios[f"{epoch.IN_ORDER} / {epoch.COPY}"] == 0.75
    assert ratios[f"{epoch.REGRESSOR} / {epoch.SHUFFLED}"] == 10.0
    assert len(ratios) == 9  # there was no DataLoader


def test_epochs_and_sweeps_run(bench: Modules, capsys: pytest.CaptureFixture[str]) -> None:
    epoch = bench.epoch.measure("numpy", rounds=1, examples=600)
    assert epoch["bytes"] == 600 * 512 * 4
    assert set(epoch["seconds"][bench.epoch.COPY]) == {"median", "least", "most"}
    sweeps = bench.sweeps.measure("numpy", rounds=1)
    assert f"{bench.sweeps.HUNDRED} / {bench.sweeps.ONE}" in sweeps["ratios"]
    assert "sweep of 100 λ" in capsys.readouterr().out


def test_a_part_is_written_beside_the_others(bench: Modules, tmp_path: Path) -> None:
    path = tmp_path / "tax.json"
    for backend, value in (("torch", 1), ("numpy", 2), ("torch", 3)):
        bench.results.write(path, backend, {"value": value})
    parts = json.loads(path.read_text(encoding="utf-8"))
    assert list(parts) == ["numpy", "torch"]
    assert [part["results"]["value"] for part in parts.values()] == [2, 3]
    assert parts["numpy"]["machine"]["packages"]["numpy"] == np.__version__
    assert [file.name for file in tmp_path.iterdir()] == ["tax.json"]
    bench.results.write(None, "numpy", {})


MACHINE = {"processor": "Abacus", "cores": 4, "packages": {"numpy": "2.0"}}


def made_up(ratios: dict[str, float], **more: Any) -> dict[str, Any]:
    return {"jax": {"machine": MACHINE, "results": {"ratios": ratios, **more}}}


def test_the_table_says_what_the_results_say(bench: Modules) -> None:
    seconds = {"sweep of 100 λ × 100 seeds": {"median": 0.5123}}
    ratios = {"ours / other path": 1.234, "ours / other path, at its default 1e-4": 5.0}
    lasso = {"ratios": ratios, "largest gap asked": 1e-9}
    files = {
        "tax": made_up({"ours: the loop / plain": 0.00437}),
        "sweeps": made_up({"100 fits / sweep of 100 λ": 1234.4}, seconds=seconds),
        "epoch": made_up({}),
        "memory": {"numpy": {"machine": MACHINE, "results": {"times_data": 1.04}}},
        "tuning": made_up({"tune: five folds / the same on NumPy": 1.55}),
        "lasso": {"numpy": {"machine": MACHINE, "results": lasso}},
    }
    lines = bench.table.table(files).splitlines()
    assert "| the loop / the plainest loop by hand |  |  |  | 0.0044 |  |" in lines
    assert "| 100 × `fit` / `sweep` of 100 λ |  |  |  | 1,234 |  |" in lines
    assert "| peak memory of `fit` / the data | 1.0 |  |  |  |  |" in lines
    assert "Sweep of 100 λ × 100 seeds, 10,000 runs in one call on JAX: 0.51 s." in lines
    assert "| `tune`, 5 folds / the same on NumPy |  |  |  | 1.6 |  |" in lines
    (sentence,) = (line for line in lines if line.startswith("Lasso path"))
    assert sentence.endswith("at a duality gap of at most 1e-09: 1.2 × other path.")
    assert lines[-1] == "Taken on: Abacus, 4 cores. Versions: numpy 2.0."
    spelled = [bench.table.spelled(x) for x in (0.123, 0.994, 0.996, 9.94, 9.96)]
    assert spelled == ["0.12", "0.99", "1.0", "9.9", "10"]


def test_the_table_goes_between_its_markers(bench: Modules) -> None:
    begin, end = bench.table.BEGIN, bench.table.END
    text = bench.table.inserted(f"before\n{begin}\nold\n{end}\nafter\n", "| new |")
    assert text == f"before\n{begin}\n\n| new |\n\n{end}\nafter\n"
    assert bench.table.inserted(text, "| new |") == text
    for broken in ("", begin, f"{end}{begin}", text + begin):
        with pytest.raises(ValueError, match="each once"):
            bench.table.inserted(broken, "| new |")


def test_the_readmes_table_is_that_of_the_results(bench: Modules) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert bench.table.inserted(text, bench.table.table(bench.table.stored())) == text


def test_every_ratio_of_the_table_is_in_the_results(bench: Modules) -> None:
    """A contestant that is renamed must not empty a row of the table."""
    files = bench.table.stored()
    for name, ratios in bench.table.RATIOS.items():
        for key in ratios.values():
            assert any(key in part["results"]["ratios"] for part in files[name].values()), key
