"""Driving MXNet's optimizers: the steps against closed forms, and what may not move."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, relative_difference
from weightdecay import registry
from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.probe import Parameter, Setup

PROBE = registry.load_probe("mxnet")
mx: Any = importlib.import_module("mxnet")  # which the probe has imported without its warnings
SHAPES = {"weight": (4, 3), "bias": (3,), "out": (3, 2)}
LR, WD = 1 / 8, 1 / 4  # exact in float32, in which MXNet holds them
RNG = np.random.default_rng(5)
START = tuple(Parameter(name, RNG.standard_normal(shape)) for name, shape in SHAPES.items())
GRADIENTS = [[RNG.standard_normal(shape) for shape in SHAPES.values()] for _ in range(3)]
ZEROS = [np.zeros(shape) for shape in SHAPES.values()]


def built(name: str, settings: dict[str, Any], **changes: Any) -> Any:
    factory = PROBE.find(f"mxnet.optimizer.{name}")
    settings = {"learning_rate": LR} | settings
    return PROBE.build(Setup(factory, settings, changes.pop("parameters", START), **changes))


def trajectory(stepper: Any, steps: int = 3) -> list[list[np.ndarray]]:
    found = []
    for gradients in GRADIENTS[:steps]:
        stepper.step(gradients)
        found.append(stepper.read())
    return found


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_sgd_is_its_closed_form(dtype: str) -> None:
    stepper = built("SGD", {"momentum": 1 / 2, "wd": WD}, dtype=dtype)
    w = [parameter.value for parameter in START]
    m = ZEROS
    for gradients in GRADIENTS:
        m = [v / 2 + g + WD * x for v, g, x in zip(m, gradients, w, strict=True)]
        w = [x - LR * v for x, v in zip(w, m, strict=True)]
        stepper.step(gradients)
        for ours, expected in zip(stepper.read(), w, strict=True):
            assert ours.dtype == dtype
            assert relative_difference(ours, expected) < PARITY[dtype]


def test_undecayed_parameters_keep_still_while_others_shrink() -> None:
    stepper = built("SGD", {"wd": WD}, undecayed=("bias",))
    stepper.step(ZEROS)
    weight, bias, out = stepper.read()
    assert np.array_equal(weight, START[0].value - LR * WD * START[0].value)
    assert np.array_equal(bias, START[1].value)
    assert np.array_equal(out, START[2].value - LR * WD * START[2].value)


def test_learning_rates_are_followed() -> None:
    rates = (1 / 2, 1 / 8, 1 / 4)
    stepper = built("SGD", {}, lrs=rates)
    w = [parameter.value for parameter in START]
    for rate, gradients, found in zip(rates, GRADIENTS, trajectory(stepper), strict=True):
        w = [x - rate * g for x, g in zip(w, gradients, strict=True)]
        assert max(map(relative_difference, found, w)) < PARITY["float64"]


def test_writing_leaves_the_memory_alone_and_reading_copies() -> None:
    stepper = built("SGD", {"momentum": 1 / 2})
    stepper.step(GRADIENTS[0])
    before = stepper.read()
    stepper.read()[0][:] = 7.0
    assert same(stepper.read(), before)
    stepper.write(ZEROS)
    assert same(stepper.read(), ZEROS)
    stepper.step(ZEROS)  # what moves is the momentum
    expected = [-LR * g / 2 for g in GRADIENTS[0]]
    assert max(map(relative_difference, stepper.read(), expected)) < PARITY["float64"]


def test_a_parameter_without_a_gradient_is_left_out() -> None:
    stepper, whole = (built("Adam", {"wd": WD}) for _ in range(2))
    (first, second, third), zeros = GRADIENTS, ZEROS
    stepper.step(first)
    whole.step(first)
    weight, bias, _ = stepper.read()
    stepper.step([second[0], None, second[2]])
    whole.step([second[0], zeros[1], second[2]])
    moved = stepper.read()
    assert np.array_equal(moved[1], bias)
    assert not np.array_equal(moved[0], weight)
    assert not same(moved, whole.read())  # a gradient of zero is no missing one
    stepper.step([None, third[1], None])
    alone = built("Adam", {"wd": WD}, parameters=START[1:2])
    alone.step(first[1:2])
    alone.step(third[1:2])
    assert np.array_equal(stepper.read()[1], alone.read()[0])  # its count of steps stood still
    assert np.array_equal(stepper.read()[0], moved[0])
    now = stepper.read()
    stepper.step([None, None, None])
    assert same(stepper.read(), now)


def test_noise_is_the_same_in_every_build_whatever_happens_between() -> None:
    alone = trajectory(built("SGLD", {"wd": WD}))
    one, other = built("SGLD", {"wd": WD}), built("SGLD", {"wd": WD})
    for gradients, expected in zip(GRADIENTS, alone, strict=True):
        mx.random.seed(99)
        one.step(gradients)
        other.step(gradients)
        assert same(one.read(), expected)
        assert same(other.read(), expected)
    noise = [
        now - (before - LR / 2 * (g + WD * before))
        for now, before, g in zip(alone[1], alone[0], GRADIENTS[1], strict=True)
    ]
    first = [
        now - (p.value - LR / 2 * (g + WD * p.value))
        for now, p, g in zip(alone[0], START, GRADIENTS[0], strict=True)
    ]
    assert not np.allclose(noise[0], first[0])  # drawn anew in every step
    assert np.std(noise[0]) > 0


def test_every_optimizer_steps_as_far_as_mxnet_does(dtype: str) -> None:
    float32_only = {"AdaDelta", "AdaGrad", "Ftrl", "GroupAdaGrad", "RMSProp"}
    for name in PROBE.catalogue():
        short = name.rpartition(".")[2]
        settings = {"learning_rate": LR} | ({} if short == "GroupAdaGrad" else {"wd": WD})
        matrices = tuple(parameter for parameter in START if parameter.value.ndim == 2)
        setup = Setup(PROBE.find(name), settings, matrices, dtype=dtype)
        stepper = PROBE.build(setup)
        step = partial(stepper.step, [GRADIENTS[0][0], GRADIENTS[0][2]])
        if dtype == "float64" and short in float32_only:
            with pytest.raises(NoEquivalentError, match=f"{short} keeps its memory in float32"):
                step()
            continue
        step()
        for now, before in zip(stepper.read(), matrices, strict=True):
            assert now.dtype == dtype, name
            assert np.isfinite(now).all(), name
            assert not np.allclose(now, before.value, rtol=0), name


def test_what_mxnet_says_is_said_unchanged() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'weight_decay'"):
        built("SGD", {"weight_decay": WD})
    stepper = built("contrib.GroupAdaGrad", {"wd": WD}, parameters=START[:1], dtype="float32")
    with pytest.raises(AssertionError, match="Weight decay is not supported for GroupAdaGrad"):
        stepper.step(GRADIENTS[0][:1])


def test_the_catalogue_is_the_registry_and_can_be_found() -> None:
    names = PROBE.catalogue()
    assert {"mxnet.optimizer.SGD", "mxnet.optimizer.LAMB"} <= set(names)
    assert "mxnet.optimizer.contrib.GroupAdaGrad" in names
    found = {PROBE.find(name) for name in names}
    assert len(names) == len(found)
    assert found == set(mx.optimizer.Optimizer.opt_registry.values())


def test_helpers_and_the_users_own_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PROBE.catalogue()
    registered = dict(mx.optimizer.Optimizer.opt_registry)
    monkeypatch.setattr(mx.optimizer.Optimizer, "opt_registry", registered)
    mx.optimizer.register(type("Mine", (mx.optimizer.SGD,), {}))
    private = {"__module__": "mxnet.contrib.svrg_optimization.svrg_optimizer"}
    mx.optimizer.register(type("_Helper", (mx.optimizer.SGD,), private))
    assert PROBE.catalogue() == before


def test_names() -> None:
    assert PROBE.find("mx.optimizer.SGD") is mx.optimizer.SGD
    assert PROBE.find("mxnet.optimizer.contrib.GroupAdaGrad").__name__ == "GroupAdaGrad"
    with pytest.raises(UnknownNameError, match=r"did you mean 'mxnet\.optimizer\.Adamax'"):
        PROBE.find("mxnet.optimizer.Adamaxx")
    for name in ("SGD", "mxnet", "mxnet.", "torch.optimizer.SGD", "mxnet.nothing.SGD"):
        with pytest.raises(UnknownNameError, match=r"known are mxnet\.optimizer\.AdaDelta"):
            PROBE.find(name)
    with pytest.raises(InputError, match=r"Trainer makes no optimizer: name one such as"):
        PROBE.find("mxnet.gluon.Trainer")


def test_options_go_up_to_the_base_class() -> None:
    sgd = PROBE.options(mx.optimizer.SGD)
    assert {"wd": 0.0, "learning_rate": None, "clip_gradient": None}.items() <= sgd.items()
    assert sgd["momentum"] == 0.0
    assert not {"self", "kwargs", "args", "sym", "param_dict", "param_idx2name"} & set(sgd)
    assert PROBE.options(mx.optimizer.ccSGD) == sgd  # which names nothing itself
    assert PROBE.options(mx.optimizer.Adam)["learning_rate"] == 0.001  # the nearest default
    assert PROBE.options(partial(mx.optimizer.SGD, momentum=0.5)) == sgd | {"momentum": 0.5}

    class Closed(mx.optimizer.SGD):  # type: ignore[misc]
        def __init__(self, rate: float, *, wd: float = 0.5) -> None:
            super().__init__(learning_rate=rate, wd=wd)

    assert set(PROBE.options(Closed)) == {"rate", "wd"}
    assert PROBE.options(lambda wd=0.25: mx.optimizer.SGD(wd=wd)) == {"wd": 0.25}


def test_a_factory_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="made 'dict'"):
        PROBE.build(Setup(dict, {"learning_rate": LR}, START))


def test_building_and_stepping_warn_of_nothing() -> None:
    trajectory(built("LARS", {"wd": WD, "momentum": 1 / 2}))  # warnings are errors here
