"""Keras's averaged weights, and the optimizers of Keras 2 that TensorFlow still carries."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import TRANSLATION, relative_difference
from weightdecay.translation import dialects, proof, reference, staging
from weightdecay.translation.syntax import parse, settled

STEPS = 20
GIVEN = proof.Problem(steps=STEPS)
GRADIENTS = [{n: g[t] for n, g in GIVEN.gradients.items()} for t in range(STEPS)]


def rehearsed(text: str) -> proof.Trajectory:
    return staging.rehearse("keras", text, False, "float64", GIVEN.initial, GIVEN.gradients)


def test_averaged_weights_are_what_fitting_ends_in() -> None:
    """a₁ = w₁, a ← 0.9 a + 0.1 w; the steps themselves go on from w."""
    plain = rehearsed("keras.optimizers.SGD(0.1)")
    found = rehearsed("keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)")
    for name, w in plain.items():
        average, wanted = w[0], []
        for t in range(STEPS):
            average = average if t == 0 else 0.9 * average + 0.1 * w[t]
            wanted.append(average)
        assert relative_difference(found[name], np.array(wanted)) <= TRANSLATION["float32"]


@pytest.mark.parametrize(
    ("module", "name", "settings"),
    [
        (
            "gradient_descent",
            "SGD",
            {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "decay": 0.1},
        ),
        ("adam", "Adam", {"learning_rate": 0.01, "decay": 0.1, "epsilon": 0.01}),
        ("rmsprop", "RMSprop", {"learning_rate": 0.01, "epsilon": 0.01}),
        (
            "rmsprop",
            "RMSprop",
            {"learning_rate": 0.01, "epsilon": 0.01, "momentum": 0.9, "centered": True},
        ),
        ("adagrad", "Adagrad", {"learning_rate": 0.1, "epsilon": 0.01}),
        ("adadelta", "Adadelta", {"learning_rate": 1.0, "epsilon": 0.01}),
        ("adamax", "Adamax", {"learning_rate": 0.01, "epsilon": 0.01}),
        ("nadam", "Nadam", {"learning_rate": 0.01, "epsilon": 0.01}),
    ],
)
def test_keras_2_is_read_as_what_it_does(module: str, name: str, settings: dict[str, Any]) -> None:
    """Against TensorFlow's own copy of Keras 2."""
    text = ", ".join(f"{key}={value}" for key, value in settings.items())
    program = settled(parse(f"tf.keras.optimizers.legacy.{name}({text})"))
    recipe = dialects.read("keras", program).recipe
    wanted = list(reference.run(recipe, GIVEN.initial, GRADIENTS))
    old = importlib.import_module(f"tensorflow.python.keras.optimizer_v2.{module}")
    optimizer: Any = getattr(old, name)(**settings)
    variables = {n: tf.Variable(value) for n, value in GIVEN.initial.items()}
    for t, gradient in enumerate(GRADIENTS):
        optimizer.apply_gradients([(tf.constant(gradient[n]), v) for n, v in variables.items()])
        for n, variable in variables.items():
            off = relative_difference(variable.numpy(), wanted[t][n])
            assert off <= TRANSLATION["rounded"]
