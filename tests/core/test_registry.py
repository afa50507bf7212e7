"""Choosing a backend: three different messages for unknown, missing and broken; never silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from weightdecay import Experiment, available, fit, load, registry
from weightdecay.errors import (
    BackendBrokenError,
    BackendError,
    BackendNotInstalledError,
    InputError,
    UnknownNameError,
)

ADAPTER = """
from weightdecay.backends.numpy_backend import NumPyOps, dtypes, devices, version

class MyOps(NumPyOps):
    {body}

def bind(dtype, device):
    return MyOps(dtype, device)
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """An installed package that registers the backend 'mine' through the entry-point group."""
    body = getattr(request, "param", "pass")
    (tmp_path / "their_adapter.py").write_text(ADAPTER.format(body=body))
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[weightdecay.backends]\nmine = their_adapter\nnumpy = their_adapter\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry._bind.cache_clear()
    yield
    registry._bind.cache_clear()
    sys.modules.pop("their_adapter", None)


def test_the_argument_then_the_variable_then_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.resolve_name() == "numpy"
    monkeypatch.setenv("WEIGHTDECAY_BACKEND", "torch")
    assert registry.resolve_name() == "torch"  # read at the call, not at import
    assert registry.resolve_name("numpy") == "numpy"


@pytest.mark.parametrize(
    ("value", "message"),
    [("", "is empty"), ("  ", "is empty"), ("'torch'", "write torch"), (' "numpy"', "write numpy")],
)
def test_empty_and_quoted_variables_are_errors(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("WEIGHTDECAY_BACKEND", value)
    with pytest.raises(InputError, match=f"WEIGHTDECAY_BACKEND is.*{message}|{message}"):
        fit(Experiment())


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown backend 'numpyy': did you mean 'numpy'"):
        load("numpyy")
    with pytest.raises(UnknownNameError, match="unknown dtype 'float16'"):
        load("numpy", "float16")


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(BackendError, match="finds no device 'cuda' here: it has cpu"):
        load("numpy", device="cuda")


def run_with_fake_torch(tmp_path: Path, source: str | None) -> str:
    """The message of ``load("torch")`` where torch is `source`, or is not installed."""
    blocker = "import sys, importlib.util as u; f = u.find_spec\n"
    blocker += "u.find_spec = lambda name, *a: None if name == 'torch' else f(name, *a)\n"
    if source is not None:
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch/__init__.py").write_text(source)
        blocker = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code = blocker + (
        "import weightdecay\n"
        "try:\n    weightdecay.load('torch')\n"
        "except Exception as e:\n    print(type(e).__name__, e, repr(e.__cause__))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_missing_and_broken_are_different(tmp_path: Path) -> None:
    missing = run_with_fake_torch(tmp_path, None)
    assert missing.startswith(BackendNotInstalledError.__name__)
    assert "not installed: run pip install '.[torch]'" in missing
    broken = run_with_fake_torch(tmp_path, "raise OSError('libtorch.so: cannot open')")
    assert broken.startswith(BackendBrokenError.__name__)
    assert "installed but does not import (OSError: libtorch.so: cannot open)" in broken
    assert "OSError('libtorch.so: cannot open')" in broken.split("reinstall it.")[1]


@pytest.mark.usefixtures("third_party")
def test_a_third_partys_adapter_trains() -> None:
    theirs, ours = fit(backend="mine"), fit(backend="numpy")
    assert theirs.backend == "mine"
    assert (theirs.params.w == ours.params.w).all()
    known = registry.registrations()
    assert known["mine"].install == "comes with theirs"
    # A built-in name cannot be taken over.
    assert known["numpy"].install == "comes with weightdecay"
    assert type(load("numpy")).__name__ == "NumPyOps"


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("third_party", ["clip = property()"], indirect=True)
def test_an_adapter_that_lacks_a_verb_is_refused_by_name() -> None:
    with pytest.raises(BackendBrokenError, match=r"backend 'mine' lacks clip"):
        load("mine")


def test_every_known_backend_is_described() -> None:
    found = {info.name: info for info in available()}
    assert set(found) >= set(registry.BUILT_IN)
    assert found["numpy"].version == np.__version__
    assert found["numpy"].dtypes == ("float32", "float64")
