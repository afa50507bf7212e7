"""What a process and its group are doing, read from Linux's /proc; elsewhere nothing is known."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
STATES = {
    "R": "running",
    "S": "waiting for something",
    "D": "waiting for a disk",
    "I": "idle",
    "T": "stopped",
    "t": "stopped by a debugger",
    "Z": "ended",
}
AT_WORK = frozenset("RD")
"""States in which a process gets on, or would on a machine with more processors."""


@dataclass(frozen=True)
class Vitals:
    """The letter of a process's state, and what its group has done so far.

    Attributes
    ----------
    state : str
        One of `STATES`.
    ticks : int
        Processor time of the group.
    at_work : bool
        Whether any process of the group is `AT_WORK`.
    """

    state: str
    ticks: int
    at_work: bool

    @property
    def told(self) -> str:
        """The state in words."""
        return f"{STATES.get(self.state, 'in an unknown state')} (state {self.state})"

    def lives_on(self, before: Vitals | None) -> bool:
        """Whether the group has got on since, or may be about to."""
        return before is None or self.at_work or self.ticks != before.ticks


def look(pid: int) -> Vitals | None:
    """The vitals of a process that leads its group; None where they cannot be read."""
    group = [stat for stat in _all() if stat.group == pid]
    leader = next((stat for stat in group if stat.pid == pid), None)
    if leader is None:
        return None
    working = any(stat.state in AT_WORK for stat in group)
    return Vitals(leader.state, sum(stat.ticks for stat in group), working)


@dataclass(frozen=True)
class _Stat:
    """One line of /proc/PID/stat."""

    pid: int
    state: str
    group: int
    ticks: int


def _all() -> Iterator[_Stat]:
    with contextlib.suppress(OSError):
        for folder in PROC.iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
                    # The name, in brackets, may hold anything; 15 fields on, the times.
                    text = (folder / "stat").read_text(errors="replace")
                    state, _parent, group, *rest = text[text.rindex(")") + 1 :].split()
                    ticks = sum(map(int, rest[8:12]))
                    yield _Stat(int(folder.name), state, int(group), ticks)
