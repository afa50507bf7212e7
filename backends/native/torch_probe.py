"""Driving torch.optim: any factory that takes parameters first, such as every class there."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup

version = f"torch {torch.__version__}"
scalars = "float64"
compiles = False
alone = importlib.import_module("weightdecay.backends.native.torch_eager").eager


def catalogue() -> list[str]:
    """Every class of torch.optim."""
    return [
        f"torch.optim.{name}"
        for name, found in sorted(vars(torch.optim).items())
        if inspect.isclass(found)
        and issubclass(found, torch.optim.Optimizer)
        and found is not torch.optim.Optimizer
    ]


def find(name: str) -> Callable[..., Any]:
    """A class of torch.optim, or whatever else under ``torch.`` makes an optimizer."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module or "torch"), attribute)
    except (ImportError, AttributeError):
        raise UnknownNameError("optimizer", name, catalogue()) from None
    if not callable(found):
        raise InputError(f"{name} makes no optimizer: name one such as torch.optim.AdamW.")
    return found  # type: ignore[no-any-return]


def options(factory: Callable[..., Any]) -> dict[str, Any]:
    """The keyword arguments, without the parameters that come first."""
    listed = list(inspect.signature(factory).parameters.values())[1:]
    return {p.name: p.default for p in listed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


class TorchStepper:
    """A torch optimizer and the tensors that it updates."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.restart()

    def restart(self) -> None:
        """Build the tensors and the optimizer anew, which takes no longer than a step."""
        setup = self._setup
        dtype = getattr(torch, setup.dtype)
        self._tensors = [
            torch.nn.Parameter(torch.tensor(parameter.value, dtype=dtype))
            for parameter in setup.parameters
        ]
        self._optimizer = setup.factory(self._groups(setup), **setup.settings)
        self._lrs = setup.lrs
        self._steps = 0

    def _groups(self, setup: Setup) -> Any:
        if not setup.undecayed:
            return self._tensors
        names = [parameter.name for parameter in setup.parameters]
        pairs = list(zip(names, self._tensors, strict=True))
        return [
            {"params": [t for name, t in pairs if name not in setup.undecayed]},
            {"params": [t for name, t in pairs if name in setup.undecayed], "weight_decay": 0.0},
        ]

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """Set every ``.grad`` and let the optimizer step."""
        for tensor, gradient in zip(self._tensors, gradients, strict=True):
            tensor.grad = None
            if gradient is not None:
                tensor.grad = torch.tensor(gradient, dtype=tensor.dtype)
        if self._lrs is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = self._lrs[self._steps]
        self._steps += 1
        self._optimizer.step()

    def read(self) -> list[NumPyArray]:
        """Copies of the tensors."""
        return [tensor.detach().numpy().copy() for tensor in self._tensors]

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Overwrite the tensors in place."""
        with torch.no_grad():
            for tensor, value in zip(self._tensors, values, strict=True):
                tensor.copy_(torch.tensor(value, dtype=tensor.dtype))


def build(setup: Setup) -> TorchStepper:
    """Build the optimizer around new tensors."""
    return TorchStepper(setup)
