"""MXNet by hand."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from problem import Floats, Problem, Training

# Imports MXNet, and keeps the warnings that it gives while it does.
mx = importlib.import_module("weightdecay.backends.mxnet_backend").mx
array = mx.nd.ndarray.array  # mx.nd.array is this and a look into SciPy


def plain(problem: Problem) -> Training:
    """`Dense`, autograd and Gluon's `Trainer`, minibatches picked by their row numbers."""
    X, y, w = array(problem.X), array(problem.y[:, None]), array(problem.w[None])
    batches = [array(rows, dtype="int64") for rows in _batches(problem)]
    loss = mx.gluon.loss.L2Loss()  # it has the half

    def run() -> tuple[Floats, float]:
        net, trainer = _model(problem, w)
        for rows in batches:
            _step(net, trainer, loss, X.take(rows), y.take(rows))
        return _result(net)

    return run


def guide(problem: Problem) -> Training:
    """The same with Gluon's `DataLoader`, and both losses after every epoch."""
    w, loss = array(problem.w[None]), mx.gluon.loss.L2Loss()
    data = mx.gluon.data
    training, validation = (
        data.ArrayDataset(array(X), array(y[:, None]))
        for X, y in ((problem.X, problem.y), (problem.X_val, problem.y_val))
    )
    size = problem.rows.shape[-1]
    loaders = [data.DataLoader(training, batch_sampler=epoch.tolist()) for epoch in problem.rows]
    parts = [data.DataLoader(part, size) for part in (training, validation)]
    counts = [len(problem.y), len(problem.y_val)]

    def run() -> tuple[Floats, float]:
        net, trainer = _model(problem, w)
        for loader in loaders:
            for batch in loader:
                _step(net, trainer, loss, *batch)
            for part, count in zip(parts, counts, strict=True):
                sum(loss(net(X), y).sum().asscalar() for X, y in part) / count
        return _result(net)

    return run


def lean(problem: Problem) -> Training:
    """All steps as one graph, run by MXNet's own executor, as `hybridize` has it."""
    S, size = mx.sym, problem.rows.shape[-1]
    count = problem.rows.size // size
    Z, rows, rate, keep, u = (S.var(name) for name in ("Z", "rows", "rate", "keep", "u"))
    B = S.take(Z, rows)
    split = {"num_outputs": count, "axis": 0, "squeeze_axis": True}
    batches, scaled = S.split(B, **split), S.split(S.broadcast_mul(B, rate), **split)
    for i in range(count):
        r = S.dot(batches[i], u)
        u = S.elemwise_add(S.elemwise_mul(u, keep), S.dot(scaled[i], r, transpose_a=True))
    flags = {"static_alloc": True, "static_shape": True, "inline_limit": 2}
    flags |= {"forward_bulk_size": 1000}
    graph = mx.ndarray.CachedOp(u, list(flags.items()))
    named = dict(zip(("Z", "rows", "rate", "keep", "u"), _columns(problem), strict=True))
    arguments = [named[name] for name in u.list_inputs()]
    k = problem.X.shape[1]

    def run() -> tuple[Floats, float]:
        result = graph(*arguments).asnumpy()[:, 0]
        return result[:k], result[k]

    return run


def lean_gemm(problem: Problem) -> Training:
    """Three operators a step, one after the other, over minibatches gathered at once."""
    Z, rows, rate, keep, start = _columns(problem)
    k, size = problem.X.shape[1], problem.rows.shape[-1]
    nd, r = mx.nd, mx.nd.zeros((size, 1))
    split = {"num_outputs": problem.rows.size // size, "axis": 0, "squeeze_axis": True}

    def run() -> tuple[Floats, float]:
        B = nd.take(Z, rows)
        u = start.copy()
        scaled = nd.split(nd.broadcast_mul(B, rate), **split)
        for batch, s in zip(nd.split(B, **split), scaled, strict=True):
            nd.dot(batch, u, out=r)
            nd.elemwise_mul(u, keep, out=u)
            nd.linalg.gemm(s, r, u, transpose_a=True, out=u)
        u = u.asnumpy()[:, 0]
        return u[:k], u[k]

    return run


def lean_buffers(problem: Problem) -> Training:
    """One minibatch at a time, every result into a buffer, the update one operator."""
    nd, size, lr = mx.nd, problem.rows.shape[-1], problem.lr
    X, y = array(problem.X), array(problem.y[:, None])
    w0, b0 = array(problem.w[:, None]), array(np.array([[problem.b]]))
    batches = [array(rows, dtype="int32") for rows in _batches(problem)]
    Xb, yb, r, ones = (nd.ones(s) for s in ((size, X.shape[1]), (size, 1), (size, 1), (1, size)))
    gw, gb = nd.zeros_like(w0), nd.zeros_like(b0)

    def run() -> tuple[Floats, float]:
        w, b = w0.copy(), b0.copy()
        for rows in batches:
            nd.take(X, rows, out=Xb)
            nd.take(y, rows, out=yb)
            nd.dot(Xb, w, out=r)
            nd.broadcast_add(r, b, out=r)
            nd.elemwise_sub(r, yb, out=r)
            nd.dot(Xb, r, transpose_a=True, out=gw)
            nd.dot(ones, r, out=gb)
            nd.sgd_update(w, gw, lr=lr, wd=problem.lambd, rescale_grad=1 / size, out=w)
            nd.sgd_update(b, gb, lr=lr, wd=0, rescale_grad=1 / size, out=b)
        return w.asnumpy()[:, 0], b.asscalar()

    return run


def _columns(problem: Problem) -> tuple[Any, ...]:
    """The examples with a column of ones and one of targets, and what goes with them."""
    k, size = problem.X.shape[1], problem.rows.shape[-1]
    keep = np.full((k + 2, 1), 1 - problem.lr * problem.lambd)
    keep[k:] = 1
    rate = np.full((1, 1, k + 2), -problem.lr / size)
    rate[..., k + 1] = 0
    return (
        array(np.column_stack([problem.X, np.ones_like(problem.y), problem.y])),
        array(_batches(problem), dtype="int32"),
        array(rate),
        array(keep),
        array(np.concatenate([problem.w, [problem.b, -1]])[:, None]),
    )


def _batches(problem: Problem) -> np.ndarray:
    return problem.rows.reshape(-1, problem.rows.shape[-1])


def _model(problem: Problem, w: Any) -> tuple[Any, Any]:
    net = mx.gluon.nn.Dense(1, in_units=w.shape[1])
    net.initialize(mx.init.Zero())
    net.weight.set_data(w)
    net.bias.set_data(array([problem.b]))
    net.bias.wd_mult = 0
    settings = {"learning_rate": problem.lr, "wd": problem.lambd}
    return net, mx.gluon.Trainer(net.collect_params(), "sgd", settings)


def _step(net: Any, trainer: Any, loss: Any, X: Any, y: Any) -> None:
    with mx.autograd.record():
        value = loss(net(X), y)
    value.backward()
    trainer.step(len(y))


def _result(net: Any) -> tuple[Floats, float]:
    return net.weight.data().asnumpy()[0], net.bias.data().asscalar()


CONTESTANTS = {
    "plain": plain,
    "guide": guide,
    "lean": lean,
    "lean, operator by operator": lean_gemm,
    "lean, a batch at a time": lean_buffers,
}
