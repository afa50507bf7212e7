"""A module a framework: its text to a recipe, and a recipe to its text. Text only, no framework.

A dialect offers `FRAMEWORK`, its name in sentences; `canonical`, a name in full; `complete`, a
program as it can be built; `read` and `write`.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Protocol, cast

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Reading
from weightdecay.translation.dialects.fitting import Written
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import Program

NAMES = ("torch", "keras", "optax", "mxnet", "sklearn", "book")
BACKENDS = {"torch": "torch", "keras": "tensorflow", "optax": "jax", "mxnet": "mxnet"}
"""The backend whose interpreter has the framework; the others run in this process."""


class Dialect(Protocol):
    """What a module here offers."""

    FRAMEWORK: str

    def canonical(self, name: str) -> str | None:
        """The name in full, or None where it is another dialect's."""

    def complete(self, program: Program) -> Program:
        """The program with full names and the parameters that it left out."""

    def read(self, program: Program) -> Reading:
        """The recipe of a text."""

    def write(self, recipe: Recipe) -> Written:
        """The text of a recipe."""


def dialect(name: str) -> Dialect:
    """A dialect by its name."""
    if name not in NAMES:
        raise UnknownNameError("framework", name, NAMES)
    return cast(Dialect, importlib.import_module(f"{__name__}.{name}"))


def recognise(program: Program) -> str:
    """The name of the dialect that a text is in.

    Raises
    ------
    InputError
        It is in none.
    """
    for node in program.calls():
        for name in NAMES:
            if dialect(name).canonical(node.name) is not None:
                return name
    called = next((node.name for node in program.calls()), "this text")
    raise InputError(
        f"{called} is no optimizer that is known here: write its full name, such as "
        "torch.optim.AdamW, keras.optimizers.Adam, optax.adamw, mx.optimizer.SGD, "
        "sklearn.linear_model.Ridge or WeightDecay(lambd=…, lr=…)."
    )


def read(name: str, program: Program, n: int | None = None) -> Reading:
    """The recipe of a text; `n` is the number of examples, for Ridge."""
    if name == "sklearn":
        from weightdecay.translation.dialects import sklearn

        return sklearn.read(program, n)
    return dialect(name).read(program)


def write(name: str, recipe: Recipe, n: int | None = None) -> Written:
    """The text of a recipe; an objective is trained with plain SGD where there is no estimator."""
    if name == "sklearn":
        from weightdecay.translation.dialects import sklearn

        return sklearn.write(recipe, n)
    if isinstance(recipe.rule, r.Objective):
        recipe = r.normal(replace(recipe, rule=r.Sgd()))
    return dialect(name).write(recipe)


__all__ = ["BACKENDS", "NAMES", "Dialect", "dialect", "read", "recognise", "write"]
