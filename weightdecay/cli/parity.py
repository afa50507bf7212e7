"""``weightdecay parity``."""

from __future__ import annotations

import sys

import click

from weightdecay.cli.common import console, format_option, timeout_option, write


@click.command(short_help="Show that the backends agree.")
@click.option("--backends", metavar="a,b,…", help="Which ones (all that can be found).")
@click.option("--dtype", default="float64", metavar="float32|float64", show_default=True,
              help="Precision of the runs, which sets what counts as agreement.")  # fmt: skip
@click.option("--experiment", "experiment_file", metavar="FILE.toml",
              help="Compare this one experiment, instead of every penalty and update "
              "rule.")  # fmt: skip
@timeout_option
@format_option
def parity(backends: str | None, dtype: str, experiment_file: str | None, output: str) -> None:
    """Show that every backend gives NumPy's numbers, from scratch and native.

    Each backend runs in a process of its own: in the interpreter named by WEIGHTDECAY_TORCH_PYTHON
    and its like, else in this one, else in an environment made by 'weightdecay env create'. Where a
    run does not agree, the first step, tensor and element that part are named. Exit code 0 when all
    that was asked for ran and agreed, 1 otherwise.
    """
    from weightdecay import matrix
    from weightdecay.errors import InputError
    from weightdecay.experiment import Experiment
    from weightdecay.ops import DTYPES
    from weightdecay.progress import progress
    from weightdecay.registry import find
    from weightdecay.report import parity as report
    from weightdecay.tolerances import PARITY
    from weightdecay.validate import choice

    choice("dtype", dtype, DTYPES)
    names = None
    if backends is not None:
        names = list(dict.fromkeys(name.strip() for name in backends.split(",")))
    if names is not None:
        if not all(names):
            raise InputError(f"--backends is {backends!r}: name backends with commas between.")
        for name in names:
            find(name)
    experiment = Experiment.from_file(experiment_file) if experiment_file else None
    with progress("runs") as bar:
        found = matrix.run(
            names,
            dtype=dtype,
            experiment=experiment,
            tolerance=PARITY[dtype],
            on_start=bar.start,
            on_row=bar.advance,
        )
    if output == "json":
        write(report.as_json(found))
    else:
        report.show(console(), found)
    asked_and_missing = names is not None and found.missing
    sys.exit(0 if found.agrees and not asked_and_missing else 1)
