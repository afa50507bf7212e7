"""What the numbers of a comparison say, in sentences that are computed from them."""

from __future__ import annotations

from collections.abc import Sequence

from weightdecay.remedies.comparing import Remedies
from weightdecay.remedies.curve import LABELS
from weightdecay.remedies.remedy import Remedy


def conclusion(result: Remedies) -> list[str]:
    """Which remedy to take, what noise stands for, and what half of the rows would cost."""
    return [*_choice(result), *_noise(result), *_data(result)]


def _choice(result: Remedies) -> list[str]:
    best, lowest, without = result.best, result.lowest, result["none"]
    if best is without:
        text = (
            "By cross-validation nothing helps here: no remedy has the lowest loss, and "
            f"{best.val_loss:.4g} on the validation part."
        )
    else:
        text = (
            f"By cross-validation the best is {named(best)}: on the validation part, which no "
            f"choice has seen, its loss is {best.val_loss:.4g}{_against(best, without)}."
        )
    found = [text]
    if result.tied:
        found.append(
            f"The {result.num_folds} folds cannot tell it from {_listed(result.tied)}: the "
            "difference is within one standard error."
        )
    if lowest is not best:
        found.append(
            f"On the validation part {named(lowest)} is the lowest, with {lowest.val_loss:.4g}."
        )
    return found


def _noise(result: Remedies) -> list[str]:
    noise = result["noise"]
    if noise.ridge is None:
        return []
    return [
        f"Input noise with {noise.setting} is on average ridge with λ = ν² = "
        f"{noise.ridge.lambd:.3g}: validation loss {noise.val_loss:.4g} against "
        f"{noise.ridge.val_loss:.4g}, and weights {noise.ridge.apart:.2g} apart (relative norm), "
        f"with {result.copies} copies of the rows."
    ]


def _data(result: Remedies) -> list[str]:
    costs = {name: result.curve.cost_of_half(name) for name in LABELS}
    told = [f"{cost:.3g} for {LABELS[name]}" for name, cost in costs.items() if cost is not None]
    if not told:
        return []
    return [
        "Half of the training rows would multiply the validation loss by "
        f"{' and by '.join(told)} (mean of {result.curve.loss['none'].shape[1]} draws)."
    ]


def named(remedy: Remedy) -> str:
    """A remedy with its strength."""
    return f"{remedy.label} ({remedy.setting})" if remedy.setting else remedy.label


def _against(best: Remedy, without: Remedy) -> str:
    if without.val_loss <= 0:
        return ""
    return f", {best.val_loss / without.val_loss:.3g} times that of no remedy"


def _listed(remedies: Sequence[Remedy]) -> str:
    names = [remedy.label for remedy in remedies]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
