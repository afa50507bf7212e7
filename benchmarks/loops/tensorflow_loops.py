"""TensorFlow by hand."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from problem import Floats, Problem, Training

# Imports TensorFlow, and keeps quiet what that writes to descriptor 2.
tf = importlib.import_module("weightdecay.backends.tensorflow_backend").tf
keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


def plain(problem: Problem) -> Training:
    """A `Dense` layer with its regularizer, a tape and `optimizers.SGD`, eagerly."""
    X, y = tf.constant(problem.X), tf.constant(problem.y[:, None])
    batches = [tf.constant(rows) for rows in problem.rows.reshape(-1, problem.rows.shape[-1])]
    layer, mse = _layer(problem), keras.losses.MeanSquaredError()

    def run() -> tuple[Floats, float]:
        optimizer = _start(problem, layer)
        for rows in batches:
            _step(layer, optimizer, mse, tf.gather(X, rows), tf.gather(y, rows))
        return _result(layer)

    return run


def guide(problem: Problem) -> Training:
    """The same from a `tf.data.Dataset`, and both losses after every epoch."""
    layer, mse = _layer(problem), keras.losses.MeanSquaredError()
    X, y = tf.constant(problem.X), tf.constant(problem.y[:, None])
    size = problem.rows.shape[-1]
    loaders = [
        tf.data.Dataset.from_tensor_slices(epoch).map(
            lambda rows: (tf.gather(X, rows), tf.gather(y, rows))
        )
        for epoch in problem.rows
    ]
    validation = (problem.X_val, problem.y_val[:, None])
    parts = [tf.data.Dataset.from_tensor_slices(part).batch(size) for part in ((X, y), validation)]
    counts = [len(problem.y), len(problem.y_val)]

    def run() -> tuple[Floats, float]:
        optimizer = _start(problem, layer)
        for loader in loaders:
            for batch in loader:
                _step(layer, optimizer, mse, *batch)
            for part, count in zip(parts, counts, strict=True):
                sum(float(mse(y, layer(X)) / 2) * len(y) for X, y in part) / count
        return _result(layer)

    return run


def lean(problem: Problem) -> Training:
    """XLA's loop over minibatches gathered at once; what it reads is captured, not passed."""
    Z, y, start, rows, keep, rate = _columns(problem)

    @tf.function(autograph=False, jit_compile=True)
    def train() -> Any:
        return _loop(start, tf.gather(Z, rows), tf.gather(y, rows), keep, rate)

    compiled = train.get_concrete_function()
    k = problem.X.shape[1]

    def run() -> tuple[Floats, float]:
        u = compiled().numpy()
        return u[:k], u[k]

    return run


def lean_arguments(problem: Problem) -> Training:
    """The same, with arrays as arguments."""
    Z, y, start, rows, keep, rate = _columns(problem)

    @tf.function(autograph=False, jit_compile=True)
    def train(start: Any, Z: Any, y: Any, rows: Any) -> Any:
        return _loop(start, tf.gather(Z, rows), tf.gather(y, rows), keep, rate)

    compiled = train.get_concrete_function(start, Z, y, rows)
    k = problem.X.shape[1]

    def run() -> tuple[Floats, float]:
        u = compiled(start, Z, y, rows).numpy()
        return u[:k], u[k]

    return run


def _columns(problem: Problem) -> tuple[Any, ...]:
    """The examples with a column of ones, so that the bias is the last weight."""
    k, size = problem.X.shape[1], problem.rows.shape[-1]
    keep = np.full(k + 1, 1 - problem.lr * problem.lambd, np.float32)
    keep[k] = 1
    return (
        tf.constant(np.column_stack([problem.X, np.ones_like(problem.y)])),
        tf.constant(problem.y),
        tf.constant(np.append(problem.w, np.float32(problem.b))),
        tf.constant(problem.rows.reshape(-1, size), "int32"),
        keep,
        np.float32(problem.lr / size),
    )


def _loop(start: Any, X: Any, y: Any, keep: Floats, rate: np.float32) -> Any:
    def body(i: Any, u: Any) -> Any:
        r = tf.linalg.matvec(X[i], u) - y[i]
        return i + 1, keep * u - rate * tf.linalg.matvec(X[i], r, transpose_a=True)

    steps = X.shape[0]
    return tf.while_loop(lambda i, _: i < steps, body, (0, start))[1]


def _layer(problem: Problem) -> Any:
    layer = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(problem.lambd / 2))
    layer.build((None, problem.X.shape[1]))
    return layer


def _start(problem: Problem, layer: Any) -> Any:
    layer.set_weights([problem.w[:, None], np.array([problem.b], np.float32)])
    return keras.optimizers.SGD(problem.lr)


def _step(layer: Any, optimizer: Any, mse: Any, X: Any, y: Any) -> None:
    with tf.GradientTape() as tape:
        loss = mse(y, layer(X)) / 2 + sum(layer.losses)
    variables = layer.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def _result(layer: Any) -> tuple[Floats, float]:
    return layer.kernel.numpy()[:, 0], float(layer.bias.numpy()[0])


CONTESTANTS = {
    "plain": plain,
    "guide": guide,
    "lean": lean,
    "lean, arrays passed": lean_arguments,
}
