"""Folds: which rows a run is trained with, and which it is validated with, as sample weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from weightdecay.data.dataset import Dataset
from weightdecay.data.streams import generator
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray, host
from weightdecay.validate import integer

Given: TypeAlias = int | Iterable[npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]] | None


class Folds(NamedTuple):
    """Sample weights of mean 1 over all n training examples, arrays of shape (n, folds).

    `train` is 0 on the rows that a fold leaves out, `held_out` on all the others, so that a
    weighted mean over the n rows is the mean over the rows of one kind.
    """

    train: NumPyArray
    held_out: NumPyArray


def make(given: Given, dataset: Dataset, seed: int) -> Folds | None:
    """The folds of the training part of a dataset; its validation part stays unseen.

    Parameters
    ----------
    given : int, iterable or None
        A number of folds, cut at random from `seed`; or for every fold the row numbers that it
        holds out; or for every fold the row numbers that it trains with and those that it holds
        out, which is what scikit-learn's splitters give.

    Raises
    ------
    InputError
        Fewer than two folds, more folds than rows, a row that there is not, a fold that leaves
        nothing to train with or holds nothing out.
    """
    if given is None:
        return None
    n = dataset.num_train
    weight = np.ones(n) if dataset.weight_train is None else host(dataset.weight_train)
    parts = _cut(given, n, seed) if hasattr(given, "__index__") else _listed(given, n)
    train, held_out = (
        np.stack([_mean_one(count * weight, i) for i, count in enumerate(counts)], axis=1)
        for counts in zip(*parts, strict=True)
    )
    return Folds(train, held_out)


def _cut(given: Any, n: int, seed: int) -> list[tuple[NumPyArray, NumPyArray]]:
    k = integer("folds", given, 2)
    if k > n:
        raise InputError(f"folds is {k} and there are {n} training examples: choose at most {n}.")
    order = generator(seed, "folds").permutation(n)
    return [_without(rows, n) for rows in np.array_split(order, k)]


def _listed(given: Any, n: int) -> list[tuple[NumPyArray, NumPyArray]]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(
            f"folds is {given!r}: it must be a number of at least 2, or the held-out row numbers "
            "of every fold."
        )
    parts = []
    for i, fold in enumerate(given):
        if isinstance(fold, tuple) and len(fold) == 2 and all(np.ndim(part) == 1 for part in fold):
            parts.append((_counts(fold[0], n, i), _counts(fold[1], n, i)))
        else:
            parts.append(_without(_rows(fold, n, i), n))
    if len(parts) < 2:
        raise InputError(f"folds holds {len(parts)}: at least 2 are needed.")
    return parts


def _without(held_out: NumPyArray, n: int) -> tuple[NumPyArray, NumPyArray]:
    out = np.bincount(held_out, minlength=n)
    return (out == 0).astype(np.float64), out.astype(np.float64)


def _counts(rows: Any, n: int, fold: int) -> NumPyArray:
    return np.bincount(_rows(rows, n, fold), minlength=n).astype(np.float64)


def _rows(rows: Any, n: int, fold: int) -> NumPyArray:
    found = np.asarray(rows)
    whole = found.ndim == 1 and found.dtype.kind in "iu" and found.size
    if not whole or found.min() < 0 or found.max() >= n:
        raise InputError(
            f"fold {fold + 1} is no list of row numbers from 0 to {n - 1}, which number the "
            "training examples."
        )
    return found.astype(np.intp)


def _mean_one(weight: NumPyArray, fold: int) -> NumPyArray:
    if not weight.any():
        raise InputError(
            f"fold {fold + 1} leaves no example of positive weight to train with or to validate "
            "with: every fold needs some of both."
        )
    scaled: NumPyArray = weight / weight.mean()
    return scaled
