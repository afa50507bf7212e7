"""Coverage of Gluon blocks; the functions at the top build what tests/test_models.py is about."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, ROUNDED_SETTINGS
from weightdecay.errors import InputError
from weightdecay.models.covering import Coverage, coverage
from weightdecay.models.grouping import decay_groups

mx = importlib.import_module("weightdecay.backends.mxnet_backend").mx

TOLERANCE = PARITY["float64"]
COUPLED_SETTING = True
LR = 0.25
RULES: dict[str, tuple[str, dict[str, float]]] = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.5}),
    "coupled": ("adam", {}),
}
NAMES = {
    "embedding": "embedding.weight",
    "weight": "dense.weight",
    "bias": "dense.bias",
    "norm_weight": "norm.gamma",
    "norm_bias": "norm.beta",
    "head": "head.weight",
    "head_bias": "head.bias",
}


class Net(mx.gluon.Block):  # type: ignore[name-defined, misc]  # MXNet is untyped
    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.embedding = mx.gluon.nn.Embedding(5, 4)
            self.dense = mx.gluon.nn.Dense(4, in_units=4)
            self.norm = mx.gluon.nn.BatchNorm(in_channels=4)
            self.head = mx.gluon.nn.Dense(1, in_units=4)

    def forward(self, rows: Any) -> Any:
        return self.head(self.norm(self.dense(self.embedding(rows))))


def array(value: Any) -> Any:
    return mx.nd.ndarray.array(value, dtype="float32")


def build() -> Net:
    net = Net()
    net.initialize(mx.init.Zero())
    rng = np.random.default_rng(0)
    for name, parameter in by_name(net).items():
        if name in ("embedding.weight", "dense.weight", "head.weight"):
            parameter.set_data(array(rng.normal(size=parameter.shape)))
    return net


def by_name(net: Net) -> dict[str, Any]:
    return dict(net._collect_params_with_prefix())


def trainer(net: Net, rule: str, wd: float) -> Any:
    name, settings = RULES[rule]
    settings = {**settings, "learning_rate": LR, "wd": wd}
    return mx.gluon.Trainer(net.collect_params(), name, settings)


def model(net: Net) -> Net:
    return net


def optimizer(net: Net, rule: str, decaying: set[str], lambd: float) -> Any:
    for name, parameter in by_name(net).items():
        parameter.wd_mult = float(name in decaying)
    return trainer(net, rule, lambd)


def from_groups(net: Net, decay: Any) -> Any:
    decay.apply(net)
    return trainer(net, "sgd", decay.wd)


def train(net: Net, optimizer: Any, steps: int) -> None:
    for step in range(steps):
        with mx.autograd.record():
            loss = (net(array(np.arange(5))) - step).square().mean()
        loss.backward()
        optimizer.step(1)


def cover(net: Net, optimizer: Any) -> Coverage:
    return coverage(net, optimizer)


def arrays(state: Any) -> list[Any]:
    if isinstance(state, tuple | list):
        return [array for part in state for array in arrays(part)]
    return [state] if isinstance(state, mx.nd.NDArray) else []


def snapshot(net: Net, optimizer: Any) -> list[bytes]:
    made = optimizer.optimizer
    states = optimizer._updaters[0].states
    held = [p.data() for p in by_name(net).values()] + arrays([states[i] for i in sorted(states)])
    held += [p.grad() for p in by_name(net).values() if p.grad_req != "null"]
    counts = (made.num_update, made._index_update_count, made.lr, made.wd, made.rescale_grad)
    return [a.asnumpy().tobytes() for a in held] + [repr(counts).encode()]


def figures(found: Coverage) -> dict[str, float | None]:
    return {row.name: row.decay for row in found.rows}


# What is Gluon's own.

REFUSED = {
    "ftrl": "Ftrl keeps weights of its own",
    "ftml": "FTML keeps",
    "sgld": "adds noise",
    "adamax": "other than finite",
}
DECAYING = [
    *("sgd", "signum", "lars", "lbsgd", "lamb", "nag", "adam", "adagrad", "rmsprop"),
    *("adadelta", "nadam", "dcasgd"),
]


@pytest.mark.filterwarnings("ignore:Please use:DeprecationWarning")  # SciPy's, at mx.nd.array
@pytest.mark.parametrize("name", DECAYING)
def test_optimizers_of_mxnet_decay_when_they_are_told_to_and_only_then(name: str) -> None:
    for wd in (0.0, 0.125):
        net = build()
        made = mx.gluon.Trainer(net.collect_params(), name, {"wd": wd})
        train(net, made, 2)
        rows = coverage(net, made).rows
        assert [row.decays for row in rows] == [wd > 0] * 7, [row.name for row in rows]
        assert {row.setting for row in rows} == {wd}


@pytest.mark.parametrize("name", REFUSED)
def test_optimizers_whose_steps_tell_no_decay_are_refused(name: str) -> None:
    net = build()
    with pytest.raises(InputError, match=REFUSED[name]):
        coverage(net, mx.gluon.Trainer(net.collect_params(), name, {"wd": 0.0}))


def test_a_memory_in_float32_has_a_figure_in_float32() -> None:
    net = build()
    made = mx.gluon.Trainer(net.collect_params(), "adagrad", {"wd": 0.125, "learning_rate": LR})
    assert figures(coverage(net, made))["dense.weight"] == pytest.approx(0.125, PARITY["float32"])


def test_multipliers_and_schedules_of_the_learning_rate() -> None:
    net = build()
    net.head.weight.lr_mult = 0.5
    net.dense.weight.lr_mult = 0.0
    rate = mx.lr_scheduler.FactorScheduler(1, 0.5, base_lr=0.5)
    settings = {"wd": 0.125, "lr_scheduler": rate, "learning_rate": 0.5}
    made = mx.gluon.Trainer(net.collect_params(), "sgd", settings)
    train(net, made, 1)
    rows = {row.name: row for row in coverage(net, made).rows}
    assert rows["dense.bias"].lr == 0.25
    assert rows["head.weight"].lr == 0.125
    assert rows["head.weight"].decay == pytest.approx(0.125, rel=TOLERANCE)
    assert rows["head.weight"].shrink == pytest.approx(0.125**2, rel=TOLERANCE)
    assert rows["dense.weight"].reason == "frozen"
    assert rate.base_lr == 0.5
    still = mx.gluon.Trainer(net.collect_params(), "sgd", {"wd": 0.125, "learning_rate": 0.0})
    found = coverage(net, still)
    assert "learning rate is 0 now" in found.remarks[0]
    assert figures(found)["head.weight"] == pytest.approx(0.125, rel=ROUNDED_SETTINGS)
    assert still.learning_rate == 0.0


def test_moving_averages_are_no_parameters_and_frozen_ones_are() -> None:
    net = build()
    net.dense.weight.grad_req = "null"
    made = optimizer(net, "sgd", {NAMES["head"]}, 0.125)
    found = coverage(net, made)
    assert found.agrees
    assert len(found.rows) == 7
    assert [row.name for row in found.rows if row.frozen] == ["dense.weight"]


def test_shared_parameters_are_one() -> None:
    net = mx.gluon.nn.Sequential()
    first = mx.gluon.nn.Dense(4, in_units=4)
    net.add(first, mx.gluon.nn.Dense(4, in_units=4, params=first.params))
    net.initialize()
    found = coverage(net, trainer(net, "sgd", 0.125))
    assert [(row.name, row.shared_as) for row in found.rows] == [
        ("0.weight", ("1.weight",)),
        ("0.bias", ("1.bias",)),
    ]


def test_the_random_numbers_of_mxnet_stay_as_they_are() -> None:
    net = build()
    made = trainer(net, "momentum", 0.125)
    mx.random.seed(3)
    coverage(net, made)
    after = mx.nd.random.uniform(shape=(4,)).asnumpy()
    mx.random.seed(3)
    assert (after == mx.nd.random.uniform(shape=(4,)).asnumpy()).all()


def test_the_multipliers_are_of_the_largest_strength() -> None:
    net = build()
    decay = decay_groups(net, {"*.bias": 0, "head*": 0.5, "*": 0.125})
    assert (decay.wd, decay.wd_mult["dense.weight"], decay.wd_mult["dense.bias"]) == (0.5, 0.25, 0)
    other = mx.gluon.nn.Dense(1, in_units=1)
    other.initialize()
    with pytest.raises(InputError, match="the net has other parameters"):
        decay.apply(other)
    assert decay_groups(net, {"*": 0}).wd == 0


def test_what_cannot_be_measured_is_refused_in_a_sentence() -> None:
    net = build()
    made = trainer(net, "sgd", 0.125)
    with pytest.raises(InputError, match="the optimizer is a SGD"):
        coverage(net, mx.optimizer.SGD())
    with pytest.raises(InputError, match="holds none of the net's parameters"):
        coverage(build(), made)
    with pytest.raises(InputError, match="state is for optax"):
        coverage(net, made, state=())
    deferred = mx.gluon.nn.Dense(2)
    deferred.initialize()
    with pytest.raises(InputError, match="weight has no values yet"):
        coverage(deferred, made)
