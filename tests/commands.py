"""The command line, run in this process (fast) or in another (what a user's shell sees)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from weightdecay.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it must be."""
        report = json.loads(self.out)
        assert isinstance(report, dict)
        return report


def in_process(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    """Run ``weightdecay ARGUMENTS`` here."""
    monkeypatch.setattr(sys, "argv", ["weightdecay", *arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as exited:
        main()
    out, err = capsys.readouterr()
    code = exited.value.code
    return Outcome(code if isinstance(code, int) else 1, out, err)


def in_subprocess(arguments: list[str], **settings: Any) -> Outcome:
    """Run ``python -m weightdecay ARGUMENTS`` in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "weightdecay", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, **settings)
    return Outcome(done.returncode, done.stdout, done.stderr)


def numbers(report: Any) -> list[float]:
    """Every number of a JSON value but the seconds, in order."""
    if isinstance(report, dict):
        return [x for key, part in report.items() if key != "seconds" for x in numbers(part)]
    if isinstance(report, list):
        return [x for part in report for x in numbers(part)]
    return [report] if isinstance(report, int | float) else []
