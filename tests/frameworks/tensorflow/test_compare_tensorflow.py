"""`compare` with tensors and variables of TensorFlow and Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import PARITY
from weightdecay import compare
from weightdecay.errors import InputError

VALUES = np.linspace(1, 2, 300).reshape(100, 3)


def test_bfloat16_is_a_number_and_one_rounding_no_difference() -> None:
    narrow = tf.cast(VALUES, tf.bfloat16)
    for given in (narrow, tf.Variable(narrow), keras.Variable(narrow, dtype="bfloat16")):
        found = compare({"w": given}, {"w": VALUES})
        assert (found.agrees, found.tolerance) == (True, PARITY["bfloat16"])
        assert found.dtypes == {"w": ("bfloat16", "float64")}


@pytest.mark.parametrize("variable", [tf.Variable, keras.Variable])
def test_a_variable_that_is_appended_is_told(variable: Any) -> None:
    w, live, copies = variable(np.zeros(3)), [], []
    for step in range(3):
        w.assign(np.full(3, step))
        live.append({"w": w})
        copies.append({"w": np.asarray(w).copy()})
    with pytest.raises(InputError, match="all steps share one memory in 'w'"):
        compare(live, copies)
    assert compare(copies, {"w": np.arange(3.0)[:, None] * np.ones(3)}).agrees
    assert compare([tf.ones(3)] * 2, np.ones((2, 3))).agrees  # which nobody can write to
