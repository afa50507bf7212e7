"""What the dialects share in reading: signatures, and arguments bound to them."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weightdecay import validate
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import Call, Constant, Items, Node, shown

REQUIRED = Constant("required")
"""The default of an argument that has none."""

HARMLESS = {
    "foreach", "fused", "capturable", "differentiable", "name", "lazy_update", "multi_precision",
    "accumulator_dtype", "mu_dtype", "param_idx2name", "sym", "param_dict",
}  # fmt: skip
"""Arguments that choose how the same numbers are computed."""

MEANINGS = {
    "maximize": "the steps climb: negate the loss instead",
    "use_ema": "fitting ends in averaged weights, not in those of the last step",
    "ema_overwrite_frequency": "the averaged weights replace the weights every so many steps",
    "gradient_accumulation_steps": "a step is taken once in so many calls",
    "loss_scale_factor": "gradients are divided by it, and `fit` has multiplied the loss by it: "
    "leave it out",
    "positive": "no weight may be negative, which is another optimum",
    "fit_intercept": "the model has no bias: leave it out of the layer too",
    "average": "the coefficients are averaged over the steps",
    "clip_weights": "the weights themselves are clipped",
}
"""What arguments do that no recipe holds."""


@dataclass(frozen=True)
class Signature:
    """The parameters of a callable: their defaults, and which may be given by position."""

    defaults: dict[str, Node]
    positional: tuple[str, ...]


def signature(text: str) -> Signature:
    """Read ``"lr=1e-3, momentum=0, *, maximize=False"``."""
    found = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(found, ast.FunctionDef)
    arguments = found.args
    positional = [argument.arg for argument in arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = list(zip(positional, [*missing, *arguments.defaults], strict=True))
    keyword_only = [argument.arg for argument in arguments.kwonlyargs]
    pairs += list(zip(keyword_only, arguments.kw_defaults, strict=True))

    def constant(default: ast.expr | None) -> Node:
        if default is None:
            return REQUIRED
        value: Any = ast.literal_eval(default)
        if isinstance(value, tuple):
            return Items(tuple(Constant(item) for item in value), "tuple")
        return Constant(value)

    return Signature({name: constant(default) for name, default in pairs}, tuple(positional))


def signatures(texts: Mapping[str, str]) -> dict[str, Signature]:
    """Several, by the callable's name."""
    return {name: signature(text) for name, text in texts.items()}


def known(kind: str, name: str, prefix: str, names: Iterable[str]) -> str:
    """The short name, where it is one of those that are translated.

    Raises
    ------
    InputError
        It is none: it may be nearly one, and may well be a name of the framework.
    """
    short = name.removeprefix(prefix)
    spelled = {n.lower(): n for n in names}
    if short in spelled.values():
        return short
    near = difflib.get_close_matches(short.lower(), spelled, n=1, cutoff=0.6)
    hint = f"did you mean {spelled[near[0]]!r}? " if near else ""
    shown = short if len(short) <= 60 else f"{short[:57]}..."
    raise InputError(
        f"the {kind} {shown!r} is not translated by this program: {hint}"
        f"{', '.join(sorted(spelled.values()))} are."
    )


class Arguments:
    """A call's arguments under their names, read one by one; what is never read is `unread`."""

    def __init__(self, call: Call, of: Signature) -> None:
        """Bind; an `InputError` says which argument does not fit."""
        self.call = call
        if len(call.args) > len(of.positional):
            raise InputError(
                f"{call.name} takes {len(of.positional)} arguments without a name, "
                f"not {len(call.args)}: name them."
            )
        self._given: dict[str, Node] = dict(zip(of.positional, call.args, strict=False))
        for name, value in call.kwargs:
            if name not in of.defaults:
                raise UnknownNameError(f"argument of {call.name}", name, of.defaults)
            if name in self._given:
                raise InputError(f"{call.name} is given {name} twice: give it once.")
            self._given[name] = value
        self._defaults = of.defaults
        self._read: set[str] = set()

    def given(self, name: str) -> bool:
        """Whether it was written out."""
        return name in self._given

    def node(self, name: str) -> Node:
        """The tree of an argument, or of its default."""
        self._read.add(name)
        found = self._given.get(name, self._defaults[name])
        if found is REQUIRED:
            raise InputError(f"{self.call.name} needs {name}: write {name}=….")
        return found

    def value(self, name: str) -> Any:
        """A constant."""
        node = self.node(name)
        if not isinstance(node, Constant):
            raise InputError(
                f"{name} of {self.call.name} is {shown(node)!r}: write its value out, for nothing "
                "is run."
            )
        return node.value

    def number(self, name: str, **limits: float) -> float:
        """A number; None is 0."""
        value = self.value(name)
        return validate.number(name, 0.0 if value is None else value, **limits)

    def integer(self, name: str, least: int = 1) -> int:
        """A whole number; 10.0 is one."""
        value = self.value(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return validate.integer(name, value, least)

    def flag(self, name: str) -> bool:
        """True or False."""
        value = self.value(name)
        validate.flag(name, value)
        return bool(value)

    def unread(self) -> list[str]:
        """Arguments that were given something other than their default, and never read."""
        return [
            f"{name}={shown(value)}"
            for name, value in self._given.items()
            if name not in self._read | HARMLESS and value != self._defaults[name]
        ]


def whole_numbers(name: str, node: Node) -> list[int]:
    """A list of update counts."""
    items = node.items if isinstance(node, Items) else ()
    values = [item.value for item in items if isinstance(item, Constant)]
    if (
        not values
        or len(values) != len(items)
        or not all(type(v) is int and v >= 0 for v in values)
    ):
        raise InputError(f"{name} is {shown(node)}: write a list of update counts, [30, 60].")
    return [int(v) for v in values]  # type: ignore[arg-type]


@dataclass(frozen=True)
class Reading:
    """What a text says.

    Attributes
    ----------
    recipe : Recipe
    dropped : tuple of str
        The arguments that no recipe holds.
    notes : tuple of str
        What was understood in a way that the text does not spell out.
    runs : bool
        Whether the framework of today runs it; where it does not, its equations stand for it.
    """

    recipe: Recipe
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    runs: bool = True


def mentions_bias(text: str) -> bool:
    """Whether a name is one of biases (or of the norms that are treated like them)."""
    lowered = text.lower()
    negated = any(word in lowered for word in ("not_bias", "no_bias", "non_bias", "nonbias"))
    return ("bias" in lowered or "norm" in lowered) and not negated
