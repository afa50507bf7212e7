"""What rounding leaves of a decay in the dtype of Gluon's parameters, against real steps."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from tests.tolerances import KEPT, ROUNDED_SETTINGS
from weightdecay.models.covering import coverage

mx = importlib.import_module("weightdecay.backends.mxnet_backend").mx


def build(dtype: str) -> Any:
    layer = mx.gluon.nn.Dense(64, in_units=64, use_bias=False)
    layer.initialize()
    values = np.random.default_rng(0).normal(size=(64, 64))
    layer.weight.set_data(mx.nd.ndarray.array(values, dtype="float32"))
    layer.cast(dtype)
    return layer


def trainer(layer: Any, lr: float, wd: float, masters: bool = False) -> Any:
    settings = {"learning_rate": lr, "wd": wd, "multi_precision": masters}
    return mx.gluon.Trainer(layer.collect_params(), "sgd", settings)


@pytest.mark.filterwarnings("ignore:Accumulating with float16:UserWarning")  # the Trainer's own
@pytest.mark.parametrize(("of", "lr", "wd"), [("float16", 1e-2, 1e-4), ("float32", 1e-4, 1e-4)])
def test_a_decay_that_moves_no_element_is_lost(of: str, lr: float, wd: float) -> None:
    layer = build(of)
    made = trainer(layer, lr, wd)
    found = coverage(layer, made)
    (row,) = found.rows
    assert (row.dtype, row.kept, row.decays, row.agrees) == (of, 0.0, False, False)
    assert row.decay == pytest.approx(wd, rel=ROUNDED_SETTINGS)
    assert f"is lost to rounding in {of}: nothing decays" in found.problems[0]
    before = layer.weight.data().asnumpy()
    for _ in range(100):
        made.step(1, ignore_stale_grad=True)
    assert (layer.weight.data().asnumpy() == before).all()


def test_master_weights_in_float32_are_what_is_trained() -> None:
    layer = build("float16")
    found = coverage(layer, trainer(layer, 1e-2, 1e-4, masters=True))
    (row,) = found.rows
    assert (row.dtype, row.decays, found.agrees) == ("float32", True, True)
    assert row.kept == pytest.approx(1.0, abs=KEPT)


def test_clipping_of_weights_is_no_decay() -> None:
    layer = build("float32")
    for wd in (0.0, 0.125):
        settings = {"learning_rate": 0.25, "wd": wd, "clip_weights": 0.5}
        made = mx.gluon.Trainer(layer.collect_params(), "rmsprop", settings)
        (row,) = coverage(layer, made).rows
        assert (row.decays, row.projected) == (wd > 0, True)
