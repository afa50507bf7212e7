"""Which backends a test run is about: those asked for, all of which must import."""

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

# Test modules that import a framework of their own.
NEEDS = {
    "test_audit_keras.py": "tensorflow",
    "test_audit_optax.py": "jax",
    "test_audit_torch.py": "torch",
    "test_keras_probe.py": "tensorflow",
    "test_models_gluon.py": "mxnet",
    "test_models_keras.py": "tensorflow",
    "test_models_optax.py": "jax",
    "test_models_torch.py": "torch",
    "test_optax_probe.py": "jax",
    "test_torch_evidence.py": "torch",
    "test_gluon_probe.py": "mxnet",
}

# Modules about this program rather than about a backend: once is enough, where all tools are.
ONCE = {
    "test_audit.py",
    "test_bad_input.py",
    "test_bench.py",
    "test_bench_cli.py",
    "test_choosing.py",
    "test_cli.py",
    "test_data.py",
    "test_environments.py",
    "test_experiment.py",
    "test_files.py",
    "test_frames.py",
    "test_imports.py",
    "test_lasso.py",
    "test_matrix.py",
    "test_model_file.py",
    "test_parity.py",
    "test_readme.py",
    "test_remedies.py",
    "test_remedies_cli.py",
    "test_sweep_cli.py",
    "test_translation_cli.py",
    "test_translation_dialects.py",
    "test_translation_syntax.py",
    "test_tune_cli.py",
    "test_worker.py",
}

# Modules of hundreds of checks that are the same on every backend: two of them are enough.
SOME = {"test_estimators.py": {"numpy", "torch"}}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        metavar="NAME",
        help=f"test this backend (repeatable); by default {' and '.join(DEFAULT)}",
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
        items[:] = [item for item in items if "native_backend" not in fixtures_of(item)]


def fixtures_of(item: pytest.Item) -> list[str]:
    return list(getattr(item, "fixturenames", []))


def pytest_configure(config: pytest.Config) -> None:
    if "array_api_strict" in requested(config):
        sys.path.insert(0, str(THIRD_PARTY))
        os.environ["PYTHONPATH"] = str(THIRD_PARTY)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    needed = NEEDS.get(collection_path.name)
    if needed and needed not in requested(config):
        return True
    if SOME.get(collection_path.name, {*requested(config)}).isdisjoint(requested(config)):
        return True
    return True if collection_path.name in ONCE and "numpy" not in requested(config) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", requested(metafunc.config))
    if "native_backend" in metafunc.fixturenames:
        metafunc.parametrize("native_backend", with_native(metafunc.config))
    if "dtype" in metafunc.fixturenames:
        metafunc.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def _no_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing that the developer has set or made reaches a test."""
    monkeypatch.delenv(registry.ENVIRONMENT_VARIABLE, raising=False)
    for name in registry.BUILT_IN:
        monkeypatch.delenv(f"WEIGHTDECAY_{name.upper()}_PYTHON", raising=False)
    nowhere = tmp_path_factory.getbasetemp() / "no-environments"
    monkeypatch.setenv("WEIGHTDECAY_ENVIRONMENTS", str(nowhere))
