"""A part of the bad inputs of ``python -m tests.hostile``, which draws as many as are asked for."""

from __future__ import annotations

import subprocess
import sys

COUNT, SEED = 80, 0
PATIENCE = 240
"""Seconds for all of them: what hangs is found one by one, with a limit for each."""


def test_bad_inputs_are_answered_and_nothing_is_lost() -> None:
    # A process of its own, since its forks must not inherit the threads of other tests.
    command = [sys.executable, "-m", "tests.hostile", "--count", str(COUNT), "--seed", str(SEED)]
    done = subprocess.run([*command, "--limit", "60"], capture_output=True, text=True,
                          timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.startswith(f"{COUNT} of {COUNT} bad inputs")
