"""MXNet: the mean of `L2Loss`, and the Trainer's `wd` with the bias's `wd_mult` at 0."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from weightdecay.ops import NumPyArray
from weightdecay.printed import PrintedProblem

# Imports MXNet, and keeps the warnings that it gives while it does.
mx = importlib.import_module("weightdecay.backends.mxnet_backend").mx

PRINTED = "L2Loss().mean(); Trainer('sgd') with wd=3, the bias's wd_mult=0, step(1)"
MEANT = "the same"


def train(problem: PrintedProblem) -> Iterator[tuple[NumPyArray, float]]:
    """Train as printed."""
    net = mx.gluon.nn.Dense(1, in_units=problem.X.shape[1], dtype="float64")
    net.initialize()
    net.weight.set_data(mx.nd.ndarray.array(problem.w[None, :], dtype="float64"))
    net.bias.set_data(mx.nd.ndarray.array([problem.b], dtype="float64"))
    net.collect_params(".*bias").setattr("wd_mult", 0)
    loss = mx.gluon.loss.L2Loss()
    trainer = mx.gluon.Trainer(
        net.collect_params(), "sgd", {"learning_rate": problem.lr, "wd": problem.weight_decay}
    )
    for rows in problem.batches:
        features = mx.nd.ndarray.array(problem.X[rows], dtype="float64")
        labels = mx.nd.ndarray.array(problem.y[rows, None], dtype="float64")
        with mx.autograd.record():
            value = loss(net(features), labels).mean()
        value.backward()
        trainer.step(1)
        yield net.weight.data().asnumpy()[0].copy(), float(net.bias.data().asscalar())
