"""`weightdecay.ops.Ops.fold` for a framework that runs operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weightdecay.eager.recording import Recorded, Tape, Value, When
from weightdecay.ops import Array, Loop, Observe, Step


class Compiler(Protocol):
    """What turns recorded steps into functions of all their arrays: state, xs and data."""

    def loop(self, recorded: Recorded, steps: int) -> Callable[..., Sequence[Array]]:
        """A function to the state after so many steps; each of xs has the steps along axis 0."""

    def once(self, recorded: Recorded) -> Callable[..., Sequence[Array]]:
        """A function to what was recorded, without xs."""

    def stack(self, arrays: Sequence[Array]) -> Array:
        """One array, with a new axis in front."""


def fold(step: Step, observe: Observe, compiler: Compiler) -> Loop:
    """The loop over a step; it keeps the programs for every set of shapes that it has met."""
    programs: dict[Hashable, tuple[Program, Program]] = {}

    def loop(state: Any, xs: tuple[Array, ...], data: Any) -> tuple[Any, Any]:
        shapes: list[Any] = []
        begin: list[Array] = []
        rows: list[Array] = []
        given: list[Array] = []
        _flatten((state,), begin, shapes)
        _flatten((xs,), rows, shapes)
        _flatten((data,), given, shapes)
        key = tuple(shapes)
        if key not in programs:
            programs[key] = _compile(step, observe, compiler, state, xs, data)
        train, look = programs[key]
        now: Sequence[Array] = begin
        seen = []
        for epoch in zip(*rows, strict=True):
            now = train(*now, *epoch, *given)
            seen.append(look(*now, *given))
        stacked = iter([compiler.stack(part) for part in zip(*seen, strict=True)])
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
    step: Step, observe: Observe, compiler: Compiler, state: Any, xs: tuple[Array, ...], data: Any
) -> tuple[Program, Program]:
    tape, train = Tape(), _Values()
    returns = step(
        tape,
        _stand_ins(tape, state, When.STEP, train.state),
        _stand_ins(tape, xs, When.BLOCK, train.x),
        _stand_ins(tape, data, When.ONCE, train.data),
    )
    _flatten((returns,), train.after, [])
    if [value.shape for value in train.after] != [value.shape for value in train.state]:
        raise ValueError("a step must keep the shapes of its state.")
    steps = int(xs[0].shape[1])
    loop = Program(compiler.loop(train.recorded(tape), steps), returns)

    # A look happens once an epoch: everything it reads is there before it begins.
    tape, look = Tape(), _Values()
    returns = observe(
        tape,
        _stand_ins(tape, state, When.ONCE, look.state),
        _stand_ins(tape, data, When.ONCE, look.data),
    )
    _flatten((returns,), look.after, [])
    return loop, Program(compiler.once(look.recorded(tape)), returns)


@dataclass
class _Values:
    """The values of a recording while it is made; see `Recorded`."""

    state: list[Value] = field(default_factory=list)
    x: list[Value] = field(default_factory=list)
    data: list[Value] = field(default_factory=list)
    after: list[Value] = field(default_factory=list)

    def recorded(self, tape: Tape) -> Recorded:
        return Recorded(tape, self.state, self.x, self.data, self.after)


def _stand_ins(tape: Tape, tree: Any, when: When, values: list[Value]) -> Any:
    """The same nested tuples, with a value for every array."""
    if isinstance(tree, tuple):
        return _rebuilt(tree, [_stand_ins(tape, part, when, values) for part in tree])
    if tree is None:
        return None
    shape = tuple(tree.shape)
    values.append(tape.value(shape[2:] if when == When.BLOCK else shape, when))
    return values[-1]


def _flatten(trees: Sequence[Any], arrays: list[Any], shapes: list[Any]) -> None:
    """The arrays of nested tuples; `shapes` is told what tells trees apart.

    This runs at every call of a loop, and some calls are short: it must be quick.
    """
    for tree in trees:
        if isinstance(tree, tuple):
            shapes.append(len(tree))
            _flatten(tree, arrays, shapes)
        elif tree is None:
            shapes.append(None)
        else:
            arrays.append(tree)
            shapes.append(tree.shape)


def _like(tree: Any, arrays: Iterator[Array]) -> Any:
    """Nested tuples like `tree`, with other arrays."""
    if isinstance(tree, tuple):
        return _rebuilt(tree, [_like(part, arrays) for part in tree])
    return None if tree is None else next(arrays)


def _rebuilt(tree: tuple[Any, ...], parts: list[Any]) -> Any:
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
