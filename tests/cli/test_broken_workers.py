"""Every command that starts workers, with interpreters that are none, or that misbehave.

Each is a small script that `WEIGHTDECAY_TORCH_PYTHON` and its like name.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.commands import in_process
from weightdecay.registry import BUILT_IN

ACTS = """#!{python} -SE
import json, os, signal, struct, sys, time

def say(header, arrays=()):
    text = json.dumps({{"header": header, "arrays": list(arrays)}}).encode()
    sys.stdout.buffer.write(b"wdf1" + struct.pack(">IQ", len(text), 0) + text)
    sys.stdout.flush()

HELLO = {{
    "backend": "torch", "backend_version": "1", "python_version": "3", "numpy_version": "2",
    "devices": ["cpu"], "dtypes": ["float64", "float32"],
}}
{act}
"""

MISHAPS = {
    "ends": ("", "ended with exit code 0 during 'hello'; it said nothing. It must be a Python"),
    "fails": ("sys.exit('no such thing')", "its last words: no such thing"),
    "prints": ("print('Hello, world')", "wrote something that is no frame"),
    "prints without end": ("while True: print('Hello, world')", "wrote something that is no fr"),
    "hangs": ("time.sleep(1000)", "gave no answer to 'hello' within 0.2 s"),
    "is stopped": ("os.kill(os.getpid(), signal.SIGSTOP)", "is stopped (state T)"),
    "greets with nothing": ("say({})", "backend is None, and should be text"),
    "greets wrongly": ("say(HELLO | {'devices': 5})", "devices is 5, and should be a list of text"),
    "answers with nothing": (
        "say(HELLO)\nwhile True: say({})", "with something else than was asked"),
    "answers with a wrong error": (
        "say(HELLO)\nwhile True: say({'error': 7})", "with something else than was asked"),
    "answers with text": (
        "say(HELLO)\nwhile True: say({'backend_version': 2, 'error': {'type': 3}})",
        "with something else than was asked"),
}  # fmt: skip
COMMANDS = {
    "run": ["run", "--backend", "torch"],
    "sweep": ["sweep", "--backend", "torch"],
    "tune": ["tune", "TABLE", "--target", "y", "--backend", "torch", "--no-compare"],
    "audit": ["audit", "torch.optim.SGD"],
    "audit --all": ["audit", "--all", "--backend", "torch"],
    "translate": ["translate", "torch.optim.SGD(lr=0.1)", "--to", "optax"],
    "translate --all": ["translate", "--all", "--frameworks", "torch"],
    "parity": ["parity", "--backends", "torch", "--experiment", "EXPERIMENT"],
    "bench": ["bench", "--backends", "torch", "--size", "20x2", "--rounds", "1"],
    "book": ["book"],
    "backends": ["backends"],
}
TELLS_AND_GOES_ON = {"backends"}
"""Of which it is the very purpose to say what is broken."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("broken")
    table, experiment = folder / "t.csv", folder / "e.toml"
    rows = [f"{x},{x * x % 7},{x % 3}" for x in range(20)]
    table.write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")
    experiment.write_text("epochs = 1\n", encoding="utf-8")
    return {"TABLE": str(table), "EXPERIMENT": str(experiment)}


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_wrong_with_an_interpreter_is_told(
    command: str,
    mishap: str,
    files: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    act, told = MISHAPS[mishap]
    script = tmp_path / "python"
    script.write_text(ACTS.format(python=sys.executable, act=act), encoding="utf-8")
    script.chmod(0o755)
    for name in BUILT_IN:
        monkeypatch.setenv(f"WEIGHTDECAY_{name.upper()}_PYTHON", str(script))
    monkeypatch.setenv("COLUMNS", "10000")
    limit = "0.2" if mishap in ("hangs", "is stopped") else "30"
    arguments = [files.get(part, part) for part in COMMANDS[command]]
    found = in_process([*arguments, "--timeout", limit], capsys, monkeypatch)
    assert found.code == 0 if command in TELLS_AND_GOES_ON else found.code in (1, 2)
    if not (command in TELLS_AND_GOES_ON and mishap.startswith("answers")):  # which asks nothing
        assert told in found.out + found.err
    assert "Traceback" not in found.out + found.err
    assert found.err.count("weightdecay: ") <= 1
    assert all(
        line.startswith(("weightdecay: ", "torch runs in ")) for line in found.err.splitlines()
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_timeout_that_is_none_is_told_before_anything_starts(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weightdecay.worker.Worker.__init__", None)
    for value in ("0", "-1", "nan", "inf", "1e999", "9" * 400, "soon"):
        option = in_process([*COMMANDS[command], "--timeout", value], capsys, monkeypatch)
        with monkeypatch.context() as patch:
            patch.setenv("WEIGHTDECAY_TIMEOUT", value)
            variable = in_process(COMMANDS[command], capsys, monkeypatch)
        for found, name in ((option, "--timeout"), (variable, "WEIGHTDECAY_TIMEOUT")):
            assert (found.code, found.out) == (2, "")
            assert found.err.count("\n") == 1
            assert name in found.err
