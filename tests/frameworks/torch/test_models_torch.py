"""Coverage of torch models; the functions at the top build what tests/test_models.py is about."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from tests.tolerances import PARITY
from weightdecay.errors import InputError
from weightdecay.models.covering import Coverage, coverage
from weightdecay.models.grouping import decay_groups

TOLERANCE = PARITY["float64"]
COUPLED_SETTING = True
LR = 0.25
RULES = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=LR),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=LR, momentum=0.5),
    "decoupled": lambda groups: torch.optim.AdamW(groups, lr=LR),
    "coupled": lambda groups: torch.optim.Adam(groups, lr=LR),
}
NAMES = {
    "embedding": "embedding.weight",
    "weight": "dense.weight",
    "bias": "dense.bias",
    "norm_weight": "norm.weight",
    "norm_bias": "norm.bias",
    "head": "head.weight",
    "head_bias": "head.bias",
}


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(5, 4)
        self.dense = torch.nn.Linear(4, 4)
        self.norm = torch.nn.LayerNorm(4)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.head(self.norm(self.dense(self.embedding(rows))))
        return outputs


def build() -> Net:
    torch.manual_seed(0)
    net = Net()
    torch.nn.init.zeros_(net.dense.bias)
    torch.nn.init.zeros_(net.head.bias)
    return net


def model(net: Net) -> Net:
    return net


def optimizer(net: Net, rule: str, decaying: set[str], lambd: float) -> Any:
    named = dict(net.named_parameters())
    return RULES[rule](
        [
            {"params": [named[n] for n in named if n in decaying], "weight_decay": lambd},
            {"params": [named[n] for n in named if n not in decaying], "weight_decay": 0.0},
        ]
    )


def from_groups(net: Net, groups: Any) -> Any:
    return RULES["sgd"](groups)


def train(net: Net, optimizer: Any, steps: int) -> None:
    for step in range(steps):
        optimizer.zero_grad()
        net(torch.arange(5)).sub(step).square().mean().backward()
        optimizer.step()


def cover(net: Net, optimizer: Any) -> Coverage:
    return coverage(net, optimizer)


def snapshot(net: Net, optimizer: Any) -> list[bytes]:
    states = [s for state in optimizer.state.values() for s in state.values()]
    tensors = [*net.state_dict().values(), *(p.grad for p in net.parameters()), *states]
    bits = [t.detach().numpy().tobytes() for t in tensors if t is not None]
    groups = [{**group, "params": len(group["params"])} for group in optimizer.param_groups]
    return [*bits, repr(groups).encode()]


def figures(found: Coverage) -> dict[str, float | None]:
    return {row.name: row.decay for row in found.rows}


# What is torch's own.

FACTORIES = {
    name: made
    for name, made in vars(torch.optim).items()
    if isinstance(made, type)
    and issubclass(made, torch.optim.Optimizer)
    and made not in (torch.optim.Optimizer, torch.optim.LBFGS, torch.optim.SparseAdam)
}
WITHOUT = {"ASGD": {"lambd": 0.0}}  # which has a decay of its own
DECAYING = {"ASGD": {"lambd": 0.125}, "Rprop": None}  # which has none


def trained(factory: Any, **settings: Any) -> tuple[Net, Any]:
    net = build()
    params = [p for p in net.parameters() if p.ndim == 2] if factory.__name__ == "Muon" else None
    made = factory(params or net.parameters(), lr=0.125, **settings)
    train(net, made, 3)
    return net, made


@pytest.mark.parametrize("name", FACTORIES)
def test_without_decay_no_optimizer_of_torch_is_taken_to_decay(name: str) -> None:
    settings = {"weight_decay": 0.0} if name != "Rprop" else {}
    net, made = trained(FACTORIES[name], **settings, **WITHOUT.get(name, {}))
    assert not [row.name for row in coverage(net, made).rows if row.decays]


@pytest.mark.parametrize("name", [name for name in FACTORIES if name != "Rprop"])
def test_with_decay_every_optimizer_of_torch_is_seen_to_decay(name: str) -> None:
    settings = DECAYING.get(name) or {"weight_decay": 0.125}
    found = coverage(*trained(FACTORIES[name], **settings))
    held = [row for row in found.rows if row.held]
    assert held
    assert all(row.decays and row.shrink > 0 for row in held)


class TrustRatio(torch.optim.Optimizer):
    """A layer's step has the length of its weights, as in LAMB; with momentum and no decay."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.125})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure is needed
        for p in self.param_groups[0]["params"]:
            memory = self.state[p].setdefault("memory", torch.zeros_like(p))
            memory.mul_(0.5).add_(p.grad)
            p.sub_(memory * (0.125 * p.norm() / (memory.norm() + 1e-9)))


def test_a_step_relative_to_the_weights_is_no_decay() -> None:
    net = build()
    made = TrustRatio(net.parameters())
    train(net, made, 3)
    assert not any(row.decays for row in coverage(net, made).rows)


class SignInProportion(TrustRatio):
    """Every weight of a layer moves by the same share of their root mean square."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure is needed
        for p in self.param_groups[0]["params"]:
            p.sub_(0.125 * p.square().mean().sqrt() * p.sign())


def test_a_decay_in_proportion_to_the_layer_and_not_its_weights_is_no_lambda() -> None:
    net = build()
    row = coverage(net, SignInProportion(net.parameters())).rows[1]
    assert row.decays
    assert (row.uniform, row.decay) == (False, None)


def test_nesterov_and_dampening_show_in_the_measured_decay() -> None:
    net = build()
    nesterov = torch.optim.SGD(net.parameters(), 0.25, 0.5, weight_decay=0.125, nesterov=True)
    assert coverage(net, nesterov).rows[0].decay == pytest.approx(0.125 * 1.5, rel=TOLERANCE)
    damped = torch.optim.SGD(net.parameters(), 0.25, 0.5, dampening=0.25, weight_decay=0.125)
    assert coverage(net, damped).rows[0].decay == pytest.approx(0.125, rel=TOLERANCE)
    train(net, damped, 1)
    row = coverage(net, damped).rows[0]
    assert row.decay == pytest.approx(0.125 * 0.75, rel=TOLERANCE)
    assert row.setting == 0.125


def test_what_a_group_of_learning_rate_zero_will_do_is_measured_and_said() -> None:
    net = build()
    warming = torch.optim.AdamW(net.parameters(), lr=0.0, weight_decay=0.125)
    found = coverage(net, warming)
    assert found.rows[0].decay == pytest.approx(0.125, rel=TOLERANCE)
    assert "learning rate is 0 now" in found.remarks[0]
    assert warming.param_groups[0]["lr"] == 0.0


def test_a_decay_below_the_resolution_of_the_model_has_its_figure() -> None:
    net = build().to(torch.bfloat16)
    made = torch.optim.AdamW(net.parameters(), lr=2.0**-20, weight_decay=0.125)
    train(net, made, 2)
    assert coverage(net, made).rows[1].decay == pytest.approx(0.125, rel=TOLERANCE)


def test_frozen_parameters_are_expected_not_to_decay() -> None:
    net = build()
    net.embedding.weight.requires_grad_(False)
    net.dense.weight.requires_grad_(False)
    made = torch.optim.AdamW([p for n, p in net.named_parameters() if n == "dense.weight"])
    found = coverage(net, made)
    row = found.rows[1]
    assert (row.reason, row.decays, row.agrees) == ("frozen", False, True)
    assert "embedding.weight" not in found.not_held
    assert "head.weight" in found.not_held


def test_a_parameter_frozen_with_its_gradient_left_behind_goes_on_decaying() -> None:
    net = build()
    made = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=0.125)
    train(net, made, 1)
    net.dense.weight.requires_grad_(False)
    before = net.dense.weight.detach().clone()
    found = coverage(net, made)
    assert "dense.weight (frozen) decays with λ = 0.125" in " ".join(found.problems)
    made.step()  # as it really does
    assert not torch.equal(net.dense.weight, before)


def test_tied_weights_are_one_parameter_that_may_or_may_not_decay() -> None:
    net = torch.nn.ModuleDict(
        {"embed": torch.nn.Embedding(5, 4), "head": torch.nn.Linear(4, 5, bias=False)}
    )
    net["head"].weight = net["embed"].weight
    for strength in (0.0, 0.125):
        found = coverage(net, torch.optim.SGD(net.parameters(), LR, weight_decay=strength))
        (row,) = found.rows
        assert (row.name, row.shared_as) == ("embed.weight", ("head.weight",))
        assert (row.expected, row.agrees, row.decays) == ("either", True, strength > 0)
    (group,) = decay_groups(net, {"*": 0.5})
    assert len(group["params"]) == 1
    with pytest.raises(InputError, match=r"head\.weight, which is tied: name it embed\.weight"):
        decay_groups(net, {"head.*": 0.5, "*": 0.0})


def test_several_optimizers_are_one() -> None:
    net = build()
    matrices = [p for p in net.parameters() if p.ndim == 2]
    rest = [p for p in net.parameters() if p.ndim < 2]
    both = [torch.optim.AdamW(matrices, weight_decay=0.125), torch.optim.SGD(rest, lr=LR)]
    found = coverage(net, both)
    assert found.not_held == ()
    assert [row.name for row in found.rows if row.decays] == [
        "embedding.weight",
        "dense.weight",
        "head.weight",
    ]


def test_hooks_schedulers_and_random_numbers_stay_out_of_it() -> None:
    net = build()
    made = torch.optim.AdamW(net.parameters(), lr=LR)
    scheduler = torch.optim.lr_scheduler.StepLR(made, 1)
    called: list[str] = []
    made.register_step_pre_hook(lambda *_: called.append("before"))
    made.register_step_post_hook(lambda *_: called.append("after"))
    everywhere = register_optimizer_step_pre_hook(lambda *_: called.append("everywhere"))
    net.register_forward_hook(lambda *_: called.append("forward"))
    random, rate = torch.get_rng_state(), scheduler.last_epoch
    try:
        assert coverage(net, made).rows[0].decays
    finally:
        everywhere.remove()
    assert called == []
    assert torch.equal(torch.get_rng_state(), random)
    assert scheduler.last_epoch == rate
    assert copy.copy(made).param_groups[0]["lr"] == LR


class Attached(torch.optim.SGD):
    """An optimizer with memory outside `state`, which torch's own copies leave behind."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, lr=LR)
        self.anchors = {id(p): 0 for g in self.param_groups for p in g["params"]}
        self.strength = 0.125

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure is needed
        for p in self.param_groups[0]["params"]:
            p.mul_(1 - LR * self.strength)
        super().step()


def test_an_optimizer_with_attributes_of_its_own_keeps_them() -> None:
    net = build()
    assert coverage(net, Attached(net.parameters())).rows[0].decay == pytest.approx(
        0.125, rel=TOLERANCE
    )


class Restoring(Attached):
    """An optimizer whose steps start from weights of its own."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure is needed
        for p in self.param_groups[0]["params"]:
            p.zero_()


class ScheduleFree(Attached):
    """An optimizer that says by its name that it averages weights."""


def test_an_optimizer_that_returns_to_weights_of_its_own_is_refused() -> None:
    net = build()
    with pytest.raises(InputError, match=r"leaves nothing of embedding\.weight"):
        coverage(net, Restoring(net.parameters()))
    with pytest.raises(InputError, match="ScheduleFree keeps weights of its own"):
        coverage(net, ScheduleFree(net.parameters()))


class InPart(Attached):
    """Decay of every second element."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure is needed
        for p in self.param_groups[0]["params"]:
            p.view(-1)[::2].mul_(1 - LR * self.strength)


def test_decay_of_some_elements_only_is_said() -> None:
    net = build()
    found = coverage(net, InPart(net.parameters()))
    assert "dense.weight (a weight) decays in part: 8 of its 16 elements." in found.problems
    assert not found.rows[1].uniform


def test_what_cannot_be_measured_is_refused_in_a_sentence() -> None:
    net = build()
    other = torch.nn.Linear(2, 2)
    with pytest.raises(InputError, match="holds none of the model's parameters"):
        coverage(net, torch.optim.SGD(other.parameters(), lr=LR))
    with pytest.raises(InputError, match="LBFGS evaluates the loss while it steps"):
        coverage(net, torch.optim.LBFGS(net.parameters()))
    with pytest.raises(InputError, match="SparseAdam does not step with zero gradients"):
        coverage(net, torch.optim.SparseAdam(net.parameters()))
    with pytest.raises(InputError, match="the optimizer is a Linear"):
        coverage(net, other)
    with pytest.raises(InputError, match="learning_rate is for optax"):
        coverage(net, torch.optim.SGD(net.parameters(), lr=LR), learning_rate=0.1)
    with pytest.raises(InputError, match="the model is a torch"):
        coverage(torch.optim.SGD(net.parameters(), lr=LR), net)
    with pytest.raises(InputError, match="is on the meta device"):
        decay_groups(torch.nn.Linear(2, 2, device="meta"), {"*": 0.5})
    made = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.5)
    train(net, made, 1)
    made.state[net.head.weight]["momentum_buffer"].fill_(float("nan"))
    with pytest.raises(InputError, match=r"makes head\.weight other than finite"):
        coverage(net, made)


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_lazy_modules_are_to_be_run_first() -> None:
    net = torch.nn.Sequential(torch.nn.LazyLinear(3))
    with pytest.raises(InputError, match=r"0\.weight has no shape yet"):
        decay_groups(net, {"*": 0.5})


def test_the_groups_are_ready_for_any_optimizer() -> None:
    net = build()
    groups = decay_groups(net, {"*.bias": 0, "norm*": 0, "head*": 0.5, "*": 0.25})
    assert [group["weight_decay"] for group in groups] == [0.0, 0.5, 0.25]
    held = [p for group in groups for p in group["params"]]
    assert {id(p) for p in held} == {id(p) for p in net.parameters()}
    assert len(held) == len(list(net.parameters()))
    assert torch.optim.AdamW(groups).param_groups[1]["weight_decay"] == 0.5
