"""Native PyTorch: torch.nn.Linear, autograd, and torch.optim with λ in the weight's own group.

λ₂ is the `weight_decay` of the weight's parameter group, so the bias, in a group of its own, is not
decayed: SGD and Adam add λ₂w to the gradient (coupled), AdamW shrinks w by 1 − ηλ₂ (decoupled).
What a group cannot say, λ₂ that differ by input and λ₁, is a term of the loss, differentiated by
autograd, for which d|w|/dw is 0 at 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from weightdecay.native import NativeEpoch, NativeProblem
from weightdecay.ops import NumPyArray


def refusal(problem: NativeProblem) -> str | None:
    """No proximal update, no SGDW, and no λ₂ by input outside the gradient."""
    experiment = problem.experiment
    if experiment.l1_update == "proximal" and (problem.l1.any() or problem.l1_bias):
        return "torch.optim has no proximal L1 update: l1_update = 'subgradient' would be exact."
    if _coupled(problem):
        return None
    if experiment.optimizer != "adam":
        return (
            "torch.optim.SGD adds its weight decay to the gradient, before the momentum: coupled "
            "decay, or decoupled decay with 'sgd' or 'adam', would be exact."
        )
    if not _uniform(problem):
        return (
            "torch.optim.AdamW has one weight decay for all inputs of a layer: equal penalty "
            "factors, or coupled decay, would be exact."
        )
    return None


def train(problem: NativeProblem) -> Iterator[NativeEpoch]:
    """One backward pass and one step of the optimizer a batch."""

    def tensor(x: NumPyArray) -> Tensor:
        return torch.tensor(x, dtype=getattr(torch, problem.dtype), device=problem.device)

    def data(X: NumPyArray, y: NumPyArray, weight: NumPyArray | None) -> tuple[Tensor, ...]:
        return tensor(X), tensor(y), tensor(np.ones(len(y)) if weight is None else weight)

    def loss(X: Tensor, y: Tensor, s: Tensor) -> Tensor:
        residual: Tensor = net(X).squeeze(1) - y
        return (s * residual.square()).mean() / 2

    def penalty() -> Tensor:
        w, b = net.weight[0], net.bias[0]
        value = (l1 * w.abs()).sum() + problem.l1_bias * b.abs()
        return value if _uniform(problem) else value + (l2 / 2 * w.square()).sum()

    # Without an initial draw, which would advance torch's global generator: the state is given.
    net = torch.nn.Linear(len(problem.w), 1, dtype=getattr(torch, problem.dtype), device="meta")
    net = net.to_empty(device=problem.device)
    with torch.no_grad():
        net.weight.copy_(tensor(problem.w))
        net.bias.fill_(problem.b)
    l1, l2 = tensor(problem.l1), tensor(problem.l2)
    penalised = bool(problem.l1.any() or problem.l1_bias or not _uniform(problem))
    optimizer = _optimizer(problem, net)
    training = data(problem.X_train, problem.y_train, problem.weight_train)
    validation = data(problem.X_val, problem.y_val, problem.weight_val)

    def params() -> tuple[NumPyArray, NumPyArray]:
        w, b = (part.detach().cpu().numpy().copy() for part in (net.weight[0], net.bias[0]))
        return w, b

    for epoch in problem.epochs:
        steps = []
        for rows in epoch:
            batch = torch.tensor(rows, device=problem.device)
            optimizer.zero_grad()
            objective = loss(*(part[batch] for part in training))
            if penalised:
                objective = objective + penalty()
            torch.autograd.backward(objective)
            optimizer.step()
            if problem.record:
                steps.append(params())
        with torch.no_grad():  # the mean of no examples is NaN
            losses = loss(*training).item(), loss(*validation).item()
        yield NativeEpoch(*params(), *losses, steps)


def _optimizer(problem: NativeProblem, net: torch.nn.Linear) -> Optimizer:
    experiment = problem.experiment
    groups = [
        {"params": [net.weight], "weight_decay": problem.l2[0] if _uniform(problem) else 0.0},
        {"params": [net.bias], "weight_decay": problem.l2_bias},
    ]
    if experiment.optimizer == "adam":
        rule = Adam if _coupled(problem) else AdamW
        return rule(groups, lr=experiment.lr, betas=experiment.betas, eps=experiment.eps)
    momentum = 0.0 if experiment.optimizer == "sgd" else experiment.momentum
    # torch refuses Nesterov's momentum of 0, which is plain SGD.
    nesterov = experiment.optimizer == "nesterov" and momentum > 0
    return SGD(groups, lr=experiment.lr, momentum=momentum, nesterov=nesterov)


def _coupled(problem: NativeProblem) -> bool:
    """Whether λ₂ goes through the gradient; for sgd, and without λ₂, the two coincide."""
    experiment = problem.experiment
    decays = problem.l2.any() or problem.l2_bias
    return experiment.decay == "coupled" or experiment.optimizer == "sgd" or not decays


def _uniform(problem: NativeProblem) -> bool:
    return bool((problem.l2 == problem.l2[0]).all())
