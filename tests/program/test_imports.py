"""What is imported by what: the promises that can be read off the sources and the interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import weightdecay
from weightdecay.registry import BUILT_IN

CORE = Path(weightdecay.__file__).parent
BACKENDS = next(
    folder for folder in (CORE.parent / "backends", CORE / "backends") if folder.is_dir()
)
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax", "jaxlib", "optax", "flax", "mxnet"}
HEAVY = FRAMEWORKS | {"altair", "plotille", "rich", "polars", "pandas", "sklearn", "scipy", "click"}
RULES = {"loss", "penalty", "update", "train"}


def imports(path: Path) -> set[str]:
    """Every module that a source file imports, at the top or inside a function, spelled in full."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def loaded_after(statement: str) -> set[str]:
    """Top-level packages in sys.modules after a statement, in a new interpreter."""
    code = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import weightdecay", "import weightdecay as w; w.fit, w.Experiment, w.load, w.available"],
)
def test_importing_loads_no_framework_and_nothing_heavy(statement: str) -> None:
    loaded = loaded_after(statement)
    assert "weightdecay" in loaded
    assert not loaded & HEAVY


def test_a_numpy_run_loads_no_framework() -> None:
    assert not loaded_after("import weightdecay as w; w.fit(backend='numpy')") & HEAVY


def test_help_does_not_wait_for_numpy() -> None:
    assert "numpy" not in loaded_after("import weightdecay.cli")


def test_the_checks_above_can_fail() -> None:
    assert "click" in loaded_after("import weightdecay.cli")


def core_sources() -> list[Path]:
    return [path for path in CORE.rglob("*.py") if BACKENDS not in path.parents]


def test_the_core_imports_no_framework() -> None:
    for path in core_sources():
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & FRAMEWORKS, path


def test_adapters_import_no_optimizer_and_no_autodiff() -> None:
    forbidden = ("optim", "optax", "keras", "gluon", "autograd", "grad")
    adapters = sorted(BACKENDS.glob("*_backend.py"))
    assert {path.stem for path in adapters} >= {"numpy_backend", "torch_backend"}
    for path in adapters:
        for name in imports(path):
            assert not set(name.split(".")) & set(forbidden), (path, name)


def test_native_implementations_import_nothing_of_the_rules() -> None:
    for path in (BACKENDS / "native").glob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            assert not (parts[0] == "weightdecay" and set(parts) & RULES), (path, name)
            assert name not in ("weightdecay.fit", "weightdecay.sweep"), (path, name)


def test_what_native_implementations_import_leads_to_no_rule_either() -> None:
    code = "import weightdecay.native, weightdecay.printed, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {f"weightdecay.{rule}" for rule in RULES} & set(done.stdout.split())


def test_adapters_are_reached_by_name_only() -> None:
    for path in core_sources():
        for name in imports(path):
            assert not name.startswith(("weightdecay.backends.", "backends")), (path, name)
    assert {r.module for r in BUILT_IN.values()} >= {"weightdecay.backends.numpy_backend"}


def test_importing_starts_no_thread_and_writes_no_file(tmp_path: Path) -> None:
    code = "import threading, weightdecay as w; w.fit; print(threading.active_count())"
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, {str(CORE.parent)!r})\n{code}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert not list(tmp_path.iterdir())


def test_public_names_resolve_and_are_listed() -> None:
    for name in weightdecay.__all__:
        assert getattr(weightdecay, name) is not None
    assert dir(weightdecay) == sorted(weightdecay.__all__)
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = weightdecay.fitt
