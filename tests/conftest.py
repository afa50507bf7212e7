"""Which backends a test run is about: those asked for, all of which must import."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from weightdecay import registry

# Example counts keep the suite short; no deadline, since a first call may compile.
settings.register_profile("default", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("default")

# Test modules that import a framework of their own.
NEEDS = {"test_torch_evidence.py": "torch"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        metavar="NAME",
        help="test this backend (repeatable); by default numpy and torch",
    )


def requested(config: pytest.Config) -> list[str]:
    return config.getoption("--backend") or ["numpy", "torch"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    needed = NEEDS.get(collection_path.name)
    return True if needed and needed not in requested(config) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", requested(metafunc.config))
    if "dtype" in metafunc.fixturenames:
        metafunc.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def _no_backend_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the developer has set reaches a test."""
    monkeypatch.delenv(registry.ENVIRONMENT_VARIABLE, raising=False)
