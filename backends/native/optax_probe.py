"""Driving optax: any function that returns a GradientTransformation, such as those of optax itself.

optax is pure functions, so the optimizer's memory is a state that each step is given and returns.
A step is compiled; optimizers whose steps are the same program share its compilation.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import optax.transforms

from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup
from weightdecay.streams import Streams

scalars = "float64"
compiles = True
look = 100
alone = contextlib.nullcontext
version = f"optax {optax.__version__} on jax {jax.__version__}"

LOSS = 2.0**100
"""The loss that every step reports. Rules that cap the learning rate by the loss (MoMo, Polyak) are
at their cap, the learning rate itself, unless the loss is small: so it is huge, and constant."""

WRAPPED = ("base_optimizer", "inner", "optimizer")
"""Required arguments that `build` fills with plain SGD: the optimizers that others wrap."""

RATES = ("learning_rate", "lr")
MASKS = ("mask", "weight_decay_mask")
_REQUIRED = inspect.Parameter.empty


def catalogue() -> list[str]:
    """Every function of optax that returns a GradientTransformation, once, by its shortest name."""
    names: dict[Callable[..., Any], str] = {}
    for module in (optax, optax.contrib, optax.transforms):
        for attribute, found in sorted(vars(module).items()):
            name = f"{module.__name__}.{attribute}"
            if attribute.startswith("_") or not callable(found) or not _transforms(found):
                continue
            if module is not optax.transforms or not hasattr(optax, attribute):
                names[found] = min(names.get(found, name), name, key=len)
    return sorted(names.values())


def _transforms(found: Callable[..., Any]) -> bool:
    """Whether a function says that it makes a transformation, or, saying nothing, does."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return False
    returned = signature.return_annotation
    if returned is not signature.empty:
        name = str(getattr(returned, "__name__", returned)).rpartition(".")[2]
        return name in ("GradientTransformation", "GradientTransformationExtraArgs")
    optional = all(p.default is not _REQUIRED for p in signature.parameters.values())
    plain = inspect.isfunction(found) and optional
    return plain and isinstance(found(), optax.GradientTransformation)


def find(name: str) -> Callable[..., Any]:
    """Whatever under ``optax.`` makes an optimizer."""
    module, _, attribute = name.rpartition(".")
    try:
        if module.partition(".")[0] != "optax":
            raise ImportError
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise UnknownNameError("optimizer", name, catalogue()) from None
    if not callable(found):
        raise InputError(f"{name} makes no optimizer: name one such as optax.adamw.")
    return found  # type: ignore[no-any-return]


def options(factory: Callable[..., Any]) -> dict[str, Any]:
    """The keyword arguments, without those that `build` fills."""
    return {
        name: default
        for name, default in _keywords(factory).items()
        if name not in WRAPPED or default is not _REQUIRED
    }


def _keywords(factory: Callable[..., Any]) -> dict[str, Any]:
    listed = inspect.signature(factory).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default for p in listed if p.kind in named}


def build(setup: Setup) -> OptaxStepper:
    """Build the optimizer and its state."""
    return OptaxStepper(setup)


class OptaxStepper:
    """A transformation's compiled step, its state and the parameters that it updates."""

    def __init__(self, setup: Setup) -> None:
        self._dtype, self._lrs = setup.dtype, setup.lrs
        self._names = [parameter.name for parameter in setup.parameters]
        self._steps = 0
        self._streams = Streams()
        self._params: dict[str, Any] = {}
        self.write([parameter.value for parameter in setup.parameters])
        self._setup = setup
        recipe = _Recipe.of(setup)
        with self._scope():
            try:
                self._first_state = self._state = recipe.make({}).init(self._params)
                self._program, self._numbers = _program(recipe, self._params, self._state)
            except TypeError as error:
                if _Schedule.__name__ not in str(error):  # JAX names what it cannot compute with
                    raise
                sentence = f"{recipe.name} takes no schedule of learning rates."
                raise NoEquivalentError(sentence) from error

    @contextmanager
    def _scope(self) -> Iterator[None]:
        """The setup's precision, on the processor, for what runs inside."""
        processor = jax.local_devices(backend="cpu")[0]
        precision = jax.enable_x64(self._dtype == "float64")
        with precision, jax.default_device(processor), self._streams.flowing():
            yield

    def _tree(self, values: Sequence[NumPyArray]) -> dict[str, NumPyArray]:
        """Arrays by parameter; copies, since JAX would share the caller's memory."""
        pairs = zip(self._names, values, strict=True)
        return {name: np.array(value, self._dtype) for name, value in pairs}

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """Update, and apply the update."""
        given = [gradient for gradient in gradients if gradient is not None]
        if len(given) != len(gradients):
            raise NoEquivalentError("optax has no step without a gradient: give zeros for none.")
        if self._lrs is not None and self._steps >= len(self._lrs):
            raise InputError(f"the schedule ended after {self._steps} steps: give more rates.")
        with self._scope():
            memory = self._params, self._state
            self._params, self._state = self._program(self._numbers, *memory, self._tree(given))
        self._steps += 1

    def read(self) -> list[NumPyArray]:
        """Copies of the parameters."""
        return [np.array(self._params[name]) for name in self._names]

    def restart(self) -> None:
        """The first parameters and the first state: optax keeps nothing else."""
        self._steps = 0
        self._streams.restart()
        self._state = self._first_state
        self.write([parameter.value for parameter in self._setup.parameters])

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Other parameters; the state is left as it is."""
        with self._scope():
            self._params = jax.device_put(self._tree(values))


@dataclass(frozen=True)
class _Schedule:
    """The learning rate of every step, as optax asks for it: by the number of the step, from 0."""

    lrs: Any

    def __call__(self, count: Any) -> Any:
        return jnp.asarray(self.lrs)[count]


@dataclass(frozen=True)
class _Recipe:
    """A factory and its settings; `numbers` are those that the compiled step takes as arguments.

    A number there is a scalar, or one rate a step: the array of a schedule.
    """

    name: str
    factory: Callable[..., Any]
    settings: dict[str, Any]
    numbers: dict[str, Any]

    @classmethod
    def of(cls, setup: Setup) -> _Recipe:
        """Fill in what the setup asks for beyond its settings."""
        name = getattr(setup.factory, "__name__", repr(setup.factory))
        keywords = _keywords(setup.factory)
        filled = {key: optax.sgd(0.125) for key in WRAPPED if keywords.get(key) is _REQUIRED}
        settings = filled | dict(setup.settings)
        rate = next((key for key in RATES if key in keywords), "")
        numbers = {key: x for key, x in settings.items() if _varies(key, x, rate, setup)}
        if setup.lrs is not None:
            if not rate:
                raise NoEquivalentError(f"{name} has no learning rate to be scheduled.")
            numbers[rate] = np.asarray(setup.lrs, setup.dtype)
            settings[rate] = _Schedule(numbers[rate])
        if setup.undecayed:
            mask = next((key for key in MASKS if keywords.get(key, _REQUIRED) is not _REQUIRED), "")
            if not mask:
                raise NoEquivalentError(f"{name} has no mask: it decays every parameter.")
            settings[mask] = {p.name: p.name not in setup.undecayed for p in setup.parameters}
        return cls(name, setup.factory, settings, numbers)

    def make(self, numbers: dict[str, Any]) -> optax.GradientTransformationExtraArgs:
        """The transformation, with these numbers in place of its own."""
        replaced = {key: _Schedule(x) if np.ndim(x) else x for key, x in numbers.items()}
        made = self.factory(**self.settings | replaced)
        if isinstance(made, optax.MultiSteps):  # which has the methods of one, and is none
            made = made.gradient_transformation()
        if not isinstance(made, optax.GradientTransformation):
            kind = type(made).__name__
            raise InputError(f"{self.name} makes a {kind}: an optax GradientTransformation is due.")
        return optax.with_extra_args_support(made)

    def step(self, numbers: dict[str, Any], params: Any, state: Any, gradients: Any) -> Any:
        """Parameters and state after one step: a pure function, to be compiled."""
        update = self.make(numbers).update
        extra = {"value": LOSS, "grad": gradients, "value_fn": _objective, "obj_fn": _objective}
        taken = inspect.signature(update).parameters
        if all(p.kind is not p.VAR_KEYWORD for p in taken.values()):  # such as SAM's
            extra = {key: value for key, value in extra.items() if key in taken}
        updates, state = update(gradients, state, params, **extra)
        return optax.apply_updates(params, updates), state


def _varies(key: str, value: Any, rate: str, setup: Setup) -> bool:
    """Whether a setting is an argument of the compiled step, so that another value reuses it.

    Zeros are not: optax leaves a decay of 0.0 out of the program. In float32 β is not: 1 − β would
    be taken after β is rounded, and optax takes it before.
    """
    exact = setup.dtype == "float64" or key == rate or "weight_decay" in key
    return exact and isinstance(value, float) and value != 0.0


def _objective(params: Any, obj_fn: Any = None) -> Any:
    """½ Σ aᵢ wᵢ² with a from 1 to 2, for rules that differentiate or search the objective.

    Of the extra arguments, a line search leaves `obj_fn` over and wants it taken here.
    """

    def half_squares(w: Any) -> Any:
        a = jnp.linspace(1.0, 2.0, w.size, dtype=w.dtype).reshape(w.shape)
        return jnp.sum(a * w**2) / 2

    return sum(map(half_squares, jax.tree.leaves(params)))


@dataclass(frozen=True)
class _Program:
    """A compiled step, known by the text of what it computes and by the names of its arguments."""

    text: str
    constants: tuple[bytes, ...]
    structure: Any
    run: Callable[..., Any] = field(compare=False)


@functools.lru_cache(maxsize=64)
def _first(program: _Program) -> _Program:
    """The first of equal programs: the one that is compiled already."""
    return program


def _program(recipe: _Recipe, params: Any, state: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The step, and the numbers to run it with."""

    def traced(numbers: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
        run = jax.jit(recipe.step)
        arguments = numbers, params, state, params  # gradients have the parameters' shapes
        found = run.trace(*arguments).jaxpr
        constants = tuple(np.asarray(constant).tobytes() for constant in found.consts)
        structure = jax.tree.structure(arguments)
        return _first(_Program(str(found), constants, structure, run)).run, numbers

    # Factories that look at their numbers (if, math.sqrt, a check of types) keep them.
    with suppress(Exception):
        return traced(recipe.numbers)
    return traced({})
