"""The modules of scikit-learn's own tests, with the adapted names in place of its estimators."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

import pytest
import sklearn.linear_model
from sklearn.linear_model import _coordinate_descent, _ridge

from tests.scikit_learn.adapter import ADAPTED, FUNCTIONS

TESTS = Path(sklearn.linear_model.__file__).parent / "tests"


def load(name: str) -> ModuleType:
    """Run the file of the installed scikit-learn anew, where its imports find the adapter."""
    spec = importlib.util.spec_from_file_location(f"adapted_{name}", TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for adapted in (*ADAPTED, *FUNCTIONS):
            for home in (sklearn.linear_model, _ridge, _coordinate_descent):
                if hasattr(home, adapted.__name__):
                    patch.setattr(home, adapted.__name__, adapted)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


def adapted(name: str) -> dict[str, object]:
    """Tests and fixtures of such a module, by name."""
    found = {
        key: value for key, value in vars(load(name)).items() if key.startswith(("test_", "ols_"))
    }
    for value in found.values():
        if hasattr(value, "pytestmark"):
            value.pytestmark = [_listed(mark) for mark in value.pytestmark]
    return found


def _listed(mark: pytest.Mark) -> pytest.Mark:
    """With a list where there is a generator of parameters, which pytest will not take for long."""
    if mark.name != "parametrize" or isinstance(mark.args[1], Collection):
        return mark
    return pytest.mark.parametrize(mark.args[0], list(mark.args[1]), **mark.kwargs).mark
