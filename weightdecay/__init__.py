"""One weight-decay experiment, the same numbers on every framework.

The public names are loaded when they are first used, so that the command line can print its help
without waiting for NumPy, and importing this package imports no framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weightdecay.auditing.auditor import audit
    from weightdecay.auditing.result import AuditReport
    from weightdecay.data.dataset import Dataset, from_arrays
    from weightdecay.data.load import load_data
    from weightdecay.data.monomials import count_monomials, monomial_features
    from weightdecay.data.sources import Polynomial, Synthetic, Table
    from weightdecay.exact import Certificate, certify
    from weightdecay.experiment import Experiment
    from weightdecay.history import History
    from weightdecay.models.covering import Coverage, CoveredParameter, coverage
    from weightdecay.models.grouping import decay_groups
    from weightdecay.parity import Comparison, Divergence, compare
    from weightdecay.registry import load
    from weightdecay.remedies.comparing import Remedies, compare_remedies
    from weightdecay.survey import BackendInfo, available
    from weightdecay.sweeping.result import SweepResult
    from weightdecay.sweeping.running import sweep
    from weightdecay.train import FitResult, fit
    from weightdecay.translation.translating import Translation, translate
    from weightdecay.tuning.model import Model, load_model
    from weightdecay.tuning.path import regularization_path
    from weightdecay.tuning.result import TuneResult
    from weightdecay.tuning.running import tune

__version__ = "0.1.0"

_HOME = {
    "AuditReport": "auditing.result",
    "BackendInfo": "survey",
    "Certificate": "exact",
    "Comparison": "parity",
    "Coverage": "models.covering",
    "CoveredParameter": "models.covering",
    "Dataset": "data.dataset",
    "Divergence": "parity",
    "Experiment": "experiment",
    "FitResult": "train",
    "History": "history",
    "Model": "tuning.model",
    "Polynomial": "data.sources",
    "Remedies": "remedies.comparing",
    "SweepResult": "sweeping.result",
    "Synthetic": "data.sources",
    "Table": "data.sources",
    "Translation": "translation.translating",
    "TuneResult": "tuning.result",
    "audit": "auditing.auditor",
    "available": "survey",
    "certify": "exact",
    "compare": "parity",
    "compare_remedies": "remedies.comparing",
    "count_monomials": "data.monomials",
    "coverage": "models.covering",
    "decay_groups": "models.grouping",
    "fit": "train",
    "from_arrays": "data.dataset",
    "load": "registry",
    "load_data": "data.load",
    "load_model": "tuning.model",
    "monomial_features": "data.monomials",
    "regularization_path": "tuning.path",
    "sweep": "sweeping.running",
    "translate": "translation.translating",
    "tune": "tuning.running",
}

__all__ = [
    "AuditReport",
    "BackendInfo",
    "Certificate",
    "Comparison",
    "Coverage",
    "CoveredParameter",
    "Dataset",
    "Divergence",
    "Experiment",
    "FitResult",
    "History",
    "Model",
    "Polynomial",
    "Remedies",
    "SweepResult",
    "Synthetic",
    "Table",
    "Translation",
    "TuneResult",
    "__version__",
    "audit",
    "available",
    "certify",
    "compare",
    "compare_remedies",
    "count_monomials",
    "coverage",
    "decay_groups",
    "fit",
    "from_arrays",
    "load",
    "load_data",
    "load_model",
    "monomial_features",
    "regularization_path",
    "sweep",
    "translate",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"weightdecay.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
