"""The loop, on every backend, for steps that are harder to get right than training is."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY, relative_difference
from weightdecay.eager import writing
from weightdecay.ops import Ops, Verbs
from weightdecay.registry import BUILT_IN, load

RNG = np.random.default_rng(0)
X = RNG.standard_normal((7, 3))
STEPS, BATCH = 5, 4
ROWS = RNG.integers(0, len(X), (2, STEPS, BATCH))
MEAN = RNG.standard_normal((2, STEPS, BATCH, 1))
FACTOR = RNG.standard_normal((2, STEPS, 3))
XS = (ROWS, MEAN, FACTOR)


@pytest.fixture
def ops(backend: str) -> Ops:
    return load(backend, "float64")


class Plain:
    """The verbs on NumPy arrays, one operation after another."""

    matmul = staticmethod(np.matmul)
    matrix_transpose = staticmethod(np.transpose)
    sum = staticmethod(np.sum)
    sqrt = staticmethod(np.sqrt)
    sign = staticmethod(np.sign)
    clip = staticmethod(np.clip)

    @staticmethod
    def take(x: Any, indices: Any) -> Any:
        return x[indices]


def expected(step: Any, observe: Any, state: Any, xs: Any, data: Any) -> tuple[Any, Any]:
    """What the contract of `fold` says, word for word."""
    seen = []
    for epoch in zip(*xs, strict=True):
        for x in zip(*epoch, strict=True):
            state = step(Plain, state, x, data)
        seen.append(observe(Plain, state, data))
    return state, tuple(np.stack(part) for part in zip(*seen, strict=True))


def swapped(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """Each part becomes the other."""
    a, b = state
    return b, a + 1


def shared(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """Both parts become the same value, and one is used up while the other is still needed."""
    a, b = state
    both = (a + 1) * b / 8
    return both, both


def kept(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """One part stays, and is read after what replaces the other is made."""
    a, b = state
    return a, b + a * 2 - a


def forgotten(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """One part is never read, the other is used up at once."""
    a, _ = state
    return -a / 2, abs(a) + data[1]


def symmetric(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """A view is read where what it shows could be written over."""
    a, b = state
    return (a + verbs.matrix_transpose(a)) / 4, (verbs.matrix_transpose(b) - b) / 2


def turned(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """A value and a view of it are the new state, and one is used up while the other is needed."""
    a, b = state
    c = (a + 1) * b / 8
    return c, verbs.matrix_transpose(c)


def replaced(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """Parts of the data take the place of the state."""
    return data[1], state[0]


def transposed(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """A view of the state outlives other uses of it, and one is the new state."""
    a, b = state
    view = verbs.matrix_transpose(a)
    c = verbs.matmul(a, view)
    return verbs.matrix_transpose(c / 8) + view / 2, verbs.clip(b, view, view + 1)


def gathered(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
    """What depends on the minibatch alone, in all ways, and one that must wait for its step."""
    (rows, mean, factor), (a, b) = x, state
    batch = verbs.take(data[0], rows)
    scaled = mean * batch - data[2] * mean
    total = verbs.sum(batch * factor, axis=0) + verbs.sum(scaled * scaled, axis=0)
    total = total * verbs.sum(verbs.sqrt(verbs.sum(scaled * scaled, axis=1)))
    r = verbs.matmul(batch, a) * mean
    g = verbs.matmul(verbs.matrix_transpose(scaled), r)
    return a - g / 64, b * 0.5 + verbs.matmul(a, b) / 8 + total / 1024


def observe(verbs: Verbs, state: Any, data: Any) -> Any:
    a, b = state
    return verbs.sum(a * a), a - b


SQUARE = (RNG.standard_normal((3, 3)), RNG.standard_normal((3, 3)))
DATA = (X, RNG.standard_normal((3, 3)), RNG.standard_normal(3))


HARD = [swapped, shared, kept, forgotten, symmetric, turned, replaced, transposed, gathered]


@pytest.mark.parametrize("step", HARD)
def test_the_loop_is_what_the_contract_says(ops: Ops, step: Any) -> None:
    state, seen = expected(step, observe, SQUARE, XS, DATA)
    given = [tuple(map(ops.asarray, part)) for part in (SQUARE, XS, DATA)]
    for _ in range(2):  # the second call must find what the first one found
        ours, looks = ops.fold(step, observe)(*given)
        for found, wanted in zip((*ours, *looks), (*state, *seen), strict=True):
            assert relative_difference(ops.to_numpy(found), wanted) <= PARITY["float64"]
    for part, before in zip(given, (SQUARE, XS, DATA), strict=True):
        for x, was in zip(part, before, strict=True):
            assert np.array_equal(ops.to_numpy(x), was), "the caller's arrays are the caller's"


def test_rows_in_order_are_not_changed(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers whether a minibatch is gathered or lies in the data as it is."""
    monkeypatch.setattr(writing, "WORTH_A_LOOK", 0)
    xs = (np.arange(6).reshape(1, 3, 2), np.full((1, 3, 2, 1), 0.5), FACTOR[:1, :3])
    x = ops.asarray(X)
    data = (x, *map(ops.asarray, DATA[1:]))
    arguments = tuple(map(ops.asarray, SQUARE)), tuple(map(ops.asarray, xs)), data
    state, _ = expected(gathered, observe, SQUARE, xs, DATA)
    ours, _ = ops.fold(gathered, observe)(*arguments)
    assert relative_difference(ops.to_numpy(ours[0]), state[0]) <= PARITY["float64"]
    assert np.array_equal(ops.to_numpy(x), X)


@given(
    steps=st.integers(1, 40),
    epochs=st.integers(1, 3),
    in_block=st.integers(1, 7),
    worth=st.sampled_from([0, 1 << 16]),
)
def test_any_number_of_steps_in_blocks_of_any_size(
    steps: int, epochs: int, in_block: int, worth: int
) -> None:
    """Blocks of rows that are gathered, blocks that lie in order, and what is left over."""
    rng = np.random.default_rng(steps)
    data = (rng.standard_normal((40, 3)) / 4, *DATA[1:])
    rows = rng.integers(0, 40, (epochs, steps, 2))
    rows[:, ::2] = rows[:, ::2, :1] // 2 + np.arange(2)
    sizes = (epochs, steps)
    xs = (rows, rng.standard_normal((*sizes, 2, 1)), rng.standard_normal((*sizes, 3)))
    state, seen = expected(gathered, observe, SQUARE, xs, data)

    def step(*arguments: Any) -> Any:  # a new one, or the program of another example would run
        return gathered(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "BLOCK_BYTES", in_block * 2 * 3 * 8)
        patch.setattr(writing, "WORTH_A_LOOK", worth)
        ours, looks = load("numpy").fold(step, observe)(SQUARE, xs, data)
    for found, wanted in zip((*ours, *looks), (*state, *seen), strict=True):
        assert relative_difference(found, wanted) <= PARITY["float64"]


def test_many_steps_on_every_backend(ops: Ops) -> None:
    """More than make one block or one graph."""
    rng = np.random.default_rng(1)
    xs = (
        rng.integers(0, 7, (1, 93, 2)),
        rng.standard_normal((1, 93, 2, 1)),
        rng.standard_normal((1, 93, 3)),
    )
    state, _ = expected(gathered, observe, SQUARE, xs, DATA)
    arguments = [tuple(map(ops.asarray, part)) for part in (SQUARE, xs, DATA)]
    ours, _ = ops.fold(gathered, observe)(*arguments)
    assert relative_difference(ops.to_numpy(ours[0]), state[0]) <= PARITY["float64"]


def test_a_second_call_compiles_nothing(ops: Ops, backend: str) -> None:
    """A step is asked for its operations while it is compiled, and never again."""
    asked = 0

    def counted(verbs: Verbs, state: Any, x: Any, data: Any) -> Any:
        nonlocal asked
        asked += 1
        return gathered(verbs, state, x, data)

    loop = ops.fold(counted, observe)
    arguments = [tuple(map(ops.asarray, part)) for part in (SQUARE, XS, DATA)]
    loop(*arguments)
    first = asked
    for _ in range(2):
        again = ops.fold(counted, observe)
        again(*arguments)
        loop(tuple(map(ops.asarray, SQUARE[::-1])), *arguments[1:])
    assert first > 0
    if backend in BUILT_IN:
        assert asked == first
    shorter = tuple(part[:, :3] for part in XS)
    loop(arguments[0], tuple(map(ops.asarray, shorter)), arguments[2])
    assert asked > first, "other shapes are another program"


def test_threads_do_not_share_buffers(ops: Ops) -> None:
    arguments = [tuple(map(ops.asarray, part)) for part in (SQUARE, XS, DATA)]
    loop = ops.fold(gathered, observe)
    wanted = ops.to_numpy(loop(*arguments)[0][0])
    found: list[Any] = []

    def run() -> None:
        for _ in range(20):
            found.append(ops.to_numpy(loop(*arguments)[0][0]))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert all(np.array_equal(x, wanted) for x in found)


def test_a_step_must_keep_its_shapes(backend: str) -> None:
    if backend != "numpy":  # compilers have errors of their own
        return
    ops = load(backend)
    once = (np.zeros((1, 1)),)
    with pytest.raises(ValueError, match="keep the shapes"):
        ops.fold(lambda verbs, s, x, data: (verbs.sum(s[0]),), lambda *a: ())((X,), once, None)
