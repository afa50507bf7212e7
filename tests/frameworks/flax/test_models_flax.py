"""Coverage of what Flax makes of a model: nnx modules, their states, linen's variables."""

from __future__ import annotations

import importlib

import jax
import jax.numpy as jnp
import optax
import pytest

from tests.tolerances import PARITY
from weightdecay.models.covering import Coverage, coverage
from weightdecay.models.grouping import decay_groups

nn = importlib.import_module("flax.linen")
nnx = importlib.import_module("flax.nnx")
TrainState = importlib.import_module("flax.training.train_state").TrainState

LR = 0.25
PATTERNS = {"*.bias": 0, "norm*": 0, "embed*": 0, "*": 0.125}
ROLES = {
    "dense.bias": "bias",
    "dense.kernel": "weight",
    "embed.embedding": "embedding",
    "norm.bias": "norm",
    "norm.scale": "norm",
}


class Net(nnx.Module):  # type: ignore[name-defined, misc]  # Flax is untyped here
    """Statistics and keys of random numbers beside its parameters."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.embed = nnx.Embed(5, 4, rngs=rngs)
        self.dense = nnx.Linear(4, 4, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)


FORMS = {
    "module": lambda net: net,
    "state": lambda net: nnx.state(net, nnx.Param),
    "all of the state": nnx.state,
    "split": lambda net: nnx.split(net, nnx.Param, ...)[1],
    "plain": lambda net: nnx.to_pure_dict(nnx.state(net, nnx.Param)),
}


def roles(found: Coverage) -> dict[str, str]:
    return {row.name: row.reason for row in found.rows}


def decays(found: Coverage) -> dict[str, float | None]:
    return {row.name: row.decay for row in found.rows if row.decays}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_nnx_module_is_read_as_the_module(form: str) -> None:
    model = FORMS[form](Net())
    found = coverage(model, optax.adamw(LR, weight_decay=0.125), learning_rate=LR)
    assert roles(found) == ROLES
    assert decays(found) == pytest.approx(dict.fromkeys(ROLES, 0.125), rel=PARITY["float32"])
    decay = decay_groups(model, PATTERNS)
    masked = optax.adamw(LR, weight_decay=decay.weight_decay, mask=decay.mask)
    assert list(decays(coverage(model, masked, learning_rate=LR))) == ["dense.kernel"]


def test_the_mask_of_a_state_is_what_an_nnx_optimizer_wants() -> None:
    net = Net()
    decay = decay_groups(nnx.state(net, nnx.Param), PATTERNS)
    made = optax.adamw(LR, weight_decay=decay.weight_decay, mask=decay.mask)
    optimizer = nnx.Optimizer(net, made, wrt=nnx.Param)
    found = coverage(net, optimizer, learning_rate=LR)
    assert found.agrees
    before = nnx.to_pure_dict(nnx.state(net, nnx.Param))
    optimizer.update(net, jax.tree.map(jnp.zeros_like, nnx.state(net, nnx.Param)))
    after = nnx.to_pure_dict(nnx.state(net, nnx.Param))
    moved = jax.tree.map(lambda x, y: bool((x != y).any()), before, after)
    assert jax.tree.leaves(moved) == [row.decays for row in found.rows]
    assert decays(coverage(nnx.state(net, nnx.Param), optimizer, learning_rate=LR)) == (
        pytest.approx({"dense.kernel": 0.125}, rel=PARITY["float32"])
    )


def test_a_train_state_is_its_parameters_and_the_state_of_its_optimizer() -> None:
    layer = nn.Dense(3)
    params = layer.init(jax.random.key(0), jnp.ones((1, 2)))["params"]
    rate = optax.piecewise_constant_schedule(LR, {1: 0.5})
    made = optax.inject_hyperparams(optax.adamw)(rate, weight_decay=0.125)
    state = TrainState.create(apply_fn=layer.apply, params=params, tx=made)
    for _ in range(2):
        state = state.apply_gradients(grads=jax.tree.map(jnp.ones_like, params))
    for model, optimizer in ((state, made), (state, state), (state.params, state)):
        found = coverage(model, optimizer)
        assert roles(found) == {"bias": "bias", "kernel": "weight"}
        assert decays(found) == pytest.approx(
            dict.fromkeys(["bias", "kernel"], 0.125), rel=PARITY["float32"]
        )
        assert {row.lr for row in found.rows} == {LR / 2}
    assert not decays(coverage(state, optax.sgd(LR)))
    assert decay_groups(state, {"*bias": 0, "*": 1}).mask == {"bias": False, "kernel": True}
