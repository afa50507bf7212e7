"""Audits of modules of the user's own: whatever they do is one sentence, and no traceback."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Outcome, in_process
from weightdecay.auditing.factories import find_factory
from weightdecay.errors import InputError
from weightdecay.streams import Streams, kept

MODULES = {
    "user_raises": "raise RuntimeError('no licence\\nand more')",
    "user_syntax": "def make(:",
    "user_leaves": "import sys\nsys.exit(0)",
    "user_misses": "import nowhere_at_all",
    "user_mxnet": "import mxnet",
    "user_prints": """
print("loaded")
import numpy as np
X = 3
class Make:
    def __init__(self, arrays, lr=0.1, weight_decay=0.0):
        print("made")
        self.arrays, self.lr, self.wd = arrays, lr, weight_decay
    def step(self, gradients):
        for a, g in zip(self.arrays, gradients):
            a *= 1 - self.lr * self.wd
            a -= self.lr * np.sign(g)
def gone(arrays):
    import os
    os._exit(7)
""",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in MODULES.items():
        tmp_path.joinpath(f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("user_raises:make", "cannot be imported (RuntimeError: no licence)"),
        ("user_syntax:make", "is no Python in line 1 of user_syntax.py"),
        ("user_leaves:make", "ends the program while it is imported"),
        ("user_misses:make", "there is no module 'nowhere_at_all'"),
        ("user_mxnet:make", "--backend mxnet"),
        ("user_prints:nothing", "has no 'nothing'"),
        ("user_prints:Make.nothing", "has no 'Make.nothing'"),
        ("user_prints:X", "is 3"),
        *((name, "write package.module:factory") for name in (":x", "..:x", "a:b:c", "user:", ":")),
    ],
)
@pytest.mark.usefixtures("modules")
def test_a_module_that_is_no_good_is_a_sentence(name: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        find_factory(name)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("modules")
def test_what_a_module_prints_is_not_in_the_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = in_process(["audit", "user_prints:Make", "--format", "json"], capsys, monkeypatch).json
    assert (report["verdict"], report["facts"]["it prints"]) == ("decoupled", "made")


@pytest.mark.usefixtures("modules")
def test_a_factory_that_ends_the_process_ends_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = in_process(["audit", "user_prints:gone"], capsys, monkeypatch)
    assert outcome.code == 1
    assert "exit code 7" in outcome.err


@pytest.mark.parametrize(
    "value",
    ["-" * 20_000, "9" * 5000, "[" * 999, "(" * 20_000, "1e999", "1j", "{1: 2}", "b'x'", "..."],
)
def test_a_value_that_is_none(
    value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def audit(setting: str) -> Outcome:
        command = ["audit", "optimizer.of.nobody", "--set", setting]
        return in_process(command, capsys, monkeypatch)

    outcome = audit(f"lr={value}")
    assert outcome.code == 2
    assert outcome.err.startswith("weightdecay: ")
    assert len(outcome.err.splitlines()) == 1
    assert len(outcome.err) < 300


def test_streams_flow_on_each_by_itself_and_the_users_are_kept() -> None:
    def draw() -> tuple[float, float]:
        # One Gaussian: NumPy and Python keep the second of a pair.
        return float(np.random.standard_normal()), random.gauss(0, 1)

    def run(streams: Streams, times: int) -> list[tuple[float, float]]:
        found = []
        for _ in range(times):
            with streams.flowing():
                found.append(draw())
        return found

    np.random.seed(1)
    random.seed(1)
    draw()
    states = np.random.get_state(legacy=False), random.getstate()
    expected = run(Streams(), 5)
    for block in (kept, contextlib.nullcontext):
        a, b = Streams(), Streams()
        with block():
            mixed = [run(a, 2), run(b, 5), run(a, 3)]
            assert mixed[0] + mixed[2] == mixed[1] == expected
            a.restart()
            assert run(a, 5) == expected
    after = np.random.get_state(legacy=False), random.getstate()
    assert str(after) == str(states)
