"""Coverage of Keras models; the functions at the top build what tests/test_models.py is about."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import PARITY, ROUNDED_SETTINGS
from weightdecay.errors import InputError, NoEquivalentError
from weightdecay.models.covering import Coverage, coverage
from weightdecay.models.grouping import decay_groups

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras

TOLERANCE = PARITY["float64"]
COUPLED_SETTING = True
LR = 0.25
RULES = {
    "sgd": lambda: keras.optimizers.SGD(LR),
    "momentum": lambda: keras.optimizers.SGD(LR, momentum=0.5),
    "decoupled": lambda: keras.optimizers.AdamW(LR),
    "coupled": lambda: keras.optimizers.Adam(LR),
}
NAMES = {
    "embedding": "embedding.embeddings",
    "weight": "dense.kernel",
    "bias": "dense.bias",
    "norm_weight": "norm.gamma",
    "norm_bias": "norm.beta",
    "head": "head.kernel",
    "head_bias": "head.bias",
}


def build(regularizers: dict[str, Any] | None = None) -> Any:
    layers = keras.layers
    dense = {f"{k}_regularizer": v for k, v in (regularizers or {}).items()}
    net = keras.Sequential(
        [
            layers.Embedding(5, 4, name="embedding"),
            layers.Dense(4, name="dense", **dense),
            layers.LayerNormalization(name="norm"),
            layers.Dense(1, name="head"),
        ]
    )
    net.build((None, 3))
    rng = np.random.default_rng(0)
    net.set_weights([rng.normal(size=w.shape) * (w.ndim > 1) for w in net.get_weights()])
    return net


def by_name(net: Any) -> dict[str, Any]:
    return {v.path.partition("/")[2].replace("/", "."): v for v in net.trainable_variables}


def model(net: Any) -> Any:
    return net


def optimizer(net: Any, rule: str, decaying: set[str], lambd: float) -> Any:
    made = RULES[rule]()
    if rule == "coupled":  # which in Keras is a regularizer: L2(c) is c‖w‖², without the half
        for name in decaying:
            by_name(net)[name].regularizer = keras.regularizers.L2(lambd / 2)
        return made
    made.weight_decay = lambd
    made.exclude_from_weight_decay([v for n, v in by_name(net).items() if n not in decaying])
    return made


def from_groups(net: Any, decay: Any) -> Any:
    made = RULES["sgd"]()
    decay.apply(made)
    return made


def train(net: Any, optimizer: Any, steps: int) -> None:
    for step in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(net(tf.range(3)[None]) - step)) + sum(net.losses)
        variables = net.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply([tf.convert_to_tensor(g) for g in gradients], variables)


def cover(net: Any, optimizer: Any) -> Coverage:
    return coverage(net, optimizer)


def snapshot(net: Any, optimizer: Any) -> list[bytes]:
    held = [*net.variables, *optimizer.variables]
    return [v.numpy().tobytes() for v in held] + [
        repr(optimizer.get_config() | {"name": None}).encode()
    ]


def figures(found: Coverage) -> dict[str, float | None]:
    return {row.name: row.decay for row in found.rows}


# What is Keras's own.

OWN_WEIGHTS = ("Ftrl", "ScheduleFreeAdamW")
OPTIMIZERS = {
    name: made
    for name, made in vars(keras.optimizers).items()
    if isinstance(made, type)
    and issubclass(made, keras.optimizers.Optimizer)
    and name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", *OWN_WEIGHTS)
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_keras_decays_when_it_is_told_to_and_only_then(name: str) -> None:
    net = build()
    own = {"adam_weight_decay": 0.0} if name == "Muon" else {}
    made = OPTIMIZERS[name](learning_rate=0.125, weight_decay=0.0, **own)
    train(net, made, 2)
    assert not [row.name for row in coverage(net, made).rows if row.decays]
    made.weight_decay = made.adam_weight_decay = 0.25
    tolerance = PARITY["float32"] if name == "Muon" else TOLERANCE  # which computes in float32
    assert list(figures(coverage(net, made)).values()) == pytest.approx([0.25] * 7, rel=tolerance)


def test_optimizers_that_hold_the_weights_themselves_are_refused() -> None:
    for found in set(OWN_WEIGHTS) & set(vars(keras.optimizers)):
        with pytest.raises(InputError, match="keeps weights of its own"):
            coverage(build(), getattr(keras.optimizers, found)())


def test_regularizers_are_measured_along_without_the_half() -> None:
    l2 = keras.regularizers.L2(0.125)
    net = build({"kernel": l2, "bias": l2})
    found = coverage(net, keras.optimizers.SGD(LR))
    assert figures(found)["dense.kernel"] == pytest.approx(0.25, rel=TOLERANCE)
    assert found.problems == (
        "dense.bias (a bias) decays with λ = 0.25; biases usually do not.",
        "head.kernel (a weight) does not decay; weights usually do.",
    )
    both = keras.optimizers.SGD(LR, weight_decay=0.5)
    row = coverage(net, both).rows[1]
    # The decay comes first, and the regularizer's gradient was taken before it: they add up.
    assert row.decay == pytest.approx(0.75, rel=TOLERANCE)
    assert row.setting == 0.75


def test_l1_is_decay_out_of_proportion() -> None:
    net = build({"kernel": keras.regularizers.L1(0.125)})
    row = coverage(net, keras.optimizers.SGD(LR)).rows[1]
    assert row.decays
    assert (row.uniform, row.decay, row.setting) == (False, None, None)


def test_exclusion_by_name_is_what_keras_makes_of_it() -> None:
    net = build()
    made = keras.optimizers.AdamW(LR, weight_decay=0.5)
    made.exclude_from_weight_decay(var_names=["bias", "norm", "embed"])
    assert coverage(net, made).agrees
    made.build(net.trainable_variables)
    assert coverage(net, made).agrees


def test_a_compiled_and_fitted_model_is_read_through_its_optimizer() -> None:
    net = build()
    net.compile(keras.optimizers.AdamW(LR, weight_decay=0.5), "mse", run_eagerly=True)
    assert figures(coverage(net, net.optimizer))["dense.bias"] == pytest.approx(0.5, rel=TOLERANCE)
    net.fit(np.zeros((4, 3)), np.ones((4, 3, 1)), verbose=0)
    before = snapshot(net, net.optimizer)
    assert figures(coverage(net, net.optimizer))["dense.bias"] == pytest.approx(0.5, rel=TOLERANCE)
    assert snapshot(net, net.optimizer) == before


def test_the_rate_of_a_schedule_is_that_of_now() -> None:
    net = build()
    rate = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 1.0)
    made = keras.optimizers.SGD(rate, weight_decay=0.5)
    found = coverage(net, made)
    assert "learning rate is 0 now" in found.remarks[0]
    train(net, made, 2)
    row = coverage(net, made).rows[1]
    assert row.lr == 0.5
    assert row.decay == pytest.approx(0.5, rel=TOLERANCE)
    assert row.shrink == pytest.approx(0.25, rel=TOLERANCE)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_ema": True, "ema_overwrite_frequency": 1},
        {"gradient_accumulation_steps": 4},
        {"clipnorm": 1e-3},
        {"loss_scale_factor": 8.0},
    ],
)
def test_averages_accumulation_and_clipping_do_not_hide_the_decay(settings: Any) -> None:
    net = build()
    made = keras.optimizers.AdamW(LR, weight_decay=0.5, **settings)
    train(net, made, 3)
    assert figures(coverage(net, made))["dense.kernel"] == pytest.approx(0.5, rel=TOLERANCE)


def test_the_optimizer_within_a_loss_scale_is_the_one_that_decays() -> None:
    net = build()
    inner = keras.optimizers.AdamW(LR, weight_decay=0.5)
    made = keras.optimizers.LossScaleOptimizer(inner)
    assert figures(coverage(net, made))["dense.kernel"] == pytest.approx(0.5, rel=TOLERANCE)
    train(net, made, 2)
    assert figures(coverage(net, made))["dense.kernel"] == pytest.approx(0.5, rel=TOLERANCE)
    decay_groups(net, {"*.kernel": 0.25, "*": 0}).apply(
        fresh := keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW(LR))
    )
    assert figures(coverage(net, fresh))["dense.kernel"] == pytest.approx(0.25, rel=TOLERANCE)


def test_constraints_are_no_decay() -> None:
    net = build()
    net.layers[1].kernel.constraint = keras.constraints.MaxNorm(1e-3)
    assert not any(row.decays for row in coverage(net, keras.optimizers.SGD(LR)).rows)


def test_frozen_layers_and_moving_averages() -> None:
    inputs = keras.Input((4,))
    norm = keras.layers.BatchNormalization(name="norm")
    frozen = keras.layers.Dense(4, name="frozen", trainable=False)
    net = keras.Model(inputs, keras.layers.Dense(1, name="head")(frozen(norm(inputs))))
    made = keras.optimizers.SGD(LR, weight_decay=0.5)
    made.exclude_from_weight_decay(var_names=["norm", "bias"])
    found = coverage(net, made)
    assert found.agrees
    assert [row.name for row in found.rows if row.frozen] == ["frozen.kernel", "frozen.bias"]
    assert not [row.name for row in found.rows if "moving" in row.name]
    assert found.not_held == ()


def test_layers_of_one_name_are_told_apart() -> None:
    net = keras.Sequential([keras.layers.Dense(4, name="same"), keras.layers.Dense(1, name="x")])
    net.build((None, 3))
    net.layers[1].kernel._path = net.layers[0].kernel.path
    names = [row.name for row in coverage(net, keras.optimizers.SGD(LR)).rows]
    assert names == ["same.kernel", "same.bias", "same.kernel~2", "x.bias"]


def test_several_strengths_have_no_equivalent() -> None:
    net = build()
    with pytest.raises(NoEquivalentError, match=r"not 0\.25 and 0\.5.*0\.125 for λ = 0\.25"):
        decay_groups(net, {"dense*": 0.25, "*": 0.5})
    nothing = decay_groups(net, {"*": 0})
    made = keras.optimizers.AdamW(LR)  # whose own default is not 0
    nothing.apply(made)
    assert not any(row.decays for row in coverage(net, made).rows)
    trained = keras.optimizers.AdamW(LR)
    train(net, trained, 1)
    with pytest.raises(InputError, match="the optimizer is built already"):
        nothing.apply(trained)
    with pytest.raises(InputError, match="the optimizer is a Sequential"):
        nothing.apply(net)


class Undescribed(keras.optimizers.SGD):  # type: ignore[name-defined, misc]  # Keras is untyped
    def __init__(self, strength: float) -> None:
        super().__init__(LR, weight_decay=strength)


def test_what_cannot_be_measured_is_refused_in_a_sentence() -> None:
    net = build()
    with pytest.raises(InputError, match="is not built: call"):
        coverage(keras.Sequential([keras.layers.Dense(3)]), keras.optimizers.SGD(LR))
    with pytest.raises(InputError, match="the optimizer is a float"):
        coverage(net, 0.1)
    with pytest.raises(InputError, match="state is for optax"):
        coverage(net, keras.optimizers.SGD(LR), state=())
    other = keras.optimizers.SGD(LR)
    other.build(build().trainable_variables)
    with pytest.raises(InputError, match="was built for other variables"):
        coverage(net, other)
    with pytest.raises(InputError, match="cannot be made again from its get_config"):
        coverage(net, Undescribed(0.5))


def test_settings_that_keras_rounds_are_shown_as_they_act() -> None:
    found = coverage(build(), keras.optimizers.AdamW(1e-3, weight_decay=1e-2))
    assert found.rows[0].decay == pytest.approx(1e-2, rel=ROUNDED_SETTINGS)
    assert "with λ = 0.01" in found.problems[0]
