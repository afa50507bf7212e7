"""The audit on PyTorch optimizers of one's own, and through a worker."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch

from tests.commands import in_subprocess
from weightdecay.auditing import remote
from weightdecay.auditing.auditor import audit
from weightdecay.auditing.factories import find_factory
from weightdecay.environments import resolve
from weightdecay.worker import Worker


class Averaged(torch.optim.Optimizer):
    """Heavy ball; weight decay after the step, of matrices only."""

    def __init__(self, params: Iterable[Any], lr: float = 0.1, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    continue
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                m.mul_(0.9).add_(w.grad)
                w.sub_(group["lr"] * m)
                if w.ndim > 1:
                    w.mul_(1 - group["lr"] * group["weight_decay"])


def clipped_then_adam(params: Any, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    class Clipped(torch.optim.Adam):
        def step(self, closure: Any = None) -> Any:
            torch.nn.utils.clip_grad_norm_(self.param_groups[0]["params"], 1.0)
            return super().step(closure)

    return Clipped(params, lr=lr, weight_decay=weight_decay)


def test_a_class_of_ones_own() -> None:
    report = audit(Averaged)
    assert (report.backend, report.verdict, report.order) == ("torch", "decoupled", "after")
    assert report.bias_decayed is False
    assert report.facts["no gradient"] == "the parameter is left alone"
    assert report.effective_lambda is not None


def test_a_function_of_ones_own() -> None:
    """Clipped first: Adam's coupled decay is added to what is left."""
    report = audit(clipped_then_adam)
    assert report.verdict == "coupled"
    assert report.inside_clipping is False


@pytest.mark.parametrize(
    "factory",
    [
        torch.optim.SGD,
        Averaged,
        clipped_then_adam,
        functools.partial(torch.optim.AdamW, betas=(0.5, 0.75)),
        lambda params, lr, weight_decay: torch.optim.SGD(params, lr, weight_decay=weight_decay),
        "tests.frameworks.torch.test_audit_torch:Averaged",
    ],
)
def test_the_framework_is_told_by_the_factory(factory: Any) -> None:
    assert find_factory(factory)[0] == "torch"
    assert audit(factory).verdict in ("coupled", "decoupled")


def test_partial_settings_are_kept() -> None:
    plain, partial = audit(torch.optim.SGD), audit(functools.partial(torch.optim.SGD, momentum=0.9))
    assert plain.coincides_with == ("decoupled",)
    assert partial.coincides_with == ()


def test_the_settings_of_the_user() -> None:
    report = audit("torch.optim.AdamW", lr=1e-3, weight_decay=1e-2, betas=(0.8, 0.9), amsgrad=True)
    assert (report.verdict, report.factor) == ("decoupled", 1)
    assert report.settings["betas"] == (0.8, 0.9)


def test_nothing_of_the_users_session_changes() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    audit(torch.optim.AdamW)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32


def test_a_worker_gives_the_same_report() -> None:
    settings = {"lr": 0.01, "betas": [0.5, 0.75]}
    with Worker("torch", resolve("torch").python) as worker:
        report = remote.audit(worker, "torch.optim.AdamW", settings)
    here = audit("torch.optim.AdamW", lr=0.01, betas=(0.5, 0.75))
    assert report.verdict == here.verdict
    assert [r.residual for r in report.rivals] == [r.residual for r in here.rivals]


ALONE = """
import sys
from weightdecay.auditing.auditor import audit
from weightdecay.registry import load_probe
alone = load_probe("torch").alone
with alone():
    before = audit("torch.optim.AdamW")
print("torch._dynamo" in sys.modules)
import torch
print(hasattr(torch.optim.Optimizer.add_param_group.__wrapped__, "__dynamo_disable"))
with alone():
    print(torch._dynamo.is_compiling())  # which the stand-in does not know
after = audit("torch.optim.AdamW")
print(before == after)
with alone():
    print(torch._dynamo is sys.modules["torch._dynamo"], torch._dynamo.__file__ is None)
"""


def test_a_process_of_its_own_does_without_the_compiler_and_leaves_no_trace() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False", "True", "True", "False"]


def test_the_command() -> None:
    outcome = in_subprocess(
        ["audit", "torch.optim.SGD", "--set", "nesterov=true", "--set", "momentum=0.9"]
    )
    assert outcome.code == 0, outcome.err
    assert "w ← step(w, g + λ w)" in outcome.out
    wrong = in_subprocess(["audit", "torch.optim.adamw"])
    assert wrong.code == 2
    assert "did you mean 'torch.optim.AdamW'" in wrong.err
    impossible = in_subprocess(["audit", "torch.optim.SGD", "--set", "nesterov=true"])
    assert impossible.code == 2
    assert "Nesterov" in impossible.err
