"""Where the measured decay is not the usual one, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from weightdecay.models.patterns import listed
from weightdecay.models.rounding import DOUBT, NOTICED

if TYPE_CHECKING:
    from weightdecay.models.covering import CoveredParameter

    Rows = Sequence[CoveredParameter]

MOST = 3
"""So many parameters with the same fault get a sentence each; more of them share one."""

NARROW = ("bfloat16", "float16")
"""Dtypes in which the usual decays are lost."""

_PLURAL = {
    "weight": "weights",
    "bias": "biases",
    "norm": "parameters of norms",
    "embedding": "embeddings",
    "gain": "gains",
    "frozen": "frozen parameters",
}

_WRONG_SIGN = "the decay has the wrong sign (in an optax chain, it stands after the −η)"


def problems(rows: Rows) -> tuple[str, ...]:
    """What is inverted, missing altogether, wrong by one parameter, or not held."""
    held = [row for row in rows if row.held]
    growing = [row for row in held if _grows(row)]
    wrong = [row for row in held if not row.agrees and not _grows(row)]
    too_much = [row for row in wrong if row.expected == "no decay"]
    lost = [row for row in wrong if row.lost]
    too_little = [row for row in wrong if row.expected == "decay" and not (row.decays or row.lost)]
    in_part = [row for row in wrong if row.expected == "decay" and row.decays]
    missing = [row for row in rows if not row.held and not row.frozen]
    found = []
    if lost:
        found += _lost(lost, altogether=not any(row.decays for row in held))
    if too_little and not any(row.decays or row.lost for row in held if row.expected == "decay"):
        if too_much:
            found.append(
                f"the pattern is inverted: what usually decays ({_names(too_little)}) does not, "
                f"and what usually does not ({_names(too_much)}) does."
            )
        else:
            found.append(f"nothing decays of what usually does: {_names(too_little)}.")
            too_little = []
    found += _sentences(growing, _one_grows, f"grow: {_WRONG_SIGN}")
    found += _sentences(too_much, _one_too_much, "decay, and usually do not")
    found += _sentences(too_little, _one_too_little, "do not decay, and usually do")
    found += _sentences(in_part, _one_in_part, "decay in part, and usually do altogether")
    if missing:
        found.append(
            f"the optimizer does not hold {_names(missing)}: nothing that it does reaches "
            f"{'it' if len(missing) == 1 else 'them'}."
        )
    return tuple(found)


def remarks(rows: Rows, replaced: Sequence[str]) -> tuple[str, ...]:
    """What the figures are about, where it is not plain.

    `replaced` names the parameters that stepped with another learning rate than their own, 0.
    """
    found = []
    if replaced:
        rates = {row.lr for row in rows if row.name in replaced and row.lr is not None}
        whose = "" if len(replaced) == sum(row.held for row in rows) else f" of {listed(replaced)}"
        found.append(
            f"the learning rate{whose} is 0 now: the copy stepped with "
            f"{listed([f'{rate:g}' for rate in sorted(rates)])}."
        )
    found += _rounded(rows)
    turned = [row for row in rows if row.turned]
    if turned:
        found.append(
            f"{_names(turned)} {_is(turned)} moved across the weights or to a size of their "
            "own, as by an orthogonal regularizer: that is no decay."
        )
    projected = [row for row in rows if row.projected]
    if projected:
        found.append(
            f"{_names(projected)} {_is(projected)} put back into a set by each step (clipped, "
            "non-negative or of bounded norm): that is no decay, which is measured inside of it."
        )
    scaled = [row for row in rows if row.decays and not (row.uniform or row.turned)]
    if scaled:
        found.append(
            f"the decay of {_names(scaled)} is not in proportion to the weights (coupled through "
            "the optimizer's own scaling, clipped, of L1, or of some elements only): its "
            "shrinkage is a mean, and no λ."
        )
    return tuple(found)


def _lost(rows: Rows, *, altogether: bool) -> list[str]:
    """What no step moves in the dtype that is trained, a sentence a dtype."""
    found = []
    for dtype in dict.fromkeys(row.dtype for row in rows):
        alike = [row for row in rows if row.dtype == dtype]
        shares = _range([f"{row.shrink or 0.0:.2g}" for row in sorted(alike, key=_shrinkage)])
        found.append(
            f"the decay of {_names(alike)} ({shares} of itself a step) is lost to rounding in "
            f"{dtype}: {'nothing decays' if altogether else 'it moves no element'} in a step "
            f"without a gradient{_beside_gradients(alike)}."
        )
    return found


def _beside_gradients(rows: Rows) -> str:
    """What comes of a decay that is lost without them."""
    carried = next((row.carried for row in rows if row.carried is not None), None)
    if carried is None:
        return ""
    if abs(carried) < DOUBT:
        return ", nor in one with"
    return f"; gradients that are larger than the rounding carry {carried:.0%} of it along"


def _rounded(rows: Rows) -> list[str]:
    """Decays of which rounding makes others, and those that nobody would miss."""
    found = []
    other = [row for row in rows if row.decays and is_rounded(row)]
    for dtype in dict.fromkeys(row.dtype for row in other):
        alike = sorted((row for row in other if row.dtype == dtype), key=lambda row: row.kept or 0)
        found.append(
            f"rounding in {dtype} makes {_range([f'{row.kept:.0%}' for row in alike])} of what is "
            f"meant of the decay of {_names(alike)}, in a step without a gradient"
            f"{_beside_gradients(alike)}."
        )
    unknown = [row for row in rows if row.decays and row.kept is None and row.dtype in NARROW]
    unknown = [row for row in unknown if not row.projected]
    if unknown:
        found.append(
            f"what rounding in {listed(list(dict.fromkeys(row.dtype for row in unknown)))} leaves "
            f"of the decay of {_names(unknown)} cannot be told from a few steps: they are random, "
            "end in no numbers without a gradient, or the decay is small beside what else moves."
        )
    hidden = [row for row in rows if row.lost and row.expected != "decay"]
    if hidden:
        found.append(
            f"{_names(hidden)} {_is(hidden)} set to decay, which rounding "
            f"in {listed(list(dict.fromkeys(row.dtype for row in hidden)))} hides."
        )
    return found


def is_rounded(row: CoveredParameter) -> bool:
    """Whether rounding makes another decay of what is meant."""
    return row.kept is not None and abs(row.kept - 1.0) > NOTICED


def _is(rows: Rows) -> str:
    return "is" if len(rows) == 1 else "are"


def _shrinkage(row: CoveredParameter) -> float:
    return row.shrink or 0.0


def _range(sorted_figures: Sequence[str]) -> str:
    """'15% to 30%', or '15%'."""
    return " to ".join(dict.fromkeys((sorted_figures[0], sorted_figures[-1])))


def _sentences(rows: Rows, one: Callable[[CoveredParameter], str], verb: str) -> list[str]:
    """One a parameter, or one a kind of parameter where there are many of it."""
    by_kind: dict[str, list[CoveredParameter]] = {}
    for row in rows:
        by_kind.setdefault("" if _grows(row) else row.reason, []).append(row)
    found = []
    for reason, alike in by_kind.items():
        if len(alike) <= MOST:
            found += [one(row) for row in alike]
        else:
            what = _PLURAL.get(reason, "parameters")
            found.append(f"{len(alike)} {what} {verb}: {_names(alike)}.")
    return found


def _one_grows(row: CoveredParameter) -> str:
    return f"{row.name} grows by {-(row.shrink or 0.0):.3g} of itself a step: {_WRONG_SIGN}."


def _one_too_much(row: CoveredParameter) -> str:
    what = {"norm": "of a norm", "frozen": "frozen", "embedding": "an embedding"}
    named = what.get(row.reason, f"a {row.reason}")
    return f"{row.name} ({named}) decays {strength(row)}; {_PLURAL[row.reason]} usually do not."


def _one_too_little(row: CoveredParameter) -> str:
    return f"{row.name} (a {row.reason}) does not decay; {_PLURAL[row.reason]} usually do."


def _one_in_part(row: CoveredParameter) -> str:
    return f"{row.name} (a {row.reason}) decays in part: {row.decaying} of its {row.size} elements."


def strength(row: CoveredParameter) -> str:
    """How strongly a parameter decays, in words."""
    if row.decay is not None:
        return f"with λ = {row.decay:.3g}"
    stated = f", set to λ = {row.setting:.3g}" if row.setting else ""
    if row.uniform:
        return f"by {row.shrink or 0.0:.3g} of itself a step{stated}"
    return f"out of proportion to itself{stated}"


def _grows(row: CoveredParameter) -> bool:
    return row.shrink is not None and row.shrink < 0


def _names(rows: Rows) -> str:
    return listed([row.name for row in rows])
