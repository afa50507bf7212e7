"""One step of an optimizer with its decay, in the symbols of the field."""

from __future__ import annotations

from weightdecay.auditing.verdict import Judged

STEP = "step(w, g)"
DAMPED = {0: "", -1: "/(1 − β)", 1: "(1 − β)"}


def equation(found: Judged | None) -> str:
    """The step that a hypothesis stands for; step(w, g) is the optimizer's own, without decay."""
    if found is None:
        return "w ← ? (no hypothesis reproduces it)"
    rate = found.law.partition(",")[0] + DAMPED[found.damping]
    size = abs(found.factor)
    kappa = rate if size == 1 else f"{size:.6g} {rate}"
    written = _written(found, kappa)
    return written if found.factor >= 0 else _turned(written, kappa)


def _turned(written: str, kappa: str) -> str:
    """With the sign of a decay that makes the weights grow."""
    turned = written.replace(f" + {kappa}", f" ∓ {kappa}").replace(f" − {kappa}", f" + {kappa}")
    return turned.replace(f" ∓ {kappa}", f" − {kappa}")


def _written(found: Judged, kappa: str) -> str:
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
        "coupled and decoupled": f"w ← step((1 − η {kappa}) w, g + {kappa} w)",
        "decoupled, then coupled": f"v = (1 − η {kappa}) w, w ← step(v, g + {kappa} v)",
    }[found.hypothesis.name]
