"""``weightdecay book``."""

from __future__ import annotations

import sys

import click

from weightdecay.cli.common import console, format_option, timeout_option, write
from weightdecay.cli.numbers import WHOLE


@click.command(short_help="Measure what the book's four programs train.")
@click.option("--seed", type=WHOLE, default=0, show_default=True, metavar="N",
              help="Of the data, the initial weights and the minibatches.")  # fmt: skip
@timeout_option
@format_option
def book(seed: int, output: str) -> None:
    """Run the weight-decay book chapter's four concise programs and measure what they train.

    The chapter (Dive into Deep Learning, Weight Decay) prints a concise program for MXNet, PyTorch,
    TensorFlow and JAX, each with λ = 3 and learning rate 0.01, and they do not train the same
    problem. Each is run as printed, in float64, in a process of its own; the λ, the learning rate
    and the treatment of the bias that it really has are fitted to its trajectory. Exit code 0 when
    all four ran, 1 otherwise.
    """
    from weightdecay import book as chapter
    from weightdecay.report import book as report

    programs, missing = chapter.run(seed)
    if output == "json":
        write(report.as_json(programs, missing))
    else:
        report.show(console(), programs, missing)
    sys.exit(1 if missing else 0)
