"""Driving Keras's optimizers and regularizers, against their rules written out in NumPy."""

from __future__ import annotations

import importlib
import inspect
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, relative_difference
from weightdecay import registry
from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.probe import Parameter, Setup

probe = registry.load_probe("tensorflow")
keras = importlib.import_module("keras")

RNG = np.random.default_rng(5)
SHAPES = {"weight": (4, 3), "bias": (3,), "out": (3, 2), "gain": (3,)}
PARAMETERS = tuple(Parameter(name, RNG.standard_normal(shape)) for name, shape in SHAPES.items())
INITIAL = [value for _, value in PARAMETERS]
ZEROS = [np.zeros_like(value) for value in INITIAL]
# Neither takes float64 variables: they multiply them by a float32 tensor of their own.
FLOAT32_ONLY = {"keras.optimizers.Muon", "keras.regularizers.OrthogonalRegularizer"}


def gradients(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(value.shape) for value in INITIAL]


def setup(factory: Any, **settings: Any) -> Setup:
    return Setup(factory, settings, PARAMETERS)


def agree(found: list[np.ndarray], expected: list[np.ndarray], dtype: str = "float64") -> None:
    for x, reference in zip(found, expected, strict=True):
        assert isinstance(x, np.ndarray)
        assert x.dtype == dtype
        assert relative_difference(x, reference) <= PARITY[dtype]


def sgd(w: np.ndarray, g: np.ndarray, lr: float = 0.5) -> np.ndarray:
    return w - lr * g


def test_a_step_of_sgd(dtype: str) -> None:
    stepper = probe.build(replace(setup(keras.optimizers.SGD, learning_rate=0.5), dtype=dtype))
    stepper.step(gradients(1))
    agree(stepper.read(), list(map(sgd, INITIAL, gradients(1))), dtype)


def test_weight_decay_leaves_out_what_is_excluded() -> None:
    adamw = setup(keras.optimizers.AdamW, learning_rate=0.125, weight_decay=0.25)
    stepper = probe.build(replace(adamw, undecayed=("bias", "gain")))
    stepper.step(ZEROS)
    shrinks = [1 - 0.125 * 0.25, 1.0, 1 - 0.125 * 0.25, 1.0]
    agree(stepper.read(), [w * shrink for w, shrink in zip(INITIAL, shrinks, strict=True)])


def test_exclusion_is_of_whole_names() -> None:
    parameters = tuple(Parameter(name, np.ones(2)) for name in ("out", "out2", "block/out"))
    factory, settings = keras.optimizers.SGD, {"learning_rate": 0.5, "weight_decay": 0.5}
    stepper = probe.build(Setup(factory, settings, parameters, undecayed=("out",)))
    stepper.step([np.zeros(2)] * 3)
    agree(stepper.read(), [np.full(2, x) for x in (1.0, 0.75, 0.75)])


def test_a_factory_may_exclude_by_name() -> None:
    def factory() -> Any:
        optimizer = keras.optimizers.SGD(0.5, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gain"])
        return optimizer

    stepper = probe.build(setup(factory))
    stepper.step(ZEROS)
    agree(stepper.read(), [w * s for w, s in zip(INITIAL, (0.75, 1, 0.75, 1), strict=True)])


@pytest.mark.parametrize(
    "rate",
    [
        lambda: 0.25,  # a number, held in a variable
        lambda: keras.optimizers.schedules.ExponentialDecay(0.25, 2, 0.5),
        lambda: lambda: 0.25,  # a function without arguments
    ],
)
def test_learning_rates_are_followed(rate: Any) -> None:
    lrs = (0.5, 0.125, 1.0)
    stepper = probe.build(replace(setup(lambda: keras.optimizers.SGD(rate())), lrs=lrs))
    expected = INITIAL
    for step, lr in enumerate(lrs):
        stepper.step(gradients(step))
        expected = [sgd(w, g, lr) for w, g in zip(expected, gradients(step), strict=True)]
        agree(stepper.read(), expected)


def test_a_schedule_is_left_alone() -> None:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.5, 0.125])
    stepper = probe.build(setup(lambda: keras.optimizers.SGD(schedule)))
    expected = INITIAL
    for step, lr in enumerate((0.5, 0.125)):
        stepper.step(gradients(step))
        expected = [sgd(w, g, lr) for w, g in zip(expected, gradients(step), strict=True)]
    agree(stepper.read(), expected)


@pytest.mark.parametrize(
    "scaled",
    [
        lambda: keras.optimizers.SGD(0.5, loss_scale_factor=64.0),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5)),
    ],
)
def test_a_loss_scale_cancels(scaled: Any) -> None:
    stepper = probe.build(setup(scaled))
    stepper.step(gradients(1))
    agree(stepper.read(), list(map(sgd, INITIAL, gradients(1))))


def test_what_is_written_is_read_and_memory_stays() -> None:
    stepper = probe.build(setup(keras.optimizers.SGD, learning_rate=0.5, momentum=0.5))
    stepper.step(gradients(1))
    written = gradients(9)
    stepper.write(written)
    agree(stepper.read(), written)
    read = stepper.read()
    read[0][:] = 7
    agree(stepper.read(), written)
    stepper.step(ZEROS)
    agree(stepper.read(), [w - 0.5 * 0.5 * g for w, g in zip(written, gradients(1), strict=True)])


def momentum(penalty: Any, lr: float, beta: float, steps: int) -> list[np.ndarray]:
    """m ← βm − η(g + penalty(w)), w ← w + m."""
    results = []
    for i, w in enumerate(INITIAL):
        m = np.zeros_like(w)
        for step in range(steps):
            m = beta * m - lr * (gradients(step)[i] + penalty(w))
            w = w + m
        results.append(w)
    return results


def test_l2_is_added_to_the_gradient(dtype: str) -> None:
    settings = {"l2": 0.25, "learning_rate": 0.125, "momentum": 0.5}
    factory = probe.find("keras.regularizers.L2")
    stepper = probe.build(Setup(factory, settings, PARAMETERS, dtype))
    for step in range(4):
        stepper.step(gradients(step))
    agree(stepper.read(), momentum(lambda w: 2 * 0.25 * w, 0.125, 0.5, 4), dtype)


def test_a_regularizer_of_ones_own() -> None:
    def factory(strength: float = 0.25) -> Any:
        return keras.regularizers.L1(strength)

    stepper = probe.build(setup(factory, strength=0.5, learning_rate=0.125, momentum=0.5))
    for step in range(4):
        stepper.step(gradients(step))
    agree(stepper.read(), momentum(lambda w: 0.5 * np.sign(w), 0.125, 0.5, 4))


def test_a_regularizer_is_not_on_the_undecayed_and_needs_no_gradient() -> None:
    l2 = setup(keras.regularizers.L2, l2=0.5, learning_rate=0.25)
    stepper = probe.build(replace(l2, undecayed=("bias", "out"), lrs=(0.5,)))
    stepper.step([None, None, ZEROS[2], ZEROS[3]])
    agree(stepper.read(), [w * s for w, s in zip(INITIAL, (0.5, 1, 1, 0.5), strict=True)])


def test_a_regularizer_of_matrices_is_on_the_matrices() -> None:
    orthogonal = replace(setup(keras.regularizers.OrthogonalRegularizer), dtype="float32")
    stepper = probe.build(orthogonal)
    stepper.step(ZEROS)
    moved = [
        not np.array_equal(x, np.float32(w)) for x, w in zip(stepper.read(), INITIAL, strict=True)
    ]
    assert moved == [True, False, True, False]
    with pytest.raises(ValueError, match="rank 2"):
        probe.build(replace(orthogonal, undecayed=("weight", "out")))


def test_a_missing_gradient_is_no_step_of_that_parameter() -> None:
    stepper = probe.build(setup(keras.optimizers.SGD, learning_rate=0.5, weight_decay=0.5))
    stepper.step([gradients(1)[0], None, None, None])
    agree(stepper.read(), [sgd(INITIAL[0] * 0.75, gradients(1)[0]), *INITIAL[1:]])
    with pytest.raises(NoEquivalentError, match="no step without any gradient"):
        stepper.step([None] * 4)


def test_the_catalogue_is_of_classes_that_can_be_built() -> None:
    names = probe.catalogue()
    wanted = {"optimizers.AdamW", "optimizers.SGD", "regularizers.L2"}
    assert {f"keras.{name}" for name in wanted} | FLOAT32_ONLY < set(names)
    last = [name.rpartition(".")[2] for name in names]
    assert not {"Optimizer", "Regularizer", "OptimizerMap", "l2", "l1_l2", "get"} & set(last)
    factories = [probe.find(name) for name in names]
    assert len(set(factories)) == len(names)


def required(factory: Any) -> list[str]:
    return [k for k, v in probe.options(factory).items() if v is inspect.Parameter.empty]


@pytest.mark.parametrize("name", probe.catalogue())
def test_everything_in_the_catalogue_steps(name: str, dtype: str) -> None:
    factory = probe.find(name)
    if required(factory):
        assert required(factory) in (["inner_optimizer"], ["optimizer_map"])
        return
    known = probe.options(factory)
    knobs = {k: 0.25 for k in known if k.endswith(("weight_decay", "_strength", "l1", "l2"))}
    assert knobs or name == "keras.regularizers.OrthogonalRegularizer"
    described = Setup(factory, knobs, PARAMETERS, dtype)
    if name in FLOAT32_ONLY and dtype == "float64":
        with pytest.raises(Exception, match=r"expected to be a (double|float) tensor"):
            probe.build(described).step(gradients(0))
        return
    first, second = probe.build(described), probe.build(described)
    for step in range(3):
        first.step(gradients(step))
        second.step(gradients(step))
    for x, y, w in zip(first.read(), second.read(), INITIAL, strict=True):
        assert x.dtype == dtype
        np.testing.assert_array_equal(x, y)
        assert np.isfinite(x).all()
        assert not np.array_equal(x, w.astype(dtype))


class Own(keras.optimizers.Adam):  # type: ignore[misc, name-defined]  # Keras is untyped
    """An optimizer of a user's own, which hides what its bases take."""

    def __init__(self, pull: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pull = pull


def test_options_are_those_of_the_signature_and_of_the_bases() -> None:
    assert probe.options(keras.optimizers.AdamW)["weight_decay"] == 0.004
    own = probe.options(Own)
    assert (own["pull"], own["beta_1"], own["weight_decay"]) == (0.5, 0.9, None)
    assert not {"self", "args", "kwargs"} & set(own)
    assert set(probe.options(keras.optimizers.LossScaleOptimizer)) == {
        "inner_optimizer",
        "initial_scale",
        "dynamic_growth_steps",
        "name",
    }
    l2 = {"learning_rate": 0.01, "momentum": 0.0, "l2": 0.01}
    assert probe.options(keras.regularizers.L2) == l2

    def factory(a: float, b: int = 2, **rest: Any) -> None: ...

    assert probe.options(factory) == {"a": inspect.Parameter.empty, "b": 2}


class Random(keras.optimizers.SGD):  # type: ignore[misc, name-defined]
    """Draws with and without a generator of its own, neither seeded."""

    def build(self, variables: Any) -> None:
        self.generator = keras.random.SeedGenerator()
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        for seed in (None, self.generator):
            noise = keras.random.normal(variable.shape, dtype=variable.dtype, seed=seed)
            gradient = gradient + noise
        super().update_step(gradient, variable, learning_rate)


def test_a_random_optimizer_repeats_itself_and_draws_from_nobody_else() -> None:
    keras.utils.set_random_seed(8)
    first = probe.build(setup(Random))
    keras.utils.set_random_seed(3)
    expected = keras.random.uniform((3,)).numpy(), random.random()
    keras.utils.set_random_seed(3)
    second = probe.build(setup(Random))
    first.step(ZEROS)
    second.step(ZEROS)
    early = first.read()
    first.step(ZEROS)
    second.step(ZEROS)
    agree(first.read(), second.read())
    moves = [first.read()[0] - early[0], early[0] - INITIAL[0]]
    assert not np.allclose(*moves)
    np.testing.assert_array_equal(keras.random.uniform((3,)).numpy(), expected[0])
    assert random.random() == expected[1]


def test_names() -> None:
    assert probe.find("tf.keras.optimizers.Adam") is keras.optimizers.Adam
    assert probe.find("keras.regularizers.l2") is keras.regularizers.L2
    with pytest.raises(UnknownNameError, match=r"did you mean 'keras\.optimizers\.Lion'"):
        probe.find("keras.optimizers.Lionn")
    for name in ("AdamW", "keras", "keras.", "torch.optim.SGD", "keras.optimiser.Adam"):
        with pytest.raises(UnknownNameError, match=r"keras\.optimizers\.AdamW"):
            probe.find(name)
    with pytest.raises(InputError, match="makes no optimizer"):
        probe.find("keras.optimizers.schedules")


def test_what_is_no_optimizer_is_refused_and_keras_speaks_for_itself() -> None:
    with pytest.raises(InputError, match="made a Dense, which is neither"):
        probe.build(setup(keras.layers.Dense, units=1))
    with pytest.raises(ValueError, match="learning_rate"):
        probe.build(setup(keras.optimizers.SGD, learning_rate="fast"))
    with pytest.raises(TypeError, match="learning_rate"):
        probe.build(setup(lambda: keras.optimizers.SGD(0.5), learning_rate=0.5))


def test_parameters_without_axes() -> None:
    described = Setup(keras.optimizers.SGD, {"learning_rate": 0.5}, (Parameter("b", np.ones(())),))
    stepper = probe.build(described)
    stepper.step([np.ones(())])
    agree(stepper.read(), [np.array(0.5)])
