"""Coverage of JAX arrays; the functions at the top build what tests/test_models.py is about."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

from tests.tolerances import PARITY
from weightdecay.errors import InputError, NoEquivalentError
from weightdecay.models.covering import Coverage, coverage
from weightdecay.models.grouping import decay_groups

TOLERANCE = PARITY["float32"]  # the user's own dtype
COUPLED_SETTING = False  # optax's are functions, which tell nothing
LR = 0.25
RULES: dict[str, Callable[[Any], list[Any]]] = {
    "sgd": lambda decay: [decay],
    "momentum": lambda decay: [decay, optax.trace(0.5)],
    "decoupled": lambda decay: [optax.scale_by_adam(), decay],
    "coupled": lambda decay: [decay, optax.scale_by_adam()],
}
NAMES = {
    "embedding": "embed.embedding",
    "weight": "dense.kernel",
    "bias": "dense.bias",
    "norm_weight": "norm.scale",
    "norm_bias": "norm.bias",
    "head": "head.kernel",
    "head_bias": "head.bias",
}


@dataclass
class Tree:
    """Parameters, to be replaced as they train."""

    params: Any


@dataclass
class Optimizer:
    tx: Any
    state: Any = None


def build() -> Tree:
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return Tree(
        {
            "embed": {"embedding": weights(5, 4)},
            "dense": {"kernel": weights(4, 4), "bias": jnp.zeros(4)},
            "norm": {"scale": jnp.ones(4), "bias": jnp.zeros(4)},
            "head": {"kernel": weights(4, 1), "bias": jnp.zeros(1)},
        }
    )


def model(net: Tree) -> Any:
    return net.params


def optimizer(net: Tree, rule: str, decaying: set[str], lambd: float) -> Optimizer:
    mask = {
        layer: {leaf: f"{layer}.{leaf}" in decaying for leaf in leaves}
        for layer, leaves in net.params.items()
    }
    decay = optax.add_decayed_weights(lambd, mask)
    return Optimizer(optax.chain(*RULES[rule](decay), optax.scale_by_learning_rate(LR)))


def from_groups(net: Tree, decay: Any) -> Optimizer:
    return Optimizer(optax.chain(decay.transformation(), optax.scale_by_learning_rate(LR)))


def train(net: Tree, optimizer: Optimizer, steps: int) -> None:
    update = jax.jit(optimizer.tx.update)
    if optimizer.state is None:
        optimizer.state = optimizer.tx.init(net.params)
    for step in range(steps):
        gradients = jax.tree.map(lambda x, step=step: jnp.sin(x + step), net.params)
        updates, optimizer.state = update(gradients, optimizer.state, net.params)
        net.params = optax.apply_updates(net.params, updates)


def cover(net: Tree, optimizer: Optimizer) -> Coverage:
    return coverage(net.params, optimizer.tx, state=optimizer.state, learning_rate=LR)


def snapshot(net: Tree, optimizer: Optimizer) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((net.params, optimizer.state))]


def figures(found: Coverage) -> dict[str, float | None]:
    return {row.name: row.decay for row in found.rows}


# What is optax's own.

WITH_DECAY = ["adamw", "nadamw", "adamaxw", "lion", "lamb", "lars", "adan", "adafactor"]
STRENGTHS = {"adafactor": "weight_decay_rate"}


def trained(tx: Any, steps: int = 2) -> dict[str, Any]:
    net, made = build(), Optimizer(tx)
    train(net, made, steps)
    return {"model": net.params, "optimizer": made.tx, "state": made.state}


@pytest.mark.parametrize("name", WITH_DECAY)
def test_optimizers_of_optax_decay_when_they_are_told_to_and_only_then(name: str) -> None:
    strength = STRENGTHS.get(name, "weight_decay")
    make = getattr(optax, name)
    idle = coverage(**trained(make(LR, **{strength: 0.0})))
    assert not [row.name for row in idle.rows if row.decays]
    found = coverage(**trained(make(LR, **{strength: 0.125})))
    assert all(row.decays and row.shrink >= 0 for row in found.rows)
    assert found.rows[1].shrink > 0


@pytest.mark.parametrize(
    "name",
    ["sgd", "adam", "rmsprop", "adagrad", "novograd", "yogi", "radam", "fromage"],
)
def test_optimizers_without_decay(name: str) -> None:
    rows = coverage(**trained(getattr(optax, name)(LR))).rows
    decaying = {row.name for row in rows if row.decays}
    assert decaying == ({row.name for row in rows} if name == "fromage" else set())


def test_a_small_decay_is_seen_beside_a_large_memory_in_float32() -> None:
    found = coverage(**trained(optax.adamw(1e-3, weight_decay=1e-4)), learning_rate=1e-3)
    assert list(figures(found).values()) == pytest.approx([1e-4] * 7, rel=TOLERANCE)


def test_without_a_learning_rate_there_is_shrinkage_alone() -> None:
    params = build().params
    row = coverage(params, optax.adamw(LR, weight_decay=0.125)).rows[0]
    assert (row.lr, row.decay) == (None, None)
    assert row.shrink == pytest.approx(LR * 0.125, rel=TOLERANCE)
    told = optax.inject_hyperparams(optax.adamw)(LR, weight_decay=0.125)
    row = coverage(params, told).rows[0]
    assert row.lr == LR
    assert row.decay == pytest.approx(0.125, rel=TOLERANCE)
    with pytest.raises(InputError, match="learning_rate is 0: it must be"):
        coverage(params, optax.sgd(LR), learning_rate=0)


def test_a_warm_up_from_zero_and_accumulated_gradients_are_got_past() -> None:
    params = build().params
    rate = optax.linear_schedule(0.0, 1.0, 4)
    found = coverage(params, optax.adamw(rate, weight_decay=0.125), learning_rate=0.25)
    assert figures(found)["dense.kernel"] == pytest.approx(0.125, rel=TOLERANCE)
    assert "its next 1 step(s)" in found.remarks[0]
    many = optax.MultiSteps(optax.adamw(LR, weight_decay=0.125), 4)
    found = coverage(params, many, learning_rate=LR)
    assert figures(found)["dense.kernel"] == pytest.approx(0.125, rel=TOLERANCE)
    assert "once in 4 calls" in found.remarks[0]
    with pytest.raises(InputError, match="the learning rate seems to be 0"):
        coverage(params, optax.adamw(0.0))


def test_a_push_along_the_weights_does_not_make_them_look_frozen() -> None:
    params = {"kernel": jnp.ones((4, 4))}
    rule = [
        optax.add_decayed_weights(0.125),
        optax.scale_by_sign(),
        optax.scale_by_learning_rate(LR),
    ]
    row = coverage(params, optax.chain(*rule)).rows[0]
    assert (row.reason, row.decays) == ("weight", True)


def test_a_decay_with_the_wrong_sign_grows() -> None:
    tx = optax.chain(optax.adam(LR), optax.add_decayed_weights(0.125))
    found = coverage(build().params, tx)
    assert found.rows[1].shrink == pytest.approx(-0.125, rel=TOLERANCE)
    assert len(found.problems) == 1
    assert "7 parameters grow: the decay has the wrong sign" in found.problems[0]
    masked = optax.chain(
        optax.adamw(LR, mask={"embed": False, "dense": True, "norm": False, "head": True}),
        optax.masked(
            optax.add_decayed_weights(0.125),
            {
                "embed": False,
                "dense": {"kernel": True, "bias": False},
                "norm": False,
                "head": False,
            },
        ),
    )
    assert "dense.kernel grows by 0.125" in coverage(build().params, masked).problems[0]


def test_what_is_set_to_zero_is_frozen_unless_it_decays() -> None:
    params = build().params
    labels = {"embed": "on", "dense": "off", "norm": "off", "head": "on"}
    frozen = optax.multi_transform({"on": optax.sgd(LR), "off": optax.set_to_zero()}, labels)
    rows = {row.name: row for row in coverage(params, frozen).rows}
    assert rows["dense.kernel"].reason == "frozen"
    assert rows["dense.kernel"].agrees
    assert rows["head.kernel"].reason == "weight"
    leaking = optax.chain(frozen, optax.add_decayed_weights(-0.125))
    found = coverage(params, leaking)
    assert "4 frozen parameters decay, and usually do not: dense.bias, dense.kernel" in " ".join(
        found.problems
    )


def test_a_clipped_decay_is_out_of_proportion() -> None:
    tx = optax.chain(
        optax.add_decayed_weights(0.125), optax.clip_by_global_norm(1.0), optax.sgd(LR)
    )
    row = coverage(build().params, tx, learning_rate=LR).rows[1]
    assert row.decays
    assert (row.uniform, row.decay) == (False, None)


def test_flax_variables_and_other_trees_keep_their_structure() -> None:
    params = build().params
    mask = {"*.bias": 0, "norm*": 0, "embed*": 0, "*": 0.125}
    alone = decay_groups({"params": params}, mask)
    assert alone.mask["params"]["dense"] == {"kernel": True, "bias": False}
    beside = decay_groups({"params": params, "batch_stats": {"mean": jnp.zeros(3)}}, mask)
    assert beside.mask["dense"] == {"kernel": True, "bias": False}
    for model, decay in (({"params": params}, alone), ({"params": params, "cache": {}}, beside)):
        tx = optax.adamw(LR, weight_decay=decay.weight_decay, mask=decay.mask)
        found = coverage(model, tx)
        assert found.agrees
        assert found.rows[0].name == "dense.bias"
    shapes = jax.eval_shape(lambda: params)
    assert decay_groups(shapes, mask).mask == decay_groups(params, mask).mask
    with pytest.raises(InputError, match="shapes without values"):
        coverage(shapes, optax.sgd(LR))
    listed = [params["dense"], (jnp.ones((2, 2)),)]
    assert [r.name for r in coverage(listed, optax.sgd(LR)).rows] == ["0.bias", "0.kernel", "1.0"]


def test_an_nnx_module_is_the_tree_that_its_optimizer_updates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a stand-in with the names that Flax 0.12 has; tests/frameworks/flax has the real one."""

    class Variable(list[Any]):
        """A node of one leaf, as the variables of nnx are."""

    def children(variable: Variable) -> Any:
        return [(jax.tree_util.GetAttrKey("value"), variable[0])], None

    jax.tree_util.register_pytree_with_keys(
        Variable, children, lambda _, leaves: Variable(leaves), lambda v: ((v[0],), None)
    )

    def is_variable(node: Any) -> bool:
        return isinstance(node, Variable)

    def as_pure(tree: Any) -> Any:
        bare = lambda node: node[0] if is_variable(node) else node  # noqa: E731
        return jax.tree.map(bare, tree, is_leaf=is_variable)

    nnx = ModuleType("flax.nnx")
    nnx.Module = type("Module", (), {})  # type: ignore[attr-defined]
    nnx.Param = object()  # type: ignore[attr-defined]
    nnx.state = lambda module, kind: module.variables  # type: ignore[attr-defined]
    nnx.as_pure = as_pure  # type: ignore[attr-defined]
    nnx.Variable, nnx.State = Variable, type("State", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flax.nnx", nnx)
    module = nnx.Module()
    module.variables = jax.tree.map(lambda x: Variable([x]), build().params)
    decay = decay_groups(module, {"*.bias": 0, "norm*": 0, "embed*": 0, "*": 0.125})
    tx = optax.adamw(LR, weight_decay=decay.weight_decay, mask=decay.mask)
    optimizer = SimpleNamespace(tx=tx, opt_state=tx.init(module.variables))
    found = coverage(module, optimizer, learning_rate=LR)
    assert found.agrees
    assert figures(found)["dense.kernel"] == pytest.approx(0.125, rel=TOLERANCE)


def test_float64_is_the_users_own_affair() -> None:
    with jax.enable_x64(True):
        params = {"w": jnp.ones((2, 2), jnp.float64)}
    found = coverage(params, optax.sgd(LR))
    assert not found.rows[0].decays
    decay = optax.chain(optax.add_decayed_weights(1e-9), optax.sgd(LR, momentum=0.5))
    row = coverage(params, decay, learning_rate=LR).rows[0]
    assert row.decay == pytest.approx(1e-9, rel=PARITY["float64"])
    assert jnp.ones(1).dtype == jnp.float32


def test_narrow_floats_are_measured_in_float32_and_whole_numbers_left_alone() -> None:
    params = {"kernel": jnp.ones((2, 2), jnp.bfloat16), "count": jnp.zeros((), jnp.int32)}
    decayed = optax.masked(optax.adamw(LR, weight_decay=2.0**-12), {"kernel": True, "count": False})
    found = coverage(params, decayed, learning_rate=LR)
    assert figures(found)["kernel"] == pytest.approx(2.0**-12, rel=TOLERANCE)
    assert not found.rows[0].held


def test_one_strength_is_a_mask_and_several_are_a_chain() -> None:
    params = build().params
    several = decay_groups(params, {"*.bias": 0, "head*": 0.5, "*": 0.125})
    assert list(several.masks) == [0.5, 0.125]
    with pytest.raises(NoEquivalentError, match=r"not 0\.5 and 0\.125: put transformation\(\)"):
        _ = several.mask
    nothing = decay_groups(params, {"*": 0})
    assert nothing.weight_decay == 0
    assert not any(jax.tree.leaves(nothing.mask))
    tx = optax.chain(nothing.transformation(), optax.sgd(LR))
    assert not any(row.decays for row in coverage(params, tx).rows)


def test_what_cannot_be_measured_is_refused_in_a_sentence() -> None:
    params = build().params
    with pytest.raises(InputError, match="the optimizer is a dict"):
        coverage(params, params)
    with pytest.raises(InputError, match="does not step with zero gradients of these parameters"):
        coverage(params, optax.adam(LR), state=optax.adam(LR).init({"other": jnp.ones(2)}))
    with pytest.raises(InputError, match="LookaheadState keeps weights of its own"):
        coverage(params, _with_state("LookaheadState"))
    with pytest.raises(InputError, match="the model is a"):
        coverage(jnp.ones(3), optax.sgd(LR))
    with pytest.raises(InputError, match="the model is a"):
        coverage({}, optax.sgd(LR))


def _with_state(name: str) -> Any:
    inner = optax.sgd(LR)
    state = type(name, (tuple,), {})
    return optax.GradientTransformation(lambda _: state(), inner.update)
