"""The audit on Keras optimizers and regularizers of one's own."""

from __future__ import annotations

import importlib
from typing import Any

from weightdecay.auditing.auditor import audit
from weightdecay.registry import load_adapter

load_adapter("tensorflow")
keras: Any = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


class HalfSquare(keras.regularizers.Regularizer):  # type: ignore[misc]  # Keras is untyped
    """λ/2 ‖w‖², which Keras's own L2 is not."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = l2

    def __call__(self, x: Any) -> Any:
        return self.l2 / 2 * keras.ops.sum(keras.ops.square(x))


def sparing(learning_rate: float, weight_decay: float) -> Any:
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.5, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def test_a_regularizer_with_its_half() -> None:
    report = audit(HalfSquare)
    assert (report.backend, report.verdict, report.factor) == ("tensorflow", "coupled", 1)
    assert audit("keras.regularizers.L2").factor == 2


def test_what_is_excluded_is_seen() -> None:
    report = audit(sparing)
    assert (report.verdict, report.order, report.factor) == ("decoupled", "before", 1)
    assert report.bias_decayed is False
    assert report.decayed["hidden.weight"] is True
    assert report.decayed["norm.scale"] is True
