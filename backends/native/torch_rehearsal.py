"""A torch layer that is stepped with given gradients; see `weightdecay.translation.staging`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch

from weightdecay.ops import NumPyArray


class Rehearsal:
    """An `nn.Linear`, an optimizer, and perhaps a scheduler and a penalty in the loss."""

    methods = ()

    def __init__(self, initial: Mapping[str, NumPyArray], dtype: str) -> None:
        outputs, inputs = initial["weight"].shape
        kind = getattr(torch, dtype)
        self._model = torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs, dtype=kind)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                parameter.copy_(torch.tensor(initial[name]))
        self.names = {"torch": torch, "model": self._model}
        self.known = {
            "model.parameters": self._model.parameters,
            "weights": [self._model.weight],
            "biases": [self._model.bias],
            "clip_grad_norm_": functools.partial(self._clip, torch.nn.utils.clip_grad_norm_),
            "clip_grad_value_": functools.partial(self._clip, torch.nn.utils.clip_grad_value_),
        }

    def _clip(self, clip: Any, limit: float) -> Any:
        return lambda: clip(self._model.parameters(), limit)

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take the optimizer, the scheduler, the penalty and the bound on the gradients."""
        self._optimizer = made["optimizer"]
        self._scheduler, self._penalty = made.get("scheduler"), made.get("penalty")
        self._clipped = made.get("clip")

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """Backward, clip, optimizer, scheduler."""
        self._optimizer.zero_grad()
        if self._penalty is not None:
            self._penalty().backward()
        for name, parameter in self._model.named_parameters():
            gradient = torch.tensor(gradients[name], dtype=parameter.dtype)
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        if self._clipped is not None:
            self._clipped()
        self._optimizer.step()
        if self._scheduler is not None:
            self._scheduler.step()

    def read(self) -> dict[str, NumPyArray]:
        """Copies of the parameters."""
        return {n: p.detach().numpy().copy() for n, p in self._model.named_parameters()}
