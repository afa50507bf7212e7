"""Regularizers that turn the weights, or give them a size, and do not pull them to 0."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import PARITY
from weightdecay.models.covering import coverage

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras
LR = 0.125


def build(regularizer: Any) -> Any:
    layer = keras.layers.Dense(8, use_bias=False, kernel_regularizer=regularizer)
    layer.build((None, 6))
    layer.kernel.assign(np.random.default_rng(0).normal(size=(6, 8)) / 4)
    return layer


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_an_orthogonal_regularizer_is_no_decay(rule: str) -> None:
    layer = build(keras.regularizers.OrthogonalRegularizer(0.01))
    found = coverage(layer, getattr(keras.optimizers, rule)(LR))
    (row,) = found.rows
    assert (row.decays, row.shrink, row.turned, row.agrees) == (False, 0.0, True, False)
    assert "that is no decay" in found.remarks[0]


def test_the_decay_beside_it_is_seen() -> None:
    layer = build(keras.regularizers.OrthogonalRegularizer(0.01))
    row = coverage(layer, keras.optimizers.AdamW(LR, weight_decay=0.0625)).rows[0]
    assert (row.decays, row.turned, row.uniform) == (True, True, False)
    assert row.shrink == pytest.approx(LR * 0.0625, rel=PARITY["float32"])


class ToNormOne(keras.regularizers.Regularizer):  # type: ignore[name-defined, misc]
    """Lets small weights grow, and large ones shrink."""

    def __call__(self, weights: Any) -> Any:
        return 0.01 * tf.square(tf.reduce_sum(tf.square(weights)) - 1000.0)


def test_weights_that_are_given_a_size_do_not_grow_by_a_wrong_sign() -> None:
    found = coverage(build(ToNormOne()), keras.optimizers.SGD(2.0**-20))
    (row,) = found.rows
    assert (row.decays, row.turned) == (False, True)
    assert "wrong sign" not in " ".join(found.problems)
