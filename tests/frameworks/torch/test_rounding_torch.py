"""What rounding leaves of a decay in the dtype that torch trains, against real steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.tolerances import CARRIED, KEPT, PARITY, ROUNDED_SETTINGS
from weightdecay.models.covering import Coverage, coverage


def build(dtype: torch.dtype, size: int = 64) -> torch.nn.Linear:
    torch.manual_seed(0)
    layer = torch.nn.Linear(size, size, bias=False)
    torch.nn.init.normal_(layer.weight)
    return layer.to(dtype)


def moved(layer: torch.nn.Linear, optimizer: torch.optim.Optimizer, steps: int) -> int:
    """How many elements so many real steps without a gradient change."""
    before = layer.weight.detach().clone()
    for _ in range(steps):
        layer.weight.grad = torch.zeros_like(layer.weight)
        optimizer.step()
    return int((layer.weight != before).sum())


def adamw(layer: torch.nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(layer.parameters(), lr=lr, weight_decay=weight_decay)


@pytest.mark.parametrize(("lr", "weight_decay"), [(1e-4, 1e-4), (1e-6, 1e-2)])
def test_a_decay_that_moves_no_element_is_lost(lr: float, weight_decay: float) -> None:
    layer = build(torch.float32)
    optimizer = adamw(layer, lr, weight_decay)
    found = coverage(layer, optimizer)
    (row,) = found.rows
    assert (row.dtype, row.kept, row.lost, row.decays, row.agrees) == (
        *("float32", 0.0, True, False, False),
    )
    assert row.carried == pytest.approx(0.0, abs=CARRIED)
    assert "is lost to rounding in float32: nothing decays" in found.problems[0]
    assert "nor in one with" in found.problems[0]
    assert "lost in float32" in str(found)
    assert moved(layer, optimizer, 100) == 0


def test_a_bias_whose_decay_is_lost_is_remarked() -> None:
    layer = torch.nn.Linear(64, 64)
    found = coverage(layer, adamw(layer, 1e-4, 1e-4))
    assert [row.agrees for row in found.rows] == [False, True]
    assert "bias is set to decay, which rounding in float32 hides." in found.remarks


@pytest.mark.parametrize(
    ("product", "share"), [(1.9e-3, 0.0), (2.05e-3, 0.15), (3e-3, 1.02), (3.95e-3, 1.42)]
)
def test_the_share_that_bfloat16_keeps(product: float, share: float) -> None:
    layer = build(torch.bfloat16)
    optimizer = adamw(layer, 1e-2, product / 1e-2)
    row = coverage(layer, optimizer).rows[0]
    before = layer.weight.detach().double()
    moved(layer, optimizer, 1)
    lost = (before * (before - layer.weight.detach().double())).sum() / before.square().sum()
    assert row.kept == pytest.approx(float(lost) / product, rel=ROUNDED_SETTINGS)
    assert row.kept == pytest.approx(share, abs=KEPT)


def trained(dtype: torch.dtype, optimizer: Any) -> Coverage:
    layer = build(dtype)
    made = optimizer(layer.parameters())
    for _ in range(3):
        layer(torch.ones(1, 64, dtype=dtype)).square().mean().backward()
        made.step()
    return coverage(layer, made)


def test_the_memory_of_a_trained_optimizer_hides_nothing() -> None:
    found = trained(torch.float32, lambda ps: torch.optim.AdamW(ps, 1e-4, weight_decay=1e-4))
    assert found.rows[0].lost
    found = trained(torch.float32, lambda ps: torch.optim.AdamW(ps, 1e-3, weight_decay=1e-2))
    assert found.rows[0].kept == pytest.approx(1.0, abs=KEPT)
    assert found.agrees


def test_float16_whose_steps_without_a_gradient_are_no_numbers() -> None:
    """Adam's ε is 0 there, so that steps with gradients have to tell, or nothing can."""
    layer = build(torch.float16)
    row = coverage(layer, adamw(layer, 2.0**-10, 4.0)).rows[0]
    assert row.kept == pytest.approx(1.0, abs=CARRIED)
    found = coverage(layer, adamw(layer, 2.0**-10, 2.0**-7))
    assert found.rows[0].kept is None
    assert (
        "what rounding in float16 leaves of the decay of weight cannot be told"
        in (found.remarks[0])
    )


def test_l2_that_is_rounded_with_the_gradient_is_carried_along() -> None:
    layer = build(torch.float32)
    made = torch.optim.SGD(layer.parameters(), 1e-4, weight_decay=1e-4)
    row = coverage(layer, made).rows[0]
    assert row.lost
    assert row.carried == pytest.approx(1.0, abs=CARRIED)


class Rounding(torch.optim.SGD):
    """bfloat16 weights beside masters in float32, or rounded up or down at random."""

    def __init__(self, params: Any, masters: bool) -> None:
        super().__init__(params, lr=1e-3, weight_decay=1e-2)
        self.masters = masters

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure is needed
        group = self.param_groups[0]
        for p in group["params"]:
            wide = self.state[p].setdefault("master", p.float()) if self.masters else p.float()
            wide.sub_(group["lr"] * (p.grad.float() + group["weight_decay"] * wide))
            noise = 0.0 if self.masters else (torch.rand_like(wide) - 0.5) * wide.abs() * 2**-8
            p.copy_(wide + noise)


@pytest.mark.parametrize("steps", [0, 3])
def test_master_weights_are_what_is_trained(steps: int) -> None:
    layer = build(torch.bfloat16)
    made = Rounding(layer.parameters(), masters=True)
    assert moved(layer, made, steps) == 0  # of the parameter, not of its master
    found = coverage(layer, made)
    (row,) = found.rows
    assert (row.dtype, row.decays, found.agrees) == ("float32", True, True)
    assert row.kept == pytest.approx(1.0, abs=KEPT)
    assert row.decay == pytest.approx(1e-2, rel=KEPT)  # which is computed in float32 here


def test_random_steps_are_not_called_lost() -> None:
    layer = build(torch.bfloat16)
    random = torch.get_rng_state()
    found = coverage(layer, Rounding(layer.parameters(), masters=False))
    (row,) = found.rows
    assert (row.decays, row.kept, row.lost) == (True, None, False)
    assert "cannot be told from a few steps: they are random" in found.remarks[0]
    assert torch.equal(torch.get_rng_state(), random)


def test_complex_parameters_decay_in_both_parts() -> None:
    net = torch.nn.ParameterDict({"w": torch.randn(3, 4, dtype=torch.cfloat)})
    made = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.1)
    (row,) = coverage(net, made).rows
    assert row.decay == pytest.approx(0.1, rel=PARITY["float64"])
    assert (row.shape, row.size, row.decaying, row.agrees) == ((3, 4), 12, 12, True)
    assert row.kept == pytest.approx(1.0, abs=KEPT)
