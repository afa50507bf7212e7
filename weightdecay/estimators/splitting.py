"""scikit-learn's splitters, and what is routed to them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from sklearn import get_config
from sklearn.model_selection import LeaveOneOut, check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from weightdecay.errors import InputError
from weightdecay.paths.examples import Examples, Split
from weightdecay.tuning.splits import LEAVE_ONE_OUT, make

Splits: TypeAlias = str | list[Split]
"""Pairs of row numbers, or 'loo', which has a closed form."""


def router(estimator: Any, cv: Any) -> MetadataRouter:
    """Who gets what is passed to `fit`: the estimator itself, and the `split` of its splitter."""
    mapping = MethodMapping().add(caller="fit", callee="split")
    own = MetadataRouter(owner=estimator).add_self_request(estimator)
    return own.add(splitter=splitter(cv), method_mapping=mapping)


def splitter(cv: Any) -> Any:
    """The splitter that `cv` stands for; an int is an unshuffled `KFold`, as in scikit-learn.

    Raises
    ------
    InputError
        A word other than 'loo'.
    """
    if isinstance(cv, str):
        if cv != LEAVE_ONE_OUT:
            raise InputError(f"cv is {cv!r}: write a number of folds, 'loo', a splitter or splits.")
        return LeaveOneOut()
    return check_cv(cv)


def splits(
    estimator: Any, cv: Any, data: Examples, sample_weight: Any, params: dict[str, Any]
) -> Splits:
    """The splits of all rows.

    `params` is what `fit` was passed beside the sample weights. With metadata routing it goes where
    it was requested; without, only `groups` is taken.
    """
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(estimator, "fit", sample_weight=sample_weight, **params)
        params = routed.splitter.split
    else:
        unknown = sorted(name for name in params if name != "groups")
        if unknown:
            raise InputError(
                f"fit was passed {', '.join(unknown)}, which goes nowhere: enable metadata routing "
                "and request it on the splitter."
            )
        params = {name: value for name, value in params.items() if value is not None}
    found = splitter(cv)
    if isinstance(cv, str) and not params:
        return LEAVE_ONE_OUT
    y = data.Y[:, 0] if data.num_targets == 1 else data.Y
    return list(make(list(found.split(data.X, y, **params)), data.num_examples) or ())


def without_rows_of_weight_zero(data: Examples, splits: Splits) -> tuple[Examples, Splits]:
    """The same examples and splits, as if those rows were not there."""
    if data.weight is None or data.weight.all():
        return data, splits
    kept = data.weight > 0
    if not isinstance(splits, str):
        place = np.cumsum(kept) - 1
        splits = [Split(*(place[rows[kept[rows]]] for rows in split)) for split in splits]
    return data.take(np.flatnonzero(kept)), splits
