"""Driving an optimizer one gradient at a time: what a probe is asked, and what it answers.

A probe builds a framework's optimizer around a few parameters and steps it with gradients that the
caller supplies, one step at a time, so that each may depend on the current weights. Whoever judges
the steps (`weightdecay.auditing`, `weightdecay.translation`) sees NumPy arrays only; a module a
framework, in ``weightdecay.backends.native``, does the driving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from weightdecay.ops import NumPyArray


class Parameter(NamedTuple):
    """A tensor that an optimizer updates: its name and its initial value."""

    name: str
    value: NumPyArray


@dataclass(frozen=True, eq=False)
class Setup:
    """An optimizer to build.

    Attributes
    ----------
    factory : callable
        What makes the optimizer: a framework's class or function, or the user's own.
    settings : mapping
        Its keyword arguments: plain numbers, booleans, strings, None and tuples of these.
    parameters : tuple of Parameter
        What it updates, in this order; to be converted to `dtype`.
    dtype : str
        'float64' or 'float32', of parameters and gradients.
    lrs : tuple of float, optional
        The learning rate of every step, to be followed in the framework's own way; None leaves the
        learning rate of the settings alone.
    undecayed : tuple of str
        Names of parameters to be left out of the weight decay, in the framework's own way
        (parameter groups, exclusion, mask, wd_mult).
    """

    factory: Callable[..., Any]
    settings: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    dtype: str = "float64"
    lrs: tuple[float, ...] | None = None
    undecayed: tuple[str, ...] = field(default=())


class Stepper(Protocol):
    """An optimizer at work on its parameters."""

    def step(self, gradients: Sequence[NumPyArray | None], /) -> None:
        """Take one step with these gradients, one a parameter, in order.

        None is a parameter that has no gradient in this step; where the framework knows no such
        thing, `NoEquivalentError` says so in a sentence.
        """

    def read(self) -> list[NumPyArray]:
        """Copies of the parameters, of the dtype of the setup."""

    def write(self, values: Sequence[NumPyArray], /) -> None:
        """Overwrite the parameters; the optimizer's memory is left as it is."""

    def restart(self) -> None:
        """Go back to before the first step: the same steps follow as after `Probe.build`."""


class Probe(Protocol):
    """What a ``*_probe`` module of ``weightdecay.backends.native`` offers."""

    version: str
    """The library of the optimizers and its version, and what it runs on."""

    scalars: str
    """The dtype in which the framework's optimizers hold lr and weight_decay, whatever the dtype of
    the parameters: 'float32' or 'float64'."""

    compiles: bool
    """Whether the steps of parameters of other shapes have to be compiled first."""

    look: int
    """Steps over which a verdict is followed, some hundreds where they take little time."""

    def alone(self) -> AbstractContextManager[None]:
        """For a process that drives optimizers and does nothing else: what saves it time."""

    def catalogue(self) -> list[str]:
        """Dotted names of every optimizer and regularizer of the framework, found by looking."""

    def find(self, name: str) -> Callable[..., Any]:
        """The factory of a dotted name; raises `UnknownNameError`, which offers the nearest."""

    def options(self, factory: Callable[..., Any]) -> dict[str, Any]:
        """Keyword arguments to their defaults, `inspect.Parameter.empty` where there is none.

        What every optimizer is given anyway (the parameters) is left out.
        """

    def build(self, setup: Setup) -> Stepper:
        """Build the optimizer; the same setup gives the same steps, random ones included.

        Whatever the framework raises about its arguments is raised unchanged.
        """
