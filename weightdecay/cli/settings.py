"""The options that describe an experiment, and the experiment that they describe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weightdecay.cli.common import say
from weightdecay.cli.numbers import REAL, WHOLE, whole_or_word
from weightdecay.errors import InputError
from weightdecay.escaping import shown
from weightdecay.validate import parse_number

if TYPE_CHECKING:
    from weightdecay.data.dataset import Dataset
    from weightdecay.experiment import Experiment

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[Any], Any]

# Option names to settings where the two differ; the data's settings are marked by their group.
DATA_SETTINGS = {
    "target": "target",
    "drop": "drop",
    "sample_weight": "sample_weight",
    "validation_fraction": "validation_fraction",
    "standardize": "standardize",
    "degree": "degree",
    "missing": "missing",
    "separator": "separator",
    "decimal": "decimal",
    "encoding": "encoding",
    "na": "na",
    "num_train": "num_train",
    "num_val": "num_val",
    "num_inputs": "num_inputs",
    "true_weight": "weight",
    "true_bias": "bias",
    "noise_std": "noise_std",
}

READING_OPTIONS = [
    click.option("--separator", metavar="CHARACTER",
                 help="What separates the cells of a text file, such as ';' or tab (what gives "
                 "rows of equal width)."),
    click.option("--decimal", metavar=".|,",
                 help="The decimal mark of a text file, where its numbers do not show it."),
    click.option("--encoding", metavar="NAME",
                 help="The encoding of a text file (UTF-8, else Windows-1252)."),
    click.option("--na", metavar="TEXT", multiple=True,
                 help="A further mark of a missing value, such as -999; repeatable."),
]  # fmt: skip

MISSING_OPTION = click.option(
    "--missing",
    metavar="error|drop-rows",
    help="Refuse missing values, or leave out the rows that have any (error).",
)

DATA_OPTIONS = [
    click.option("--data", metavar="NAME|FILE",
                 help="synthetic (default), polynomial, diabetes, or a .csv, .tsv, .txt, .parquet "
                 "or .npz file."),
    click.option("--target", metavar="COLUMN", help="The column to predict."),
    click.option("--drop", metavar="COLUMN", multiple=True, help="Leave a column out; repeatable."),
    click.option("--sample-weight", metavar="COLUMN", help="A column that weighs the examples."),
    click.option("--validation-fraction", type=REAL, metavar="F",
                 help="Share of a table's rows held out (0.2)."),
    click.option("--standardize", metavar="none|inputs|both",
                 help="Scale a table to mean 0 and standard deviation 1, as measured on its "
                 "training part (inputs)."),
    click.option("--degree", type=WHOLE, metavar="N",
                 help="Polynomial degree: of the polynomial data, or of a table's features."),
    MISSING_OPTION,
    *READING_OPTIONS,
    click.option("--num-train", type=WHOLE, metavar="N",
                 help="Examples to draw for training (20)."),
    click.option("--num-val", type=WHOLE, metavar="N",
                 help="Examples to draw for validation (100)."),
    click.option("--num-inputs", type=WHOLE, metavar="N",
                 help="Inputs of the synthetic data (200)."),
    click.option("--true-weight", type=REAL, metavar="F",
                 help="Every weight of the synthetic truth (0.01)."),
    click.option("--true-bias", type=REAL, metavar="F",
                 help="Bias of the synthetic truth (0.05)."),
    click.option("--noise-std", type=REAL, metavar="F",
                 help="Standard deviation of the noise drawn (synthetic 0.01, polynomial 0.1)."),
]  # fmt: skip

OBJECTIVE_OPTIONS = [
    click.option("--penalty", metavar="none|l1|l2|elasticnet", help="The penalty (l2)."),
    click.option("--l1-ratio", type=REAL, metavar="F",
                 help="Share of λ that goes to the L1 norm in the elastic net (0.5)."),
    click.option("--penalty-factor", "penalty_factors", multiple=True, metavar="COLUMN=F",
                 help="Multiply λ for one input; 0 leaves it unpenalised; repeatable."),
    click.option("--penalize-bias/--no-penalize-bias", default=None,
                 help="Penalise the bias like a weight (no)."),
]  # fmt: skip

RULE_OPTIONS = [
    click.option("--optimizer", metavar="sgd|momentum|nesterov|adam",
                 help="The update rule (sgd)."),
    click.option("--decay", metavar="coupled|decoupled",
                 help="Feed λw to the optimizer with the gradient, or shrink the weights beside "
                 "its step (coupled)."),
    click.option("--l1-update", metavar="proximal|subgradient",
                 help="Soft thresholding, or λ sign(w) in the gradient (proximal)."),
]  # fmt: skip

TRAINING_OPTIONS = [
    click.option("--momentum", type=REAL, metavar="F", help="Of momentum and nesterov (0.9)."),
    click.option("--betas", type=REAL, nargs=2, metavar="F F", help="Of adam (0.9 0.999)."),
    click.option("--eps", type=REAL, metavar="F", help="Of adam (1e-8)."),
    click.option("--batch-size", metavar="N|full", help="Examples in a minibatch (5)."),
    click.option("--epochs", type=WHOLE, metavar="N", help="Passes over the training data (10)."),
    click.option("--shuffle/--no-shuffle", default=None,
                 help="Draw the minibatches of every epoch anew (yes)."),
    click.option("--init-std", type=REAL, metavar="F",
                 help="Standard deviation of the initial weights (0.01)."),
    click.option("--seed", type=WHOLE, metavar="N",
                 help="Of the data, the split, the initial weights and the minibatches (0)."),
]  # fmt: skip


BACKEND_OPTION = click.option(
    "--backend",
    metavar="NAME",
    help="numpy, torch, … (the variable WEIGHTDECAY_BACKEND, else numpy).",
)

PLACE_OPTIONS = [
    click.option("--device", default="cpu", metavar="cpu|cuda", show_default=True,
                 help="Where to run."),
    click.option("--dtype", default="float64", metavar="float32|float64", show_default=True,
                 help="Precision of the training."),
    click.option("--experiment", "experiment_file", metavar="FILE.toml",
                 help="Start from an experiment in a .toml or .json file; other options override "
                 "it."),
]  # fmt: skip


def options(*groups: list[Option]) -> Callable[[F], F]:
    """A decorator that adds groups of options to a command, in their order."""

    def decorate(command: F) -> F:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


def experiment_of(file: str | None, given: dict[str, Any]) -> Experiment:
    """The experiment of a file, if any, with the options that were given on top."""
    from weightdecay.experiment import Experiment, naming, read_settings

    settings: dict[str, Any] = {}
    if file is not None:
        settings = dict(read_settings(Path(file)))
        with naming(Path(file)):
            Experiment.from_dict(settings)
    given = {name: value for name, value in given.items() if value not in (None, ())}
    data = {DATA_SETTINGS[name]: given.pop(name) for name in [*given] if name in DATA_SETTINGS}
    source = given.pop("data", None)
    if source is not None or data:
        before = settings.get("data", {"source": "synthetic"})
        settings["data"] = ({"source": source} if source else before) | data
    if "lambd" in given:
        given["lambda"] = given.pop("lambd")
    if "batch_size" in given:
        given["batch_size"] = whole_or_word(given["batch_size"])
    if "penalty_factors" in given:
        given["penalty_factors"] = dict(map(factor, given["penalty_factors"]))
    return Experiment.from_dict(settings | given)


def data_of(experiment: Experiment) -> Dataset:
    """The examples that an experiment describes; what is to be known of a table is said."""
    from weightdecay.data.load import load_data

    data = load_data(experiment.data, experiment.seed)
    tell(data.notes)
    return data


def tell(notes: Iterable[str]) -> None:
    """Say on standard error what the user should know."""
    for note in notes:
        say(note)


def factor(text: str) -> tuple[str, float]:
    """COLUMN=NUMBER as a column's name and its penalty factor."""
    name, _, number = text.rpartition("=")
    value = parse_number(number)
    if value is None:
        raise InputError(f"penalty factor {shown(text)}: write COLUMN=NUMBER, such as age=0.")
    return name, value


def require_experiment_file(name: str) -> None:
    """Raise before any work is done if the name is not that of an experiment."""
    if Path(name).suffix.lower() != ".toml":
        raise InputError(f"{shown(name)} is no experiment file: it must end in .toml.")


def save_experiment(experiment: Experiment, name: str) -> None:
    """Write an experiment."""
    from weightdecay.output import write_bytes

    write_bytes(Path(name), experiment.to_toml().encode())
