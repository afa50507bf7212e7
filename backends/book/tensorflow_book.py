"""TensorFlow: `MeanSquaredError`, and an l2 kernel regularizer whose loss is added."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.printed import PrintedProblem

# Imports TensorFlow, and keeps what it prints while it does.
tf = importlib.import_module("weightdecay.backends.tensorflow_backend").tf

PRINTED = "MeanSquaredError() + losses of kernel_regularizer=l2(3); SGD"
MEANT = "MeanSquaredError() / 2 + losses of kernel_regularizer=l2(3 / 2); SGD"


def train(problem: PrintedProblem) -> Iterator[tuple[NumPyArray, float]]:
    """Train as printed."""
    keras = tf.keras
    net = keras.layers.Dense(
        1, kernel_regularizer=keras.regularizers.l2(problem.weight_decay), dtype="float64"
    )
    net.build((None, problem.X.shape[1]))
    net.set_weights([problem.w[:, None], np.array([problem.b])])
    loss = keras.losses.MeanSquaredError(dtype="float64")
    optimizer = keras.optimizers.SGD(problem.lr)
    features, labels = tf.constant(problem.X), tf.constant(problem.y[:, None])
    for rows in problem.batches:
        with tf.GradientTape() as tape:
            value = loss(tf.gather(labels, rows), net(tf.gather(features, rows)))
            value = value + tf.add_n(net.losses)
        gradients = tape.gradient(value, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
        kernel, bias = net.get_weights()
        yield kernel[:, 0].copy(), float(bias[0])
