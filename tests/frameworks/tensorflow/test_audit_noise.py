"""Random Keras optimizers of one's own: the twin meets the same noise, or there is no verdict."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from weightdecay.auditing.auditor import audit
from weightdecay.errors import InputError
from weightdecay.registry import load_adapter

load_adapter("tensorflow")
keras: Any = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


def noisy(draw: Callable[[Any], Any]) -> type:
    class Noisy(keras.optimizers.SGD):  # type: ignore[misc]  # Keras is untyped
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            noise = tf.cast(draw(gradient), gradient.dtype)
            super().update_step(tf.sign(gradient) + noise, variable, learning_rate)

    return Noisy


def test_noise_is_the_same_for_the_optimizer_and_its_twin() -> None:
    def draw(gradient: Any) -> Any:
        shape = tuple(gradient.shape)
        return keras.random.normal(shape) + np.random.standard_normal(shape) + random.gauss(0, 1)

    def after() -> list[Any]:
        return [
            *(keras.random.normal((3,)).numpy().tolist(), np.random.standard_normal(3).tolist()),
            *(random.gauss(0, 1), str(np.random.get_state(legacy=False))),
        ]

    keras.utils.set_random_seed(5)
    expected = after()
    keras.utils.set_random_seed(5)
    report = audit(noisy(draw))
    assert (report.verdict, report.factor) == ("decoupled", 1)
    assert after() == expected


def test_noise_that_cannot_be_seeded_is_no_verdict() -> None:
    with pytest.raises(InputError, match="takes other steps when it is made again"):
        audit(noisy(lambda gradient: tf.random.normal(gradient.shape)))
