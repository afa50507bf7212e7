"""`weightdecay.ops.Ops.fold` for a framework that runs operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from weightdecay.eager.dialect import Dialect
from weightdecay.eager.recording import Tape, Value, When
from weightdecay.eager.writing import Recorded, write_loop, write_once
from weightdecay.ops import Array, Loop, Observe, Step


def fold(step: Step, observe: Observe, dialect: Dialect) -> Loop:
    """The loop over a step; it keeps the programs for every set of shapes that it has met."""
    programs: dict[Hashable, tuple[Program, Program]] = {}

    def loop(state: Any, xs: tuple[Array, ...], data: Any) -> tuple[Any, Any]:
        shapes: list[Any] = []
        now, rows, given = (_flatten(tree, shapes) for tree in (state, xs, data))
        key = tuple(shapes)
        if key not in programs:
            programs[key] = _compile(step, observe, dialect, state, xs, data)
        train, look = programs[key]
        seen = []
        for epoch in zip(*rows, strict=True):
            now = train(*now, *epoch, *given)
            seen.append(look(*now, *given))
        stacked = iter([dialect.stack(part) for part in zip(*seen, strict=True)])
        return _like(state, iter(now)), _like(look.returns, stacked)

    return loop


@dataclass(frozen=True)
class Program:
    """A function of all arrays, in order, and a tree of the values that it returns."""

    run: Callable[..., Sequence[Array]]
    returns: Any

    def __call__(self, *arrays: Array) -> Sequence[Array]:
        """Run it."""
        return self.run(*arrays)


def _compile(
    step: Step, observe: Observe, dialect: Dialect, state: Any, xs: tuple[Array, ...], data: Any
) -> tuple[Program, Program]:
    tape, before, x, given = Tape(), [], [], []
    arguments = (
        _stand_ins(tape, state, When.STEP, before),
        _stand_ins(tape, xs, When.BLOCK, x),
        _stand_ins(tape, data, When.ONCE, given),
    )
    returns = step(tape, *arguments)
    after = _flatten(returns, [])
    if [value.shape for value in after] != [value.shape for value in before]:
        raise ValueError("a step must keep the shapes of its state.")
    steps = int(xs[0].shape[1])
    train = Program(write_loop(Recorded(tape, before, x, given, after), dialect, steps), returns)

    # A look happens once an epoch: everything it reads is there before it begins.
    tape, before, given = Tape(), [], []
    of_state = _stand_ins(tape, state, When.ONCE, before)
    returns = observe(tape, of_state, _stand_ins(tape, data, When.ONCE, given))
    recorded = Recorded(tape, before, [], given, _flatten(returns, []))
    return train, Program(write_once(recorded, dialect), returns)


def _stand_ins(tape: Tape, tree: Any, when: When, values: list[Value]) -> Any:
    """The same nested tuples, with a value for every array."""
    if isinstance(tree, tuple):
        return _rebuilt(tree, [_stand_ins(tape, part, when, values) for part in tree])
    if tree is None:
        return None
    shape = tuple(tree.shape)
    values.append(tape.value(shape[2:] if when == When.BLOCK else shape, when))
    return values[-1]


def _flatten(tree: Any, shapes: list[Any]) -> list[Any]:
    """The arrays of nested tuples; `shapes` is told what tells trees apart."""
    if isinstance(tree, tuple):
        shapes.append(len(tree))
        return [array for part in tree for array in _flatten(part, shapes)]
    shapes.append(None if tree is None else tree.shape)
    return [] if tree is None else [tree]


def _like(tree: Any, arrays: Iterator[Array]) -> Any:
    """Nested tuples like `tree`, with other arrays."""
    if isinstance(tree, tuple):
        return _rebuilt(tree, [_like(part, arrays) for part in tree])
    return None if tree is None else next(arrays)


def _rebuilt(tree: tuple[Any, ...], parts: list[Any]) -> Any:
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
