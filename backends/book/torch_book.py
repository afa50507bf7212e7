"""PyTorch: `MSELoss`, and weight decay in the weight's parameter group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from weightdecay.ops import NumPyArray
from weightdecay.printed import PrintedProblem

PRINTED = "MSELoss(); SGD with weight_decay=3 in the weight's group"
MEANT = "MSELoss() / 2; the same optimizer"


def train(problem: PrintedProblem) -> Iterator[tuple[NumPyArray, float]]:
    """Train as printed."""
    net = torch.nn.Linear(problem.X.shape[1], 1, dtype=torch.float64)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(problem.w)[None, :])
        net.bias.fill_(problem.b)
    loss = torch.nn.MSELoss()
    groups: list[dict[str, Any]] = [
        {"params": net.weight, "weight_decay": problem.weight_decay},
        {"params": net.bias},
    ]
    optimizer = torch.optim.SGD(groups, lr=problem.lr)
    features, labels = torch.tensor(problem.X), torch.tensor(problem.y)[:, None]
    for rows in map(torch.tensor, problem.batches):
        optimizer.zero_grad()
        loss(net(features[rows]), labels[rows]).backward()
        optimizer.step()
        yield net.weight.detach().numpy()[0].copy(), float(net.bias.detach())
