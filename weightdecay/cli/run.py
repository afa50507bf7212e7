"""``weightdecay run``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weightdecay.cli.common import console, format_option
from weightdecay.errors import InputError

if TYPE_CHECKING:
    from weightdecay.data.dataset import Dataset
    from weightdecay.experiment import Experiment
    from weightdecay.progress import Bar
    from weightdecay.train import FitResult

F = TypeVar("F", bound=Callable[..., Any])

# Option names to settings where the two differ; the data's settings are marked by their group.
DATA_SETTINGS = {
    "target": "target",
    "drop": "drop",
    "sample_weight": "sample_weight",
    "validation_fraction": "validation_fraction",
    "standardize": "standardize",
    "degree": "degree",
    "num_train": "num_train",
    "num_val": "num_val",
    "num_inputs": "num_inputs",
    "true_weight": "weight",
    "true_bias": "bias",
    "noise_std": "noise_std",
}

DATA_OPTIONS = [
    click.option("--data", metavar="NAME|FILE",
                 help="synthetic (default), polynomial, diabetes, or a .csv, .tsv, .parquet or "
                 ".npz file."),
    click.option("--target", metavar="COLUMN", help="The column to predict."),
    click.option("--drop", metavar="COLUMN", multiple=True, help="Leave a column out; repeatable."),
    click.option("--sample-weight", metavar="COLUMN", help="A column that weighs the examples."),
    click.option("--validation-fraction", type=float, metavar="F",
                 help="Share of a table's rows held out (0.2)."),
    click.option("--standardize", metavar="none|inputs|both",
                 help="Scale a table to mean 0 and standard deviation 1, as measured on its "
                 "training part (inputs)."),
    click.option("--degree", type=int, metavar="N",
                 help="Polynomial degree: of the polynomial data, or of a table's features."),
    click.option("--num-train", type=int, metavar="N", help="Examples to draw for training (20)."),
    click.option("--num-val", type=int, metavar="N", help="Examples to draw for validation (100)."),
    click.option("--num-inputs", type=int, metavar="N", help="Inputs of the synthetic data (200)."),
    click.option("--true-weight", type=float, metavar="F",
                 help="Every weight of the synthetic truth (0.01)."),
    click.option("--true-bias", type=float, metavar="F",
                 help="Bias of the synthetic truth (0.05)."),
    click.option("--noise-std", type=float, metavar="F",
                 help="Standard deviation of the noise drawn (synthetic 0.01, polynomial 0.1)."),
]  # fmt: skip

OBJECTIVE_OPTIONS = [
    click.option("--lambda", "lambd", type=float, multiple=True, metavar="F",
                 help="Strength of the penalty; repeat it for several runs (0 and 3)."),
    click.option("--penalty", metavar="none|l1|l2|elasticnet", help="The penalty (l2)."),
    click.option("--l1-ratio", type=float, metavar="F",
                 help="Share of λ that goes to the L1 norm in the elastic net (0.5)."),
    click.option("--penalty-factor", "penalty_factors", multiple=True, metavar="COLUMN=F",
                 help="Multiply λ for one input; 0 leaves it unpenalised; repeatable."),
    click.option("--penalize-bias/--no-penalize-bias", default=None,
                 help="Penalise the bias like a weight (no)."),
]  # fmt: skip

TRAINING_OPTIONS = [
    click.option("--optimizer", metavar="sgd|momentum|nesterov|adam",
                 help="The update rule (sgd)."),
    click.option("--decay", metavar="coupled|decoupled",
                 help="Feed λw to the optimizer with the gradient, or shrink the weights beside "
                 "its step (coupled)."),
    click.option("--l1-update", metavar="proximal|subgradient",
                 help="Soft thresholding, or λ sign(w) in the gradient (proximal)."),
    click.option("--lr", type=float, metavar="F", help="The learning rate (0.01)."),
    click.option("--momentum", type=float, metavar="F", help="Of momentum and nesterov (0.9)."),
    click.option("--betas", type=float, nargs=2, metavar="F F", help="Of adam (0.9 0.999)."),
    click.option("--eps", type=float, metavar="F", help="Of adam (1e-8)."),
    click.option("--batch-size", metavar="N|full", help="Examples in a minibatch (5)."),
    click.option("--epochs", type=int, metavar="N", help="Passes over the training data (10)."),
    click.option("--shuffle/--no-shuffle", default=None,
                 help="Draw the minibatches of every epoch anew (yes)."),
    click.option("--init-std", type=float, metavar="F",
                 help="Standard deviation of the initial weights (0.01)."),
    click.option("--seed", type=int, metavar="N",
                 help="Of the data, the split, the initial weights and the minibatches (0)."),
]  # fmt: skip


def _options(*groups: list[Callable[[F], F]]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


@click.command(short_help="Train, and show what weight decay does.")
@_options(DATA_OPTIONS, OBJECTIVE_OPTIONS, TRAINING_OPTIONS)
@click.option("--backend", metavar="NAME",
              help="numpy, torch, … (the variable WEIGHTDECAY_BACKEND, else numpy).")  # fmt: skip
@click.option("--implementation", default="scratch", metavar="scratch|native", show_default=True,
              help="The core's own rules over the backend's tensors, or the framework's autodiff "
              "and optimizer.")  # fmt: skip
@click.option(
    "--device", default="cpu", metavar="cpu|cuda", show_default=True, help="Where to run."
)
@click.option("--dtype", default="float64", metavar="float32|float64", show_default=True,
              help="Precision of the training.")  # fmt: skip
@click.option("--experiment", "experiment_file", metavar="FILE.toml",
              help="Start from an experiment in a .toml or .json file; other options override "
              "it.")  # fmt: skip
@click.option("--save-experiment", metavar="FILE.toml", help="Write the experiment that was run.")
@click.option("--plot", metavar="FILE.png|.svg", help="Write the loss curves as a picture.")
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
    from weightdecay import curves
    from weightdecay.data.load import load_data
    from weightdecay.output import require_writable, writing
    from weightdecay.progress import progress
    from weightdecay.report import run as report

    experiment = _experiment(experiment_file, settings)
    with ExitStack() as stack:
        train = _trainer(stack, backend, implementation, dtype, device)
        if plot is not None:
            curves.require_drawable(Path(plot))
        if save_experiment is not None:
            if Path(save_experiment).suffix.lower() != ".toml":
                raise InputError(
                    f"{save_experiment!r} is no experiment file: it must end in .toml."
                )
            require_writable(Path(save_experiment))
        data = load_data(experiment.data, experiment.seed)
        bar = stack.enter_context(progress("epochs"))
        bar.start(experiment.epochs * len(experiment.lambd))
        # One program a λ, so that the seconds of a run are its own.
        results = [
            train(replace(experiment, lambd=(lambd,)), data, bar) for lambd in experiment.lambd
        ]

    if output == "json":
        click.echo(report.as_json(experiment, results))
    else:
        report.show_runs(console(), results)
    if plot is not None:
        curves.draw_to_file(results, Path(plot))
        click.echo(f"wrote {plot}", err=True)
    if save_experiment is not None:
        with writing(Path(save_experiment)) as temporary:
            temporary.write_text(experiment.to_toml(), encoding="utf-8")
        click.echo(f"wrote {save_experiment}", err=True)


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
    click.echo(f"{name} runs in {interpreter}", err=True)

    def train(experiment: Experiment, data: Dataset, bar: Bar) -> FitResult:
        result = remote.fit(worker, experiment, data, **where)
        bar.advance(experiment.epochs)
        return result

    return train


def _experiment(file: str | None, options: dict[str, Any]) -> Any:
    """The experiment of a file, if any, with the options that were given on top."""
    from weightdecay.experiment import Experiment, read_settings

    settings: dict[str, Any] = {}
    if file is not None:
        Experiment.from_file(file)  # for a message that names the file
        settings = dict(read_settings(Path(file)))
    given = {name: value for name, value in options.items() if value not in (None, ())}
    data = {DATA_SETTINGS[name]: given.pop(name) for name in [*given] if name in DATA_SETTINGS}
    source = given.pop("data", None)
    if source is not None or data:
        before = settings.get("data", {"source": "synthetic"})
        settings["data"] = ({"source": source} if source else before) | data
    if "lambd" in given:
        given["lambda"] = given.pop("lambd")
    if "batch_size" in given and given["batch_size"].isdecimal():
        given["batch_size"] = int(given["batch_size"])
    if "penalty_factors" in given:
        given["penalty_factors"] = dict(map(_factor, given["penalty_factors"]))
    return Experiment.from_dict(settings | given)


def _factor(text: str) -> tuple[str, float]:
    name, _, factor = text.rpartition("=")
    try:
        return name, float(factor)
    except ValueError:
        raise InputError(f"penalty factor {text!r}: write COLUMN=NUMBER, such as age=0.") from None
