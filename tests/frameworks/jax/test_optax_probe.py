"""Driving optax: closed forms, and optax itself stepped eagerly with plain Python numbers."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, relative_difference
from weightdecay import registry
from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.probe import Parameter, Setup

probe = registry.load_probe("jax")
jax = importlib.import_module("jax")
jnp = importlib.import_module("jax.numpy")
optax = importlib.import_module("optax")

RNG = np.random.default_rng(7)
SHAPES = {"weight": (4, 3), "bias": (3,), "out": (3, 2), "gain": (3,)}
PARAMETERS = tuple(Parameter(name, RNG.standard_normal(shape)) for name, shape in SHAPES.items())
INITIAL = [value for _, value in PARAMETERS]
ZEROS = [np.zeros_like(value) for value in INITIAL]
GRADIENTS = [[RNG.standard_normal(value.shape) for value in INITIAL] for _ in range(4)]


def setup(factory: Any, **settings: Any) -> Setup:
    return Setup(factory, settings, PARAMETERS)


def driven(setup: Setup, gradients: list[list[np.ndarray]]) -> list[np.ndarray]:
    stepper = probe.build(setup)
    for each in gradients:
        stepper.step(each)
    return stepper.read()


def agree(found: list[np.ndarray], expected: list[np.ndarray], dtype: str = "float64") -> None:
    for x, reference in zip(found, expected, strict=True):
        assert x.dtype == dtype
        assert relative_difference(x, reference) <= PARITY[dtype]


def eager(tx: Any, dtype: str) -> list[np.ndarray]:
    """The same steps without compilation: optax as its documentation calls it."""
    with jax.enable_x64(dtype == "float64"):
        params = {name: jnp.array(value, dtype) for name, value in PARAMETERS}
        state = tx.init(params)
        for gradients in GRADIENTS[:2]:
            pairs = zip(SHAPES, gradients, strict=True)
            tree = {name: jnp.array(gradient, dtype) for name, gradient in pairs}
            extra = {"value": 1e6} if isinstance(tx, optax.GradientTransformationExtraArgs) else {}
            updates, state = tx.update(tree, state, params, **extra)
            params = optax.apply_updates(params, updates)
        return [np.asarray(params[name]) for name in SHAPES]


def test_a_step_of_sgd(dtype: str) -> None:
    found = driven(replace(setup(optax.sgd, learning_rate=0.1), dtype=dtype), GRADIENTS[:1])
    agree(found, [w - 0.1 * g for w, g in zip(INITIAL, GRADIENTS[0], strict=True)], dtype)


DECAY = {"learning_rate": 0.1, "weight_decay": 0.3}


@pytest.mark.parametrize(
    ("name", "settings", "precision"),
    [
        ("optax.adamw", {**DECAY, "b2": 0.98}, "float64"),
        ("optax.adamw", {**DECAY, "b2": 0.98}, "float32"),
        (
            "optax.rmsprop",
            {"learning_rate": 0.1, "decay": 0.9999},
            "float32",
        ),  # where 1 − β is lost
        ("optax.novograd", DECAY, "float64"),
        ("optax.contrib.muon", DECAY, "float64"),
        ("optax.contrib.prodigy", DECAY, "float64"),
    ],
)
def test_compiled_steps_are_the_eager_ones(
    name: str, settings: dict[str, float], precision: str
) -> None:
    factory = probe.find(name)
    driven(setup(factory, **settings | {"learning_rate": 0.7}), GRADIENTS[:1])  # a program to share
    found = driven(replace(setup(factory, **settings), dtype=precision), GRADIENTS[:2])
    agree(found, eager(factory(**settings), precision), precision)


def test_another_decay_runs_the_same_program() -> None:
    builds = [
        probe.build(setup(optax.adamw, learning_rate=lr, weight_decay=decay))
        for lr, decay in ((0.1, 0.3), (0.2, 0.7))
    ]
    assert builds[0]._program is builds[1]._program  # type: ignore[attr-defined]


@pytest.mark.parametrize("constant", [0.5, np.array([0.5, 1.0, 2.0])])
def test_optimizers_that_differ_in_a_constant_share_nothing(constant: Any) -> None:
    def scaled(by: Any) -> Any:
        return lambda: optax.stateless(
            lambda g, _: {name: by * x[-1, ...] for name, x in g.items()}
        )

    vectors = tuple(parameter for parameter in PARAMETERS if parameter.value.ndim == 1)
    for by in (constant, constant + 1):
        found = driven(Setup(scaled(by), {}, vectors), [[np.ones(3), np.ones(3)]])
        agree(found, [value + by for _, value in vectors])


def test_names_are_kept_apart() -> None:
    adamw = setup(optax.adamw, learning_rate=0.125, weight_decay=0.25)
    for name in ("before", "x"):  # in the order of the alphabet, which JAX gives its trees, too
        renamed = (Parameter(name, INITIAL[1]), Parameter("y", INITIAL[3]))
        other = replace(adamw, parameters=renamed, undecayed=(name,))
        agree(driven(other, [[ZEROS[1], ZEROS[3]]]), [INITIAL[1], INITIAL[3] * (1 - 0.125 * 0.25)])


@pytest.mark.parametrize("name", ["optax.adamw", "optax.contrib.sophia", "optax.lars"])
def test_weight_decay_leaves_out_what_is_masked(name: str) -> None:
    factory = probe.find(name)
    masked = replace(setup(factory, learning_rate=0.125, weight_decay=0.25), undecayed=("bias",))
    found = driven(masked, [ZEROS])
    agree(found[1:2], INITIAL[1:2])
    assert np.any(found[0] != INITIAL[0])
    if name == "optax.adamw":
        agree(found[:1], [INITIAL[0] * (1 - 0.125 * 0.25)])


def test_a_factory_without_a_mask_says_so() -> None:
    with pytest.raises(NoEquivalentError, match="prodigy has no mask"):
        probe.build(replace(setup(optax.contrib.prodigy), undecayed=("bias",)))
    with pytest.raises(NoEquivalentError, match="masked has no mask"):  # but another of that name
        probe.build(replace(setup(optax.masked, mask=True), undecayed=("bias",)))


def test_every_step_has_its_learning_rate(dtype: str) -> None:
    lrs = (0.5, 0.25, 0.1)
    scheduled = replace(setup(optax.sgd, learning_rate=9.0), dtype=dtype, lrs=lrs)
    stepper, expected = probe.build(scheduled), INITIAL
    for lr, gradients in zip(lrs, GRADIENTS, strict=False):
        stepper.step(gradients)
        expected = [w - lr * g for w, g in zip(expected, gradients, strict=True)]
        agree(stepper.read(), expected, dtype)
    with pytest.raises(InputError, match="ended after 3 steps"):
        stepper.step(GRADIENTS[0])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("optax.rprop", {}),
        ("optax.polyak_sgd", {}),
        ("optax.sm3", {}),
        ("optax.contrib.mechanize", {}),
    ],
)
def test_what_takes_no_schedule_says_so(name: str, settings: dict[str, float]) -> None:
    with pytest.raises(NoEquivalentError, match="schedule"):
        probe.build(replace(setup(probe.find(name), **settings), lrs=(0.1, 0.2)))


def aligned(value: np.ndarray) -> np.ndarray:
    """The same numbers where JAX, which wants 64 bytes, would use the memory as it is."""
    memory = np.empty(value.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    found = memory[start : start + value.nbytes].view(value.dtype).reshape(value.shape)
    found[:] = value
    return found


def test_write_leaves_the_memory_alone() -> None:
    momentum = setup(optax.sgd, learning_rate=0.5, momentum=0.5)
    stepper = probe.build(momentum)
    stepper.step(GRADIENTS[0])
    mine = [aligned(value + 1) for value in INITIAL]
    stepper.write(mine)
    for value in mine:
        value[:] = 7.0
    agree(stepper.read(), [value + 1 for value in INITIAL])
    stepper.step(GRADIENTS[1])
    pairs = zip(INITIAL, *GRADIENTS[:2], strict=True)
    agree(stepper.read(), [w + 1 - 0.5 * (0.5 * g + h) for w, g, h in pairs])


def test_what_is_read_is_a_copy() -> None:
    stepper = probe.build(setup(optax.sgd, learning_rate=0.5))
    stepper.read()[0][:] = 7.0
    agree(stepper.read(), INITIAL)


def test_float64_is_left() -> None:
    stepper = probe.build(setup(optax.adamw, learning_rate=0.5))
    stepper.step(GRADIENTS[0])
    stepper.write(stepper.read())
    assert jnp.zeros(()).dtype == "float32"


@pytest.mark.parametrize("users", [False, True])
def test_the_precision_is_the_setups(dtype: str, users: bool) -> None:
    def factory() -> Any:
        seen.add(jnp.zeros(()).dtype.name)
        return optax.identity()

    seen: set[str] = set()
    with jax.enable_x64(users):
        driven(replace(setup(factory), dtype=dtype), GRADIENTS)
        assert jnp.zeros(()).dtype == ("float64" if users else "float32")
    assert seen == {dtype}


def test_the_same_setup_takes_the_same_steps() -> None:
    noisy = setup(optax.noisy_sgd, learning_rate=0.1, key=3)
    for x, y in zip(driven(noisy, GRADIENTS), driven(noisy, GRADIENTS), strict=True):
        assert np.array_equal(x, y)


def test_momo_is_at_its_cap(dtype: str) -> None:
    momo = setup(optax.contrib.momo, learning_rate=0.125, beta=0.0)
    pairs = zip(INITIAL, GRADIENTS[0], strict=True)
    agree(
        driven(replace(momo, dtype=dtype), GRADIENTS[:1]), [w - 0.125 * g for w, g in pairs], dtype
    )


def test_sophia_has_a_hessian_to_estimate() -> None:
    # The Hessian is diag(a), a from 1 to 2, which Hutchinson's signs find exactly: the second
    # step's first moment is divided by γ ν = (1 − b₂) a, with γ = 1.
    b2, lr = 0.75, 0.125
    sophia = setup(
        optax.contrib.sophia,
        learning_rate=lr,
        b1=0.0,
        b2=b2,
        gamma=1.0,
        weight_decay=0.0,
        clip_threshold=None,
        update_interval=1,
    )
    stepper = probe.build(sophia)
    stepper.step(ZEROS)
    stepper.step(GRADIENTS[0])
    expected = [
        w - lr * g / ((1 - b2) * np.linspace(1, 2, w.size).reshape(w.shape))
        for w, g in zip(INITIAL, GRADIENTS[0], strict=True)
    ]
    agree(stepper.read(), expected)


def test_a_line_search_has_an_objective_to_search() -> None:
    # With the loss reported to be huge, the first length that it tries is a decrease.
    search = setup(optax.scale_by_backtracking_linesearch, max_backtracking_steps=3)
    pairs = zip(INITIAL, GRADIENTS[0], strict=True)
    agree(driven(search, GRADIENTS[:1]), [w + g for w, g in pairs])


def test_a_factory_of_ones_own() -> None:
    def factory(learning_rate: float, weight_decay: float) -> Any:
        if weight_decay > 1:  # a number that is looked at cannot be an argument of the program
            raise ValueError("too strong")
        return optax.chain(
            optax.clip(1.0), optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate)
        )

    found = driven(setup(factory, learning_rate=0.1, weight_decay=0.3), GRADIENTS[:1])
    pairs = zip(INITIAL, GRADIENTS[0], strict=True)
    agree(found, [w - 0.1 * (np.clip(g, -1, 1) + 0.3 * w) for w, g in pairs])
    with pytest.raises(ValueError, match="too strong"):
        probe.build(setup(factory, learning_rate=0.1, weight_decay=3.0))


def test_an_update_without_extra_arguments() -> None:
    def sam(learning_rate: float) -> Any:
        return optax.contrib.sam(optax.sgd(learning_rate), optax.sgd(0.5))

    found = driven(setup(sam, learning_rate=0.25), GRADIENTS[:2])
    agree(found, [w - 0.25 * g for w, g in zip(INITIAL, GRADIENTS[1], strict=True)])


def test_wrappers_are_given_plain_sgd() -> None:
    flatten = probe.find("optax.flatten")
    assert probe.options(flatten) == {}
    pairs = zip(INITIAL, GRADIENTS[0], strict=True)
    agree(driven(setup(flatten), GRADIENTS[:1]), [w - 0.125 * g for w, g in pairs])


def test_options() -> None:
    adamw = probe.options(optax.adamw)
    assert adamw["learning_rate"] is inspect.Parameter.empty
    assert adamw["weight_decay"] == 1e-4
    assert probe.options(optax.contrib.mechanize)["weight_decay"] == 1e-2
    assert "base_optimizer" not in probe.options(optax.contrib.mechanize)
    assert probe.options(optax.masked)["mask"] is inspect.Parameter.empty
    assert probe.options(optax.chain) == {}


def test_the_catalogue_is_found_by_looking() -> None:
    names = probe.catalogue()
    found = {"adamw", "nadamw", "add_decayed_weights", "contrib.muon", "contrib.dog", "partition"}
    assert {f"optax.{name}" for name in found} <= set(names)
    assert not {"optax.cosine_decay_schedule", "optax.inject_hyperparams"} & set(names)
    factories = [probe.find(name) for name in names]
    assert len({id(factory) for factory in factories}) == len(factories)  # aliases: once


def test_an_unknown_name_offers_the_nearest() -> None:
    for name in ("optax.adamm", "adam", "optax.nothing.adam"):
        with pytest.raises(UnknownNameError, match=r"did you mean 'optax\.\w*adam"):
            probe.find(name)
    with pytest.raises(UnknownNameError):
        probe.find("os.remove")
    with pytest.raises(InputError, match="makes no optimizer"):
        probe.find("optax.contrib")


def test_what_cannot_be_driven() -> None:
    stepper = probe.build(setup(optax.sgd, learning_rate=0.1))
    with pytest.raises(NoEquivalentError, match="no step without a gradient"):
        stepper.step([None, *GRADIENTS[0][1:]])
    with pytest.raises(InputError, match="makes a float: an optax GradientTransformation"):
        probe.build(setup(lambda: 1.0))
    with pytest.raises(TypeError, match="nope"):
        probe.build(setup(optax.sgd, nope=1.0))
    with pytest.raises(TypeError, match="learning_rate"):
        probe.build(setup(optax.adamw))
