"""The audit on PyTorch optimizers that gather gradients, name nothing, or lose their decay."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch

from tests.tolerances import AUDIT_LAMBDA
from weightdecay.auditing.auditor import audit


class Gathering(torch.optim.SGD):
    """Adds up gradients, and steps with them in every fourth call."""

    def __init__(self, params: Iterable[Any], lr: float = 0.1, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay)
        self.calls = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        self.calls += 1
        for w in self.param_groups[0]["params"]:
            total = self.state[w].setdefault("total", torch.zeros_like(w))
            total += w.grad
            w.grad.copy_(total)
        if self.calls % 4 == 0:
            super().step()
            for w in self.param_groups[0]["params"]:
                self.state[w]["total"].zero_()


class Unnamed(torch.optim.Optimizer):
    def __init__(self, params: Iterable[Any], lr: float = 0.1, shrinkage: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "shrinkage": shrinkage})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    w.mul_(1 - group["lr"] * group["shrinkage"]).sub_(group["lr"] * w.grad.sign())


def adamw_as_it_comes(params: Any, lr: float = 1e-3) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr=lr)


def test_gathered_gradients() -> None:
    report = audit(Gathering)
    assert (report.verdict, report.factor) == ("coupled", 1)
    assert report.facts["accumulation"].startswith("it steps once in 4 calls, with the sum")
    assert report.effective_lambda == pytest.approx(1, rel=AUDIT_LAMBDA)


def test_a_decay_of_an_unknown_name() -> None:
    report = audit(Unnamed)
    assert report.verdict == "unrecognised"
    assert "shrinkage: audit it with knob='shrinkage'" in report.headlines[0]
    assert audit(Unnamed, knob="shrinkage").verdict == "decoupled"


def test_a_default_that_nobody_set() -> None:
    report = audit(adamw_as_it_comes)
    assert report.verdict == "unrecognised"
    assert "by the share 0.00125 (η = 0.125); no number" in report.headlines[0]


def test_settings_that_float32_does_not_hold() -> None:
    report = audit(torch.optim.AdamW, lr=1e-4, weight_decay=1e-4)
    assert report.verdict == "decoupled"
    assert report.headlines == (
        "at your settings the decay does nothing in float32: ηλ = 1e-08 is below rounding of "
        "float32",
    )
    assert not audit(torch.optim.AdamW, lr=1e-3, weight_decay=1e-2).headlines
