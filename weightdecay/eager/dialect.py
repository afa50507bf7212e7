"""How a framework spells the operations of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weightdecay.eager.recording import Shape
from weightdecay.ops import Array

OVERWRITES = {"add", "subtract", "multiply", "divide", "negative", "absolute", "sqrt", "sign"}
"""Operations whose result may go into the memory of any operand of its shape."""

COMMUTES = {"add", "multiply"}


@dataclass(frozen=True)
class Dialect:
    """Templates of Python code, and what they mention.

    ``{0}``, ``{1}``, ``{2}`` stand for the operands, ``{out}`` for where the result goes and
    ``{axis}`` for the axis of a sum. The operations are those of `OVERWRITES`, 'clip', 'matmul',
    'sum', 'take', 'transpose' and 'copy'.

    Attributes
    ----------
    value : mapping
        Expressions of the result. Elementwise operations and 'transpose', which swaps the last two
        axes, are also asked for blocks of steps, with one more axis in front.
    into : mapping
        Statements that write the result into ``{out}``; for operations of `OVERWRITES`, and for the
        first operand of 'clip', that may be the memory of an operand. All but 'transpose'.
    over : mapping
        Statements that write the result over ``{0}``, for operations that have a quicker one.
    names : mapping
        What the templates mention.
    empty : callable
        From a shape to an array for results.
    constant : callable
        From a Python number to an array of shape ().
    in_order : callable
        (rows, size) to what `weightdecay.eager.rows.in_order` says; None for every block where
        looking at the numbers would wait for them.
    gather : callable
        (x, rows, buffer) to the rows of x for a block of steps, and the buffer to pass next time,
        at first None: rows is (block, batch), the result (block, batch, …). No later block is
        larger than the first.
    unbind : callable
        From an array for a block to its steps, one after another.
    stack : callable
        From arrays of one shape to one array, with a new axis in front.
    itemsize : int
        Bytes of a number.
    """

    value: Mapping[str, str]
    into: Mapping[str, str]
    over: Mapping[str, str]
    names: Mapping[str, Any]
    empty: Callable[[Shape], Array]
    constant: Callable[[float], Array]
    in_order: Callable[[Array, int], Sequence[int | None]]
    gather: Callable[[Array, Array, Any], tuple[Array, Any]]
    unbind: Callable[[Array], Iterable[Array]]
    stack: Callable[[Sequence[Array]], Array]
    itemsize: int
