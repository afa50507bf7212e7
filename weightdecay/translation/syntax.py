"""Optimizer settings as text to a tree: parsed, never evaluated.

The text is Python, of which only settings are read: numbers with their arithmetic, strings, True,
False and None, lists, tuples and dicts, names, calls of dotted names, and comprehensions that
choose parameters. Anything else is an `InputError` that shows where it stands.
"""

from __future__ import annotations

import ast
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from weightdecay.errors import InputError

LONGEST = 10_000
"""Characters."""
LONGEST_WORD = 200
"""Characters of a name or a string."""
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


@dataclass(frozen=True)
class Selection:
    """``[p for n, p in source if test]``: parameters, by what `selection` understands of a test."""

    source: Node
    targets: tuple[str, ...]
    tests: tuple[str, ...] = ()


Node: TypeAlias = Constant | Name | Items | Table | Call | Selection


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
    elif isinstance(node, Selection):
        below = (node.source,)
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
        with warnings.catch_warnings():  # of escapes in strings, which stay what they are
            warnings.simplefilter("ignore")
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


_SOURCES = ("parameters", "named_parameters", "items", "values")
_CHOOSING = (
    "a comprehension chooses parameters: [p for n, p in model.named_parameters() if 'bias' not in "
    "n]"
)


def _levels(node: ast.AST) -> int:
    """How deep a tree is, without going down by recursion."""
    deepest, left = 0, [(node, 1)]
    while left:
        found, level = left.pop()
        deepest = max(deepest, level)
        left += [(child, level + 1) for child in ast.iter_child_nodes(found)]
    return deepest


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
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return Name(self._dotted(node))
        if isinstance(node, ast.List | ast.Tuple):
            kind = "list" if isinstance(node, ast.List) else "tuple"
            return Items(tuple(self.node(item, depth) for item in node.elts), kind)
        if isinstance(node, ast.Dict):
            return Table(tuple(self._pair(k, v, depth)
                               for k, v in zip(node.keys, node.values, strict=True)))  # fmt: skip
        if isinstance(node, ast.Call):
            chosen = self._filtered(node, depth)
            return self._call(node, depth) if chosen is None else chosen
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            return self._chosen(node, depth)
        if isinstance(node, ast.Lambda):
            return self._mapped(node)
        return self._refuse(node, "settings are numbers, strings, lists, dicts, names and calls")

    def _chosen(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, depth: int) -> Node:
        """Parameters, by a comprehension."""
        loop, *more = node.generators
        targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
        element = node.value if isinstance(node, ast.DictComp) else node.elt
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        kept = isinstance(element, ast.Name) and [element.id] == names[-1:]
        if more or loop.is_async or len(names) != len(targets) or not kept or len(names) > 2:
            self._refuse(node, _CHOOSING)
        return self._selected(loop.iter, names, loop.ifs, depth)

    def _filtered(self, node: ast.Call, depth: int) -> Node | None:
        """``filter(lambda p: p.requires_grad, model.parameters())``."""
        if not isinstance(node.func, ast.Name) or node.func.id != "filter" or len(node.args) != 2:
            return None
        chosen, source = node.args
        if not isinstance(chosen, ast.Lambda) or len(chosen.args.args) != 1:
            self._refuse(node, _CHOOSING)
        return self._selected(source, [chosen.args.args[0].arg], [chosen.body], depth)

    def _mapped(self, node: ast.Lambda) -> Node:
        """``lambda params: jax.tree.map(lambda p: p.ndim > 1, params)``."""
        body, outer = node.body, node.args.args
        if isinstance(body, ast.Call) and len(body.args) == 2 and len(outer) == 1:
            inner, over = body.args
            called = ast.unparse(body.func) if isinstance(body.func, ast.Attribute) else ""
            if (
                called.endswith((".tree_map", "tree.map"))
                and isinstance(inner, ast.Lambda)
                and len(inner.args.args) == 1
                and isinstance(over, ast.Name)
                and over.id == outer[0].arg
            ):
                return self._selected(over, [inner.args.args[0].arg], [inner.body], 0)
        return self._refuse(
            node, "a function is code, which is not run: write the settings that it stands for"
        )

    def _selected(
        self, source: ast.expr, names: list[str], tests: list[ast.expr], depth: int
    ) -> Selection:
        found = self.node(source, depth)
        if isinstance(found, Call) and found.name.rpartition(".")[2] not in _SOURCES:
            self._refuse(source, _CHOOSING)
        if not isinstance(found, Call | Name | Selection):
            self._refuse(source, _CHOOSING)
        for test in tests:
            if _levels(test) > DEEPEST:
                self._refuse(test, f"it is nested more than {DEEPEST} deep")
        plain = tuple(self._plain(source, name) for name in names)
        return Selection(found, plain, tuple(ast.unparse(test) for test in tests))

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
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Attribute):
                parts.append(f".{self._plain(node, node.attr)}")
            elif isinstance(node.slice, ast.Constant) and type(node.slice.value) is int:
                parts.append(f"[{self._bounded(node, node.slice.value)}]")
            else:
                self._refuse(node, "of a list, one item is read by its number")
            node = node.value
        if not isinstance(node, ast.Name):
            self._refuse(node, "a name is made of names and dots")
        return self._plain(node, "".join([self._plain(node, node.id), *reversed(parts)]))

    def _plain(self, node: ast.AST, name: str) -> str:
        if len(name) > LONGEST_WORD:
            self._refuse(node, f"no name has more than {LONGEST_WORD} characters")
        if name.startswith("__"):
            self._refuse(node, f"{name} is no setting")
        return name

    def _constant(self, node: ast.Constant) -> Scalar:
        value = node.value
        if isinstance(value, str) and len(value) > LONGEST_WORD:
            self._refuse(node, f"no text in settings has more than {LONGEST_WORD} characters")
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
    if isinstance(node, Selection):
        tests = "".join(f" if {test}" for test in node.tests)
        names = ", ".join(node.targets)
        return f"[{node.targets[-1]} for {names} in {render(node.source)}{tests}]"
    arguments = [render(arg) for arg in node.args]
    arguments += [f"{name}={render(value)}" for name, value in node.kwargs]
    called = node.name if node.on is None else f"{render(node.on)}.{node.name}"
    return f"{called}({', '.join(arguments)})"


def shown(node: Node) -> str:
    """The text of a tree in a sentence, cut where it is long."""
    text = render(node)
    return text if len(text) <= 60 else f"{text[:57]}..."


def render_program(program: Program) -> str:
    """The text of every statement, one a line."""
    return "\n".join(
        render(s.value) if s.target is None else f"{s.target} = {render(s.value)}"
        for s in program.statements
    )


# --- names that stand for values ------------------------------------------------------------------


def settled(program: Program) -> Program:
    """The program with plain values in place of the names that they were given.

    ``lr = 0.1; torch.optim.SGD(lr=lr)`` says ``torch.optim.SGD(lr=0.1)``. A name of a call stays.

    Raises
    ------
    InputError
        It becomes too large.
    """
    named = {n.name for s in program.statements for n in walk(s.value) if isinstance(n, Name)}
    named |= {call.name.rpartition(".")[0] for call in program.calls()}
    values: dict[str, Node] = {}
    statements = []
    for statement in program.statements:
        value, target = _settle(statement.value, values), statement.target
        if any(itertools.islice(walk(value), LONGEST, None)):
            raise InputError("the values that the names stand for are too many to write out.")
        stays = isinstance(value, Call) or (isinstance(value, Table) and target not in named)
        if target is None or stays:
            values.pop(target or "", None)
            statements.append(Statement(target, value))
        else:
            values[target] = value
    return Program(tuple(statements))


def _settle(node: Node, values: dict[str, Node]) -> Node:
    if isinstance(node, Name):
        return values.get(node.name, node)
    if isinstance(node, Items):
        return Items(tuple(_settle(item, values) for item in node.items), node.kind)
    if isinstance(node, Table):
        return Table(tuple((k, _settle(v, values)) for k, v in node.pairs))
    if isinstance(node, Selection):
        tests = tuple(_settled_test(test, node.targets, values) for test in node.tests)
        source = _settle(node.source, values)
        return Selection(_items_of(source, values), node.targets, tests)
    if isinstance(node, Call):
        on = None if node.on is None else _settle(node.on, values)
        assert on is None or isinstance(on, Call)
        args = tuple(_settle(arg, values) for arg in node.args)
        return Call(node.name, args, tuple((k, _settle(v, values)) for k, v in node.kwargs), on)
    return node


def _items_of(source: Node, values: dict[str, Node]) -> Node:
    """``chosen.items()`` of parameters that were chosen before."""
    if isinstance(source, Call) and source.on is None:
        first, _, last = source.name.rpartition(".")
        if last in ("items", "values") and isinstance(values.get(first), Selection):
            return values[first]
    return source


def _settled_test(test: str, own: tuple[str, ...], values: dict[str, Node]) -> str:
    """A test with lists of text in place of their names."""

    class Written(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            value = values.get(node.id)
            if node.id in own or not isinstance(value, Items | Constant):
                return node
            return ast.parse(render(value), mode="eval").body

    return ast.unparse(Written().visit(ast.parse(test, mode="eval")))
