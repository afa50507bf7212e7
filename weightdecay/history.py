"""What training leaves behind, whichever implementation trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from weightdecay.data.minibatches import EpochPlan
from weightdecay.ops import NumPyArray, Parameters


class Row(NamedTuple):
    """The state of every run after one epoch, arrays of shape (runs,); see `History`."""

    train_loss: NumPyArray
    val_loss: NumPyArray
    weight_norm: NumPyArray
    penalty: NumPyArray


AfterEpoch: TypeAlias = Callable[[EpochPlan, Row], None]
"""Called when an epoch is over; it may raise to stop the training."""


class Trained(NamedTuple):
    """What a training ends with.

    The final parameters, a row for every epoch, the wall time of the epochs, and the parameters
    before the first and after every step if they were kept.
    """

    params: Parameters
    rows: list[Row]
    seconds: float
    steps: list[Parameters]


@dataclass(frozen=True)
class History:
    """After every epoch, arrays of shape (epochs, runs).

    Attributes
    ----------
    train_loss, val_loss
        The data term ½ (w·x + b − y)² averaged over the training and over the validation examples,
        without the penalty; `val_loss` is NaN where there are no validation examples.
    weight_norm
        ‖w‖₂.
    penalty
        λ₂/2 ‖w‖² + λ₁ ‖w‖₁, what the objective adds to the training loss.
    """

    train_loss: NumPyArray
    val_loss: NumPyArray
    weight_norm: NumPyArray
    penalty: NumPyArray

    @classmethod
    def of(cls, rows: Sequence[Row]) -> History:
        """The rows under each other."""
        return cls(*(np.stack(column) for column in zip(*rows, strict=True)))


def side_by_side(trained: Sequence[Trained]) -> Trained:
    """Runs that were trained one at a time, as columns."""

    def beside(parts: Sequence[Parameters]) -> Parameters:
        return Parameters(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))

    if len(trained) == 1:
        return trained[0]
    return Trained(
        beside([one.params for one in trained]),
        [
            Row(*map(np.concatenate, zip(*rows, strict=True)))
            for rows in zip(*(one.rows for one in trained), strict=True)
        ],
        sum(one.seconds for one in trained),
        [beside(steps) for steps in zip(*(one.steps for one in trained), strict=True)],
    )
