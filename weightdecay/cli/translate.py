"""``weightdecay translate``."""

from __future__ import annotations

import sys

import click

from weightdecay.cli.common import format_option, say, timeout_option, write
from weightdecay.cli.numbers import WHOLE

TARGETS = ("torch", "keras", "optax", "mxnet", "sklearn", "book")
REFUSED = 3


@click.command(short_help="Optimizer settings from one framework to another, with proof.")
@click.argument("source", required=False)
@click.option("--to", type=click.Choice(TARGETS), help="The framework to write for.")
@click.option("--n", "examples", type=WHOLE, metavar="N",
              help="Training examples, of which Ridge's alpha is a multiple.")  # fmt: skip
@click.option("--exclude-bias", is_flag=True, help="Leave the bias out of the decay.")
@click.option("--seed", type=WHOLE, default=0, show_default=True, metavar="N",
              help="Of the random gradients.")  # fmt: skip
@click.option("--all", "everything", is_flag=True,
              help="Translate a catalogue of settings between all frameworks instead.")  # fmt: skip
@click.option("--frameworks", metavar="a,b,…",
              help=f"With --all, only these of {', '.join(TARGETS)}.")  # fmt: skip
@timeout_option
@format_option
def translate(
    source: str | None,
    to: str | None,
    examples: int | None,
    exclude_bias: bool,
    seed: int,
    everything: bool,
    frameworks: str | None,
    output: str,
) -> None:
    """Translate optimizer settings, run both sides, and print the largest difference.

    SOURCE is written as for its framework, and read, never run: numbers and their arithmetic,
    names, calls. Several statements are separated by ; or a new line.

    \b
    weightdecay translate "torch.optim.AdamW(lr=1e-3, weight_decay=1e-2)" --to keras
    weightdecay translate "keras.optimizers.SGD(0.1, momentum=0.9)" --to optax
    weightdecay translate "optax.adamw(1e-3, mask=not_bias)" --to torch
    weightdecay translate 'gluon.Trainer(params, "sgd", {"wd": 1e-2})' --to torch
    weightdecay translate "sklearn.linear_model.Ridge(alpha=3)" --n 100 --to torch
    weightdecay translate "WeightDecay(lambd=3, lr=0.01)" --to mxnet

    The output is Python: code to paste, which names your `model` (torch), `net` (mxnet) or nothing,
    and comments. Both sides step 100 times on the same random gradients in float64, each in its
    framework's own process: the interpreter that WEIGHTDECAY_TORCH_PYTHON and its like name, else
    this one, else a managed environment (Keras is found as tensorflow, optax as jax). The code that
    is printed is the code that is run. A framework of which there is none leaves the code unproved.

    Parameter groups are read where they leave out the bias: a group whose params name bias and
    whose weight_decay is 0, exclude_from_weight_decay(var_names=["bias"]), mask=not_bias,
    net.collect_params(".*bias").setattr("wd_mult", 0.0).

    \b
    Exit codes: 0  exact to rounding, or exact under the conditions that are printed
                1  the measurement contradicts the translation: do not use it
                2  bad input, or a framework is missing (the code is printed, unproved)
                3  refused: no exact translation; the nearest is printed with its difference
    """  # noqa: D301
    from weightdecay.errors import InputError
    from weightdecay.report import translate as report

    if everything:
        if source is not None or to is not None:
            raise InputError("--all has its own settings: leave out SOURCE and --to.")
        _everything(frameworks, seed, output)
    if source is None or to is None:
        raise InputError(
            "translate needs settings and a framework: weightdecay translate "
            '"torch.optim.SGD(lr=0.1, weight_decay=1e-4)" --to keras.'
        )
    if frameworks is not None:
        raise InputError("--frameworks goes with --all: leave it out.")
    from weightdecay.translation.translating import translate as translated

    found = translated(source, to, n=examples, exclude_bias=exclude_bias, seed=seed)
    write(report.as_json(found) if output == "json" else report.as_text(found))
    if found.verdict == "unproven":
        say(str(found.missing))
        sys.exit(2)
    sys.exit(REFUSED if found.verdict == "refused" else 0)


def _everything(frameworks: str | None, seed: int, output: str) -> None:
    from weightdecay.progress import progress
    from weightdecay.report import translate as report
    from weightdecay.translation import table
    from weightdecay.validate import choice

    names = [part.strip() for part in frameworks.split(",")] if frameworks else list(TARGETS)
    for name in names:
        choice("framework", name, TARGETS)
    with progress("translations") as bar:
        rows = table.run(names, seed=seed, on_start=bar.start, on_row=bar.advance)
    write(report.rows_as_json(rows) if output == "json" else report.rows_as_text(rows))
    sys.exit(0 if all(row.holds for row in rows) else 1)
