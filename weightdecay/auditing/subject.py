"""The optimizer under audit and its twin without decay, built as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weightdecay.auditing.foreign import Heard, calling
from weightdecay.auditing.knobs import Knobs
from weightdecay.auditing.trials import Tensors, Trial
from weightdecay.ops import NumPyArray
from weightdecay.probe import Probe, Setup, Stepper


@dataclass(frozen=True, eq=False)
class Subject:
    """A factory and how to build it with and without decay.

    Attributes
    ----------
    probe : Probe
        What drives the framework's optimizers.
    factory : callable
        What makes the optimizer.
    settings : mapping
        What the user set, but for the learning rate and the decay.
    knobs : Knobs
        Which settings those are.
    shapes : mapping
        The parameters to update.
    dtype : str
        'float64', or 'float32' for optimizers that know nothing better.
    heard : Heard
        What the optimizer prints and warns of.
    """

    probe: Probe
    factory: Callable[..., Any]
    settings: Mapping[str, Any]
    knobs: Knobs
    shapes: dict[str, tuple[int, ...]]
    dtype: str
    heard: Heard = field(default_factory=Heard)
    _twins: dict[tuple[int, bool], tuple[Trial, Stepper]] = field(init=False, default_factory=dict)

    def optimizer(self, trial: Trial) -> Stepper:
        """With the decay of the trial."""
        return self._build(trial, trial.lambd)

    def twin(self, trial: Trial, other: bool = False) -> Stepper:
        """Without decay, otherwise the same; `other` is a second one beside the first.

        A trial is tried many times: what was built for it is started again.
        """
        key = (id(trial), other)
        if key not in self._twins:
            self._twins[key] = trial, self._build(trial, self.knobs.without)
        else:
            self._twins[key][1].restart()
        return self._twins[key][1]

    def _build(self, trial: Trial, decay: float | None) -> Stepper:
        settings = {**self.knobs.others, **self.settings}
        if self.knobs.decay is not None:
            settings[self.knobs.decay] = decay
        if self.knobs.lr is not None:
            settings[self.knobs.lr] = trial.lr
        setup = Setup(self.factory, settings, trial.start, dtype=self.dtype, lrs=trial.lrs)
        return Guarded(self.probe, setup, self.heard)

    def having(self, **settings: Any) -> Subject:
        """The same with further settings."""
        return replace(self, settings={**self.settings, **settings})

    def held(self, value: float) -> float:
        """A learning rate or a decay as the framework holds it."""
        return float(np.dtype(self.probe.scalars).type(value))


class Guarded:
    """A stepper whose optimizer is somebody else's: it fails with the phase in which it did."""

    def __init__(self, probe: Probe, setup: Setup, heard: Heard) -> None:
        self._heard, self._steps = heard, 0
        with calling("its construction", heard):
            self._stepper = probe.build(setup)

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """Take one step with these gradients."""
        self._steps += 1
        with calling(f"step {self._steps}", self._heard):
            self._stepper.step(gradients)

    def read(self) -> list[NumPyArray]:
        """Copies of the parameters."""
        return self._stepper.read()

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Overwrite the parameters."""
        self._stepper.write(values)

    def restart(self) -> None:
        """Go back to before the first step."""
        self._steps = 0
        with calling("its construction", self._heard):
            self._stepper.restart()


def run(stepper: Stepper, trial: Trial) -> list[Tensors]:
    """The parameters after every step of a trial, float64."""
    trajectory = []
    for gradients in trial.gradients:
        stepper.step(gradients)
        trajectory.append(read(stepper))
    return trajectory


def read(stepper: Stepper) -> Tensors:
    """The parameters, float64."""
    return [np.asarray(value, np.float64) for value in stepper.read()]


def largest_difference(a: list[Tensors], b: list[Tensors]) -> float:
    """Largest |a − b| over all parameters and steps; infinite where one is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        worst = max(
            float(np.max(np.abs(x - y)))
            for p, q in zip(a, b, strict=True)
            for x, y in zip(p, q, strict=True)
        )
    return worst if np.isfinite(worst) else float("inf")
