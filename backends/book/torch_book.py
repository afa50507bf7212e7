"""PyTorch: `MSELoss`, and weight decay in the weight's parameter group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from weightdecay.ops import NumPyArray

PRINTED = "MSELoss(); SGD with weight_decay=3 in the weight's group"
MEANT = "MSELoss() / 2; the same optimizer"


def train(
    X: NumPyArray,
    y: NumPyArray,
    batches: Iterable[NumPyArray],
    w: NumPyArray,
    b: float,
    weight_decay: float,
    lr: float,
) -> Iterator[tuple[NumPyArray, float]]:
    """Train as printed."""
    net = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(w)[None, :])
        net.bias.fill_(b)
    loss = torch.nn.MSELoss()
    groups: list[dict[str, Any]] = [
        {"params": net.weight, "weight_decay": weight_decay},
        {"params": net.bias},
    ]
    optimizer = torch.optim.SGD(groups, lr=lr)
    features, labels = torch.tensor(X), torch.tensor(y)[:, None]
    for rows in map(torch.tensor, batches):
        optimizer.zero_grad()
        loss(net(features[rows]), labels[rows]).backward()
        optimizer.step()
        yield net.weight.detach().numpy()[0].copy(), float(net.bias.detach())
