"""`compare_remedies`: everything that helps against overfitting, on the same rows and folds."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from weightdecay import bounds
from weightdecay.data.moments import require_room
from weightdecay.data.sources import DataSource
from weightdecay.experiment import Experiment
from weightdecay.ops import DTYPES
from weightdecay.registry import load_adapter, resolve_name
from weightdecay.remedies.curve import LearningCurve, learning_curve
from weightdecay.remedies.early import EPOCHS, early_stopping
from weightdecay.remedies.least_squares import none
from weightdecay.remedies.noise import default_copies, input_noise
from weightdecay.remedies.penalties import elastic_net, l1, l2
from weightdecay.remedies.problem import Problem, require_weight, standardised
from weightdecay.remedies.remedy import Remedy
from weightdecay.remedies.selecting import fewer_features
from weightdecay.train import Data, as_dataset
from weightdecay.tuning import splits as splitting
from weightdecay.validate import choice, integer

FOLDS = 5

REMEDIES: tuple[Callable[[Problem], Remedy], ...] = (
    none,
    l2,
    l1,
    elastic_net,
    early_stopping,
    fewer_features,
    input_noise,
)

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False, repr=False)
class Remedies:
    """Every remedy at the strength that cross-validation chose, and what it came to.

    Losses are ½ mean squared error, in the units of the target; weights are those of standardised
    inputs.

    Attributes
    ----------
    remedies : tuple of Remedy
    curve : LearningCurve
        What more data does.
    source : Synthetic, Polynomial, Table or Arrays
        The description of the data.
    seed : int
        Of the data, the folds and everything that a remedy draws.
    num_train, num_val, num_inputs, num_folds : int
    epochs, copies : int
        The most that early stopping trained; how often the rows were repeated with new noise.
    backend, backend_version, dtype, device : str
    seconds : float
        Wall time of everything after the data were there.
    """

    remedies: tuple[Remedy, ...]
    curve: LearningCurve
    source: DataSource
    seed: int
    num_train: int
    num_val: int
    num_inputs: int
    num_folds: int
    epochs: int
    copies: int
    backend: str
    backend_version: str
    dtype: str
    device: str
    seconds: float

    def __getitem__(self, name: str) -> Remedy:
        """A remedy by its name: 'none', 'l2', 'l1', 'elasticnet', 'early', 'features', 'noise'."""
        return next(remedy for remedy in self.remedies if remedy.name == name)

    @cached_property
    def best(self) -> Remedy:
        """The lowest cross-validated loss: the one to take, since no validation row chose it."""
        return min(self.remedies, key=lambda remedy: remedy.cv_loss)

    @cached_property
    def lowest(self) -> Remedy:
        """The lowest validation loss."""
        return min(self.remedies, key=lambda remedy: remedy.val_loss)

    @cached_property
    def tied(self) -> tuple[Remedy, ...]:
        """The others that the folds cannot tell from the best.

        Their loss minus that of the best, fold by fold, has a mean within one standard error of 0.
        """
        return tuple(
            remedy
            for remedy in self.remedies
            if remedy is not self.best and _within(remedy.fold_loss - self.best.fold_loss)
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know."""
        return tuple(warning for remedy in self.remedies for warning in remedy.warnings)

    def __repr__(self) -> str:
        """A line that says what was compared, and what came of it."""
        each = ", ".join(f"{r.name} {r.val_loss:.4g}" for r in self.remedies)
        return (
            f"Remedies({self.num_train} + {self.num_val} rows × {self.num_inputs} inputs, "
            f"validation losses: {each}; best by cross-validation: {self.best.name}; "
            f"{self.backend}, {self.seconds:.2g} s)"
        )

    def __str__(self) -> str:
        """For a person, as the command line prints it."""
        from weightdecay.report.remedies import show
        from weightdecay.report.terminal import Console

        text = io.StringIO()
        show(Console(file=text, width=100), self)
        return text.getvalue().rstrip()


def compare_remedies(
    experiment: Experiment | None = None,
    data: Data | None = None,
    *,
    folds: splitting.Given = FOLDS,
    epochs: int = EPOCHS,
    copies: int | None = None,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    on_progress: OnProgress | None = None,
) -> Remedies:
    """Compare what helps against overfitting, each at its best strength, on the same rows.

    No remedy (least squares), L2, L1, elastic net, early stopping, fewer features, noise on the
    inputs; and a learning curve, since more data is a remedy too. Every strength is chosen by
    cross-validation within the training part, on the same folds for all; the validation part is
    looked at once, in the end, and no choice sees it.

    The inputs are standardised once, by the moments of the training part.

    Parameters
    ----------
    experiment : Experiment, optional
        Its data and its seed are used, and nothing else.
    data : Dataset or tuple of arrays (X, y, X_val, y_val), optional
        As for `fit`.
    folds : int, splitter or iterable
        See `weightdecay.tuning.splits.make`.
    epochs : int
        The most that early stopping trains.
    copies : int, optional
        How often the rows are repeated with new noise; by default so often that there are 20,000.
    on_progress : callable, optional
        Called with (steps done, steps in all).

    Raises
    ------
    InputError
        No validation part, or folds that cannot be cut.
    MissingExtraError
        scikit-learn is not installed, which cuts the folds and fits L1.
    BackendError
        The backend, dtype or device cannot be had.
    """
    experiment = experiment or Experiment()
    epochs = integer("epochs", epochs, 1, bounds.EPOCHS)
    if copies is not None:
        copies = integer("copies", copies, 1, bounds.COPIES)
    choice("dtype", dtype, DTYPES)
    backend = resolve_name(backend)
    version = load_adapter(backend).version
    dataset = as_dataset(experiment, data)
    train, val = standardised(dataset)
    require_room("y", float(np.max(abs(train.Y))), dtype)
    n = train.num_examples
    cut = splitting.make(folds, n, seed=experiment.seed)
    splits = cut if cut is not None else splitting.one_by_one(n)
    require_weight(train, splits)
    problem = Problem(
        train,
        val,
        splits,
        experiment.seed,
        epochs,
        copies or default_copies(n, train.num_inputs),
        backend,
        dtype,
        device,
    )
    clock = time.perf_counter()
    steps = len(REMEDIES) + 1
    found = []
    for done, remedy in enumerate(REMEDIES, start=1):
        found.append(remedy(problem))
        if on_progress is not None:
            on_progress(done, steps)
    curve = learning_curve(problem)
    if on_progress is not None:
        on_progress(steps, steps)
    return Remedies(
        remedies=tuple(found),
        curve=curve,
        source=dataset.source,
        seed=experiment.seed,
        num_train=n,
        num_val=val.num_examples,
        num_inputs=train.num_inputs,
        num_folds=len(splits),
        epochs=epochs,
        copies=problem.copies,
        backend=backend,
        backend_version=version,
        dtype=dtype,
        device=device,
        seconds=time.perf_counter() - clock,
    )


def _within(difference: np.ndarray) -> bool:
    """Whether a mean over folds is within one standard error of 0."""
    if len(difference) < 2:
        return False
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(abs(difference.mean()) <= error)
