"""Driving optimizers written with NumPy: no framework, so no catalogue.

A factory takes a list of arrays and its settings by keyword, and gives an object whose
``step(gradients)`` updates the arrays in place.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup
from weightdecay.streams import Streams

arguments = importlib.import_module("weightdecay.backends.native.arguments")

version = f"numpy {np.__version__}"
scalars = "float64"
compiles = False
look = 100
alone = contextlib.nullcontext


def catalogue() -> list[str]:
    """NumPy has no optimizers."""
    return []


def find(name: str) -> Callable[..., Any]:
    """NumPy has no optimizers."""
    raise UnknownNameError("optimizer", name, catalogue())


def options(factory: Callable[..., Any]) -> dict[str, Any]:
    """The keyword arguments, without the arrays that come first."""
    found: dict[str, Any] = arguments.options(factory)
    return found


class NumPyStepper:
    """An optimizer of the user's own and the arrays that it updates in place."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._streams = Streams()
        self.restart()

    def restart(self) -> None:
        """Build the arrays and the optimizer anew."""
        setup = self._setup
        self._arrays = [np.array(p.value, dtype=setup.dtype) for p in setup.parameters]
        self._streams.restart()
        with self._streams.flowing():
            self._optimizer = setup.factory(self._arrays, **setup.settings)
        if not callable(getattr(self._optimizer, "step", None)):
            raise InputError(
                f"the factory gave {self._optimizer!r}: it must give an object with a method "
                "step(gradients) that updates the arrays in place."
            )
        self._lrs, self._steps = setup.lrs, 0
        self._rate = next((n for n in ("lr", "learning_rate") if hasattr(self._optimizer, n)), None)
        if setup.lrs is not None and self._rate is None:
            raise NoEquivalentError("it has no attribute lr or learning_rate to change.")

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """Let the optimizer step."""
        if any(g is None for g in gradients):
            raise NoEquivalentError("an optimizer written with NumPy needs every gradient.")
        if self._lrs is not None:
            setattr(self._optimizer, str(self._rate), self._lrs[self._steps])
        self._steps += 1
        given = [np.array(g, a.dtype) for g, a in zip(gradients, self._arrays, strict=True)]
        with self._streams.flowing():
            self._optimizer.step(given)

    def read(self) -> list[NumPyArray]:
        """Copies of the arrays."""
        return [array.copy() for array in self._arrays]

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Overwrite the arrays in place."""
        for array, value in zip(self._arrays, values, strict=True):
            array[...] = value


def build(setup: Setup) -> NumPyStepper:
    """Build the optimizer around new arrays."""
    return NumPyStepper(setup)
