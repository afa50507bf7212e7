"""Trees with more than arrays among their leaves, as modules of functions and settings are."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.tolerances import PARITY
from weightdecay.errors import InputError
from weightdecay.models.covering import coverage
from weightdecay.models.grouping import decay_groups

LR = 0.25


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Module:
    """Leaves of every kind, and a call, as those of Equinox have."""

    weight: Any
    bias: Any
    activation: Any = jnp.tanh
    rate: Any = 0.5
    name: Any = "layer"
    places: Any = dataclasses.field(default_factory=lambda: np.arange(3))
    nothing: Any = None

    def __call__(self, inputs: Any) -> Any:
        return self.activation(inputs @ self.weight + self.bias)


def module() -> Module:
    return Module(jnp.ones((3, 2)), jnp.ones(2))


def filtered() -> Module:
    return Module(jnp.ones((3, 2)), jnp.ones(2), None, None, None, None)


def test_of_a_module_its_arrays_are_taken_and_the_rest_is_named() -> None:
    made = optax.adamw(LR, weight_decay=0.125)
    for state in (None, made.init(filtered())):
        found = coverage(module(), made, state=state, learning_rate=LR)
        assert [row.name for row in found.rows] == ["weight", "bias"]
        assert found.rows[0].decay == pytest.approx(0.125, rel=PARITY["float32"])
        assert found.remarks == ("no arrays of numbers, and left out: activation, rate and name.",)


def test_the_mask_of_a_module_that_can_be_called_is_not_called() -> None:
    decay = decay_groups(module(), {"bias": 0, "*": 0.125})
    made = optax.adamw(LR, weight_decay=decay.weight_decay, mask=decay.mask)
    made.init(filtered())  # as a user of Equinox does
    assert coverage(module(), made).agrees
    chained = optax.chain(decay.transformation(), optax.sgd(LR))
    assert coverage(filtered(), chained).agrees


def test_keys_of_random_numbers_are_no_parameters() -> None:
    tree = {"kernel": jnp.ones((2, 2)), "key": jax.random.key(0)}
    found = coverage(tree, optax.adamw(LR))
    assert [row.name for row in found.rows] == ["kernel"]
    assert found.remarks == ("no arrays of numbers, and left out: key.",)


@dataclasses.dataclass
class Opaque:
    weight: Any


@pytest.mark.parametrize("model", [Opaque(np.ones((2, 2))), optax.sgd(LR), [Opaque(3), jnp.tanh]])
def test_without_an_array_it_is_no_model(model: Any) -> None:
    with pytest.raises(InputError, match=r"the model is a .*tree of JAX arrays"):
        coverage(model, optax.sgd(LR))
    with pytest.raises(InputError, match="such as a dict of them where JAX does not know"):
        coverage(Opaque(jnp.ones(2)), optax.sgd(LR))
