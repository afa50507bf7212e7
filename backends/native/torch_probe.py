"""Driving torch.optim: any factory that takes parameters first, such as every class there."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup
from weightdecay.streams import Generator, Streams

arguments = importlib.import_module("weightdecay.backends.native.arguments")

version = f"torch {torch.__version__}"
scalars = "float64"
compiles = False
look = 100
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
    """The keyword arguments, without the parameters that come first and what `build` fills in."""
    found = arguments.options(factory, until=torch.optim.Optimizer)
    return {
        name: default
        for name, default in found.items()
        if default is not inspect.Parameter.empty or not _filled_in(name)
    }


NAMED = re.compile(r"named_param\w*")
MODEL = re.compile(r"model|module|net|network")
WRAPPED = re.compile(r"(base_)?optimizer")
"""Required arguments that are the parameters in another guise, or the optimizer that others wrap,
which is plain SGD here."""


def _filled_in(name: str) -> bool:
    return any(guise.fullmatch(name) for guise in (NAMED, MODEL, WRAPPED))


class TorchStepper:
    """A torch optimizer and the tensors that it updates.

    It draws from random streams of its own. What it would compile runs eagerly, for the steps are
    the same and compiling takes minutes. Where it has a mode for training it is in it, and where it
    wants a closure it gets one whose gradients are those of the step, at any weights.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._streams = Streams(GENERATORS)
        self._first, self._others = _guises(setup)
        self._closes: bool | None = None
        self.restart()

    def restart(self) -> None:
        """Build the tensors and the optimizer anew, which takes no longer than a step."""
        setup = self._setup
        dtype = getattr(torch, setup.dtype)
        self._tensors = [
            torch.nn.Parameter(torch.tensor(parameter.value, dtype=dtype))
            for parameter in setup.parameters
        ]
        self._streams.restart()
        with self._streams.flowing():
            first = self._guise(self._first) if self._first else self._groups(setup)
            others = {name: self._guise(name) for name in self._others}
            self._optimizer = setup.factory(first, **others, **setup.settings)
            step = getattr(self._optimizer, "step", None)
            if not callable(step):
                raise InputError(
                    f"the factory gave something of type {type(self._optimizer).__name__}: it must "
                    "give an optimizer, with a method step() that updates the parameters in place."
                )
            self._take_step: Callable[..., Any] = step
            if callable(getattr(self._optimizer, "train", None)):
                self._optimizer.train()
        if self._closes is None:
            self._closes = _requires_closure(self._take_step)
        self._rates = _rates(self._optimizer) if setup.lrs is not None else []
        self._lrs = setup.lrs
        self._steps = 0

    def _guise(self, name: str) -> Any:
        """The parameters as an argument of this name wants them, or an optimizer of them."""
        names = [parameter.name for parameter in self._setup.parameters]
        if NAMED.fullmatch(name):
            return list(zip(names, self._tensors, strict=True))
        if MODEL.fullmatch(name):
            return _model(dict(zip(names, self._tensors, strict=True)))
        if name == self._first:
            return torch.optim.SGD(self._groups(self._setup), lr=0.125)
        return torch.optim.SGD

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
        if self._lrs is not None:
            for held, name in self._rates:
                _set(held, name, self._lrs[self._steps])
        self._steps += 1
        before = None if self._closes or self._steps > 1 else self.read()
        try:
            self._stepped(gradients)
        except Exception as error:
            if before is None or "closure" not in f"{type(error).__name__}: {error}".lower():
                raise
            self._closes = True  # it says that it wants one
            self.restart()
            self.write(before)
            self.step(gradients)

    def _stepped(self, gradients: Sequence[NumPyArray | None]) -> None:
        def closure(*_: Any, **__: Any) -> Any:
            for tensor, gradient in zip(self._tensors, gradients, strict=True):
                tensor.grad = None
                if gradient is not None:
                    tensor.grad = torch.tensor(gradient, dtype=tensor.dtype)
            return LOSS

        closure()
        with self._streams.flowing(), _uncompiled(self._optimizer):
            if self._closes:
                self._take_step(closure)
            else:
                self._take_step()

    def read(self) -> list[NumPyArray]:
        """Copies of the tensors."""
        dtype = getattr(torch, self._setup.dtype)
        return [tensor.detach().to(dtype).numpy().copy() for tensor in self._tensors]

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Overwrite the tensors in place."""
        with torch.no_grad():
            for tensor, value in zip(self._tensors, values, strict=True):
                tensor.copy_(torch.tensor(value, dtype=tensor.dtype))


LOSS = torch.ones(())
"""What a closure says, at any weights."""

GENERATORS = (
    Generator(
        torch.default_generator.get_state,
        torch.default_generator.set_state,
        lambda seed: torch.Generator().manual_seed(seed).get_state(),
    ),
)
"""PyTorch's own, on the processor."""


def _guises(setup: Setup) -> tuple[str, tuple[str, ...]]:
    """The first argument, where it is no plain parameters, and the others that are filled in."""
    first = arguments.first(setup.factory) or ""
    options = arguments.options(setup.factory, until=torch.optim.Optimizer)
    required = [name for name, default in options.items() if default is inspect.Parameter.empty]
    others = [name for name in required if _filled_in(name) and name not in setup.settings]
    return first if _filled_in(first) else "", tuple(others)


def _requires_closure(step: Any) -> bool:
    try:
        parameters = inspect.signature(step).parameters
    except (TypeError, ValueError):
        return False
    return "closure" in parameters and parameters["closure"].default is inspect.Parameter.empty


def _rates(optimizer: Any) -> list[tuple[Any, str]]:
    """Where an optimizer keeps its learning rates: in its groups, or as an attribute."""
    groups = getattr(optimizer, "param_groups", None)
    held = groups if isinstance(groups, list) and groups else [getattr(optimizer, "__dict__", {})]
    name = next((n for n in ("lr", "learning_rate") if all(n in h for h in held)), None)
    if name is None:
        raise NoEquivalentError("it keeps no learning rate in its groups that could be changed.")
    return [(h, name) for h in held]


def _set(held: Any, name: str, rate: float) -> None:
    """As PyTorch's own schedulers do: a tensor is filled."""
    if isinstance(held[name], torch.Tensor):
        held[name].fill_(rate)
    else:
        held[name] = rate


def _model(parameters: dict[str, Any]) -> torch.nn.Module:
    """A module that holds parameters under their dotted names."""
    root = torch.nn.Module()
    for name, parameter in parameters.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if not hasattr(module, part):
                module.add_module(part, torch.nn.Module())
            module = getattr(module, part)
        module.register_parameter(last, parameter)
    return root


def _uncompiled(optimizer: Any) -> AbstractContextManager[Any]:
    """Run eagerly what is compiled: somebody else's, for PyTorch's own compiles nothing."""
    stance = getattr(torch.compiler, "set_stance", None)  # since PyTorch 2.6
    if stance is None or type(optimizer).__module__.startswith("torch.optim."):
        return nullcontext()
    made: AbstractContextManager[Any] = stance("force_eager")
    return made


def build(setup: Setup) -> TorchStepper:
    """Build the optimizer around new tensors."""
    return TorchStepper(setup)
