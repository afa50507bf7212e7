"""``weightdecay predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from weightdecay.cli import settings as described
from weightdecay.cli.common import console, require_files, say, write, wrote

EXAMPLES = """\b
Examples:
  weightdecay tune houses.csv --target price --out model.json
  weightdecay predict model.json new.csv --out predictions.csv
  weightdecay predict model.json new.csv --format csv | head
"""


@click.command(short_help="Apply a model file to a table.", epilog=EXAMPLES)
@click.argument("model", metavar="MODEL")
@click.argument("file", metavar="FILE")
@described.options(described.READING_OPTIONS)
@click.option("--out", metavar="FILE.csv",
              help="Write the predictions, one column named as the target (with an apostrophe "
              "before a name that a spreadsheet would take for a formula).")  # fmt: skip
@click.option("--format", "output", type=click.Choice(["table", "csv", "json"]), default="table",
              show_default=True, help="What to print.")  # fmt: skip
def predict(
    *, model: str, file: str, out: str | None, output: str, na: tuple[str, ...], **reading: Any
) -> None:
    """Predict the target of every row of FILE with a MODEL that 'weightdecay tune --out' wrote.

    Columns are matched by name, in any order; a table with other columns is refused, and their
    names are told. The target, and the columns that were dropped or weighed, grouped or ordered
    the rows when the model was fitted, may be there and are ignored; where the target is there,
    ½ mean squared error and R² are reported. A row that lacks an input gets an empty prediction,
    and such rows are counted. Exit code 2 for bad input.
    """
    from weightdecay.data.dialect import Reading
    from weightdecay.errors import InputError
    from weightdecay.escaping import shown
    from weightdecay.report import predict as report
    from weightdecay.tuning.model import load_model
    from weightdecay.tuning.predicting import predict as apply

    if out is not None and Path(out).suffix.lower() != ".csv":
        raise InputError(f"{shown(out)} is no file of predictions: it must end in .csv.")
    written = {"--out": out}
    require_files(written, {"MODEL": model, "FILE": file})
    fitted = load_model(model)
    predictions = apply(fitted, file, Reading(**reading, na=(*fitted.na, *na)))
    # The file comes first: whoever reads what is printed may stop reading.
    if out is not None:
        predictions.save(Path(out))
    if output == "csv":
        write(predictions.to_csv(), nl=False)
        if predictions.score is not None:
            say(report.scored(predictions))
    elif output == "json":
        write(report.as_json(fitted, predictions))
    else:
        report.show(console(), fitted, predictions)
    described.tell(predictions.notes)
    wrote(written)
