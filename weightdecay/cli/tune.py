"""``weightdecay tune``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weightdecay.cli import settings as described
from weightdecay.cli.common import (
    console,
    format_option,
    note,
    require_files,
    say,
    timeout_option,
    write,
    wrote,
)
from weightdecay.cli.numbers import REAL, WHOLE, whole_or_word

if TYPE_CHECKING:
    from weightdecay.data.table import Loaded
    from weightdecay.tuning.comparing import Comparison
    from weightdecay.tuning.result import TuneResult

TABLE_OPTIONS = [
    click.option("--target", metavar="COLUMN", help="The column to predict."),
    click.option("--drop", metavar="COLUMN", multiple=True, help="Leave a column out; repeatable."),
    click.option("--sample-weight", metavar="COLUMN", help="A column that weighs the rows."),
    described.MISSING_OPTION,
    *described.READING_OPTIONS,
    click.option("--standardize", default="inputs", metavar="none|inputs", show_default=True,
                 help="Penalise the weights of inputs scaled to standard deviation 1, or of the "
                 "inputs as they are."),
    click.option("--degree", type=WHOLE, default=1, metavar="N",
                 help="Expand the inputs to all their monomials up to this degree (1)."),
]  # fmt: skip

PENALTY_OPTIONS = [
    click.option("--penalty", default="l2", metavar="l2|l1|elasticnet", show_default=True,
                 help="The penalty."),
    click.option("--l1-ratio", type=REAL, metavar="F",
                 help="Share of λ that goes to the L1 norm in the elastic net (0.5)."),
    click.option("--penalty-factor", "penalty_factors", multiple=True, metavar="COLUMN=F",
                 help="Multiply λ for one input; 0 leaves it unpenalised; repeatable."),
    click.option("--lambdas", metavar="GRID|N",
                 help="λ: numbers and geometric ranges START:STOP:COUNT with commas between; or "
                 "how many to choose from the data (100)."),
    click.option("--extend", is_flag=True,
                 help="Extend the grid while the best λ stands at its edge."),
]  # fmt: skip

FOLD_OPTIONS = [
    click.option("--cv", default="5", metavar="K|loo", show_default=True,
                 help="Folds, or leave one row out at a time."),
    click.option("--group", metavar="COLUMN",
                 help="Rows with the same label stay in the same fold."),
    click.option("--time", metavar="COLUMN",
                 help="Hold out rows that are later than those that are fitted."),
    click.option("--repeats", type=WHOLE, default=1, metavar="N",
                 help="Cut the rows into folds so often, each time anew (1)."),
    click.option("--rule", default="best", metavar="best|one-se", show_default=True,
                 help="Take the λ of the lowest loss, or the largest within one standard error of "
                 "it."),
    click.option("--seed", type=WHOLE, default=0, metavar="N", help="Of the folds (0)."),
]  # fmt: skip

SOLVER_OPTIONS = [
    click.option("--solver", default="exact", metavar="exact|sgd", show_default=True,
                 help="The minimisers, or early-stopped SGD: λ and epochs are chosen together."),
    click.option("--epochs", type=WHOLE, metavar="N", help="Of SGD: the most to train (200)."),
    click.option("--lr", type=REAL, metavar="F",
                 help="Of SGD: the learning rate (one that is stable for every λ)."),
    click.option("--batch-size", metavar="N|full",
                 help="Of SGD: examples in a minibatch (at most 32)."),
]  # fmt: skip

FEWER_FOLDS = 10
"""Folds for the penalty that is compared, where the chosen one leaves out one row at a time."""

EXAMPLES = """\b
Examples:
  weightdecay tune diabetes --plot diabetes.svg
  weightdecay tune houses.csv --target price --drop address --out model.json
  weightdecay tune visits.csv --target cost --group patient --penalty l1 --rule one-se
"""


@click.command(short_help="Choose λ for your own table by cross-validation.", epilog=EXAMPLES)
@click.argument("file", metavar="FILE")
@described.options(
    TABLE_OPTIONS,
    PENALTY_OPTIONS,
    FOLD_OPTIONS,
    SOLVER_OPTIONS,
    [described.BACKEND_OPTION],
    described.PLACE_OPTIONS[:2],
)
@click.option("--compare/--no-compare", default=True, show_default=True,
              help="Show each input beside what L2 and L1 give it; takes a path of the other "
              "penalty.")  # fmt: skip
@click.option("--out", metavar="FILE.json", help="Write the model, for 'weightdecay predict'.")
@click.option("--plot", metavar="FILE.png|.svg",
              help="Write a picture of the held-out loss and the coefficients against "
              "λ.")  # fmt: skip
@timeout_option
@format_option
def tune(
    *,
    file: str,
    target: str | None,
    drop: tuple[str, ...],
    sample_weight: str | None,
    missing: str | None,
    separator: str | None,
    decimal: str | None,
    encoding: str | None,
    na: tuple[str, ...],
    group: str | None,
    time: str | None,
    degree: int,
    compare: bool,
    out: str | None,
    plot: str | None,
    output: str,
    **settings: Any,
) -> None:
    """Choose λ for the table in FILE (.csv, .tsv, .txt, .parquet, .npz, or 'diabetes').

    All rows are used: λ is chosen on rows that are held out in turn, and the model is then fitted
    to all of them. Every λ is solved exactly, from one decomposition a fold. What is wrong with a
    table is said in one message, with the options that settle it. A target that is the same in
    every row is an error; an input that is constant gets the weight 0. Exit code 2 for bad input.
    """
    from weightdecay import pictures
    from weightdecay.data.dialect import Reading
    from weightdecay.data.table import load
    from weightdecay.report import tune as report
    from weightdecay.tuning import picture

    given = _given(settings)
    if plot is not None:
        pictures.require_drawable(Path(plot))
    if out is not None:
        _require_model_file(out)
    written = {"--plot": plot, "--out": out}
    require_files(written, {"FILE": file})
    table = load(
        file,
        target,
        drop=drop,
        sample_weight=sample_weight,
        group=group,
        time=time,
        degree=degree,
        missing=missing or "error",
        reading=Reading(separator, decimal, encoding, na),
    )
    with ExitStack() as stack:
        search = _searcher(stack, table, given)
        result = search(given)
        comparison = _compare(search, given, result) if compare else None
    # Files come first: whoever reads what is printed may stop reading.
    if plot is not None:
        picture.draw_to_file(table, result, comparison, Path(plot))
    if out is not None:
        _save(table, result, out)
    if output == "json":
        write(report.as_json(table, result, comparison))
    else:
        report.show(console(), table, result, comparison)
    for warning in (*table.notes, *result.warnings):
        say(warning)
    wrote(written)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `weightdecay.tune` from options; how to train is still in words."""
    from weightdecay.errors import InputError
    from weightdecay.validate import choice

    choice("standardize", options["standardize"], ("none", "inputs"))
    options["standardize"] = options["standardize"] == "inputs"
    options["cv"] = whole_or_word(options["cv"])
    if options["l1_ratio"] is None:
        del options["l1_ratio"]
    elif options["penalty"] != "elasticnet":
        raise InputError("--l1-ratio goes with --penalty elasticnet only.")
    factors = options.pop("penalty_factors")
    options["penalty_factors"] = dict(map(described.factor, factors)) if factors else None
    training = {name: options.pop(name) for name in ("epochs", "lr", "batch_size")}
    training = {name: value for name, value in training.items() if value is not None}
    if training and options["solver"] != "sgd":
        raise InputError(f"--{next(iter(training)).replace('_', '-')} goes with --solver sgd only.")
    if "batch_size" in training:
        training["batch_size"] = whole_or_word(training["batch_size"])
    return options | {"training": training or None}


def _searcher(
    stack: ExitStack, table: Loaded, given: dict[str, Any]
) -> Callable[[dict[str, Any]], TuneResult]:
    """`tune` for the table on a backend: here, or in a worker where its framework is elsewhere."""
    from weightdecay.environments import resolve
    from weightdecay.registry import load, resolve_name

    name = resolve_name(given.pop("backend"))
    interpreter = resolve(name)
    if interpreter.origin == "running":
        from weightdecay.tuning.running import tune as here

        load(name, given["dtype"], given["device"])
        choose: Callable[..., TuneResult] = partial(here, backend=name)
    else:
        from weightdecay.tuning.remote import tune as there
        from weightdecay.worker import Worker

        worker = stack.enter_context(Worker(name, interpreter.python))
        worker.ready()
        note(f"{name} runs in {interpreter}")
        choose = partial(there, worker)
    return partial(_tune, choose, table)


def _tune(choose: Callable[..., TuneResult], table: Loaded, given: dict[str, Any]) -> TuneResult:
    from weightdecay.tuning.stopping import default_training

    if given["training"] is not None:
        plain = default_training(len(table.y), seed=given["seed"])
        asked = dict(given["training"])
        lr = asked.pop("lr", "auto")
        given = given | {"training": replace(plain, **asked), "lr": lr}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the result has their sentences
        return choose(
            table.X,
            table.y,
            sample_weight=table.weight,
            groups=table.groups,
            times=table.times,
            columns=table.columns,
            **given,
        )


def _compare(
    search: Callable[[dict[str, Any]], TuneResult], given: dict[str, Any], result: TuneResult
) -> Comparison:
    """Tune the other penalties, exactly and on grids of their own."""
    from weightdecay.tuning.comparing import compare
    from weightdecay.tuning.splits import LEAVE_ONE_OUT

    own = given | {"lambdas": None, "extend": False, "solver": "exact", "training": None}
    own.pop("l1_ratio", None)

    def fit(penalty: str) -> TuneResult:
        # Left-out rows have a closed form under L2; under L1 each would take a path of its own.
        fewer = penalty == "l1" and own["cv"] == LEAVE_ONE_OUT
        cv = {"cv": min(FEWER_FOLDS, result.examples.num_examples)} if fewer else {}
        return search(own | {"penalty": penalty} | cv)

    return compare(result, fit)


def _require_model_file(name: str) -> None:
    from weightdecay.errors import InputError
    from weightdecay.escaping import shown

    if Path(name).suffix.lower() != ".json":
        raise InputError(f"{shown(name)} is no model file: it must end in .json.")


def _save(table: Loaded, result: TuneResult, name: str) -> None:
    """Write the model."""
    from weightdecay.tuning.model import Model

    model = Model.of(
        result,
        inputs=table.inputs,
        degree=table.degree,
        roles=table.roles,
        na=table.reading.na,
    )
    model.save(name)
