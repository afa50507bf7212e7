"""Every verb of the thin interface on every requested backend, against NumPy itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.tolerances import PARITY, relative_difference
from weightdecay.ops import VERBS, Ops, Verbs
from weightdecay.registry import load

FINITE = st.floats(-1e3, 1e3, width=32)


@pytest.fixture
def ops(backend: str, dtype: str) -> Ops:
    return load(backend, dtype)


def test_requested_backend_imports(backend: str) -> None:
    """The sentinel: a backend that was asked for and cannot be had makes the run red."""
    assert isinstance(load(backend), Ops)


def test_manifest_and_protocol_agree() -> None:
    public = {name for name in vars(Ops) | vars(Verbs) if not name.startswith("_")}
    assert public == {*VERBS, "dtype", "device"}


def test_is_bound_to_what_was_asked(ops: Ops, dtype: str) -> None:
    assert (ops.dtype, ops.device) == (dtype, "cpu")


def test_asarray_converts_floats_and_keeps_integers(ops: Ops, dtype: str) -> None:
    assert ops.to_numpy(ops.asarray(np.ones(3, np.float32))).dtype == dtype
    assert ops.to_numpy(ops.asarray(np.ones(3, np.float64))).dtype == dtype
    assert ops.to_numpy(ops.asarray([1.5, 2])).tolist() == [1.5, 2]
    assert ops.to_numpy(ops.asarray(np.arange(3))).dtype.kind == "i"


def test_asarray_takes_read_only_arrays(ops: Ops) -> None:
    x = np.arange(3.0)
    x.flags.writeable = False
    assert ops.to_numpy(ops.asarray(x)).tolist() == [0, 1, 2]


def test_elementwise_and_sums(ops: Ops, dtype: str) -> None:
    # A few shapes: some backends compile for each.
    shapes = st.sampled_from([(1, 1), (3, 2), (2, 5)])

    @given(shapes.flatmap(lambda shape: arrays(dtype, shape, elements=FINITE)))
    def check(x: np.ndarray) -> None:
        X = ops.asarray(x)
        pairs = [
            (ops.sqrt(abs(X)), np.sqrt(abs(x))),
            (ops.sign(X), np.sign(x)),
            (ops.sum(X, axis=0), x.sum(axis=0)),
            (ops.sum(X, axis=1), x.sum(axis=1)),
            (ops.sum(X), x.sum()),
            (ops.matrix_transpose(X), x.T),
            (ops.matmul(X, ops.matrix_transpose(X)), x @ x.T),
            (-X + X * X - X, -x + x * x - x),
            (arithmetic(ops, X), -x / 2 + (1 - x) * 3 + x / (1 + abs(x))),
        ]
        for ours, numpys in pairs:
            ours = ops.to_numpy(ours)
            assert ours.dtype == dtype
            assert ours.shape == np.shape(numpys)
            scale = max(float(np.max(abs(x), initial=0)) ** 2 * x.size, 1.0)
            assert np.max(abs(ours - numpys), initial=0) <= PARITY[dtype] * scale

    check()


def arithmetic(ops: Ops, X: Any) -> Any:
    """Python numbers as operands, where the contract has them: inside a fold."""
    once = (ops.asarray(np.zeros((1, 1))),)
    (result,), _ = ops.fold(_arithmetic, _nothing)((X,), once, None)
    return result


def _nothing(verbs: Verbs, state: tuple, data: tuple) -> tuple:
    return ()


def _arithmetic(verbs: Verbs, state: tuple, x: tuple, data: None) -> tuple:
    (X,) = state
    return (-X / 2 + (1 - X) * 3 + X / (1 + abs(X)),)


def test_clip_takes_arrays_that_broadcast(ops: Ops) -> None:
    x = np.array([[-3.0, -1.0, 0.5], [2.0, 5.0, -7.0]])
    bound = np.array([1.0, 2.0, 0.25])
    clipped = ops.to_numpy(ops.clip(ops.asarray(x), ops.asarray(-bound), ops.asarray(bound)))
    assert clipped.tolist() == [[-1.0, -1.0, 0.25], [1.0, 2.0, -0.25]]


def test_clip_does_not_round_its_bounds(ops: Ops, dtype: str) -> None:
    bound = np.array([np.nextafter(np.dtype(dtype).type(0.1), 1, dtype=dtype)])
    one = ops.asarray(np.ones(1))
    clipped = ops.clip(one, ops.asarray(-bound), ops.asarray(bound))
    assert ops.to_numpy(clipped)[0] == bound[0]


def test_sign_of_zero_is_zero(ops: Ops) -> None:
    assert ops.to_numpy(ops.sign(ops.asarray([0.0, -0.0]))).tolist() == [0, 0]


def test_take_picks_rows_in_order(ops: Ops) -> None:
    x = np.arange(12.0).reshape(4, 3)
    rows = np.array([3, 0, 3])
    assert ops.to_numpy(ops.take(ops.asarray(x), ops.asarray(rows))).tolist() == x[rows].tolist()


def test_eigh_of_a_symmetric_matrix(ops: Ops, dtype: str) -> None:
    """The decomposition puts the matrix together again, in the order and shape that is promised."""
    A = np.random.default_rng(0).standard_normal((7, 7))
    S = A + A.T
    values, vectors = (ops.to_numpy(part) for part in ops.eigh(ops.asarray(S)))
    assert values.dtype == vectors.dtype == dtype
    assert (np.diff(values) > 0).all()
    assert relative_difference(vectors * values @ vectors.T, S) <= PARITY[dtype]
    assert relative_difference(vectors.T @ vectors, np.eye(7)) <= PARITY[dtype]


def test_fold_is_reduce_with_a_look_after_every_epoch(ops: Ops, dtype: str) -> None:
    """state ← state · x + data, whose value depends on the order of the steps."""

    def step(verbs: Verbs, state: tuple, x: tuple, data: tuple) -> tuple:
        (total,), (factor, row), (term, nothing) = state, x, data
        assert nothing is None
        return (total * factor + verbs.sum(verbs.take(term, row), axis=0),)

    def observe(verbs: Verbs, state: tuple, data: tuple) -> tuple:
        (total,), (term, _) = state, data
        return total + verbs.sum(term, axis=0), None, (state,)

    loop = ops.fold(step, observe)
    xs = np.array([[[2.0], [3.0], [5.0]], [[1.0], [1.0], [2.0]]])
    rows = np.array([[[0, 1], [1, 1], [0, 0]], [[0, 0], [0, 0], [0, 0]]])
    arguments = (
        (ops.asarray(np.ones(1)),),
        (ops.asarray(xs), ops.asarray(rows)),
        (ops.asarray(np.array([[1.0], [10.0]])), None),
    )
    # ((1·2 + 11)·3 + 20)·5 + 2 = 297, then (297 + 2 + 2)·2 + 2; the same again: nothing is kept
    for _ in range(2):
        (total,), (plus, nothing, ((seen,),)) = loop(*arguments)
        assert ops.to_numpy(total).tolist() == [604.0]
        assert ops.to_numpy(seen).tolist() == [[297.0], [604.0]]
        assert ops.to_numpy(plus).tolist() == [[308.0], [615.0]]
        assert nothing is None
        assert ops.to_numpy(total).dtype == ops.to_numpy(plus).dtype == dtype
        assert ops.to_numpy(arguments[0][0]).tolist() == [1.0]


def test_two_loads_share_their_ops(backend: str) -> None:
    assert load(backend, "float64") is load(backend, "float64")


def test_relative_difference_sees_a_difference() -> None:
    assert relative_difference([1.0, 2.0], [1.0, 2.5]) == pytest.approx(0.2)
