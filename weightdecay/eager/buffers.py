"""Which results share which memory: registers for the values that are known at their step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from weightdecay.eager.dialect import OVERWRITES
from weightdecay.eager.recording import Instruction, Shape, Value, When


@dataclass(frozen=True)
class Registers:
    """Where the values of a step live.

    Attributes
    ----------
    of : mapping of Value to str
        The register of every value that is known at its step.
    copied : list of Value
        Parts of the state that the loop writes over: it must begin with copies of them.
    fresh : mapping of str to Shape
        Registers that hold no part of the state when the loop begins.
    moves : list of (str, str)
        At the end of a step, all at once: the first name becomes the memory of the second.
    results : list of str
        The registers of the state after the moves.
    """

    of: dict[Value, str]
    copied: list[Value]
    fresh: dict[str, Shape]
    moves: list[tuple[str, str]]
    results: list[str]


def assign(
    instructions: Sequence[Instruction], starts: Sequence[Value], ends: Sequence[Value]
) -> Registers:
    """Registers for a step that turns the values `starts` into `ends`, all of them distinct.

    A value gives its register back after its last use, and an elementwise operation may write over
    an operand that is used there for the last time.
    """
    last, viewed = _last_uses(instructions, ends)
    of = {start: start.name for start in starts if start in last}
    kept = {start for start, end in zip(starts, ends, strict=True) if start is end}
    fresh: dict[str, Shape] = {}
    free: dict[Shape, list[str]] = defaultdict(list)
    for i, made in enumerate(instructions):
        dying = [x for x in of if last.get(x) == i and x not in viewed.values()]
        if made.operation == "transpose":  # a view has no memory of its own
            of[made.result] = made.result.name
            continue
        candidates = made.operands if made.operation in OVERWRITES else ()
        candidates = made.operands[:1] if made.operation == "clip" else candidates
        over = next(
            (
                x
                for x in candidates
                if x in dying and x.shape == made.result.shape and x not in viewed
            ),
            None,
        )
        if over is not None:
            of[made.result] = of[over]
        elif free[made.result.shape]:
            of[made.result] = free[made.result.shape].pop()
        else:
            of[made.result] = made.result.name
            fresh[made.result.name] = made.result.shape
        for x in dying:
            if x is not over:
                free[x.shape].append(of[x])
    moves, results = _moves(of, starts, ends)
    copied = [start for start in starts if start in of and start not in kept]
    return Registers(of, copied, fresh, moves, results)


def _last_uses(
    instructions: Sequence[Instruction], ends: Sequence[Value]
) -> tuple[dict[Value, int], dict[Value, Value]]:
    """The instruction that uses a value last, and the views: of each value, one that shows it."""
    last = dict.fromkeys(ends, len(instructions))
    viewed: dict[Value, Value] = {}
    for i in range(len(instructions) - 1, -1, -1):
        made = instructions[i]
        for x in made.operands:
            if x.when == When.STEP:
                last.setdefault(x, i)
        if made.operation == "transpose":
            (base,) = made.operands
            viewed[base] = made.result
            last[base] = max(last[base], last[made.result])
    return last, viewed


def _moves(
    of: dict[Value, str], starts: Sequence[Value], ends: Sequence[Value]
) -> tuple[list[tuple[str, str]], list[str]]:
    """The names by which the next step finds its state, and those of the results after that."""
    pairs = [(of[s], of[e], s.shape) for s, e in zip(starts, ends, strict=True) if s in of]
    targets = {target: shape for target, _, shape in pairs}
    sources = {source: shape for _, source, shape in pairs}
    # What a name held before goes to a name that would otherwise stand for the same memory.
    spare: dict[Shape, list[str]] = defaultdict(list)
    for name, shape in targets.items():
        if name not in sources:
            spare[shape].append(name)
    moves = [(target, source) for target, source, _ in pairs if target != source]
    moves += [(n, spare[shape].pop()) for n, shape in sources.items() if n not in targets]
    now = {source: target for target, source in moves}
    return moves, [now.get(of[end], of[end]) for end in ends]
