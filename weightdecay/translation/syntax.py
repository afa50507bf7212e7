"""Optimizer settings as text to a tree: parsed, never evaluated.

The text is Python, of which only settings are read: numbers with their arithmetic, strings, True,
False and None, lists, tuples and dicts, names, and calls of dotted names. Anything else is an
`InputError` that shows where it stands.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from weightdecay.errors import InputError

LONGEST = 10_000
"""Characters."""
DEEPEST = 25
"""Brackets or operators within one another."""
LARGEST = 2**63

Scalar: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True)
class Constant:
    """A number, a string, True, False or None; arithmetic on numbers is done already."""

    value: Scalar


@dataclass(frozen=True)
class Name:
    """A dotted name, such as ``schedule`` or ``model.bias``."""

    name: str


@dataclass(frozen=True)
class Items:
    """A list or a tuple."""

    items: tuple[Node, ...]
    kind: str = "list"


@dataclass(frozen=True)
class Table:
    """A dict."""

    pairs: tuple[tuple[Node, Node], ...]

    def get(self, key: str) -> Node | None:
        """The value under a string, if there is one."""
        return next((v for k, v in self.pairs if k == Constant(key)), None)


@dataclass(frozen=True)
class Call:
    """A dotted name called, or, with `on`, a method of what another call gives."""

    name: str
    args: tuple[Node, ...] = ()
    kwargs: tuple[tuple[str, Node], ...] = ()
    on: Call | None = None


Node: TypeAlias = Constant | Name | Items | Table | Call


@dataclass(frozen=True)
class Statement:
    """``target = value``, or a value alone."""

    target: str | None
    value: Node


@dataclass(frozen=True)
class Program:
    """One statement after another."""

    statements: tuple[Statement, ...]

    def calls(self) -> Iterator[Call]:
        """Every call, the outermost first."""
        for statement in self.statements:
            for node in walk(statement.value):
                if isinstance(node, Call):
                    yield node

    def assigned(self) -> dict[str, Node]:
        """What every name stands for."""
        return {s.target: s.value for s in self.statements if s.target is not None}


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    below: tuple[Node, ...] = ()
    if isinstance(node, Items):
        below = node.items
    elif isinstance(node, Table):
        below = tuple(part for pair in node.pairs for part in pair)
    elif isinstance(node, Call):
        on = () if node.on is None else (node.on,)
        below = (*on, *node.args, *(value for _, value in node.kwargs))
    for part in below:
        yield from walk(part)


def parse(text: str) -> Program:
    """Read a program.

    Raises
    ------
    InputError
        The text is no Python, or holds something other than settings.
    """
    if not text.strip():
        raise InputError("there is nothing to translate: write something such as "
                         "torch.optim.AdamW(lr=1e-3, weight_decay=1e-2).")  # fmt: skip
    if len(text) > LONGEST:
        raise InputError(f"the text has {len(text)} characters: at most {LONGEST} are read.")
    # Python's own parser may run out of stack, so the depth is bounded before it starts.
    if _depth(text) > DEEPEST:
        raise InputError(f"more than {DEEPEST} brackets are open at once: settings need fewer.")
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line}, column {getattr(error, 'offset', 0)})" if line else ""
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        reason, *_ = reason.split(";")[0].splitlines()
        raise InputError(
            f"this is no Python{where}, {reason}: write a call such as "
            "torch.optim.SGD(lr=0.1, weight_decay=1e-4)."
        ) from None
    return Program(tuple(_Reader(text.strip()).statement(node) for node in tree.body))


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


class _Reader:
    """From Python's tree to ours."""

    def __init__(self, text: str) -> None:
        self._text = text

    def statement(self, node: ast.stmt) -> Statement:
        if isinstance(node, ast.Expr):
            return Statement(None, self.node(node.value, 0))
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            (target,) = node.targets
            if isinstance(target, ast.Name):
                return Statement(self._plain(target, target.id), self.node(node.value, 0))
        return self._refuse(node, "a statement is a call, or a name = a call")

    def node(self, node: ast.expr, depth: int) -> Node:
        if depth > DEEPEST:
            self._refuse(node, f"it is nested more than {DEEPEST} deep")
        depth += 1
        if isinstance(node, ast.Constant):
            return Constant(self._constant(node))
        if isinstance(node, ast.UnaryOp | ast.BinOp):
            return Constant(self._number(node, depth))
        if isinstance(node, ast.Name | ast.Attribute):
            return Name(self._dotted(node))
        if isinstance(node, ast.List | ast.Tuple):
            kind = "list" if isinstance(node, ast.List) else "tuple"
            return Items(tuple(self.node(item, depth) for item in node.elts), kind)
        if isinstance(node, ast.Dict):
            return Table(tuple(self._pair(k, v, depth)
                               for k, v in zip(node.keys, node.values, strict=True)))  # fmt: skip
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        return self._refuse(node, "settings are numbers, strings, lists, dicts, names and calls")

    def _pair(self, key: ast.expr | None, value: ast.expr, depth: int) -> tuple[Node, Node]:
        if key is None:
            self._refuse(value, "a dict is written out in full, without **")
        return self.node(key, depth), self.node(value, depth)

    def _call(self, node: ast.Call, depth: int) -> Call:
        on = None
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            on = self._call(node.func.value, depth + 1)
            name = self._plain(node.func, node.func.attr)
        elif isinstance(node.func, ast.Name | ast.Attribute):
            name = self._dotted(node.func)
        else:
            self._refuse(node.func, "only names can be called")
        if depth > DEEPEST:
            self._refuse(node, f"it is nested more than {DEEPEST} deep")
        args = []
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                self._refuse(arg, "arguments are written out in full, without *")
            args.append(self.node(arg, depth))
        kwargs = []
        for keyword in node.keywords:
            if keyword.arg is None:
                self._refuse(keyword.value, "arguments are written out in full, without **")
            kwargs.append(
                (self._plain(keyword.value, keyword.arg), self.node(keyword.value, depth))
            )
        return Call(name, tuple(args), tuple(kwargs), on)

    def _dotted(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(self._plain(node, node.attr))
            node = node.value
        if not isinstance(node, ast.Name):
            self._refuse(node, "a name is made of names and dots")
        return ".".join([self._plain(node, node.id), *reversed(parts)])

    def _plain(self, node: ast.AST, name: str) -> str:
        if name.startswith("__"):
            self._refuse(node, f"{name} is no setting")
        return name

    def _constant(self, node: ast.Constant) -> Scalar:
        value = node.value
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int | float):
            return self._bounded(node, value)
        return self._refuse(node, "numbers are real, and text is a string")

    def _number(self, node: ast.expr, depth: int) -> int | float:
        """Arithmetic on numbers, done here."""
        if depth > DEEPEST:
            self._refuse(node, f"it is nested more than {DEEPEST} deep")
        if isinstance(node, ast.Constant) and not isinstance(node.value, bool | str):
            value = self._constant(node)
            if isinstance(value, int | float):
                return value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            operand = self._number(node.operand, depth + 1)
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left = self._number(node.left, depth + 1)
            right = self._number(node.right, depth + 1)
            try:
                return self._bounded(node, _ARITHMETIC[type(node.op)](left, right))
            except (ArithmeticError, TypeError, ValueError):
                self._refuse(node, "it has no value among the finite numbers")
        return self._refuse(node, "arithmetic is +, -, *, / and ** on numbers")

    def _bounded(self, node: ast.expr, value: int | float) -> int | float:
        if isinstance(value, complex) or not abs(value) <= LARGEST or not math.isfinite(value):
            self._refuse(node, "the number is too large")
        return value

    def _refuse(self, node: ast.AST, why: str) -> NoReturn:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        found = ast.get_source_segment(self._text, node) or ast.dump(node)[:40]
        shown = found if len(found) <= 60 else f"{found[:57]}..."
        raise InputError(
            f"cannot read {shown!r} at line {line}, column {column}: {why}. The text is parsed, "
            "never run."
        )


_ARITHMETIC: dict[type[ast.operator], Callable[[int | float, int | float], int | float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    # In floats, where a power is bounded; 10**10**10 would fill the memory.
    ast.Pow: lambda a, b: math.pow(a, b),
}


def render(node: Node) -> str:
    """The text of a tree, such that ``parse`` gives the tree back."""
    if isinstance(node, Constant):
        return repr(node.value)
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Items):
        inside = ", ".join(render(item) for item in node.items)
        if node.kind == "list":
            return f"[{inside}]"
        return f"({inside},)" if len(node.items) == 1 else f"({inside})"
    if isinstance(node, Table):
        return "{" + ", ".join(f"{render(k)}: {render(v)}" for k, v in node.pairs) + "}"
    arguments = [render(arg) for arg in node.args]
    arguments += [f"{name}={render(value)}" for name, value in node.kwargs]
    called = node.name if node.on is None else f"{render(node.on)}.{node.name}"
    return f"{called}({', '.join(arguments)})"


def render_program(program: Program) -> str:
    """The text of every statement, one a line."""
    return "\n".join(
        render(s.value) if s.target is None else f"{s.target} = {render(s.value)}"
        for s in program.statements
    )
