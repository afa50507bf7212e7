"""Every check of the project: ``nox`` runs them all, ``nox -l`` lists them."""

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
BACKENDS = ["numpy", "torch", "tensorflow", "jax"]

# MXNet's last release needs Python 3.11 and NumPy 1.23. Where there is no such Python, its sessions
# are left out of the default ones, and that is said: what is asked for by name still fails.
MXNET_PYTHON = None if sys.version_info < (3, 12) else "3.11"
WITHOUT_MXNET = MXNET_PYTHON is not None and shutil.which("python3.11") is None
if WITHOUT_MXNET:
    print("MXNet is left out: it needs Python 3.11, and there is none here.", file=sys.stderr)
ALL = BACKENDS if WITHOUT_MXNET else [*BACKENDS, "mxnet"]

BENCHMARKS = {
    "tax": ALL,
    "sweeps": ALL,
    "epoch": ["numpy", "torch"],
    "memory": ALL,
    "tuning": ALL,
}

LIBRARIES = {"jax": ["flax"]}
"""Libraries of models beside a backend, with constraints and tests of their own."""

TESTING = ["pytest", "pytest-xdist", "hypothesis", "scikit-learn"]
SIDE_BY_SIDE = ["--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
"""Tests in as many processes as there are cores, and in no more than memory has room for."""

nox.options.sessions = ["lint", "types", "minimal", "tests", "strict", "parity"]
if not WITHOUT_MXNET:
    nox.options.sessions.insert(-1, "tests_mxnet")


def constraints(*backends: str) -> list[str]:
    """The pinned versions of some backends, and of the tools."""
    numpy = "numpy1" if "mxnet" in backends else "numpy2"
    files = [f"backends/constraints/{backend}.txt" for backend in backends]
    files += ["tests/constraints.txt", f"tests/constraints-{numpy}.txt"]
    return [part for file in files for part in ("-c", str(ROOT / file))]


def tested(session: nox.Session, backend: str, extras: str, *tools: str) -> None:
    """Install the project for a backend and run the tests that are about it."""
    pins, names = constraints(backend), ["--backend", backend]
    for library in LIBRARIES.get(backend, []):
        pins += ["-c", str(ROOT / f"tests/constraints-{library}.txt"), library]
        names += ["--with", library]
    session.install(*pins, f".[{extras}]", *TESTING, *tools)
    session.run("pytest", *SIDE_BY_SIDE, *names, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    session.install(*constraints(), "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    tools = ["mypy", "nox", "pytest", "hypothesis", "scikit-learn", "pyarrow", "array-api-strict"]
    session.install(*constraints("torch"), ".[torch,files,plot,sklearn]", *tools)
    session.run("mypy")


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
    session.run("weightdecay", "backends")
    session.run("weightdecay", "parity", "--backends", "numpy")
    modules = ["core/test_ops", "core/test_train", "core/test_stability", "core/test_registry"]
    modules += ["core/test_golden", "program/test_experiment", "program/test_imports"]
    modules += ["program/test_frames", "program/test_worker", "program/test_environments"]
    paths = [f"tests/{module}.py" for module in modules]
    session.run("pytest", "--backend", "numpy", *paths)


@nox.session
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    if backend == "numpy":  # where the tests that are about no backend run as well
        tested(session, backend, "files,plot,sklearn", "pyarrow")
    else:
        tested(session, backend, backend)


@nox.session(python=MXNET_PYTHON)
def tests_mxnet(session: nox.Session) -> None:
    tested(session, "mxnet", "mxnet")


@nox.session
def strict(session: nox.Session) -> None:
    """The core on an array library that has the array API standard and nothing else."""
    session.install(*constraints("numpy"), ".", *TESTING, "array-api-strict")
    session.run("pytest", *SIDE_BY_SIDE, "--backend", "array_api_strict")


@nox.session
def parity(session: nox.Session) -> None:
    """All frameworks side by side, each in the interpreter of its tests session."""
    session.install(*constraints("numpy"), ".", "scikit-learn")
    interpreters = {variable(backend): tested_by(session, backend) for backend in ALL}
    names = ",".join(ALL)
    for dtype in ("float64", "float32"):
        session.run(
            "weightdecay", "parity", "--backends", names, "--dtype", dtype, env=interpreters
        )
    frameworks = ["torch", "keras", "optax", *([] if WITHOUT_MXNET else ["mxnet"])]
    names = ",".join([*frameworks, "sklearn", "book"])
    session.run("weightdecay", "translate", "--all", "--frameworks", names, env=interpreters)
    if not WITHOUT_MXNET:
        session.run("weightdecay", "book", env=interpreters)


def variable(backend: str) -> str:
    """The variable that names a backend's Python."""
    return f"WEIGHTDECAY_{backend.upper()}_PYTHON"


def tested_by(session: nox.Session, backend: str) -> str:
    """The Python of a backend's tests session, which must have run before."""
    name = "tests_mxnet" if backend == "mxnet" else f"tests({backend})"
    python = _environment(name) / "bin" / "python"
    if not python.exists():
        session.error(f"this uses the environment of {name}: run nox -s '{name}' first.")
    return str(python)


def _environment(session: str) -> Path:
    """Where nox keeps a session's environment."""
    return ROOT / ".nox" / session.replace("(", "-").replace(")", "")


@nox.session(default=False)
def scikit_learn(session: nox.Session) -> None:
    """All of scikit-learn's own tests that the adapter in tests/scikit_learn is applicable to.

    The session of the tests on NumPy runs a tenth of them.
    """
    session.install(*constraints("numpy"), ".", "pytest", "hypothesis", "scikit-learn")
    session.run("pytest", "--all-of-scikit-learn", "tests/scikit_learn", *session.posargs)


@nox.session(default=False)
def bench_startup(session: nox.Session) -> None:
    """Start-up of the commands against importing NumPy; rewrites benchmarks/startup.json."""
    session.install(*constraints("numpy"), ".")
    script = ROOT / "benchmarks" / "startup.py"
    session.chdir(session.create_tmp())  # away from the checkout: the installed copy is measured
    session.run("python", str(script), "--out", str(script.with_suffix(".json")))


@nox.session(default=False)
def bench_lasso(session: nox.Session) -> None:
    """A lasso path against other solvers at one certificate; rewrites benchmarks/lasso.json."""
    session.install(*constraints("numpy"), ".[sklearn]", "celer", "skglm")
    script = ROOT / "benchmarks" / "lasso.py"
    session.run("python", str(script), "--out", str(script.with_suffix(".json")), *session.posargs)
    session.run("python", str(ROOT / "benchmarks" / "table.py"))


@nox.session(default=False, venv_backend="none")
def audit_packages(session: nox.Session) -> None:
    """The audit on every optimizer class of some packages; rewrites benchmarks/packages.json.

    What follows -- goes to the script, such as --packages timm,torchao.
    """
    script = ROOT / "benchmarks" / "packages.py"
    session.run(
        sys.executable,
        str(script),
        *("--environment", str(_environment("packages"))),
        *(session.posargs or ("--out", str(script.with_suffix(".json")))),
        external=True,
    )


@nox.session(default=False, venv_backend="none")
@nox.parametrize("question", list(BENCHMARKS), ids=list(BENCHMARKS))
def bench(session: nox.Session, question: str) -> None:
    """Ratios side by side; rewrites benchmarks/QUESTION.json and the README's table.

    Each backend runs in the Python of its tests session, or in the one that its variable names
    (WEIGHTDECAY_JAX_PYTHON and its like), and it is the checkout that is measured. What follows --
    goes to the script, such as --rounds 30.
    """
    results = ROOT / "benchmarks" / f"{question}.json"
    for backend in (name for name in ALL if name in BENCHMARKS[question]):
        session.run(
            os.environ.get(variable(backend)) or tested_by(session, backend),
            str(results.with_suffix(".py")),
            *("--backend", backend, "--out", str(results), *session.posargs),
            env={"PYTHONPATH": str(ROOT)},
            external=True,
        )
    session.run(sys.executable, str(ROOT / "benchmarks" / "table.py"), external=True)
