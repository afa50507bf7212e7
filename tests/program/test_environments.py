"""Which interpreter is found, what is said when none is, and that half a build is no build."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from weightdecay import building, environments
from weightdecay.environments import EnvironmentBuildError, Interpreter
from weightdecay.errors import BackendNotInstalledError, InputError, UnknownNameError

PACKAGES = ("framework==1.0", "numpy==2.0")


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data directory of its own, and nothing that the developer has set."""
    for backend in environments.REQUIREMENTS:
        monkeypatch.delenv(environments.variable(backend), raising=False)
    monkeypatch.setenv(environments.ROOT_VARIABLE, str(tmp_path / "environments"))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the running interpreter find these frameworks and no others."""

    def only(*names: str) -> None:
        def find_spec(name: str) -> ModuleSpec | None:
            return ModuleSpec(name, None, origin="somewhere") if name in names else None

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)

    return only


def fill(folder: Path) -> None:
    """What every build leaves: an interpreter."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)


def build(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
    on_line(f"installing {backend}")
    fill(folder)
    return PACKAGES


def broken(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
    fill(folder)
    raise EnvironmentBuildError("installing it failed")


# ---- which interpreter


def test_the_variable_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Callable[..., None]
) -> None:
    installed("mxnet")
    environments.create("mxnet", build=build)
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    monkeypatch.setenv("WEIGHTDECAY_MXNET_PYTHON", str(python))
    found = environments.resolve("mxnet")
    assert found == Interpreter("mxnet", python, "variable")
    assert str(found) == f"{python} (from WEIGHTDECAY_MXNET_PYTHON)"


def test_then_the_running_interpreter(installed: Callable[..., None]) -> None:
    installed("mxnet")
    environments.create("mxnet", build=build)
    found = environments.resolve("mxnet")
    assert found == Interpreter("mxnet", Path(sys.executable), "running")
    assert str(found) == f"{sys.executable} (the running interpreter)"


def test_then_a_managed_environment(installed: Callable[..., None]) -> None:
    installed()
    made = environments.create("mxnet", build=build)
    found = environments.resolve("mxnet")
    assert found == Interpreter("mxnet", made.python, "managed")
    assert str(found) == f"{made.python} (a managed environment)"


def test_else_an_error_names_the_command(installed: Callable[..., None]) -> None:
    installed("torch")
    told = "needs the package 'mxnet'.* or weightdecay env create mxnet, or set WEIGHTDECAY_MXNET"
    with pytest.raises(BackendNotInstalledError, match=told):
        environments.resolve("mxnet")


def test_a_backend_is_found_by_its_framework_not_its_package(
    installed: Callable[..., None],
) -> None:
    installed("tensorflow")
    assert environments.resolve("tensorflow").origin == "running"


def test_a_folder_of_that_name_is_no_framework(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_such_framework").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    requirement = environments.Requirement("no_such_framework", ("x",), ("x",))
    monkeypatch.setitem(environments.REQUIREMENTS, "ghost", requirement)
    with pytest.raises(BackendNotInstalledError):
        environments.resolve("ghost")


def test_the_running_interpreter_has_numpy() -> None:
    assert environments.resolve("numpy").origin == "running"


def test_no_framework_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_framework").mkdir()
    (tmp_path / "heavy_framework/__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    requirement = environments.Requirement("heavy_framework", ("x",), ("x",))
    monkeypatch.setitem(environments.REQUIREMENTS, "torch", requirement)
    assert environments.resolve("torch").origin == "running"
    assert "heavy_framework" not in sys.modules


def test_a_third_partys_backend_runs_here_unless_the_variable_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from weightdecay import registry

    third = registry.Registration("my-own", "my_own.adapter", None, "comes with my-own")
    monkeypatch.setitem(registry.BUILT_IN, "my-own", third)
    assert environments.resolve("my-own") == Interpreter("my-own", Path(sys.executable), "running")
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    monkeypatch.setenv("WEIGHTDECAY_MY_OWN_PYTHON", str(python))
    assert environments.resolve("my-own") == Interpreter("my-own", python, "variable")


def test_an_unknown_backend_is_told() -> None:
    for use in (environments.resolve, environments.create, environments.remove):
        with pytest.raises(UnknownNameError, match="unknown backend 'torhc': did you mean 'torch'"):
            use("torhc")


def test_the_variable_must_name_what_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    for value, told in [
        (str(tmp_path / "absent"), "is no file"),
        (str(tmp_path), "is no file"),
        ("", "is no file"),
        (str(text), "cannot be run"),
    ]:
        monkeypatch.setenv("WEIGHTDECAY_TORCH_PYTHON", value)
        with pytest.raises(InputError, match=rf"^WEIGHTDECAY_TORCH_PYTHON is '.*', which {told}"):
            environments.resolve("torch")


def test_the_variable_may_be_relative_and_name_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("bin/python", "~/bin/python"):
        monkeypatch.setenv("WEIGHTDECAY_TORCH_PYTHON", value)
        assert environments.resolve("torch").python == tmp_path / "bin" / "python"


# ---- managed environments


def test_they_lie_in_the_users_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(environments.ROOT_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = environments.root()
    assert root.is_relative_to(tmp_path)
    assert root.parts[-2:] == ("weightdecay", "environments")
    assert not root.exists()


def test_the_variable_for_their_place_must_not_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.ROOT_VARIABLE, " ")
    with pytest.raises(InputError, match="WEIGHTDECAY_ENVIRONMENTS is empty"):
        environments.root()


def test_looking_makes_no_folder() -> None:
    assert environments.list_environments() == []
    assert environments.find("torch") is None
    with pytest.raises(InputError, match="no managed environment for 'torch'"):
        environments.remove("torch")
    assert not environments.root().exists()


def test_one_is_made_listed_and_removed() -> None:
    lines: list[str] = []
    made = environments.create("jax", on_line=lines.append, build=build)
    assert lines == ["installing jax"]
    assert made.packages == PACKAGES
    assert made.python_version == ".".join(map(str, sys.version_info[:3]))
    assert made.python.exists()
    assert made.folder.is_relative_to(environments.root() / "jax")
    assert environments.list_environments() == [made]
    environments.remove("jax")
    assert environments.list_environments() == []
    assert not made.folder.exists()


def test_one_that_is_there_is_kept_unless_it_is_to_be_replaced() -> None:
    made = environments.create("jax", build=build)
    with pytest.raises(InputError, match="already"):
        environments.create("jax", build=broken)
    assert environments.find("jax") == made
    again = environments.create("jax", replace=True, build=build)
    assert again.folder != made.folder
    assert environments.list_environments() == [again]
    assert not made.folder.exists()


@pytest.mark.parametrize("error", [EnvironmentBuildError, KeyboardInterrupt])
def test_a_failed_build_leaves_nothing_and_takes_nothing(error: type[BaseException]) -> None:
    def fail(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
        fill(folder)
        raise error

    with pytest.raises(error):
        environments.create("jax", build=fail)
    assert environments.list_environments() == []
    assert [path.name for path in (environments.root() / "jax").iterdir()] == ["lock"]

    made = environments.create("jax", build=build)
    with pytest.raises(error):
        environments.create("jax", replace=True, build=fail)
    assert environments.find("jax") == made
    assert made.python.exists()


def test_the_old_one_serves_until_the_new_one_is_whole() -> None:
    made = environments.create("jax", build=build)
    found = []

    def look(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
        found.append(environments.find("jax"))
        packages = build(backend, folder, on_line)
        found.append(environments.find("jax"))
        return packages

    environments.create("jax", replace=True, build=look)
    assert found == [made, made]


def test_half_a_build_is_none_and_is_swept_up_by_the_next() -> None:
    half = environments.root() / "jax" / "7"
    fill(half)
    assert environments.find("jax") is None
    made = environments.create("jax", build=build)
    assert not half.exists()
    assert environments.list_environments() == [made]


def test_half_a_build_can_be_removed() -> None:
    half = environments.root() / "jax" / "7"
    fill(half)
    environments.remove("jax")
    assert not half.exists()


@pytest.mark.parametrize("marker", ["", "{", "[]", "{}", '{"python_version": "3", "packages": 1}'])
def test_a_marker_that_cannot_be_read_is_none(marker: str) -> None:
    made = environments.create("jax", build=build)
    (made.folder / environments.MARKER).write_text(marker)
    assert environments.find("jax") is None
    environments.create("jax", build=build)


def test_one_whose_python_is_gone_is_none(installed: Callable[..., None]) -> None:
    installed()
    made = environments.create("jax", build=build)
    made.python.unlink()
    made.python.symlink_to("/nowhere/python")
    with pytest.raises(BackendNotInstalledError):
        environments.resolve("jax")
    assert environments.create("jax", build=build).python.exists()


def test_two_cannot_make_the_same_one_at_once() -> None:
    def nested(backend: str, folder: Path, on_line: environments.OnLine) -> tuple[str, ...]:
        packages = build(backend, folder, on_line)
        with pytest.raises(EnvironmentBuildError, match="another process is making"):
            environments.create(backend, replace=True, build=build)
        with pytest.raises(EnvironmentBuildError, match="another process is making"):
            environments.remove(backend)
        environments.create("torch", build=build)
        return packages

    environments.create("jax", build=nested)
    assert [made.backend for made in environments.list_environments()] == ["torch", "jax"]


def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(environments.ROOT_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(EnvironmentBuildError, match=r"cannot write to .*WEIGHTDECAY_ENVIRONMENTS"):
        environments.create("jax", build=build)


def test_a_python_too_new_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    told = r"'mxnet' needs Python 3\.11 or older.*run weightdecay with Python 3\.11, or set WEIGHTD"
    with pytest.raises(EnvironmentBuildError, match=told):
        environments.create("mxnet", build=build)
    assert not environments.root().exists()
    environments.create("jax", build=build)
    monkeypatch.setattr(sys, "version_info", (3, 11, 9))
    environments.create("mxnet", build=build)


# ---- how one is built


def test_a_build_is_venv_then_pip_with_constraints_then_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(what: str, command: list[str], on_line: environments.OnLine) -> None:
        commands.append(command)
        if command[-1] == "freeze":
            on_line("jax==1")

    constraints = tmp_path / "jax.txt"
    monkeypatch.setattr(environments, "_run", run)
    monkeypatch.setattr(environments, "constraint_file", lambda backend: constraints)
    folder = tmp_path / "build"
    lines: list[str] = []
    assert environments.install("jax", folder, lines.append) == ("jax==1",)
    assert lines == []
    python = [str(folder / "bin" / "python"), "-P"]
    make, install, check, freeze = commands
    assert make == [sys.executable, "-P", "-m", "venv", str(folder)]
    assert install[:4] == freeze[:4] == [*python, "-m", "pip"]
    assert install[install.index("install") :] == [
        "install", "--constraint", str(constraints), "jax", "optax",
    ]  # fmt: skip
    assert check == [*python, "-c", "import jax, optax, numpy"]


def test_every_line_of_a_command_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    lines: list[str] = []
    program = "import sys; print('one'); print('two', file=sys.stderr); print('λ')"
    building.run("saying it", [sys.executable, "-X", "utf8", "-c", program], lines.append)
    assert sorted(lines) == ["one", "two", "λ"]


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print('ERROR: no such version'); print(); exit(7)", "exit code 7; its last line: ERROR:"),
        ("exit(1)", "exit code 1; its last line: it printed nothing"),
    ],
)
def test_a_command_that_fails_is_told_with_its_last_line(program: str, told: str) -> None:
    with pytest.raises(EnvironmentBuildError, match=f"^installing it failed with {told}"):
        building.run("installing it", [sys.executable, "-c", program], lambda line: None)


def test_a_command_ends_when_it_is_interrupted(tmp_path: Path) -> None:
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        building.run("sleeping", [sys.executable, "-c", program], interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_constraints_lie_beside_the_adapters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapters = importlib.import_module("weightdecay.backends")
    monkeypatch.setattr(adapters, "__path__", [str(tmp_path)])
    with pytest.raises(EnvironmentBuildError, match="which is missing: reinstall weightdecay"):
        environments.constraint_file("jax")
    (tmp_path / "constraints").mkdir()
    (tmp_path / "constraints" / "jax.txt").touch()
    assert environments.constraint_file("jax") == tmp_path / "constraints" / "jax.txt"


@pytest.mark.parametrize("name", environments.REQUIREMENTS)
def test_constraints_hold_a_version_of_every_package(name: str) -> None:
    text = environments.constraint_file(name).read_text(encoding="utf-8")
    lines = [line.lower().replace("_", "-") for line in text.splitlines()]
    pinned = {line.split("==")[0].strip() for line in lines if "==" in line}
    assert pinned >= set(environments.REQUIREMENTS[name].packages)


def test_the_marker_is_plain_json() -> None:
    made = environments.create("jax", build=build)
    marker = json.loads((made.folder / environments.MARKER).read_text(encoding="utf-8"))
    assert marker == {"python_version": made.python_version, "packages": list(PACKAGES)}
