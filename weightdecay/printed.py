"""What a program that a book prints is asked, and what it answers; see ``backends/book``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from weightdecay.ops import NumPyArray


@dataclass(frozen=True, eq=False)
class PrintedProblem:
    """Examples, minibatches, initial state and the two hyperparameters, all in float64.

    Attributes
    ----------
    X, y : arrays of shape (n, num_inputs) and (n,)
    batches : sequence of integer arrays
        The row numbers of every step.
    w, b : array of shape (num_inputs,), and float
    weight_decay, lr : float
        What the book passes, whatever the program makes of it.
    """

    X: NumPyArray
    y: NumPyArray
    batches: Sequence[NumPyArray]
    w: NumPyArray
    b: float
    weight_decay: float
    lr: float


class PrintedProgram(Protocol):
    """What a module of ``weightdecay.backends.book`` offers."""

    PRINTED: str
    """The program's loss, regularizer and optimizer, in a line."""

    MEANT: str
    """What to write instead to train what was meant."""

    def train(self, problem: PrintedProblem) -> Iterator[tuple[NumPyArray, float]]:
        """Train as printed, giving w and b after every step."""
