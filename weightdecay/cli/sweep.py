"""``weightdecay sweep``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
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
from weightdecay.cli.numbers import WHOLE

if TYPE_CHECKING:
    from weightdecay.data.dataset import Dataset
    from weightdecay.experiment import Experiment
    from weightdecay.progress import Bar
    from weightdecay.sweeping.result import SweepResult

GRID_OPTIONS = [
    click.option("--lambdas", metavar="GRID",
                 help="λ: numbers and geometric ranges START:STOP:COUNT with commas between, such "
                 "as 0,1e-4:1e2:50 (1e-4:1e2:100)."),
    click.option("--lr", "lrs", metavar="GRID",
                 help="Learning rates, as a grid like --lambdas; every λ is trained with each "
                 "(0.01)."),
    click.option("--seeds", type=WHOLE, metavar="N",
                 help="Repeat every run with so many seeds, from --seed on, each with initial "
                 "weights and minibatches of its own (1)."),
    click.option("--folds", type=WHOLE, metavar="K",
                 help="Cross-validate: cut the training part into K folds, and validate on the one "
                 "that is left out. The validation part stays unseen."),
    click.option("--max-memory", default="1GiB", metavar="SIZE", show_default=True,
                 help="What the runs that train together may take beside the data, such as "
                 "500MB."),
]  # fmt: skip


EXAMPLES = """\b
Examples:
  weightdecay sweep --lambdas 0,1e-3:1e2:50 --lr 0.003,0.01,0.03 --seeds 5
  weightdecay sweep --data diabetes --folds 5 --penalty l1 --plot paths.svg
"""


@click.command(short_help="Train a whole grid of λ at once, and find the best.", epilog=EXAMPLES)
@described.options(
    GRID_OPTIONS,
    described.DATA_OPTIONS,
    described.OBJECTIVE_OPTIONS,
    described.RULE_OPTIONS,
    described.TRAINING_OPTIONS,
    [described.BACKEND_OPTION],
    described.PLACE_OPTIONS,
)
@click.option("--save-experiment", metavar="FILE.toml",
              help="Write the experiment with the best λ and learning rate, for 'weightdecay "
              "run'.")  # fmt: skip
@click.option("--plot", metavar="FILE.png|.svg",
              help="Write a picture of losses, norms and coefficient paths against "
              "λ.")  # fmt: skip
@timeout_option
@format_option
def sweep(
    *,
    lambdas: str | None,
    lrs: str | None,
    seeds: int | None,
    folds: int | None,
    max_memory: str,
    backend: str | None,
    device: str,
    dtype: str,
    experiment_file: str | None,
    save_experiment: str | None,
    plot: str | None,
    output: str,
    **settings: Any,
) -> None:
    """Train every λ of a grid (at every learning rate, seed and fold) as columns of one program.

    The best λ has the lowest validation loss, averaged over seeds and folds, after the last epoch.
    Each run is what 'weightdecay run' trains alone, to rounding. A run that diverges stops no
    other. Without any option: the synthetic data of 'weightdecay run' and 100 λ from 0.0001 to
    100. Exit code 2 for bad input, 1 if every λ has a run that diverges.
    """
    from weightdecay import pictures
    from weightdecay.errors import InputError
    from weightdecay.progress import progress
    from weightdecay.report import sweep as report
    from weightdecay.sweeping import picture
    from weightdecay.sweeping.running import require_grids

    experiment = described.experiment_of(experiment_file, settings)
    grids: dict[str, Any] = {"lambdas": lambdas, "lrs": lrs, "seeds": seeds}
    require_grids(experiment, **grids)
    with ExitStack() as stack:
        train = _sweeper(stack, backend, dtype, device)
        if plot is not None:
            pictures.require_drawable(Path(plot))
        if save_experiment is not None:
            described.require_experiment_file(save_experiment)
        written = {"--plot": plot, "--save-experiment": save_experiment}
        require_files(written, {"--experiment": experiment_file, "--data": settings["data"]})
        data = described.data_of(experiment)
        bar = stack.enter_context(progress("epochs"))
        result = train(experiment, data, {**grids, "folds": folds, "max_memory": max_memory}, bar)

    best = result.best
    # Files come first: whoever reads what is printed may stop reading.
    if plot is not None:
        picture.draw_to_file(result, Path(plot))
    if save_experiment is not None and best is not None:
        chosen = replace(result.experiment, lambd=(best.lambd,), lr=best.lr)
        described.save_experiment(chosen, save_experiment)
    if output == "json":
        write(report.as_json(result))
    else:
        report.show(console(), result)
    for warning in report.warnings(result):
        say(warning)
    if save_experiment is not None and best is None:
        raise InputError(
            "there is no best λ to write: the data has no validation part, so cut it into folds "
            "with --folds."
        )
    wrote(written)


def _sweeper(
    stack: ExitStack, backend: str | None, dtype: str, device: str
) -> Callable[[Experiment, Dataset, dict[str, Any], Bar], SweepResult]:
    """A `sweep` on a backend: here, or in a worker where another interpreter has its framework."""
    from weightdecay.environments import resolve
    from weightdecay.registry import load, resolve_name
    from weightdecay.sweeping.running import sweep as sweep_here

    name = resolve_name(backend)
    where: dict[str, Any] = {"dtype": dtype, "device": device}
    interpreter = resolve(name)
    if interpreter.origin == "running":
        load(name, dtype, device)

        def train(
            experiment: Experiment, data: Dataset, settings: dict[str, Any], bar: Bar
        ) -> SweepResult:
            def on_progress(done: int, total: int) -> None:
                if done == 1:
                    bar.start(total)
                bar.advance()

            return sweep_here(
                experiment, data, backend=name, on_progress=on_progress, **where, **settings
            )

        return train

    from weightdecay.sweeping import remote
    from weightdecay.worker import Worker

    worker = stack.enter_context(Worker(name, interpreter.python))
    worker.ready()
    note(f"{name} runs in {interpreter}")
    return lambda experiment, data, settings, bar: remote.sweep(
        worker, experiment, data, **where, **settings
    )
