"""What the book's concise programs say they train, and what they train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from weightdecay.book import LR, WEIGHT_DECAY, Program
from weightdecay.escaping import to_json
from weightdecay.report.terminal import Console, Table, Text
from weightdecay.tolerances import PARITY


def as_json(programs: Sequence[Program], missing: dict[str, str]) -> str:
    """One JSON object."""
    report = {
        "conventions": {
            "objective": "(1/n) Σ ½ (w·x + b − y)² + λ/2 ‖w‖², the bias with a λ of its own",
            "residual": "largest relative difference between the program's trajectory and the "
            "from-scratch NumPy run with the effective settings",
            "weight_norm": "‖w‖₂ after training",
            "half_square": "½‖w‖² after training",
        },
        "weight_decay": WEIGHT_DECAY,
        "lr": LR,
        "programs": [_plain(program) for program in programs],
        "missing": missing,
    }
    return to_json(report, indent=2)


def _plain(program: Program) -> dict[str, Any]:
    plain = asdict(program)
    found = plain.pop("interpreter")
    return {
        "backend": found["backend"],
        "python": str(found["python"]),
        "origin": found["origin"],
        **plain,
    }


def show(console: Console, programs: Sequence[Program], missing: dict[str, str]) -> None:
    """For a person."""
    console.print(
        f"Each program is given λ = {WEIGHT_DECAY:g} and learning rate {LR:g}. What it trains, as "
        "measured on its trajectory,\nin (1/n) Σ ½ (w·x + b − y)² + λ/2 ‖w‖²:\n",
        soft_wrap=True,
    )
    table = Table()
    table.add_column("program")
    for header in ("λ", "learning rate", "bias decays", "residual", "‖w‖₂", "½‖w‖²"):
        table.add_column(header, justify="right")
    for program in programs:
        e = program.effective
        table.add_row(
            program.interpreter.backend,
            f"{e.lambd:.9g}",
            f"{e.lr:.9g}",
            "yes" if e.bias_decays else "no",
            f"{e.residual:.1e}",
            f"{program.weight_norm:.4g}",
            f"{program.half_square:.4g}",
        )
    console.print(table)
    for program in programs:
        name = program.interpreter.backend
        lines = (
            f"{name} {program.version}\n"
            f"  as printed      {program.printed}\n"
            f"  what was meant  {program.meant}; natively {program.meant_residual:.1e} from NumPy"
        )
        console.print(Text(lines), soft_wrap=True)
    rounded = [p.interpreter.backend for p in programs if p.meant_residual > PARITY["float64"]]
    if rounded:
        console.print(
            f"\nIn {' and '.join(rounded)} the optimizer keeps its settings in float32: it trains "
            f"with the float32 next to {LR:g}, which\nlimits its agreement with NumPy's {LR:g} to "
            "about 1e-8.",
            soft_wrap=True,
        )
    for name, reason in missing.items():
        console.print(Text(f"{name} did not run: {reason}"), soft_wrap=True)
