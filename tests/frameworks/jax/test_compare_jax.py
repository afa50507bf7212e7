"""`compare` with JAX's arrays: bfloat16, shared immutable steps, and what holds no numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tolerances import PARITY
from weightdecay import compare
from weightdecay.errors import InputError

VALUES = np.linspace(1, 2, 300).reshape(100, 3)


@pytest.mark.parametrize(
    ("narrow", "tolerance"),
    [("bfloat16", PARITY["bfloat16"]), ("float16", PARITY["float16"]), ("float8_e5m2", 0.125)],
)
def test_every_float_is_a_number_and_one_rounding_no_difference(
    narrow: str, tolerance: float
) -> None:
    rounded = jnp.asarray(VALUES, narrow)
    for given in (rounded, np.asarray(rounded)):
        found = compare({"w": given}, {"w": VALUES})
        assert (found.agrees, found.tolerance) == (True, tolerance)
        assert found.dtypes == {"w": (narrow, "float64")}
    assert not compare(
        {"w": jnp.asarray(VALUES * (1 + 3 * tolerance), narrow)}, {"w": VALUES}
    ).agrees


def test_an_array_that_nobody_can_write_to_may_be_many_steps() -> None:
    frozen = jnp.ones(3)
    assert compare([{"w": frozen}] * 4, {"w": np.ones((4, 3))}).agrees


def test_what_holds_no_numbers_is_told() -> None:
    gone = jnp.ones(3)
    gone.delete()
    for what, told in ((jax.random.key(0), "PRNGKey"), (gone, "deleted")):
        with pytest.raises(InputError, match=f"'w' holds a .* that cannot be read .*{told}"):
            compare({"w": [what]}, {"w": [np.ones(3)]})
    with pytest.raises(InputError, match="'params' is nested"):
        compare([{"params": {"w": jnp.ones(3)}}], [np.ones(3)])
