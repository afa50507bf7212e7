"""``weightdecay run``."""

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
    timeout_option,
    write,
    wrote,
)
from weightdecay.cli.numbers import REAL

if TYPE_CHECKING:
    from weightdecay.data.dataset import Dataset
    from weightdecay.experiment import Experiment
    from weightdecay.progress import Bar
    from weightdecay.train import FitResult

LAMBDA_OPTION = click.option(
    "--lambda",
    "lambd",
    type=REAL,
    multiple=True,
    metavar="F",
    help="Strength of the penalty; repeat it for several runs (0 and 3).",
)
LR_OPTION = click.option("--lr", type=REAL, metavar="F", help="The learning rate (0.01).")


@click.command(short_help="Train, and show what weight decay does.")
@described.options(
    described.DATA_OPTIONS,
    [LAMBDA_OPTION],
    described.OBJECTIVE_OPTIONS,
    described.RULE_OPTIONS,
    [LR_OPTION],
    described.TRAINING_OPTIONS,
    [described.BACKEND_OPTION],
)
@click.option("--implementation", default="scratch", metavar="scratch|native", show_default=True,
              help="The core's own rules over the backend's tensors, or the framework's autodiff "
              "and optimizer.")  # fmt: skip
@described.options(described.PLACE_OPTIONS)
@click.option("--save-experiment", metavar="FILE.toml", help="Write the experiment that was run.")
@click.option("--plot", metavar="FILE.png|.svg", help="Write the loss curves as a picture.")
@timeout_option
@format_option
def run(
    *,
    backend: str | None,
    implementation: str,
    device: str,
    dtype: str,
    experiment_file: str | None,
    save_experiment: str | None,
    plot: str | None,
    output: str,
    **settings: Any,
) -> None:
    """Train one linear model for each λ and show what weight decay does.

    Minimises (1/n) Σ ½ (w·x + b − y)² + λ/2 ‖w‖² (or λ ‖w‖₁, or both) by minibatch descent. Without
    any option: 20 examples of 200 inputs, λ = 0 and λ = 3. Exit code 2 for bad input, 1 if training
    diverges.
    """
    from weightdecay import curves, pictures
    from weightdecay.progress import progress
    from weightdecay.report import run as report

    experiment = described.experiment_of(experiment_file, settings)
    with ExitStack() as stack:
        train = _trainer(stack, backend, implementation, dtype, device)
        if plot is not None:
            pictures.require_drawable(Path(plot))
        if save_experiment is not None:
            described.require_experiment_file(save_experiment)
        written = {"--plot": plot, "--save-experiment": save_experiment}
        require_files(written, {"--experiment": experiment_file, "--data": settings["data"]})
        data = described.data_of(experiment)
        bar = stack.enter_context(progress("epochs"))
        bar.start(experiment.epochs * len(experiment.lambd))
        # One program a λ, so that the seconds of a run are its own.
        results = [
            train(replace(experiment, lambd=(lambd,)), data, bar) for lambd in experiment.lambd
        ]

    # Files come first: whoever reads what is printed may stop reading.
    if plot is not None:
        curves.draw_to_file(results, Path(plot))
    if save_experiment is not None:
        described.save_experiment(experiment, save_experiment)
    if output == "json":
        write(report.as_json(experiment, results))
    else:
        report.show_runs(console(), results)
    wrote(written)


def _trainer(
    stack: ExitStack, backend: str | None, implementation: str, dtype: str, device: str
) -> Callable[[Experiment, Dataset, Bar], FitResult]:
    """A `fit` on a backend: here, or in a worker where another interpreter has its framework."""
    from weightdecay.environments import resolve
    from weightdecay.registry import load, load_native, resolve_name
    from weightdecay.train import IMPLEMENTATIONS, fit
    from weightdecay.validate import choice

    choice("implementation", implementation, IMPLEMENTATIONS)
    name = resolve_name(backend)
    where: dict[str, Any] = {"implementation": implementation, "dtype": dtype, "device": device}
    interpreter = resolve(name)
    if interpreter.origin == "running":
        load(name, dtype, device)
        if implementation == "native":
            load_native(name)
        return lambda experiment, data, bar: fit(
            experiment, data, backend=name, on_epoch=lambda done, total: bar.advance(), **where
        )

    from weightdecay import remote
    from weightdecay.worker import Worker

    worker = stack.enter_context(Worker(name, interpreter.python))
    worker.ready()
    note(f"{name} runs in {interpreter}")

    def train(experiment: Experiment, data: Dataset, bar: Bar) -> FitResult:
        result = remote.fit(worker, experiment, data, **where)
        bar.advance(experiment.epochs)
        return result

    return train
