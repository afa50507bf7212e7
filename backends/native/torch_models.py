"""Reading torch models: named parameters, parameter groups, and a step on copies of both.

Only the parameters and what the optimizer remembers of them are copied: in float64, so that a decay
too small for the model's own dtype still has its figure, and in that dtype, for what training makes
of it. Modules, hooks and learning rate schedulers are never touched.

Master weights, which an optimizer keeps in its state for a parameter of a narrower dtype, are what
is trained: they are told by being the parameter before it was rounded, and step in its place.
"""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from weightdecay.errors import InputError
from weightdecay.models.reading import (
    Gradients,
    Held,
    ModelParameter,
    NamedArrays,
    Owner,
    OwnStep,
    real_parts,
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
    schedules = ()  # those of torch are no part of its optimizers

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

    def values(self) -> dict[str, NumPyArray]:
        """The parameters, to which master weights round."""
        return {name: _numpy(parameter) for name, parameter in self._parameters.items()}

    def move(
        self, weights: NamedArrays, *, fresh: bool = False, gradients: Gradients = ()
    ) -> dict[str, NumPyArray]:
        """Steps of copies of the optimizers on copies of the parameters, in float64."""
        steps, _ = self._stepped(weights, gradients, fresh, wide=True)
        return {name: step.moved for name, step in steps.items()}

    def own(
        self, weights: NamedArrays, *, fresh: bool, gradients: Gradients = ()
    ) -> dict[str, OwnStep] | None:
        """The same in the dtypes of the model."""
        steps, random = self._stepped(weights, gradients, fresh, wide=False)
        return None if random else steps

    def _stepped(
        self, weights: NamedArrays, gradients: Gradients, fresh: bool, wide: bool
    ) -> tuple[dict[str, OwnStep], bool]:
        """What steps add, and whether they drew random numbers."""
        memo: dict[int, Any] = {}
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    memo[id(parameter)] = _twin(parameter, wide)
        twins = {name: memo[id(p)] for name, p in self._parameters.items()}
        for name, twin in twins.items():
            twin.data.copy_(_tensor(weights[name], twin))
        copies = [_copied(optimizer, memo, fresh, wide) for optimizer in self._optimizers]
        before = {name: _numpy(twin) for name, twin in twins.items()}
        devices = {p.device for p in self._parameters.values() if p.device.type == "cuda"}
        with torch.random.fork_rng(devices), torch.no_grad():
            random = _random_states(devices)
            for gradient in gradients or [{}]:
                for name, value in gradient.items():
                    if twins[name].grad is not None:
                        twins[name].grad.copy_(_tensor(value, twins[name]))
                for copied in copies:
                    _step(copied)
            drawn = not all(map(torch.equal, random, _random_states(devices)))
        masters = {} if wide else {p: m for copied in copies for p, m in _masters(copied).items()}
        after = {name: masters.get(twin, twin) for name, twin in twins.items()}
        steps = {
            name: OwnStep(_dtype(tensor), _numpy(tensor) - before[name])
            for name, tensor in after.items()
        }
        return steps, drawn


def _held(parameter: torch.nn.Parameter, group: Mapping[str, Any]) -> Held:
    lr, setting = group.get("lr"), group.get("weight_decay")
    value = _numpy(parameter)
    return Held(
        value.shape,
        root_mean_square(value),
        None if lr is None else float(lr) or REPLACED_LR,
        None if setting is None else float(setting),
        _dtype(parameter),
        replaced_lr=lr is not None and float(lr) == 0,
        complex=parameter.is_complex(),
    )


def _twin(parameter: torch.nn.Parameter, wide: bool) -> torch.nn.Parameter:
    """A copy with a zero gradient; a frozen one has it where one was left behind, which acts."""
    value = parameter.detach().clone()
    twin = torch.nn.Parameter(_wide(value) if wide else value, parameter.requires_grad)
    if parameter.requires_grad or parameter.grad is not None:
        twin.grad = torch.zeros_like(twin)
    return twin


def _copied(optimizer: Any, memo: dict[int, Any], fresh: bool, wide: bool) -> Any:
    """A copy of an optimizer, its parameters being copied already; a fresh one without memory."""
    masters = {} if fresh else {id(memo[id(p)]): key for p, key in _master_keys(optimizer).items()}
    without = {*_ATTACHED, *(["state"] if fresh else [])}
    twin = object.__new__(type(optimizer))
    kept = {key: value for key, value in vars(optimizer).items() if key not in without}
    twin.__dict__.update(copy.deepcopy(kept, memo))
    twin._optimizer_step_pre_hooks = OrderedDict()
    twin._optimizer_step_post_hooks = OrderedDict()
    if fresh and "state" in vars(optimizer):
        twin.state = defaultdict(dict)
    for parameter, state in vars(twin).get("state", {}).items():
        for key, value in state.items() if isinstance(state, dict) else ():
            if masters.get(id(parameter)) == key:
                state[key] = parameter.detach().to(value.dtype, copy=True)
            if wide and isinstance(value, torch.Tensor) and value.ndim:
                state[key] = _wide(state[key])
    for group in twin.param_groups:
        if "lr" in group and float(group["lr"]) == 0:
            group["lr"] = REPLACED_LR
    return twin


def _step(copied: Any) -> None:
    step = type(copied).step
    if getattr(step, "hooked", False):
        step = step.__wrapped__  # without torch's wrapper, which calls the process's own hooks
    try:
        step(copied)
    except Exception as error:
        raise InputError(
            f"{type(copied).__name__} does not step with zero gradients ({error}): its decay "
            "cannot be measured."
        ) from error


def _masters(optimizer: Any) -> dict[torch.Tensor, torch.Tensor]:
    """The master weights of parameters, where the optimizer keeps them."""
    return {p: optimizer.state[p][key] for p, key in _master_keys(optimizer).items()}


def _master_keys(optimizer: Any) -> dict[torch.Tensor, str]:
    """The name under which the memory of a parameter holds what rounds to the parameter.

    Zeros round to zeros, so that a name counts where it fits every parameter that is not 0.
    """
    memories = {
        p: memory
        for p, memory in getattr(optimizer, "state", {}).items()
        if isinstance(p, torch.Tensor) and isinstance(memory, dict)
    }
    fitting = [
        {key for key, value in memory.items() if _rounds_to(value, p)}
        for p, memory in memories.items()
        if p.is_floating_point() and p.element_size() < 4 and bool(p.any())
    ]
    keys = sorted(set.intersection(*fitting)) if fitting else []
    return {p: key for key in keys[:1] for p, memory in memories.items() if key in memory}


def _rounds_to(value: Any, parameter: torch.Tensor) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and value.shape == parameter.shape
        and value.element_size() > parameter.element_size()
        and torch.equal(value.to(parameter.dtype), parameter.detach())
    )


def _random_states(devices: Iterable[torch.device]) -> list[torch.Tensor]:
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """Float64, or complex of two of them, where it is a float and its device has them."""
    if tensor.device.type == "mps" or not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _tensor(value: NumPyArray, like: torch.Tensor) -> torch.Tensor:
    """Of real numbers, two of them for one that is complex."""
    tensor = torch.as_tensor(value)
    return torch.view_as_complex(tensor) if like.is_complex() else tensor


def _numpy(tensor: torch.Tensor) -> NumPyArray:
    wide = torch.complex128 if tensor.is_complex() else torch.float64
    return real_parts(tensor.detach().cpu().to(wide, copy=True).numpy())


def groups(model: torch.nn.Module, strengths: Mapping[str, float]) -> list[dict[str, Any]]:
    """Parameter groups, one a strength, to be given to any optimizer that has `weight_decay`."""
    by_name = {owners[0].name: p for p, owners in _owners(model)}
    collected: dict[float, list[torch.nn.Parameter]] = {}
    for name, strength in strengths.items():
        collected.setdefault(strength, []).append(by_name[name])
    return [{"params": ps, "weight_decay": strength} for strength, ps in collected.items()]
