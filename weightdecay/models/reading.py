"""What a reader of models is asked, and what it answers.

A module a framework, ``weightdecay.backends.native.*_models``, knows that framework's models and
optimizers; `weightdecay.models` judges what it answers with NumPy alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray


class Owner(NamedTuple):
    """A place at which a parameter is used: its dotted name there, and the class of the layer.

    `kind` is such as 'Linear' or 'BatchNorm1d', and '' where the model is a plain tree of arrays.
    """

    name: str
    kind: str


class ModelParameter(NamedTuple):
    """A parameter of a model, as its framework describes it.

    `owners` holds one entry, and more where the parameter is shared (tied); the first gives it its
    name. `frozen` is one that the framework was told not to train.
    """

    owners: tuple[Owner, ...]
    shape: tuple[int, ...]
    frozen: bool = False

    @property
    def name(self) -> str:
        """Its first name."""
        return self.owners[0].name

    @property
    def kind(self) -> str:
        """The class of the layer that owns it first."""
        return self.owners[0].kind


class Held(NamedTuple):
    """What the optimizer says of a parameter that it holds.

    `shape` is that of its real numbers: a complex parameter has a last axis of two, and `complex`
    says so. `rms` is the root mean square of its value. `lr` is the learning rate at which the copy
    steps, None where nobody can say; `setting` the weight decay that the framework states for it,
    as a λ; `dtype` that of the parameter. `frozen` is a parameter that the optimizer does not move
    whatever its gradient; `replaced_lr` says that the learning rate is 0 now, so that the copy was
    given another.
    """

    shape: tuple[int, ...]
    rms: float
    lr: float | None
    setting: float | None
    dtype: str
    frozen: bool = False
    replaced_lr: bool = False
    complex: bool = False


NamedArrays = Mapping[str, NumPyArray]
Gradients = Sequence[NamedArrays]


class OwnStep(NamedTuple):
    """What a real step adds to a parameter, and the dtype of the numbers that it changes.

    That is the parameter's, or that of the master weights which an optimizer keeps for it.
    """

    dtype: str
    moved: NumPyArray


class Schedule(NamedTuple):
    """A count in an optimizer's memory, on which a schedule may hang, and what it is at `now`.

    `look_at` sets the one of the stand for steps to be looked at, `set_to` for good: learning
    rates that hang on the same count are then told anew.
    """

    now: int
    look_at: Callable[[int], None]
    set_to: Callable[[int], None]


class Stand(Protocol):
    """A copy of a model's parameters and of the optimizer with its memory, to be experimented on.

    Attributes
    ----------
    held : mapping
        The parameters that the optimizer holds, by name.
    rounding, rounding_of_weights : float
        How exact `move` is: relative to what it answers, and relative to the weights.
    remarks : tuple of str
        What the reader had to do to get a step out of the optimizer, as sentences.
    schedules : sequence of Schedule
        The counts from which the optimizer itself may take its decay; none where no optimizer of
        the framework has a schedule of it.
    """

    held: Mapping[str, Held]
    rounding: float
    rounding_of_weights: float
    remarks: tuple[str, ...]
    schedules: Sequence[Schedule]

    def move(
        self, weights: NamedArrays, /, *, fresh: bool = False, gradients: Gradients = ()
    ) -> dict[str, NumPyArray]:
        """What one step with a zero data gradient adds to these weights, in float64.

        Every call starts from the optimizer's memory as the user left it, or a `fresh` one. Given
        gradients of the data, it is what a step with each of them adds altogether.
        """

    def own(
        self, weights: NamedArrays, /, *, fresh: bool, gradients: Gradients = ()
    ) -> dict[str, OwnStep] | None:
        """The same of real steps: in the dtypes of the model, rounded as training rounds.

        The weights are rounded to those dtypes first. None where steps draw random numbers, as
        stochastic rounding does, so that one step says little.
        """

    def values(self) -> dict[str, NumPyArray]:
        """What the parameters are now, in float64."""


class ModelReader(Protocol):
    """What a ``*_models`` module of ``weightdecay.backends.native`` offers."""

    def owns(self, model: object) -> bool:
        """Whether this is one of the framework's models."""

    def parameters(self, model: Any) -> list[ModelParameter]:
        """Every parameter, tied ones once, in the framework's order.

        Raises
        ------
        InputError
            The model has parameters that do not exist yet.
        """

    def stand(self, model: Any, optimizer: Any, options: Mapping[str, Any]) -> Stand:
        """Copy what the optimizer holds; the user's model and optimizer stay bit-identical.

        Raises
        ------
        InputError
            The optimizer is none of the framework's, or cannot step without a loss.
        """

    def groups(self, model: Any, strengths: Mapping[str, float]) -> Any:
        """The framework's own structure that decays every named parameter with its strength."""


def root_mean_square(value: NumPyArray) -> float:
    """Of an array's elements; 0 where there are none."""
    return float(np.sqrt(np.mean(np.square(value, dtype=np.float64)))) if value.size else 0.0


def real_parts(value: NumPyArray) -> NumPyArray:
    """Real numbers in float64: those of a complex array on a last axis of two."""
    if not np.iscomplexobj(value):
        return np.asarray(value, np.float64)
    return np.stack([value.real, value.imag], axis=-1).astype(np.float64)


def refuse_own_weights(optimizer: str) -> None:
    """Raise InputError for an optimizer, by its name, that returns to weights it has kept.

    Its pull towards them looks like decay, and no step tells the two apart.
    """
    if re.search(r"schedule_?free|look_?ahead|ft[mr]l", optimizer, re.IGNORECASE):
        raise InputError(
            f"{optimizer} keeps weights of its own and returns to them: its decay cannot be told "
            "from a step."
        )


def unique(names: Iterable[str]) -> list[str]:
    """The names, a second ``x`` called ``x~2``."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return result
