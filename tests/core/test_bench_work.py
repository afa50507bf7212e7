"""The worker's side of a benchmark: what is timed trains, on every backend, to NumPy's numbers."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from weightdecay.benching import case, sizes, work

SMALL = sizes.parse("23x7", batch_size="5", epochs=3, lambdas=3)


@pytest.fixture(autouse=True)
def _holds_nothing() -> Iterator[None]:
    yield
    work._held.clear()


def test_what_is_timed_agrees_with_numpy(backend: str, dtype: str) -> None:
    made = case.make(SMALL, "scratch", dtype, "cpu")
    header, found = work.prepare(made.header(backend), made.arrays)
    assert made.difference(found) <= made.tolerance
    assert set(header) == {"bind_ns", "place_ns", "first_ns"}
    for what in ("train", "loop"):
        header, found = work.measure({"what": what, "times": 2, "warm": True}, {})
        assert found["w"].dtype == dtype
        assert made.difference(found) <= made.tolerance
        assert header["ns"] > 0


def test_native_training_agrees_with_numpy(native_backend: str, dtype: str) -> None:
    made = case.make(SMALL, "native", dtype, "cpu")
    _, found = work.prepare(made.header(native_backend), made.arrays)
    assert made.difference(found) <= made.tolerance
    _, found = work.measure({"what": "train", "times": 1, "warm": False}, {})
    assert made.difference(found) <= made.tolerance
    assert "loop" not in work._held


@pytest.mark.parametrize(("warm", "runs"), [(False, 3), (True, 4)])
def test_only_the_repetitions_are_under_the_clock(
    warm: bool, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by the collector, which is off there and nowhere else."""
    seen: list[bool] = []

    def action() -> tuple[int, int]:
        seen.append(gc.isenabled())
        return 0, 0

    monkeypatch.setitem(work._held, "train", lambda times: action)
    assert gc.isenabled()
    work.measure({"what": "train", "times": 3, "warm": warm}, {})
    assert seen == [True] * (runs - 3) + [False] * 3
    assert gc.isenabled()


def test_the_collector_is_on_again_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(work._held, "train", lambda times: lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work.measure({"what": "train", "times": 1, "warm": False}, {})
    assert gc.isenabled()
