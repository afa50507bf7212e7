"""Minibatches whose rows lie one after another: they need no gathering."""

from __future__ import annotations

import numpy as np

from weightdecay.ops import NumPyArray


def in_order(rows: NumPyArray, size: int) -> list[int | None]:
    """For every block of `size` steps, its first row if its rows are consecutive, else None.

    `rows` is (steps, batch). All blocks are looked at together: at every step, the look itself
    would cost more than the operations.
    """
    whole = len(rows) // size
    blocks = rows[: whole * size].reshape(whole, size * rows.shape[1])
    found = _starts(blocks)
    if whole * size < len(rows):
        found += _starts(rows[whole * size :].reshape(1, -1))
    return found


def _starts(blocks: NumPyArray) -> list[int | None]:
    first, length = blocks[:, 0], blocks.shape[1]
    consecutive = blocks[:, -1] - first == length - 1
    # Few shuffled blocks get so far.
    likely = np.flatnonzero(consecutive)
    consecutive[likely] = (np.diff(blocks[likely], axis=1) == 1).all(axis=1)
    return [int(i) if is_one else None for i, is_one in zip(first, consecutive, strict=True)]
