"""The atlas: every built-in optimizer and regularizer with a decay setting, audited.

Entries are found by looking: what a framework's catalogue lists, every setting whose name is that
of a decay (`weightdecay.auditing.knobs`), and for each the variants that change the mathematics
around it, such as a momentum that is off by default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from weightdecay.auditing.knobs import decay_settings
from weightdecay.registry import load_probe

MOMENTUM = 7 / 8
SWITCHES = ("amsgrad", "centered", "decoupled_weight_decay", "nesterov")
"""Settings that are on or off, and change where a decay may go."""
COMPARED = (
    "verdict",
    "factor",
    "times_learning_rate",
    "follows_schedule",
    "order",
    "inside_momentum",
    "inside_clipping",
    "bias_decayed",
    "decayed",
)
"""What makes two reports of the same entry say the same."""


class Entry(NamedTuple):
    """What is audited: a factory's dotted name, its decay setting, the settings of a variant."""

    factory: str
    knob: str
    settings: dict[str, Any]


def entries(backend: str) -> list[Entry]:
    """All entries of a backend's framework, in the order of its catalogue."""
    probe = load_probe(backend)
    found = []
    for name in probe.catalogue():
        options = probe.options(probe.find(name))
        for knob in decay_settings(name, options):
            found += [Entry(name, knob, settings) for settings in variants(options)]
    return found


def variants(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The defaults, then each switch turned, and a momentum where the default is none."""
    yield {}
    has_momentum = _is_number(options.get("momentum")) and options["momentum"] == 0
    if has_momentum:
        yield {"momentum": MOMENTUM}
    for name in SWITCHES:
        if isinstance(options.get(name), bool):
            with_it = {"momentum": MOMENTUM} if has_momentum and name == "nesterov" else {}
            yield {**with_it, name: not options[name]}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as the atlas keeps it: without the rivals, of which there are many."""
    return {name: value for name, value in report.items() if name != "rivals"}


def changes(ours: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What a report says that the shipped atlas says otherwise: name to (ours, shipped)."""
    return {
        name: (ours[name], shipped[name])
        for name in COMPARED
        if not _same(ours[name], shipped[name])
    }


def _same(a: Any, b: Any) -> bool:
    if _is_number(a) and _is_number(b):
        return bool(abs(a - b) <= FACTOR_TOLERANCE * abs(b))
    return bool(a == b)


FACTOR_TOLERANCE = 1e-6
"""Between factors that are no plain fraction, relative."""
