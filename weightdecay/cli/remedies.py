"""``weightdecay compare-remedies``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from weightdecay.cli import settings as described
from weightdecay.cli.common import console, format_option, require_files, say, write, wrote
from weightdecay.cli.numbers import WHOLE

OPTIONS = [
    click.option("--folds", type=WHOLE, default=5, metavar="K", show_default=True,
                 help="Folds of the training part, on which every strength is chosen."),
    click.option("--epochs", type=WHOLE, default=1000, metavar="N", show_default=True,
                 help="The most that early stopping trains."),
    click.option("--copies", type=WHOLE, metavar="N",
                 help="How often the rows are repeated with noise on the inputs (so often that "
                 "there are 20,000)."),
    click.option("--seed", type=WHOLE, metavar="N",
                 help="Of the data, the split, the folds, the noise and the parts of the data "
                 "(0)."),
]  # fmt: skip

EXAMPLES = """\b
Examples:
  weightdecay compare-remedies --data diabetes --plot remedies.svg
  weightdecay compare-remedies --data table.csv --target y --folds 10
"""


@click.command(
    "compare-remedies",
    short_help="What helps against overfitting, side by side on the same rows.",
    epilog=EXAMPLES,
)
@described.options(OPTIONS, described.DATA_OPTIONS, [described.BACKEND_OPTION])
@click.option("--device", default="cpu", metavar="cpu|cuda", show_default=True,
              help="Where to run.")  # fmt: skip
@click.option("--dtype", default="float64", metavar="float32|float64", show_default=True,
              help="Precision of the training.")  # fmt: skip
@click.option("--plot", metavar="FILE.png|.svg",
              help="Write a picture of the losses and of the learning curves.")  # fmt: skip
@format_option
def compare_remedies(
    *,
    folds: int,
    epochs: int,
    copies: int | None,
    backend: str | None,
    device: str,
    dtype: str,
    plot: str | None,
    output: str,
    **settings: Any,
) -> None:
    """Compare what helps against overfitting, each remedy at its best strength.

    No remedy (least squares), L2, L1, elastic net, early stopping, fewer features and noise on the
    inputs; and more data, as a learning curve. Strengths are chosen by cross-validation within the
    training part, on the same folds for all; the validation part, which no choice has seen, gives
    the final figure. Inputs are standardised. Needs the extra 'sklearn'. Exit code 2 for bad
    input.
    """
    from weightdecay import pictures
    from weightdecay.progress import progress
    from weightdecay.remedies import comparing, picture
    from weightdecay.report import remedies as report

    experiment = described.experiment_of(None, settings)
    if plot is not None:
        pictures.require_drawable(Path(plot))
    written = {"--plot": plot}
    require_files(written, {"--data": settings["data"]})
    data = described.data_of(experiment)
    with progress("remedies") as bar:

        def on_progress(done: int, total: int) -> None:
            if done == 1:
                bar.start(total)
            bar.advance()

        result = comparing.compare_remedies(
            experiment,
            data,
            folds=folds,
            epochs=epochs,
            copies=copies,
            backend=backend,
            dtype=dtype,
            device=device,
            on_progress=on_progress,
        )
    # The file comes first: whoever reads what is printed may stop reading.
    if plot is not None:
        picture.draw_to_file(result, Path(plot))
    if output == "json":
        write(report.as_json(result))
    else:
        report.show(console(), result)
    for warning in result.warnings:
        say(warning)
    wrote(written)
