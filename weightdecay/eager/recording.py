"""Stand-ins for arrays, and the tape that they write on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int, ...]


class When(IntEnum):
    """When a value is known: before the loop, for a block of steps at once, or at its step."""

    ONCE = 0
    BLOCK = 1
    STEP = 2


class Value:
    """A stand-in for an array: its name in the program, its shape, and when it is known.

    The shape of a value that is known by blocks is that of one step.
    """

    __slots__ = ("name", "shape", "tape", "when")
    __array_ufunc__ = None  # a NumPy operand on the left leaves the operation to this class

    def __init__(self, tape: Tape, name: str, shape: Shape, when: When) -> None:
        self.tape, self.name, self.shape, self.when = tape, name, shape, when

    def __add__(self, other: Any) -> Value:
        """Elementwise self + other."""
        return self.tape.elementwise("add", self, other)

    def __radd__(self, other: Any) -> Value:
        """Elementwise other + self."""
        return self.tape.elementwise("add", other, self)

    def __sub__(self, other: Any) -> Value:
        """Elementwise self − other."""
        return self.tape.elementwise("subtract", self, other)

    def __rsub__(self, other: Any) -> Value:
        """Elementwise other − self."""
        return self.tape.elementwise("subtract", other, self)

    def __mul__(self, other: Any) -> Value:
        """Elementwise self · other."""
        return self.tape.elementwise("multiply", self, other)

    def __rmul__(self, other: Any) -> Value:
        """Elementwise other · self."""
        return self.tape.elementwise("multiply", other, self)

    def __truediv__(self, other: Any) -> Value:
        """Elementwise self / other."""
        return self.tape.elementwise("divide", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        """Elementwise other / self."""
        return self.tape.elementwise("divide", other, self)

    def __neg__(self) -> Value:
        """Elementwise −self."""
        return self.tape.elementwise("negative", self)

    def __abs__(self) -> Value:
        """Elementwise |self|."""
        return self.tape.elementwise("absolute", self)


@dataclass(frozen=True, eq=False)
class Instruction:
    """One operation: its name, what it reads, the value it makes, and the axis of a sum."""

    operation: str
    operands: tuple[Value, ...]
    result: Value
    axis: int | None = None


@dataclass(eq=False)
class Tape:
    """The verbs that a step may use (`weightdecay.ops.Verbs`), noting what is asked of them.

    Attributes
    ----------
    instructions : list of Instruction
        In the order in which they were asked for; what is asked for twice is there once.
    numbers : mapping of float to Value
        The Python numbers that were operands.
    """

    instructions: list[Instruction] = field(default_factory=list)
    numbers: dict[float, Value] = field(default_factory=dict)
    _made: dict[Hashable, Value] = field(default_factory=dict)
    _count: int = 0

    def value(self, shape: Shape, when: When) -> Value:
        """A new value, of an argument or of an instruction."""
        self._count += 1
        return Value(self, f"v{self._count}", shape, when)

    def elementwise(self, operation: str, *given: Any) -> Value:
        """An operation on corresponding elements, with broadcasting."""
        operands = tuple(map(self._operand, given))
        shape = np.broadcast_shapes(*(x.shape for x in operands))
        when = max(x.when for x in operands)
        if when == When.BLOCK and not _lines_up(operands, shape):
            when = When.STEP
        return self._record(operation, operands, shape, when)

    def matmul(self, a: Value, b: Value) -> Value:
        """Matrix product."""
        return self._record("matmul", (a, b), (a.shape[0], b.shape[1]), _not_by_blocks(a, b))

    def matrix_transpose(self, x: Value) -> Value:
        """Rows to columns."""
        return self._record("transpose", (x,), x.shape[::-1], x.when)

    def sum(self, x: Value, axis: int | None = None) -> Value:
        """Sum over one axis, or over all."""
        if axis is not None:
            axis %= len(x.shape)
        shape = () if axis is None else x.shape[:axis] + x.shape[axis + 1 :]
        return self._record("sum", (x,), shape, _not_by_blocks(x), axis)

    def sqrt(self, x: Value) -> Value:
        """Square root."""
        return self.elementwise("sqrt", x)

    def sign(self, x: Value) -> Value:
        """Sign, 0 at 0."""
        return self.elementwise("sign", x)

    def clip(self, x: Value, lower: Value, upper: Value) -> Value:
        """Limit to an interval."""
        return self.elementwise("clip", x, lower, upper)

    def take(self, x: Value, indices: Value) -> Value:
        """Pick rows: for a block of steps where they are rows of the data."""
        by_blocks = (x.when, indices.when) == (When.ONCE, When.BLOCK)
        when = When.BLOCK if by_blocks else _not_by_blocks(x, indices)
        return self._record("take", (x, indices), indices.shape + x.shape[1:], when)

    def copy(self, x: Value) -> Value:
        """The same numbers in memory of their own, made at the end of every step."""
        own = self.value(x.shape, When.STEP)
        self.instructions.append(Instruction("copy", (x,), own))
        return own

    def _operand(self, x: Any) -> Value:
        if isinstance(x, Value):
            return x
        if x not in self.numbers:
            self.numbers[x] = self.value((), When.ONCE)
        return self.numbers[x]

    def _record(
        self,
        operation: str,
        operands: tuple[Value, ...],
        shape: Shape,
        when: When,
        axis: int | None = None,
    ) -> Value:
        key = (operation, operands, axis)
        if key not in self._made:
            self._made[key] = self.value(shape, when)
            self.instructions.append(Instruction(operation, operands, self._made[key], axis))
        return self._made[key]


def _lines_up(operands: tuple[Value, ...], shape: Shape) -> bool:
    """Whether broadcasting is unharmed by an axis of steps in front of what is known by blocks."""
    return all(
        len(x.shape) == len(shape) if x.when == When.BLOCK else len(x.shape) <= len(shape)
        for x in operands
    )


def _not_by_blocks(*operands: Value) -> When:
    when = max(x.when for x in operands)
    return When.STEP if when == When.BLOCK else when


@dataclass(frozen=True, eq=False)
class Recorded:
    """A step on tape: the values of its state, `x` and data, and of the state it returns."""

    tape: Tape
    state: Sequence[Value]
    x: Sequence[Value]
    data: Sequence[Value]
    after: Sequence[Value]


def needed(instructions: Sequence[Instruction], ends: Sequence[Value]) -> list[Instruction]:
    """The instructions on which something in the end depends."""
    wanted, kept = set(ends), []
    for made in reversed(instructions):
        if made.result in wanted:
            kept.append(made)
            wanted.update(made.operands)
    return kept[::-1]
