"""scikit-learn estimators: weight decay in pipelines, grid searches and cross-validation.

regressor        `WeightDecayRegressor`, for one λ
choosing         `WeightDecayCV`, which chooses λ
linear           what both are: checked data in, a linear prediction out
settings         the arguments that both share, checked when they are used
splitting        scikit-learn's splitters, and what is routed to them

The names are loaded when they are first used, so that nothing else needs scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weightdecay.estimators.choosing import WeightDecayCV
    from weightdecay.estimators.regressor import WeightDecayRegressor

_HOME = {"WeightDecayCV": "choosing", "WeightDecayRegressor": "regressor"}

__all__ = ["WeightDecayCV", "WeightDecayRegressor"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        from weightdecay.errors import MissingExtraError

        raise MissingExtraError(f"{__name__}.{name}", "sklearn") from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
