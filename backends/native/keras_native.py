"""Native Keras on TensorFlow: a Dense layer, its regularizers, a GradientTape, keras.optimizers.

Coupled, λ₂ is `kernel_regularizer=L2(λ₂/2)`: Keras's L2(c) is c‖w‖², without the half. Decoupled,
it is the optimizer's `weight_decay`, which shrinks a variable by 1 − ηλ₂ before the optimizer's own
step, whichever that is; what is not to decay is excluded. λ₁ is a regularizer always, and
TensorFlow's d|w|/dw is 0 at 0.

Keras rounds the learning rate and, on TensorFlow, weight_decay, momentum and the betas to float32
even for float64 variables: float64 results agree to rounding when these are sums of few powers of
two (lr = 1/128), and otherwise to about 1e-7, with Adam's betas to about 1e-6.

The steps are not under tf.function: tracing it takes as long as dozens of steps, and in float64
TensorFlow then warns on descriptor 2 of every Dense layer ("Not handling type DT_DOUBLE").
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from weightdecay.native import NativeEpoch, NativeProblem
from weightdecay.ops import NumPyArray

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


def refusal(problem: NativeProblem) -> str | None:
    """No proximal update, Adam with ε = 0 only, and one λ₂ outside the gradient."""
    experiment = problem.experiment
    if experiment.l1_update == "proximal" and (problem.l1.any() or problem.l1_bias):
        return "Keras has no proximal L1 update: l1_update = 'subgradient' would be exact."
    if experiment.optimizer == "adam" and experiment.eps > 0:
        return (
            "Keras's Adam adds eps to √v before the bias correction (the ε̂ of Kingma & Ba's "
            "section 2): eps = 0 would be exact."
        )
    if (
        experiment.decay == "decoupled"
        and experiment.optimizer != "sgd"
        and not _one_weight_decay(problem)
    ):
        return (
            "a Keras optimizer has one weight decay for all that it decays: equal penalty "
            "factors, or coupled decay, would be exact."
        )
    return None


def train(problem: NativeProblem) -> Iterator[NativeEpoch]:
    """One gradient tape and one step of the optimizer a batch, eagerly."""
    device = {"cpu": "CPU:0", "cuda": "GPU:0"}.get(problem.device, problem.device)
    mean_squared_error = keras.losses.MeanSquaredError(dtype=problem.dtype)

    def tensor(x: NumPyArray) -> Any:
        return tf.constant(x, problem.dtype)

    def data(X: NumPyArray, y: NumPyArray, weight: NumPyArray | None) -> tuple[Any, ...]:
        return tensor(X), tensor(y[:, None]), tensor(np.ones(len(y)) if weight is None else weight)

    def loss(X: Any, y: Any, s: Any) -> Any:
        return mean_squared_error(y, layer(X), sample_weight=s) / 2  # a mean over rows, not over s

    def step(rows: NumPyArray) -> None:
        batch = [tf.gather(part, rows) for part in training]
        with tf.GradientTape() as tape:
            objective = sum(layer.losses, start=loss(*batch))
        variables = layer.trainable_variables
        optimizer.apply(tape.gradient(objective, variables), variables)

    def params() -> tuple[NumPyArray, NumPyArray]:
        kernel, bias = layer.get_weights()
        return kernel[:, 0].copy(), np.array(bias[0])

    with tf.device(device):
        layer = _layer(problem)
        optimizer = _optimizer(problem, layer)
        training = data(problem.X_train, problem.y_train, problem.weight_train)
        validation = data(problem.X_val, problem.y_val, problem.weight_val)

    for epoch in problem.epochs:
        steps = []
        with tf.device(device):  # left before the yield, so that the caller never sees it
            for rows in epoch:
                step(rows)
                if problem.record:
                    steps.append(params())
            val_loss = float(loss(*validation)) if len(problem.y_val) else float("nan")
            losses = float(loss(*training)), val_loss
        yield NativeEpoch(*params(), *losses, steps)


class _ByInput(keras.regularizers.Regularizer):  # type: ignore[misc, name-defined]  # untyped
    """Σ λ₁|w| + λ₂/2 w² with strengths that differ by input."""

    def __init__(self, l1: NumPyArray, l2: NumPyArray) -> None:
        """Take strengths of shape (num_inputs,)."""
        self.l1, self.l2 = l1[:, None], l2[:, None]

    def __call__(self, x: Any) -> Any:
        return keras.ops.sum(self.l1 * keras.ops.abs(x) + self.l2 / 2 * keras.ops.square(x))


def _layer(problem: NativeProblem) -> Any:
    """The linear model in its initial state, with what goes through the gradient."""
    l1, l2, l2_bias = problem.l1, problem.l2, problem.l2_bias
    if _decoupled(problem):
        l2, l2_bias = np.zeros_like(l2), 0.0
    if _uniform(l1) and _uniform(l2):
        regularizer = keras.regularizers.L1L2(float(l1[0]), float(l2[0]) / 2)
    else:
        regularizer = _ByInput(l1.astype(problem.dtype), l2.astype(problem.dtype))
    layer = keras.layers.Dense(
        1,
        kernel_initializer="zeros",  # without a draw: the initial state is given
        kernel_regularizer=regularizer,
        bias_regularizer=keras.regularizers.L1L2(problem.l1_bias, l2_bias / 2),
        dtype=problem.dtype,
    )
    layer.build((None, len(problem.w)))
    layer.set_weights([problem.w[:, None], np.array([problem.b])])
    return layer


def _optimizer(problem: NativeProblem, layer: Any) -> Any:
    experiment = problem.experiment
    options: dict[str, Any] = {"learning_rate": experiment.lr}
    if _decoupled(problem):
        options["weight_decay"] = float(problem.l2[0]) or problem.l2_bias
    if experiment.optimizer == "adam":
        beta1, beta2 = experiment.betas
        options |= {"beta_1": beta1, "beta_2": beta2, "epsilon": experiment.eps}
        rule = keras.optimizers.AdamW if _decoupled(problem) else keras.optimizers.Adam
    else:
        momentum = 0.0 if experiment.optimizer == "sgd" else experiment.momentum
        options |= {"momentum": momentum, "nesterov": experiment.optimizer == "nesterov"}
        rule = keras.optimizers.SGD
    optimizer = rule(**options)
    strengths = [(layer.kernel, problem.l2.any()), (layer.bias, problem.l2_bias)]
    optimizer.exclude_from_weight_decay([variable for variable, l2 in strengths if not l2])
    optimizer.build(layer.trainable_variables)
    return optimizer


def _decoupled(problem: NativeProblem) -> bool:
    """Whether the optimizer decays the weights; for sgd the regularizer does the same."""
    return problem.experiment.decay == "decoupled" and _one_weight_decay(problem)


def _one_weight_decay(problem: NativeProblem) -> bool:
    """Whether all λ₂ are one number, but for a variable that is left out whole."""
    l2, l2_bias = problem.l2, problem.l2_bias
    return _uniform(l2) and (not l2_bias or not l2[0] or l2_bias == l2[0])


def _uniform(strength: NumPyArray) -> bool:
    return bool((strength == strength[0]).all())
