"""Trajectories: the tensors of a training program after every step, from whatever recorded them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from weightdecay.errors import InputError
from weightdecay.tensors import Memory, Tensor, read, share_memory, stack
from weightdecay.train import FitResult

UNNAMED = "parameters"
"""The name of a tensor that was given without one."""
LISTED = 5
"""Names that a message lists."""


def trajectory(given: Any) -> dict[str, Tensor]:
    """Names to tensors of shape (steps, …); see `weightdecay.compare` for what may be given.

    Raises
    ------
    InputError
        What is no trajectory, and a list whose steps are one memory: its owner has changed an array
        in place and appended it again, so that every step shows the last one.
    """
    if isinstance(given, FitResult):
        if given.trajectory is None:
            raise InputError("the result has no trajectory: run fit with record=True.")
        given = given.trajectory
    if hasattr(given, "_asdict"):  # a named tuple, such as `FitResult.trajectory`
        given = given._asdict()
    if isinstance(given, Mapping):
        found = {name: _of_one(values, name) for name, values in _named(given).items()}
    elif isinstance(given, Sequence) and given and isinstance(given[0], Mapping):
        found = _of_steps(given)
    else:
        found = {UNNAMED: _of_one(given, UNNAMED)}
    if not any(tensor.array.size for tensor in found.values()):
        raise InputError("a trajectory is empty: it must hold at least one step of one tensor.")
    lengths = {name: len(tensor.array) for name, tensor in found.items()}
    if len(set(lengths.values())) > 1:
        one, other = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise InputError(
            "the tensors of a trajectory differ in their number of steps: "
            f"{one!r} has {lengths[one]}, and {other!r} has {lengths[other]}."
        )
    return found


def _of_one(values: Any, name: str) -> Tensor:
    """One tensor of all steps, or a list of one a step."""
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        found = _stacked([read(value, name) for value in values], name)
    else:
        found = read(values, name)
    if found.array.ndim == 0:
        raise InputError(f"{name!r} is one number: give a list with one for every step.")
    return found


def _of_steps(steps: Sequence[Any]) -> dict[str, Tensor]:
    """One mapping from names to tensors a step."""
    for at, step in enumerate(steps):
        if not isinstance(step, Mapping):
            raise InputError(
                f"step {at} of a trajectory is a {type(step).__name__}, and others name tensors: "
                "every step must."
            )
        if step.keys() != steps[0].keys():
            raise InputError(
                "the steps of a trajectory must all name the same tensors: "
                f"at step {at}, {apart(steps[0].keys(), step.keys(), 'step 0', f'step {at}')}."
            )
    named = [_named(step) for step in steps]
    return {name: _stacked([read(step[name], name) for step in named], name) for name in named[0]}


def _stacked(steps: list[Tensor], name: str) -> Tensor:
    """One tensor of all steps, of which each must have a memory of its own."""
    places = [(place, at) for at, step in enumerate(steps) for place in step.memory]
    shared = [
        (first, second)
        for (one, first), (other, second) in _neighbours(places)
        if first != second and share_memory(one, other)
    ]
    if shared:
        first, second = sorted(shared[0])
        which = "all steps" if len(shared) >= len(steps) - 1 else f"steps {first} and {second}"
        raise InputError(
            f"{which} share one memory in {name!r}, so that they show what was written last: "
            "append a copy at every step, such as w.copy() or w.detach().clone()."
        )
    return stack(steps, name)


def _neighbours(
    places: list[tuple[Memory, int]],
) -> Iterable[tuple[tuple[Memory, int], tuple[Memory, int]]]:
    """Pairs that may share memory: those that begin one after another.

    Where two of many share memory, then two that are neighbours do.
    """
    arrays = [place for place in places if isinstance(place[0], np.ndarray)]
    others = [place for place in places if not isinstance(place[0], np.ndarray)]
    arrays.sort(key=lambda place: (_start(place[0]), place[1]))
    others.sort(key=lambda place: (str(place[0]), place[1]))
    yield from itertools.pairwise(arrays)
    yield from itertools.pairwise(others)


def _start(array: Any) -> int:
    """The lowest address of an array."""
    back: int = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True) if s < 0)
    return back + int(array.ctypes.data)


def _named(given: Mapping[Any, Any]) -> dict[str, Any]:
    named = {str(name): values for name, values in given.items()}
    if len(named) < len(given):
        raise InputError("two names of a trajectory read the same once they are text.")
    return named


def apart(ours: Iterable[Any], others: Iterable[Any], here: str, there: str) -> str:
    """Which names are on one side only, in words."""
    ours, others = list(ours), list(others)
    sides = [
        (here, [name for name in ours if name not in set(others)]),
        (there, [name for name in others if name not in set(ours)]),
    ]
    return " and ".join(f"only {side} has {_listed(names)}" for side, names in sides if names)


def _listed(names: Sequence[Any]) -> str:
    more = len(names) - LISTED
    listed = ", ".join(repr(str(name)) for name in names[:LISTED])
    return listed + (f" and {more} more" if more > 0 else "")
