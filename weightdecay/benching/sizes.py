"""The problems that are timed: ridge regression by plain SGD, by name or by shape.

Learning rate and λ are sums of few powers of two, which frameworks that hold them in float32 hold
exactly; neither has any influence on the time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from weightdecay import bounds
from weightdecay.data.sources import Synthetic
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.escaping import shown
from weightdecay.experiment import Experiment
from weightdecay.validate import integer, parse_integer

LAMBDA = 3.0
MOST_NUMBERS = 10**9
BATCH, EPOCHS = 256, 2


@dataclass(frozen=True)
class Size:
    """How much there is to train: n examples of num_inputs inputs, and how often they are seen."""

    name: str
    rows: int
    inputs: int
    batch_size: int | Literal["full"]
    epochs: int
    lambdas: int = 1

    @property
    def batch(self) -> int:
        """Examples in a minibatch."""
        return self.rows if self.batch_size == "full" else self.batch_size

    @property
    def steps(self) -> int:
        """Steps of one training."""
        return self.epochs * -(-self.rows // self.batch)


SIZES = {
    size.name: size
    for size in (
        Size("guide", 20, 200, 5, 10),
        Size("tall", 20_000, 100, 256, 2),
        Size("wide", 200, 20_000, 20, 10),
        Size("large", 200_000, 512, 256, 1),
    )
}


def parse(
    text: str, *, batch_size: str | None = None, epochs: int | None = None, lambdas: int = 1
) -> Size:
    """A size by name, or ROWSxINPUTS, with what is to differ from it.

    Raises
    ------
    InputError
        No such name, no such form, or numbers that cannot be.
    """
    if text in SIZES:
        size = SIZES[text]
    elif re.fullmatch(r"[0-9]+[x×][0-9]+", text):
        rows, inputs = (_count(text, part) for part in re.split("[x×]", text))
        size = Size(f"{rows}x{inputs}", rows, inputs, min(BATCH, rows), EPOCHS)
    elif text[:1].isdigit():
        raise InputError(f"size {shown(text)}: write ROWSxINPUTS, such as 20000x100, or a name.")
    else:
        raise UnknownNameError("size", text, SIZES)
    if batch_size is not None:
        count = parse_integer(batch_size)
        if batch_size != "full" and count is None:
            raise InputError(
                f"batch size {shown(batch_size)}: it must be a whole number or 'full'."
            )
        size = replace(size, batch_size="full" if count is None else count)
    size = replace(size, epochs=size.epochs if epochs is None else epochs, lambdas=lambdas)
    _require_usable(size)
    return size


def _count(text: str, part: str) -> int:
    count = parse_integer(part)
    if count is None:
        raise InputError(f"size {shown(text)}: its numbers are too long.")
    return count


def _require_usable(size: Size) -> None:
    counts = {"rows": size.rows, "inputs": size.inputs, "epochs": size.epochs}
    counts |= {"lambdas": size.lambdas, "batch size": size.batch}
    most = {"epochs": bounds.EPOCHS, "lambdas": bounds.GRID}
    for name, count in counts.items():
        integer(name, count, 1, most.get(name, bounds.COUNT))
    if size.batch > size.rows:
        raise InputError(
            f"batch size is {size.batch} and there are {size.rows} rows: choose at most "
            f"{size.rows}, or 'full'."
        )
    if size.rows * size.inputs > MOST_NUMBERS:
        raise InputError(
            f"{size.rows} rows of {size.inputs} inputs are {size.rows * size.inputs:.1e} numbers: "
            f"choose at most {MOST_NUMBERS:.0e}, for every process holds them all."
        )


def experiment(size: Size) -> Experiment:
    """The experiment of a size: an L2 penalty, plain SGD, synthetic data, seed 0."""
    return Experiment(
        data=Synthetic(num_train=size.rows, num_inputs=size.inputs),
        lambd=strengths(size.lambdas),
        lr=learning_rate(size),
        batch_size=size.batch_size,
        epochs=size.epochs,
    )


def strengths(count: int) -> tuple[float, ...]:
    """As many λ, the largest of which is 3: multiples of 3 over a power of two."""
    parts = 2 ** math.ceil(math.log2(count))
    return tuple(LAMBDA * k / parts for k in range(parts - count + 1, parts + 1))


def learning_rate(size: Size) -> float:
    """A power of two, at most 1/L, so half of what is stable.

    L = (√p + √B)²/B + λ, where the first term is the largest eigenvalue to be expected of XᵀX/B
    for B examples of p standard normal inputs (Marchenko & Pastur, 1967).
    """
    p, B = size.inputs + 1, size.batch
    L = (math.sqrt(p) + math.sqrt(B)) ** 2 / B + LAMBDA
    return float(2.0 ** math.floor(-math.log2(L)))
