"""One step of an optimizer with its decay, in the symbols of the field."""

from __future__ import annotations

from weightdecay.auditing.verdict import Judged

STEP = "step(w, g)"


def equation(found: Judged | None) -> str:
    """The step that a hypothesis stands for; step(w, g) is the optimizer's own, without decay."""
    if found is None:
        return "w ← ? (no hypothesis reproduces it)"
    rate = {"λ": "λ", "ηλ": "ηλ", "η₀λ": "η₀λ"}[found.law]
    kappa = rate if found.factor == 1 else f"{found.factor:.6g} {rate}"
    return {
        "coupled": f"w ← step(w, g + {kappa} w)",
        "decoupled, before": f"w ← step((1 − {kappa}) w, g)",
        "decoupled, during": f"w ← {STEP} − {kappa} w",
        "decoupled, after": f"w ← (1 − {kappa}) {STEP}",
        "proximal, before": f"w ← step(w / (1 + {kappa}), g)",
        "proximal, after": f"w ← {STEP} / (1 + {kappa})",
        "trust-ratio": f"w ← w − φ(w) (ηr + {kappa} w) / ‖ηr + {kappa} w‖, where step(w, g) = "
        "w − φ(w) r / ‖r‖",
        "trust-ratio, sum of norms": f"w ← w − φ(w) (ηr + {kappa} w) / (‖ηr‖ + {kappa} ‖w‖), where "
        "step(w, g) = w − φ(w) r / ‖r‖",
        "L1": f"w ← step(w, g + {kappa} sign(w))",
    }[found.hypothesis.name]
