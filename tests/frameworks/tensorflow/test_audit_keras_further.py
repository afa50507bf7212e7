"""The audit on Keras optimizers that decay twice."""

from __future__ import annotations

import importlib
from typing import Any

from weightdecay.auditing.auditor import audit
from weightdecay.registry import load_adapter

load_adapter("tensorflow")
keras: Any = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


class Shrinking(keras.optimizers.SGD):  # type: ignore[misc]  # Keras is untyped
    """A coupled decay of its own beside the `weight_decay` that it inherits."""

    def __init__(self, learning_rate: float = 0.1, shrinkage: float = 0.01, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.shrinkage = shrinkage

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        shrinking = keras.ops.cast(self.shrinkage, variable.dtype) * variable
        super().update_step(gradient + shrinking, variable, learning_rate)


def test_a_decay_beside_the_one_that_is_inherited() -> None:
    report = audit(Shrinking)
    assert (report.verdict, report.knob) == ("decoupled", "weight_decay")
    assert report.headlines[0].startswith("two decays at once: beside weight_decay, decays by no ")
    assert "shrinkage: audit it with knob='shrinkage'" in report.headlines[0]
