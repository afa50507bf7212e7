"""Which column of a table plays which part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Roles:
    """Which column of a table plays which part; every other column is an input.

    Attributes
    ----------
    target : str
        What is predicted.
    drop : tuple of str
        Left out.
    sample_weight : str, optional
        Weighs the rows.
    group : str, optional
        Rows with the same label stay together in a fold.
    time : str, optional
        The rows' order in time.
    """

    target: str
    drop: tuple[str, ...] = ()
    sample_weight: str | None = None
    group: str | None = None
    time: str | None = None

    @property
    def named(self) -> list[tuple[str, str]]:
        """Pairs (what a column is, its name), of those that were named."""
        dropped = [("dropped", name) for name in dict.fromkeys(self.drop)]
        others = {"the sample weight": self.sample_weight, "the group": self.group}
        others["the time"] = self.time
        pairs = [("the target", self.target), *dropped]
        return pairs + [(role, name) for role, name in others.items() if name is not None]

    @property
    def taken(self) -> frozenset[str]:
        """The columns that were named."""
        return frozenset(name for _, name in self.named)

    def inputs(self, names: Sequence[str], index: Sequence[str] = ()) -> tuple[str, ...]:
        """The columns that are left, in their order; row labels are none of them."""
        others = self.taken.union(index)
        return tuple(name for name in names if name not in others)
