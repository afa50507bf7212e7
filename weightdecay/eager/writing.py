"""From a tape to a Python function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weightdecay.eager.buffers import assign
from weightdecay.eager.dialect import COMMUTES, Dialect
from weightdecay.eager.recording import Instruction, Recorded, Value, When, needed
from weightdecay.ops import Array

BLOCK_BYTES = 1 << 22
"""Rows that are gathered at once, in bytes: few enough for the cache that the cores share."""

WORTH_A_LOOK = 1 << 16
"""A step's rows, in bytes, from which on it is worth finding out whether they lie in order."""


@dataclass(frozen=True)
class Writer:
    """Writes recorded steps in a dialect; a `weightdecay.eager.folding.Compiler`."""

    dialect: Dialect

    def loop(self, recorded: Recorded, steps: int) -> Callable[..., Sequence[Array]]:
        """See `write_loop`."""
        return write_loop(recorded, self.dialect, steps)

    def once(self, recorded: Recorded) -> Callable[..., Sequence[Array]]:
        """See `write_once`."""
        return write_once(recorded, self.dialect)

    def stack(self, arrays: Sequence[Array]) -> Array:
        """One array, with a new axis in front."""
        return self.dialect.stack(arrays)


def write_loop(recorded: Recorded, dialect: Dialect, steps: int) -> Callable[..., Sequence[Array]]:
    """A function of all arrays of state, xs and data to the arrays of the state after the loop."""
    ends = _of_their_own(recorded)
    lines = _loop(recorded, needed(recorded.tape.instructions, ends), ends, dialect, steps)
    return _function(lines, recorded, dialect)


def write_once(recorded: Recorded, dialect: Dialect) -> Callable[..., Sequence[Array]]:
    """A function of all arrays of state and data to what was recorded from them."""

    def lines() -> Iterator[str]:
        yield f"def program({', '.join(x.name for x in (*recorded.state, *recorded.data))}):"
        for made in needed(recorded.tape.instructions, recorded.after):
            yield f"    {made.result.name} = " + _spell(dialect.value, made, lambda x: x.name)
        yield f"    return ({''.join(x.name + ', ' for x in recorded.after)})"

    return _function(lines(), recorded, dialect)


def _function(
    lines: Iterator[str], recorded: Recorded, dialect: Dialect
) -> Callable[..., Sequence[Array]]:
    names = dict(dialect.names) | {"gather": dialect.gather, "unbind": dialect.unbind}
    names |= {"empty": dialect.empty, "in_order": dialect.in_order, "spare": []}
    for number, value in recorded.tape.numbers.items():
        names[value.name] = dialect.constant(number)
    exec(compile("\n".join(lines), "<weightdecay.eager>", "exec"), names)
    program: Callable[..., Sequence[Array]] = names["program"]
    return program


def _of_their_own(recorded: Recorded) -> list[Value]:
    """The state after a step, every part of it in memory that no other part shares."""
    made = {instruction.result: instruction for instruction in recorded.tape.instructions}
    ends: list[Value] = []
    for end in recorded.after:
        is_view = end in made and made[end].operation == "transpose"
        shared = end.when != When.STEP or end in ends or is_view
        ends.append(recorded.tape.copy(end) if shared else end)
    return ends


def _loop(
    recorded: Recorded,
    instructions: Sequence[Instruction],
    ends: Sequence[Value],
    dialect: Dialect,
    steps: int,
) -> Iterator[str]:
    once, by_block, by_step = (
        [made for made in instructions if made.result.when == when] for when in When
    )
    registers = assign(by_step, recorded.state, ends)
    gathers = [made for made in by_block if made.operation == "take"]
    size = _block_size(gathers, dialect.itemsize, steps)
    looks = _bytes_of_a_step(gathers, dialect.itemsize) >= WORTH_A_LOOK

    def whole(x: Value) -> str:
        return f"{x.name}_block" if x.when == When.BLOCK else x.name

    arguments = [x.name for x in recorded.state]
    arguments += [f"{x.name}_all" for x in recorded.x] + [x.name for x in recorded.data]
    yield f"def program({', '.join(arguments)}):"
    for made in once:
        yield f"    {made.result.name} = " + _spell(dialect.value, made, lambda x: x.name)
    for x in registers.copied:
        yield f"    {x.name} = " + dialect.value["copy"].format(x.name)
    for name, shape in registers.fresh.items():
        yield f"    {name} = empty({shape})"
    for x in dict.fromkeys(made.operands[1] for made in gathers) if looks else ():
        yield f"    {x.name}_order = in_order({x.name}_all, {size})"
    # What a block needs goes where that of the last call went, unless another thread is there.
    kept = [made for made in by_block if made.operation != "transpose"]
    spare = "".join(f"{made.result.name}_buffer, " for made in kept)
    if kept:
        new = (None if made in gathers else (size, *made.result.shape) for made in kept)
        made_new = "".join(f"empty({shape}), " if shape else "None, " for shape in new)
        yield f"    {spare} = spare.pop() if spare else ({made_new})"

    yield f"    for first in range(0, {steps}, {size}):"
    read_by_block = {x for made in by_block for x in made.operands}
    read_by_step = {x for made in by_step for x in made.operands if x.when == When.BLOCK}
    for x in recorded.x:
        if x in read_by_block | read_by_step:
            yield f"        {whole(x)} = {x.name}_all[first : first + {size}]"
    for made in by_block:
        name, buffer = whole(made.result), f"{made.result.name}_buffer"
        if made in gathers:
            data, rows = made.operands
            shape, count = made.result.shape, rows.shape[0]
            gather = f"{name}, {buffer} = gather({data.name}, {whole(rows)}, {buffer})"
            if not looks:
                yield f"        {gather}"
                continue
            yield f"        start = {rows.name}_order[first // {size}]"
            yield "        if start is None:"
            yield f"            {gather}"
            yield "        else:"
            yield f"            {name} = {data.name}[start : start + len({whole(rows)}) * {count}]"
            yield f"            {name} = {name}.reshape((-1, {', '.join(map(str, shape))}))"
        elif made in kept:
            part = "" if steps % size == 0 else f"[: min({size}, {steps} - first)]"
            yield f"        {name} = {buffer}{part}"
            yield "        " + _statement(dialect, made, whole)
        else:
            yield f"        {name} = " + _spell(dialect.value, made, whole)
    if read_by_step:
        each = sorted(read_by_step, key=lambda x: x.name)
        parts = ", ".join(f"unbind({whole(x)})" for x in each)
        yield f"        for {', '.join(x.name for x in each)}, in zip({parts}):"
    else:
        yield f"        for _ in range(first, min(first + {size}, {steps})):"

    def register(x: Value) -> str:
        return registers.of.get(x, x.name)

    for made in by_step:
        if made.operation == "transpose":
            yield f"            {made.result.name} = " + _spell(dialect.value, made, register)
        else:
            yield "            " + _statement(dialect, made, register)
    if registers.moves:
        targets, sources = zip(*registers.moves, strict=True)
        yield f"            {', '.join(targets)} = {', '.join(sources)}"
    yield "            pass"
    if kept:
        yield f"    spare.append(({spare}))"
    yield f"    return ({''.join(name + ', ' for name in registers.results)})"


def _spell(templates: Mapping[str, str], made: Instruction, name: Callable[[Value], str]) -> str:
    return templates[made.operation].format(*map(name, made.operands), axis=made.axis)


def _statement(dialect: Dialect, made: Instruction, register: Callable[[Value], str]) -> str:
    out, operands = register(made.result), [*map(register, made.operands)]
    templates = dialect.into
    if made.operation in dialect.over and out in operands:
        if made.operation in COMMUTES and operands[1] == out:
            operands.reverse()
        if operands[0] == out:
            templates = dialect.over
    return templates[made.operation].format(*operands, axis=made.axis, out=out)


def _block_size(gathers: Sequence[Instruction], itemsize: int, steps: int) -> int:
    """Steps for which rows are gathered at once."""
    per_step = _bytes_of_a_step(gathers, itemsize)
    return max(1, min(steps, BLOCK_BYTES // per_step)) if per_step else steps


def _bytes_of_a_step(gathers: Sequence[Instruction], itemsize: int) -> int:
    return itemsize * sum(int(np.prod(made.result.shape)) for made in gathers)
