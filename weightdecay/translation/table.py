"""Every setting of the catalogue to every framework, measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weightdecay.errors import WeightDecayError
from weightdecay.translation.catalogue import EXAMPLES, SETTINGS
from weightdecay.translation.dialects import NAMES
from weightdecay.translation.proof import Rehearsals
from weightdecay.translation.translating import Translation, translate


@dataclass(frozen=True)
class Row:
    """One translation, or why it failed."""

    source: str
    source_framework: str
    target_framework: str
    translation: Translation | None
    error: str | None

    @property
    def holds(self) -> bool:
        """Whether it was proved, and measures on the right side of its tolerance."""
        t = self.translation
        if t is None or t.difference is None:
            return False
        if t.verdict == "refused":
            return t.difference > t.tolerance
        measured = t.difference if t.exact_difference is None else t.exact_difference
        return t.verdict in ("exact", "conditional") and measured <= t.tolerance


def run(
    frameworks: Sequence[str] = NAMES,
    *,
    seed: int = 0,
    on_start: Callable[[int], None] = lambda total: None,
    on_row: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Translate every setting of some frameworks to each of them.

    A lane a target, so that the frameworks' processes work side by side.
    """
    sources = [(name, text) for name in frameworks for text in SETTINGS[name]]
    on_start(len(sources) * len(frameworks))
    with Rehearsals() as rehearsals:
        rehearsals.require(*frameworks)

        def lane(to: str) -> Iterator[Row]:
            for name, text in sources:
                yield _row(rehearsals, name, text, to, seed)
                on_row()

        lanes = [lane(to) for to in frameworks]
        return list(itertools.chain(*rehearsals.fleet.side_by_side(lanes)))


def _row(rehearsals: Rehearsals, name: str, text: str, to: str, seed: int) -> Row:
    try:
        found = translate(text, to, n=EXAMPLES, seed=seed, rehearsals=rehearsals)
    except WeightDecayError as error:
        return Row(text, name, to, None, f"{type(error).__name__}: {error}")
    return Row(text, name, to, found, found.missing)
