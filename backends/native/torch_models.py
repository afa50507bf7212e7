"""Reading torch models: named parameters, parameter groups, and a step on copies of both.

Only the parameters and what the optimizer remembers of them are copied, in float64, so that a decay
too small for the model's own dtype still has its figure; modules, hooks and learning rate
schedulers are never touched.
"""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from weightdecay.errors import InputError
from weightdecay.models.reading import (
    Held,
    ModelParameter,
    Owner,
    refuse_own_weights,
    root_mean_square,
)
from weightdecay.ops import NumPyArray

REPLACED_LR = 1e-3

# What a copied optimizer must not carry: the user's hooks, and the `step` that a learning rate
# scheduler puts around the optimizer's own.
_ATTACHED = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks", "step")


def owns(model: object) -> bool:
    """Whether it is a module."""
    return isinstance(model, torch.nn.Module)


def parameters(model: torch.nn.Module) -> list[ModelParameter]:
    """By the names of `named_parameters`; raises InputError for lazy or meta parameters."""
    return [
        ModelParameter(tuple(owners), tuple(p.shape), not p.requires_grad)
        for p, owners in _owners(model)
    ]


def _owners(model: torch.nn.Module) -> list[tuple[torch.nn.Parameter, list[Owner]]]:
    found: dict[int, tuple[torch.nn.Parameter, list[Owner]]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        own = module.named_parameters(path, recurse=False, remove_duplicate=False)
        for name, parameter in own:
            if torch.nn.parameter.is_lazy(parameter):
                raise InputError(
                    f"{name} has no shape yet: run the model once on an example, and give the "
                    "optimizer the parameters that are then there."
                )
            if parameter.is_meta:
                raise InputError(f"{name} is on the meta device: give it values first.")
            found.setdefault(id(parameter), (parameter, []))[1].append(
                Owner(name, type(module).__name__)
            )
    return list(found.values())


def stand(model: torch.nn.Module, optimizer: Any, options: Mapping[str, Any]) -> TorchStand:
    """Copies of the parameters, and the optimizer (or several) to be copied for every step."""
    for name in options:
        raise InputError(f"{name} is for optax: a torch optimizer knows its own.")
    optimizers = list(optimizer) if isinstance(optimizer, list | tuple) else [optimizer]
    for one in optimizers:
        if not (hasattr(one, "param_groups") and hasattr(one, "step")):
            raise InputError(
                f"the optimizer is a {type(one).__name__}: give the torch.optim.Optimizer that "
                "trains the model, or a list of them."
            )
        refuse_own_weights(type(one).__name__)
        closure = inspect.signature(type(one).step).parameters.get("closure")
        if closure is not None and closure.default is closure.empty:
            raise InputError(
                f"{type(one).__name__} evaluates the loss while it steps: its decay cannot be "
                "told from a step without one."
            )
    return TorchStand(model, optimizers)


class TorchStand:
    """What the optimizers hold of the model."""

    remarks: tuple[str, ...] = ()

    def __init__(self, model: torch.nn.Module, optimizers: list[Any]) -> None:
        self._optimizers = optimizers
        groups = {
            id(p): group
            for optimizer in optimizers
            for group in optimizer.param_groups
            for p in group["params"]
        }
        owned = [(owners[0].name, p) for p, owners in _owners(model)]
        self._parameters = {name: p for name, p in owned if id(p) in groups}
        if owned and not self._parameters:
            raise InputError(
                "the optimizer holds none of the model's parameters: build it from "
                "model.parameters(), after whatever replaces them."
            )
        narrow = any(p.device.type == "mps" for p in self._parameters.values())
        self.rounding = float(np.finfo(np.float32 if narrow else np.float64).eps)
        self.rounding_of_weights = self.rounding
        self.held = {
            name: _held(parameter, groups[id(parameter)])
            for name, parameter in self._parameters.items()
        }

    def move(self, weights: Mapping[str, NumPyArray]) -> dict[str, NumPyArray]:
        """One step of copies of the optimizers on copies of the parameters."""
        memo: dict[int, Any] = {}
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    memo[id(parameter)] = _twin(parameter)
        twins = {name: memo[id(p)] for name, p in self._parameters.items()}
        for name, twin in twins.items():
            twin.data.copy_(torch.as_tensor(weights[name]))
        devices = {p.device for p in self._parameters.values() if p.device.type == "cuda"}
        with torch.random.fork_rng(devices), torch.no_grad():
            for optimizer in self._optimizers:
                _step(optimizer, memo)
        return {name: _numpy(twin) - weights[name] for name, twin in twins.items()}


def _held(parameter: torch.nn.Parameter, group: Mapping[str, Any]) -> Held:
    lr, setting = group.get("lr"), group.get("weight_decay")
    return Held(
        tuple(parameter.shape),
        root_mean_square(_numpy(parameter)),
        None if lr is None else float(lr) or REPLACED_LR,
        None if setting is None else float(setting),
        replaced_lr=lr is not None and float(lr) == 0,
    )


def _twin(parameter: torch.nn.Parameter) -> torch.nn.Parameter:
    """A copy with a zero gradient; a frozen one has it where one was left behind, which acts."""
    twin = torch.nn.Parameter(_wide(parameter.detach().clone()), parameter.requires_grad)
    if parameter.requires_grad or parameter.grad is not None:
        twin.grad = torch.zeros_like(twin)
    return twin


def _step(optimizer: Any, memo: dict[int, Any]) -> None:
    """Copy an optimizer, its parameters being copied already, and step the copy."""
    twin = object.__new__(type(optimizer))
    kept = {key: value for key, value in vars(optimizer).items() if key not in _ATTACHED}
    twin.__dict__.update(copy.deepcopy(kept, memo))
    twin._optimizer_step_pre_hooks = OrderedDict()
    twin._optimizer_step_post_hooks = OrderedDict()
    for state in vars(twin).get("state", {}).values():
        for key, value in state.items() if isinstance(state, dict) else ():
            if isinstance(value, torch.Tensor) and value.ndim:
                state[key] = _wide(value)
    for group in twin.param_groups:
        if "lr" in group and float(group["lr"]) == 0:
            group["lr"] = REPLACED_LR
    step = type(optimizer).step
    if getattr(step, "hooked", False):
        step = step.__wrapped__  # without torch's wrapper, which calls the process's own hooks
    try:
        step(twin)
    except Exception as error:
        raise InputError(
            f"{type(optimizer).__name__} does not step with zero gradients ({error}): its decay "
            "cannot be measured."
        ) from error


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """Float64, where it is a float and its device has them."""
    if not tensor.is_floating_point() or tensor.device.type == "mps":
        return tensor
    return tensor.double()


def _numpy(tensor: torch.Tensor) -> NumPyArray:
    array: NumPyArray = tensor.detach().cpu().to(torch.float64, copy=True).numpy()
    return array


def groups(model: torch.nn.Module, strengths: Mapping[str, float]) -> list[dict[str, Any]]:
    """Parameter groups, one a strength, to be given to any optimizer that has `weight_decay`."""
    by_name = {owners[0].name: p for p, owners in _owners(model)}
    collected: dict[float, list[torch.nn.Parameter]] = {}
    for name, strength in strengths.items():
        collected.setdefault(strength, []).append(by_name[name])
    return [{"params": ps, "weight_decay": strength} for strength, ps in collected.items()]
