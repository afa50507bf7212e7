"""A decay that a schedule holds at 0 now, looked for further along the schedule's count.

The count alone is set further: the memory, the learning rate and the weights stay as they are. It
is tried at distances that double, so that a decay that lasts from some count to twice as far is
not missed.
"""

from __future__ import annotations

from collections.abc import Sequence

from weightdecay.errors import InputError
from weightdecay.models.measuring import decays_at
from weightdecay.models.patterns import listed
from weightdecay.models.reading import Schedule, Stand

DISTANCES = tuple(2**doubling for doubling in range(21))
"""About a million steps, more than most trainings have."""

RISES = 1.001
"""A decay is larger than another one by more than rounding."""


def get_past_zero(stand: Stand, names: Sequence[str]) -> list[str]:
    """Set the schedules to where these parameters decay most, and say so of each that does it."""
    said = []
    for schedule in stand.schedules:
        if not names:
            break
        tried = [(_strength(stand, schedule, steps, names), steps) for steps in DISTANCES]
        largest = max(strength for strength, _ in tried)
        if not largest:
            schedule.look_at(schedule.now)
            continue
        first = _first(stand, schedule, tried, names)
        most = next(steps for strength, steps in tried if strength * RISES >= largest)
        schedule.set_to(schedule.now + most)
        later = decays_at(stand, names)
        said.append(
            f"a schedule that is at its count {schedule.now} holds the decay of "
            f"{listed([n for n in names if n in later])} at 0 now: decays later, from count "
            f"{schedule.now + first} on; measured at count {schedule.now + most}, where it is "
            "largest of those tried."
        )
        names = [n for n in names if n not in later]
    return said


def _strength(stand: Stand, schedule: Schedule, steps: int, names: Sequence[str]) -> float:
    """The sum of the shrinkages at so many steps from now, 0 where they cannot be told."""
    schedule.look_at(schedule.now + steps)
    try:
        return sum(abs(shrink) for shrink in decays_at(stand, names).values())
    except InputError:
        return 0.0


def _first(
    stand: Stand, schedule: Schedule, tried: Sequence[tuple[float, int]], names: Sequence[str]
) -> int:
    """The first distance with a decay, between the first that was tried and the one before it."""
    decaying = next(steps for strength, steps in tried if strength)
    idle = decaying // 2
    while decaying - idle > 1:
        middle = (decaying + idle) // 2
        if _strength(stand, schedule, middle, names):
            decaying = middle
        else:
            idle = middle
    return decaying
