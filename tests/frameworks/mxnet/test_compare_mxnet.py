"""`compare` with MXNet's arrays."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY
from weightdecay import compare, registry
from weightdecay.errors import InputError

registry.load_probe("mxnet")
mx: Any = importlib.import_module("mxnet")  # which the probe has imported without its warnings

VALUES = np.linspace(1, 2, 300).reshape(100, 3)


def test_float16_is_compared_with_its_own_tolerance() -> None:
    found = compare({"w": mx.np.array(VALUES, dtype="float16")}, {"w": VALUES})
    assert (found.agrees, found.tolerance) == (True, PARITY["float16"])
    assert found.dtypes == {"w": ("float16", "float64")}


def test_an_array_that_is_appended_is_told() -> None:
    w, live, copies = mx.nd.zeros(3), [], []
    for _ in range(3):
        w += 1
        live.append({"w": w})
        copies.append({"w": w.copy()})
    with pytest.raises(InputError, match="all steps share one memory in 'w'"):
        compare(live, copies)
    assert compare(copies, {"w": np.arange(1.0, 4.0)[:, None] * np.ones(3)}).agrees
