"""scikit-learn's own test_ridge.py, as installed, against this package."""

from __future__ import annotations

from tests.scikit_learn.loading import adapted

globals().update(adapted("test_ridge"))
