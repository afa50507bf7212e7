"""Which parameters a comprehension chooses, found by asking its test about typical ones.

The test is read, never run: names, dimensions, `in`, comparisons, `any` and `all` over lists of
text are understood here, one by one.
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from weightdecay.errors import InputError
from weightdecay.translation.syntax import DEEPEST, Selection

Kinds: TypeAlias = frozenset[str]
"""Of 'weights', 'biases' and 'norms', these being the scales of normalisation layers."""
ALL: Kinds = frozenset({"weights", "biases", "norms"})


@dataclass(frozen=True)
class _Parameter:
    """What a test may ask of a parameter."""

    name: str
    ndim: int

    @property
    def kind(self) -> str:
        """Of what kind it is."""
        if self.name.endswith("bias"):
            return "biases"
        return "weights" if self.ndim > 1 else "norms"


TYPICAL = tuple(
    _Parameter(f"{layer}.{part}", ndim if part == "weight" else 1)
    for layer, ndim in (
        ("embeddings.word_embeddings", 2),
        ("encoder.layer.0.attention.self.query", 2),
        ("encoder.layer.0.output.dense", 2),
        ("layer1.0.conv1", 4),
        ("fc", 2),
        ("encoder.layer.0.output.LayerNorm", 1),
        ("layer1.0.bn1", 1),
        ("blocks.0.norm1", 1),
        ("transformer.h.0.ln_1", 1),
    )
    for part in ("weight", "bias")
    if (layer, part) != ("embeddings.word_embeddings", "bias")
)


def kinds(chosen: Selection) -> Kinds | None:
    """The kinds that are chosen whole, or None where weights or biases are chosen in part.

    A kind of norms that is chosen in part counts as chosen.

    Raises
    ------
    InputError
        The test asks something else than names and dimensions.
    """
    within = frozenset(p for p in TYPICAL if all(_asked(chosen, test, p) for test in chosen.tests))
    found = set()
    for kind in ALL:
        of = [p in within for p in TYPICAL if p.kind == kind]
        if any(of) and not all(of) and kind != "norms":
            return None
        if any(of):
            found.add(kind)
    if isinstance(chosen.source, Selection):
        below = kinds(chosen.source)
        return None if below is None else below & found
    return frozenset(found)


def _asked(chosen: Selection, test: str, parameter: _Parameter) -> bool:
    *names, last = chosen.targets
    known: dict[str, Any] = dict.fromkeys(names, parameter.name)
    known[last] = parameter
    return bool(_Asking(known, test).value(ast.parse(test, mode="eval").body, 0))


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
_OF_TEXT = ("endswith", "startswith", "lower", "split")


class _Asking:
    """A test's value for one parameter."""

    def __init__(self, known: Mapping[str, Any], test: str) -> None:
        self._known, self._test = dict(known), test

    def value(self, node: ast.expr, depth: int) -> Any:
        if depth > DEEPEST:
            self._refuse()
        depth += 1
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            return node.value
        if isinstance(node, ast.Name) and node.id in self._known:
            return self._known[node.id]
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return tuple(self.value(item, depth) for item in node.elts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self.value(node.operand, depth)
        if isinstance(node, ast.BoolOp):
            combine = all if isinstance(node.op, ast.And) else any
            return combine(self.value(part, depth) for part in node.values)
        if isinstance(node, ast.Compare):
            return self._compared(node, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(self.value(node.value, depth), node.attr)
        if isinstance(node, ast.Subscript):
            found, index = self.value(node.value, depth), node.slice
            if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
                position = -self._whole(index.operand)
            else:
                position = self._whole(index)
            if isinstance(found, tuple) and -len(found) <= position < len(found):
                return found[position]
        if isinstance(node, ast.Call) and not node.keywords:
            return self._called(node, depth)
        return self._refuse()

    def _whole(self, node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        return self._refuse()

    def _compared(self, node: ast.Compare, depth: int) -> bool:
        sides = [self.value(side, depth) for side in (node.left, *node.comparators)]
        for op, (left, right) in zip(node.ops, itertools.pairwise(sides), strict=True):
            compare = _COMPARISONS.get(type(op))
            if compare is None:
                self._refuse()
            try:
                if not compare(left, right):
                    return False
            except TypeError:
                self._refuse()
        return True

    def _attribute(self, of: Any, name: str) -> Any:
        if isinstance(of, _Parameter):
            if name == "requires_grad":
                return True
            if name == "ndim":
                return of.ndim
            if name == "shape":
                return (2,) * of.ndim
        return self._refuse()

    def _called(self, node: ast.Call, depth: int) -> Any:
        called = node.func
        if isinstance(called, ast.Name) and called.id in ("any", "all") and len(node.args) == 1:
            combine = any if called.id == "any" else all
            return combine(self._each(node.args[0], depth))
        if isinstance(called, ast.Name) and called.id == "len" and len(node.args) == 1:
            found = self.value(node.args[0], depth)
            return len(found) if isinstance(found, tuple) else self._refuse()
        if not isinstance(called, ast.Attribute):
            self._refuse()
        of, args = self.value(called.value, depth), [self.value(a, depth) for a in node.args]
        if isinstance(of, _Parameter) and not args:
            if called.attr in ("dim", "ndimension"):
                return of.ndim
            if called.attr == "size":
                return (2,) * of.ndim
        if isinstance(of, str) and called.attr in _OF_TEXT:
            try:
                made = getattr(of, called.attr)(*args)
            except (TypeError, ValueError):
                self._refuse()
            return tuple(made) if isinstance(made, list) else made
        return self._refuse()

    def _each(self, node: ast.expr, depth: int) -> Iterator[Any]:
        if not isinstance(node, ast.GeneratorExp | ast.ListComp) or len(node.generators) != 1:
            self._refuse()
        (loop,) = node.generators
        if not isinstance(loop.target, ast.Name) or loop.ifs:
            self._refuse()
        items = self.value(loop.iter, depth)
        if not isinstance(items, tuple):
            self._refuse()
        for item in items:
            inner = _Asking({**self._known, loop.target.id: item}, self._test)
            yield inner.value(node.elt, depth)

    def _refuse(self) -> NoReturn:
        shown = self._test if len(self._test) <= 60 else f"{self._test[:57]}..."
        raise InputError(
            f"which parameters have {shown!r} is not understood: write a test of their names, "
            "'bias' not in n, or of their dimensions, p.ndim > 1."
        )
