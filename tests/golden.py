"""The numbers that tie the environments together; ``python -m tests.golden`` writes them anew.

Written once by the numpy backend; every backend in every environment, with whatever version of
NumPy that has, must reproduce them, the drawing of data and minibatches included.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from weightdecay import Experiment, FitResult, Polynomial, Synthetic, fit
from weightdecay.output import writing

PATH = Path(__file__).with_name("golden.json")

SMALL = Experiment(
    data=Synthetic(num_train=13, num_val=5, num_inputs=6, noise_std=0.5),
    lambd=(0.0, 0.25, 2.0),
    lr=0.0625,
    epochs=4,
    seed=20,
)
EXPERIMENTS = {
    "the guide's": Experiment(),
    "adamw": replace(SMALL, optimizer="adam", decay="decoupled"),
    "sgdw": replace(SMALL, optimizer="momentum", decay="decoupled", momentum=0.5),
    "nesterov, bias penalised": replace(SMALL, optimizer="nesterov", penalize_bias=True),
    "proximal elastic net": replace(SMALL, penalty="elasticnet", optimizer="adam"),
    "l1 by subgradient, one input free": replace(
        SMALL, penalty="l1", l1_update="subgradient", penalty_factors=(0.0, 1.0, 1.0, 2.0, 1.0, 1.0)
    ),
    "polynomial": replace(SMALL, data=Polynomial(degree=4), lr=0.015625),
}


def numbers(result: FitResult) -> dict[str, Any]:
    """Everything that a fit says, as plain lists."""
    params = {name: values.tolist() for name, values in result.params._asdict().items()}
    return params | {name: values.tolist() for name, values in vars(result.history).items()}


def main() -> None:
    """Write the file."""
    golden = {
        name: {"experiment": e.to_dict(), "numbers": numbers(fit(e, backend="numpy"))}
        for name, e in EXPERIMENTS.items()
    }
    with writing(PATH) as path:
        path.write_text(json.dumps(golden, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
