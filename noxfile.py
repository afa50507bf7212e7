"""Every check of the project: ``nox`` runs them all, ``nox -l`` lists them."""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
BACKENDS = ["numpy", "torch"]
TEST_TOOLS = ["pytest", "hypothesis", "scikit-learn", "pyarrow"]


def constraints(*backends: str) -> list[str]:
    """The pinned versions of some backends, and of the tools."""
    files = [f"backends/constraints/{backend}.txt" for backend in backends]
    return [part for file in [*files, "tests/constraints.txt"] for part in ("-c", str(ROOT / file))]


@nox.session
def lint(session: nox.Session) -> None:
    session.install(*constraints(), "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    session.install(
        *constraints("torch"), ".[torch,files,plot,sklearn]", "mypy", "nox", *TEST_TOOLS
    )
    session.run("mypy")


@nox.session
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    extras = "files,plot,sklearn" + (f",{backend}" if backend != "numpy" else "")
    session.install(*constraints(backend), f".[{extras}]", *TEST_TOOLS)
    session.run("pytest", "--backend", backend, *session.posargs)


@nox.session
def minimal(session: nox.Session) -> None:
    """The built wheel with nothing but what it depends on, away from the checkout."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT), silent=True)
    (wheel,) = dist.glob("*.whl")
    session.install(*constraints("numpy"), str(wheel), "pytest", "hypothesis")
    away = dist.parent / "away"
    shutil.rmtree(away, ignore_errors=True)
    shutil.copytree(ROOT / "tests", away / "tests")
    shutil.copy(ROOT / "pyproject.toml", away)
    session.chdir(away)
    session.run("weightdecay", "run")
    session.run("python", "-m", "weightdecay", "backends")
    modules = ["ops", "train", "stability", "experiment", "registry", "imports"]
    paths = [f"tests/test_{module}.py" for module in modules]
    session.run("pytest", "--backend", "numpy", *paths)
