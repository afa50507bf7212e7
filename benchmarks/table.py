"""The README's table of ratios, from the results beside this script.

``python benchmarks/table.py [--check]`` writes it between two marker comments of README.md, or
checks that what stands there is it. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN = "<!-- written by benchmarks/table.py: begin -->"
END = "<!-- written by benchmarks/table.py: end -->"

Parts: TypeAlias = Mapping[str, Mapping[str, Any]]
"""A file of results: its machine and its results, by backend."""

TITLES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "mxnet": "MXNet",
}

RATIOS = {
    "tax": {
        "the loop / the best loop by hand": "ours: the loop / best by hand",
        "the loop / the plainest loop by hand": "ours: the loop / plain",
        "the loop / the same, rows picked in the jitted step": (
            "ours: the loop / plain, rows picked in the step"
        ),
        "with losses every epoch / the guide's own way": "ours: losses after every epoch / guide",
        "`fit` as called / the guide's own way": "ours: fit / guide",
    },
    "sweeps": {
        "`sweep` of 100 λ / of one": "sweep of 100 λ / sweep of 1 λ",
        "100 × `fit` / `sweep` of 100 λ": "100 fits / sweep of 100 λ",
        "100 plain trainings / `sweep` of 100 λ": "100 plain trainings / sweep of 100 λ",
    },
    "epoch": {
        "shuffled epoch / one product X @ v": "ours: shuffled / one product X @ v",
        "epoch in order / one product X @ v": "ours: in order / one product X @ v",
        "SGDRegressor's epoch / shuffled epoch": "scikit-learn's SGDRegressor / ours: shuffled",
        "`DataLoader` epoch / shuffled epoch": "DataLoader and optim.SGD / ours: shuffled",
    },
    "tuning": {
        "`GridSearchCV(Ridge)` / `tune`, 5 folds": (
            "scikit-learn's GridSearchCV(Ridge) / tune: five folds"
        ),
        "`RidgeCV` / `tune`, 5 folds": "scikit-learn's RidgeCV / tune: five folds",
        "`RidgeCV` / `tune`, leave-one-out": "scikit-learn's RidgeCV / tune: leave-one-out",
        "`tune`, 5 folds / the same on NumPy": "tune: five folds / the same on NumPy",
    },
}
"""What the table says, and the ratio in the file that says it."""


def table(files: Mapping[str, Parts]) -> str:
    """The table in Markdown, a column a backend, and where it was measured."""
    rows = [["ratio of medians", *TITLES.values()], ["---", *["---:"] * len(TITLES)]]
    for name, ratios in RATIOS.items():
        for title, key in ratios.items():
            rows.append([title, *_cells(files[name], lambda r, key=key: r["ratios"].get(key))])
    rows.append(
        ["peak memory of `fit` / the data", *_cells(files["memory"], lambda r: r["times_data"])]
    )
    lines = [f"| {' | '.join(row)} |" for row in rows]
    notes = [*_grid(files["sweeps"]), *_lasso(files["lasso"])]
    return "\n".join([*lines, "", *notes, _machine(files)])


def _cells(parts: Parts, value: Callable[[Any], float | None]) -> list[str]:
    found = (value(parts[name]["results"]) if name in parts else None for name in TITLES)
    return ["" if number is None else spelled(number) for number in found]


def spelled(number: float) -> str:
    """Two digits below 1, one place below 10, none above; thousands apart."""
    if number < 0.995:
        return f"{number:.2g}"
    return f"{number:.1f}" if number < 9.95 else f"{number:,.0f}"


def _grid(sweeps: Parts) -> list[str]:
    """The sentence on the large sweep, where it was taken."""
    seconds = sweeps.get("jax", {}).get("results", {}).get("seconds", {})
    return [
        f"{name.capitalize()}, 10,000 runs in one call on JAX: {row['median']:.2g} s.\n"
        for name, row in seconds.items()
        if "seeds" in name
    ]


def _lasso(parts: Parts) -> list[str]:
    """The sentence on the lasso path."""
    found = parts["numpy"]["results"]
    rivals = {
        name.split(" / ")[1]: value
        for name, value in found["ratios"].items()
        if "default" not in name
    }
    words = ", ".join(f"{spelled(value)} × {name}" for name, value in rivals.items())
    return [
        "Lasso path of 100 λ on 10,000 × 1,000 with its certificate, beside others at a duality "
        f"gap of at most {found['largest gap asked']:g}: {words}.\n"
    ]


def _machine(files: Mapping[str, Parts]) -> str:
    """Processors and versions, each once."""
    machines = [part["machine"] for parts in files.values() for part in parts.values()]
    places = dict.fromkeys(f"{m['processor']}, {m['cores']} cores" for m in machines)
    packages = dict.fromkeys(
        f"{name} {version}" for m in machines for name, version in m["packages"].items()
    )
    return f"Taken on: {'; '.join(places)}. Versions: {', '.join(packages)}."


def stored() -> dict[str, Parts]:
    """The results in the repository."""
    names = (*RATIOS, "memory", "lasso")
    return {name: json.loads((HERE / f"{name}.json").read_text("utf-8")) for name in names}


def inserted(text: str, table: str) -> str:
    """The text with the table between its markers; raises ValueError where they are not."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the text must hold {BEGIN!r} and after it {END!r}, each once.")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def main() -> None:
    """Write the README's table, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if it differs")
    given = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    wanted = inserted(text, table(stored()))
    if not given.check:
        README.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        sys.exit("README.md has another table than the results: run python benchmarks/table.py.")


if __name__ == "__main__":
    main()
