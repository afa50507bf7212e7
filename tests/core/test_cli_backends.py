"""The command line on every backend: the same numbers, the same errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.commands import Outcome, in_process, in_subprocess, numbers
from tests.tolerances import PARITY, relative_difference

Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["run", *arguments], capsys, monkeypatch)


@pytest.mark.parametrize(
    "options", [[], ["--optimizer", "adam", "--decay", "decoupled"], ["--penalty", "elasticnet"]]
)
def test_the_variable_chooses_the_backend_and_the_numbers_stay(
    run: Run, backend: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = run("--format", "json", *options).json
    monkeypatch.setenv("WEIGHTDECAY_BACKEND", backend)
    report = run("--format", "json", "--dtype", "float64", *options).json
    assert report["backend"] == backend
    pairs = list(zip(numbers(report), numbers(reference), strict=True))
    assert len(pairs) > 50
    for ours, numpys in pairs:
        assert relative_difference(ours, numpys) <= PARITY["float64"]


def test_divergence_exits_with_one_and_a_rate(run: Run, backend: str) -> None:
    outcome = run("--lr", "2", "--backend", backend, "--format", "json")
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert "would work" in outcome.err


def test_a_pipe_gets_json_and_nothing_else(backend: str) -> None:
    outcome = in_subprocess(["run", "--format", "json", "--backend", backend, "--epochs", "500"])
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.json["backend"] == backend


@pytest.mark.parametrize("option", ["--device", "--dtype"])
def test_what_a_backend_has_not_is_told_by_name(run: Run, backend: str, option: str) -> None:
    outcome = run(option, "tpu9", "--backend", backend)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert "tpu9" in outcome.err
    assert ("it has cpu" if option == "--device" else "float32, float64") in outcome.err
