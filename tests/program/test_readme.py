"""What the README claims can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from weightdecay.cli import cli
from weightdecay.registry import BUILT_IN

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]


def test_ci_runs_the_readmes_test_command() -> None:
    (command,) = (line for line in SHELL if line.endswith("/nox"))
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == command


def test_python_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("(10, 3)")


def options_of(words: list[str]) -> set[str]:
    """The options of a command, or of a command of a group."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words:
        command = command.commands[words.pop(0)]
    assert not isinstance(command, click.Group)
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_and_option_exists() -> None:
    """In the blocks of commands and in the running text alike."""
    calls = [line.split("/weightdecay ", 1)[1] for line in SHELL if "/weightdecay " in line]
    for call in calls:
        words = shlex.split(call, comments=True)
        given = {word for word in words if word.startswith("--")}
        assert given <= options_of(words), call
    running = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    known = set().union(*(options_of([name]) for name in ("run", "sweep", "tune", "bench")))
    for part in re.findall(r"`([^`]*)`", running):
        words = part.split()
        mentioned = {word for word in words if word.startswith("--")}
        named = words[:1] == ["weightdecay"] and words[1:]
        assert not mentioned or mentioned <= (options_of(named) if named else known), part
    assert len(calls) >= 10


def test_the_pictures_and_files_it_shows_exist() -> None:
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_every_extra_it_names_exists() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    assert set(re.findall(r"'\.\[(\w+)\]'", README)) <= extras
    assert {name for name in BUILT_IN if name != "numpy"} <= extras


def test_every_backend_has_pinned_versions() -> None:
    for name in BUILT_IN:
        pins = (ROOT / f"backends/constraints/{name}.txt").read_text(encoding="utf-8")
        assert re.search(r"^numpy==", pins, re.MULTILINE), name
