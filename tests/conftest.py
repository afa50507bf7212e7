"""Which backends a test run is about: those asked for, all of which must import.

The folder of a test says where it runs: core/ on every backend that is asked for, program/ and cli/
once, frameworks/NAME/ where NAME is asked for, as a backend or as a library beside one (flax).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from weightdecay import registry

# Example counts keep the suite short; no deadline, since a first call may compile.
settings.register_profile("default", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("default")

DEFAULT = ["numpy", "torch"]
THIRD_PARTY = Path(__file__).parent / "third_party"

HERE = Path(__file__).parent
ONCE = {HERE / "program", HERE / "cli", HERE / "scikit_learn"}
"""Folders of tests about this program rather than about a backend: they run where NumPy is tested,
which has all tools."""

FRAMEWORKS = HERE / "frameworks"
"""A folder for each backend, of tests that import its framework; they run where it is tested."""

NATIVE = {"native_backend", "shipped_entry"}
"""Arguments of tests that need a framework with optimizers of its own."""

# Modules of hundreds of checks that are the same on every backend: two of them are enough.
SOME = {"test_estimators.py": {"numpy", "torch"}}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        metavar="NAME",
        help=f"test this backend (repeatable); by default {' and '.join(DEFAULT)}",
    )
    parser.addoption(
        "--with",
        action="append",
        default=[],
        dest="libraries",
        metavar="NAME",
        help="test with this library of models, too (repeatable): flax, on jax",
    )
    parser.addoption(
        "--all-of-scikit-learn",
        action="store_true",
        help="run every test in tests/scikit_learn, not a part of them",
    )


def requested(config: pytest.Config) -> list[str]:
    return config.getoption("--backend") or DEFAULT


def with_native(config: pytest.Config) -> list[str]:
    """The requested backends whose framework has an optimizer of its own."""
    known = registry.BUILT_IN
    return [name for name in requested(config) if name in known and known[name].native]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without such a backend, pytest would report tests of nothing as skipped."""
    if not with_native(config):
        items[:] = [item for item in items if NATIVE.isdisjoint(fixtures_of(item))]


def fixtures_of(item: pytest.Item) -> list[str]:
    return list(getattr(item, "fixturenames", []))


def pytest_configure(config: pytest.Config) -> None:
    if "array_api_strict" in requested(config):
        sys.path.insert(0, str(THIRD_PARTY))
        os.environ["PYTHONPATH"] = str(THIRD_PARTY)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path.parent == FRAMEWORKS and collection_path.is_dir():
        names = [*requested(config), *config.getoption("libraries")]
        return True if collection_path.name not in names else None
    if SOME.get(collection_path.name, {*requested(config)}).isdisjoint(requested(config)):
        return True
    return True if collection_path in ONCE and "numpy" not in requested(config) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", requested(metafunc.config))
    if "native_backend" in metafunc.fixturenames:
        metafunc.parametrize("native_backend", with_native(metafunc.config))
    marks = metafunc.definition.iter_markers("parametrize")
    own = {name.strip() for mark in marks for name in str(mark.args[0]).split(",")}
    if "dtype" in metafunc.fixturenames and not any("dtype" in name for name in own):
        metafunc.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def _no_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing that the developer has set or made reaches a test."""
    monkeypatch.delenv(registry.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.delenv("WEIGHTDECAY_TIMEOUT", raising=False)
    for name in registry.BUILT_IN:
        monkeypatch.delenv(f"WEIGHTDECAY_{name.upper()}_PYTHON", raising=False)
    nowhere = tmp_path_factory.getbasetemp() / "no-environments"
    monkeypatch.setenv("WEIGHTDECAY_ENVIRONMENTS", str(nowhere))
