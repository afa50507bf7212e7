"""Which of scikit-learn's tests are run, and which of them part from it by convention."""

from __future__ import annotations

import pytest

from tests.scikit_learn.conventions import CONVENTIONS, reason

PART = 10
"""One test in so many is run unless all are asked for; those with a convention always."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    theirs = [item for item in items if item.path.name.startswith("test_scikit_learns_")]
    others = [item for item in items if item not in set(theirs)]
    kept = []
    for item in theirs:  # as their own configuration has it
        for told in ("sklearn.exceptions.UndefinedMetricWarning", "UserWarning"):
            item.add_marker(pytest.mark.filterwarnings(f"ignore::{told}"))
    for number, item in enumerate(item for item in theirs if reason(item.name) is None):
        convention = CONVENTIONS.get(item.name)
        if convention is not None:
            item.add_marker(pytest.mark.xfail(reason=convention, strict=True))
        if convention or number % PART == 0 or config.getoption("--all-of-scikit-learn"):
            kept.append(item)
    dropped = [item for item in theirs if item not in set(kept)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = others + kept


@pytest.fixture
def global_random_seed() -> int:
    """What scikit-learn's own fixture gives by default."""
    return 42
