"""Audits of optimizers that other people might have written: no wrong word and no traceback."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from weightdecay.auditing.auditor import audit
from weightdecay.auditing.factories import find_factory
from weightdecay.errors import InputError


class Plain(torch.optim.Optimizer):
    """Heavy ball with β = ½, after w ← (1 − ηλ) w."""

    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.count = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.count += 1
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    w.mul_(1 - group["lr"] * group["weight_decay"])
                    self.nudge(w, group["lr"])

    def nudge(self, w: Any, lr: Any) -> None:
        w.sub_(lr * self.direction(w))

    def direction(self, w: Any) -> Any:
        m = self.state[w].setdefault("m", torch.zeros_like(w))
        return m.mul_(0.5).add_(w.grad)


def noisy(draw: Callable[[Any], Any]) -> type[Plain]:
    class Noisy(Plain):
        def direction(self, w: Any) -> Any:
            return super().direction(w) + draw(w)

    return Noisy


NOISES: dict[str, Callable[[Any], Any]] = {
    "torch": torch.randn_like,
    "numpy": lambda w: torch.from_numpy(np.random.standard_normal(tuple(w.shape))),
    "python": lambda w: random.gauss(0, 1),
}


@pytest.mark.parametrize("library", NOISES)
def test_noise_is_the_same_for_the_optimizer_and_its_twin(library: str) -> None:
    report = audit(noisy(NOISES[library]))
    assert (report.verdict, report.factor) == ("decoupled", 1)


def test_the_users_random_streams_go_on_as_if_nothing_had_been() -> None:
    def all_of(w: Any) -> Any:
        return sum(noise(w) for noise in NOISES.values())

    def drawn() -> list[Any]:
        # An odd number of Gaussians: NumPy and Python keep the second of a pair.
        return [torch.randn(3).tolist(), np.random.standard_normal(3).tolist(), random.gauss(0, 1)]

    def begin() -> None:
        torch.manual_seed(3)
        np.random.seed(3)
        random.seed(3)
        drawn()

    begin()
    expected = drawn()
    begin()
    audit(noisy(all_of))
    assert drawn() == expected


def test_what_no_seed_reaches_is_no_verdict() -> None:
    own = np.random.default_rng()
    with pytest.raises(InputError, match=r"takes other steps when it is made again"):
        audit(noisy(lambda w: torch.from_numpy(own.standard_normal(tuple(w.shape)))))


class SecondStep(Plain):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        if self.count == 2:
            raise RuntimeError("no [eigen]values\nand more")


class Leaves(Plain):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        sys.exit(0)


class FailsWithDecay(Plain):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        if self.count == 3 and self.param_groups[0]["weight_decay"]:
            raise RuntimeError("later")


class Vanishes(Plain):
    def nudge(self, w: Any, lr: Any) -> None:
        w.fill_(float("nan"))


class Remembers(Plain):
    """What went before it, beyond itself."""

    steps = 0

    def nudge(self, w: Any, lr: Any) -> None:
        Remembers.steps += 1
        w.sub_(lr * self.direction(w) / (1 + Remembers.steps))


class Model(Plain):
    def __init__(self, params: Any, size: int) -> None:
        super().__init__(params)


class Copies(Plain):
    """Updates a copy of its parameters, so that nothing is seen."""

    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        super().__init__([p.detach().clone() for p in params], lr, weight_decay)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for w in self.param_groups[0]["params"]:
            w.grad = torch.ones_like(w)
        super().step()


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (Vanishes, "leaves the numbers of its parameters' size"),
        (SecondStep, "step 2 failed (RuntimeError: no [eigen]values)"),
        (Leaves, "step 1 failed (SystemExit: 0)"),
        (FailsWithDecay, "step 3 failed (RuntimeError: later)"),
        (Model, "needs the setting 'size'"),
        (Remembers, "takes other steps when it is made again"),
        (Copies, "leaves its parameters where they are"),
        (lambda params, lr: 3, "something of type int"),
        (lambda params, **settings: torch.optim.AdamW(params, **settings), "--knob weight_decay"),
    ],
)
def test_a_failure_is_a_sentence(factory: Any, says: str) -> None:
    with pytest.raises(InputError) as raised:
        audit(factory, backend="torch")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


class WantsClosure(Plain):
    def step(self, closure: Any) -> None:  # type: ignore[override]
        with torch.enable_grad():
            assert float(closure()) == 1
        super().step()


class AsksForClosure(Plain):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        if closure is None:
            raise ValueError("a closure is needed")
        closure()
        super().step()


class Trains(Plain):
    training = False

    def train(self) -> None:
        self.training = True

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        assert self.training, "call train() first"
        super().step()


class TensorRate(Plain):
    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr, weight_decay)
        for group in self.param_groups:
            group["lr"] = torch.tensor(group["lr"], dtype=torch.float64)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        assert all(isinstance(group["lr"], torch.Tensor) for group in self.param_groups)
        super().step()


class Replaces(Plain):
    def nudge(self, w: Any, lr: Any) -> None:
        w.data = w.data - lr * self.direction(w)


class NoOptimizer:
    """Of no base class, with a rate of its own."""

    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        self.params, self.lr, self.weight_decay = list(params), lr, weight_decay

    @torch.no_grad()
    def step(self) -> None:
        for w in self.params:
            if w.grad is not None:
                w.mul_(1 - self.lr * self.weight_decay).sub_(self.lr * w.grad.sign())


class Talks(Plain):
    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        print("using decoupled weight decay")
        super().__init__(params, lr, weight_decay)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        warnings.warn("this optimizer is experimental", stacklevel=2)
        super().step()


class HandsOn(Plain):
    def __init__(self, params: Any, momentum: float = 0.0, **others: Any) -> None:
        super().__init__(params, **others)


class Compiled(Plain):
    def nudge(self, w: Any, lr: Any) -> None:
        torch.compile(lambda a, b: a.sub_(b), fullgraph=True)(w, lr * self.direction(w))


def named(named_parameters: Any, lr: float, weight_decay: float) -> Plain:
    assert all(isinstance(name, str) for name, _ in named_parameters)
    return Plain([p for _, p in named_parameters], lr, weight_decay)


def of_a_model(model: Any, lr: float, weight_decay: float) -> Plain:
    return Plain(model.parameters(), lr, weight_decay)


@pytest.mark.parametrize(
    "factory",
    [
        *(WantsClosure, AsksForClosure, Trains, TensorRate, Replaces, NoOptimizer, Talks),
        *(HandsOn, Compiled, named, of_a_model),
    ],
)
def test_what_is_unusual_is_driven_all_the_same(
    factory: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = audit(factory, backend="torch")
    assert (report.verdict, report.factor, report.follows_schedule) == ("decoupled", 1, True)
    assert capsys.readouterr().out == ""


def test_what_it_prints_and_warns_of_is_in_the_report() -> None:
    facts = audit(Talks).facts
    assert facts["it prints"] == "using decoupled weight decay"
    assert facts["it warns"] == "UserWarning: this optimizer is experimental"


class MatricesOnly(Plain):
    def nudge(self, w: Any, lr: Any) -> None:
        if w.ndim != 2:
            raise ValueError("a matrix is expected")
        super().nudge(w, lr)


class SinglePrecision(Plain):
    def nudge(self, w: Any, lr: Any) -> None:
        if w.dtype != torch.float32:
            raise TypeError("float32 is expected")
        super().nudge(w, lr)


def test_what_an_optimizer_refuses_is_said() -> None:
    assert any("matrices only" in said for said in audit(MatricesOnly).not_probed)
    single = audit(SinglePrecision)
    assert (single.verdict, single.dtype) == ("decoupled", "float32")


def test_a_decay_below_the_probes_is_no_refusal_of_decay() -> None:
    class Small(Plain):
        def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
            if weight_decay >= 0.1:
                raise ValueError("weight_decay must be below 0.1")
            super().__init__(params, lr, weight_decay)

    with pytest.raises(InputError, match="may not be as large as"):
        audit(Small)


def test_a_factory_that_imports_its_framework_inside() -> None:
    def make(params: Any, lr: float, weight_decay: float) -> Any:
        from torch.optim import SGD

        return SGD(params, lr=lr, weight_decay=weight_decay)

    assert find_factory(make)[0] == "torch"


class InSingle(Plain):
    """Takes float64 and computes in float32, as many do for half precision's sake."""

    def nudge(self, w: Any, lr: Any) -> None:
        w.copy_(w.float() - lr * self.direction(w).float())


def test_what_computes_in_float32_is_judged_there() -> None:
    report = audit(InSingle)
    assert (report.verdict, report.dtype) == ("decoupled", "float32")
    assert any("float32" in said for said in report.not_probed)


class Slots:
    """Nothing in it can be scheduled."""

    __slots__ = ("held",)

    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        self.held = list(params), lr, weight_decay

    @torch.no_grad()
    def step(self) -> None:
        params, lr, weight_decay = self.held
        for w in params:
            if w.grad is not None:
                w.mul_(1 - lr * weight_decay).sub_(lr * w.grad.sign())


def test_a_rate_that_cannot_be_changed_follows_no_schedule_that_is_known() -> None:
    report = audit(Slots, backend="torch")
    assert (report.verdict, report.follows_schedule) == ("decoupled", None)
    assert "learning-rate schedules" in report.not_probed
