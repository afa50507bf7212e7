"""Running a text or printed code on given gradients; the side of whoever has the framework.

A framework's stage (``*_rehearsal`` in ``weightdecay.backends.native``) holds the parameters of one
Dense layer, ``weight`` and ``bias``. A user's text is built on it from its tree, by looking names
up and calling them: only names that the text's dialect knows, so that nothing of the user's is
ever run. Code that this package has written is executed as it is printed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.registry import load_adapter
from weightdecay.translation.dialects import BACKENDS, Dialect, dialect
from weightdecay.translation.syntax import (
    Call,
    Constant,
    Items,
    Name,
    Node,
    Program,
    Table,
    parse,
    settled,
    shown,
)

NATIVE = {"torch": "torch", "keras": "keras", "optax": "optax", "mxnet": "gluon"}
PARAMETERS = ("weight", "bias")


class Stage(Protocol):
    """A layer of a framework, and the optimizer that a text makes for it."""

    names: Mapping[str, Any]
    """What printed code may name."""

    known: Mapping[str, Any]
    """The dotted names that a completed text may use besides its dialect's."""

    methods: tuple[str, ...]
    """Methods of what a text has made that it may call."""

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take the optimizer from what the text has made."""

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """One step, and one of the scheduler where the framework has such steps."""

    def read(self) -> dict[str, NumPyArray]:
        """Copies of the parameters, as the initial ones were given."""


def run(
    stage: Stage,
    framework: str,
    text: str,
    printed: bool,
    gradients: Sequence[Mapping[str, NumPyArray]],
) -> list[dict[str, NumPyArray]]:
    """The parameters after every step with the optimizer of a text."""
    if printed:
        made: dict[str, Any] = dict(stage.names)
        exec(compile(text, "<translation>", "exec"), made)  # our own: `dialects` wrote it
    else:
        made = build(stage, framework, dialect(framework).complete(settled(parse(text))))
    stage.begin(made)
    trajectory = []
    for gradient in gradients:
        stage.step(gradient)
        trajectory.append(stage.read())
    return trajectory


def build(stage: Stage, framework: str, program: Program) -> dict[str, Any]:
    """What a completed program makes, by the names that it gives."""
    return _Builder(stage, dialect(framework)).program(program)


class _Builder:
    """From a completed tree to objects."""

    def __init__(self, stage: Stage, source: Dialect) -> None:
        self._stage, self._source = stage, source
        self._made: dict[str, Any] = {}

    def program(self, program: Program) -> dict[str, Any]:
        for statement in program.statements:
            value = self.value(statement.value)
            if statement.target is not None:
                self._made[statement.target] = value
        return self._made

    def value(self, node: Node) -> Any:
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Items):
            items = [self.value(item) for item in node.items]
            return items if node.kind == "list" else tuple(items)
        if isinstance(node, Name):
            return self._named(node)
        if isinstance(node, Call):
            args = [self.value(arg) for arg in node.args]
            return self._called(node)(*args, **{k: self.value(v) for k, v in node.kwargs})
        if isinstance(node, Table):
            return {self.value(k): self.value(v) for k, v in node.pairs}
        raise InputError(f"{shown(node)!r} is not built here: write names.")

    def _named(self, node: Name) -> Any:
        for names in (self._made, self._stage.known):
            if node.name in names:
                return names[node.name]
        raise InputError(f"{node.name!r} is unknown here: write its value out.")

    def _called(self, node: Call) -> Any:
        if node.on is not None:
            if node.name in self._stage.methods:
                return getattr(self.value(node.on), node.name)
        elif node.name in self._stage.known:
            return self._stage.known[node.name]
        elif self._source.canonical(node.name) == node.name:
            root, *path = node.name.split(".")
            found = self._stage.names[root]
            for part in path:
                found = getattr(found, part)
            return found
        else:
            first, _, method = node.name.rpartition(".")
            if first in self._made and method in self._stage.methods:
                return getattr(self._made[first], method)
        raise InputError(f"{shown(node)!r} cannot be called here.")


def stage(framework: str, initial: Mapping[str, NumPyArray], dtype: str) -> Stage:
    """The stage of a framework, with its parameters; the framework must be importable here."""
    if framework in NATIVE:
        load_adapter(BACKENDS[framework])  # whose errors say what is missing
        module = importlib.import_module(
            f"weightdecay.backends.native.{NATIVE[framework]}_rehearsal"
        )
    else:
        module = importlib.import_module(f"weightdecay.translation.{framework}_stage")
    return cast(Stage, module.Rehearsal(initial, dtype))


def rehearse(
    framework: str,
    text: str,
    printed: bool,
    dtype: str,
    initial: Mapping[str, NumPyArray],
    gradients: Mapping[str, NumPyArray],
) -> dict[str, NumPyArray]:
    """A trajectory: arrays of shape (steps, …), as those of the gradients."""
    steps = len(next(iter(gradients.values())))
    given = [{name: values[t] for name, values in gradients.items()} for t in range(steps)]
    with np.errstate(all="ignore"):  # settings may take any step; what is not finite is told
        found = run(stage(framework, initial, dtype), framework, text, printed, given)
    return {name: np.array([params[name] for params in found], np.float64) for name in PARAMETERS}


def answer(
    header: dict[str, Any], arrays: dict[str, NumPyArray]
) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """Rehearse; the worker's side."""
    initial = {name: arrays[f"initial_{name}"] for name in PARAMETERS}
    gradients = {name: arrays[f"gradients_{name}"] for name in PARAMETERS}
    asked = (header["framework"], header["text"], header["printed"], header["dtype"])
    return {}, rehearse(*asked, initial, gradients)
