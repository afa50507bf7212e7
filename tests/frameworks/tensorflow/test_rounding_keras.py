"""What rounding leaves of a decay in the dtype of Keras's variables, against real steps."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import KEPT
from weightdecay.models.covering import coverage

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


def build(policy: str) -> Any:
    layer = keras.layers.Dense(64, use_bias=False, dtype=policy)
    layer.build((None, 64))
    layer.kernel.assign(tf.cast(np.random.default_rng(0).normal(size=(64, 64)), layer.kernel.dtype))
    return layer


def adamw(product: float) -> Any:
    return keras.optimizers.AdamW(1e-2, weight_decay=product / 1e-2)


@pytest.mark.parametrize(
    ("policy", "product", "of", "share"),
    [
        ("float32", 1e-8, "float32", 0.0),
        ("mixed_bfloat16", 1e-5, "float32", 1.0),
        ("bfloat16", 1e-5, "bfloat16", 0.0),
        ("bfloat16", 3.95e-3, "bfloat16", 1.42),
    ],
)
def test_the_share_that_is_kept(policy: str, product: float, of: str, share: float) -> None:
    layer = build(policy)
    found = coverage(layer, adamw(product))
    (row,) = found.rows
    assert row.dtype == of
    assert row.kept == pytest.approx(share, abs=KEPT)
    assert (row.decays, row.lost, found.agrees) == (share > 0, share == 0, share > 0)
    before = layer.kernel.numpy().astype(np.float64)
    adamw(product).apply([tf.zeros_like(layer.kernel.value)], [layer.kernel])
    after = layer.kernel.numpy().astype(np.float64)
    lost = np.sum(before * (before - after)) / np.sum(np.square(before)) / product
    assert row.kept == pytest.approx(lost, abs=KEPT)
    if row.lost:
        assert f"is lost to rounding in {of}: nothing decays" in found.problems[0]
