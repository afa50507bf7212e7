"""Driving keras.optimizers, and keras.regularizers as a term of the loss, on TensorFlow.

A regularizer has no step of its own: its gradient at the current weights, by a GradientTape, joins
the gradient that is given, and `keras.optimizers.SGD` steps with the sum. It is held by every
parameter but the undecayed, as layers hold one each; one that refuses some shapes with a ValueError
(OrthogonalRegularizer takes matrices only) is held by the others.

Gradients are scaled as Keras's own training loop scales the loss (`Optimizer.scale_loss`), so that
a loss scale cancels. Steps are eager, on the processor.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup
from weightdecay.streams import Streams

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras
# Where Keras keeps the generator of draws without a seed, which no public name puts back.
keras_state = importlib.import_module("keras.src.backend.common.global_state")

version = f"keras {keras.version()} on tensorflow {tf.__version__}"
scalars = "float32"
compiles = False
look = 24
alone = contextlib.nullcontext

CARRIER = {"learning_rate": 0.01, "momentum": 0.0}
"""Arguments of the SGD that steps with a regularizer's gradient."""


def catalogue() -> list[str]:
    """Every optimizer of keras.optimizers and every regularizer of keras.regularizers."""
    homes = {
        "keras.optimizers": (keras.optimizers, keras.optimizers.Optimizer),
        "keras.regularizers": (keras.regularizers, keras.regularizers.Regularizer),
    }
    return [
        f"{home}.{name}"
        for home, (module, base) in homes.items()
        for name, found in sorted(vars(module).items())
        if inspect.isclass(found)
        and issubclass(found, base)
        and found is not base
        and found.__name__ == name  # l2 is another name of L2
    ]


def find(name: str) -> Callable[..., Any]:
    """A class of keras.optimizers or keras.regularizers, or whatever else under ``keras.``."""
    module, _, attribute = name.removeprefix("tf.").removeprefix("tensorflow.").rpartition(".")
    try:
        if module.partition(".")[0] != "keras":
            raise ImportError(module)
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise UnknownNameError("optimizer", name, catalogue()) from None
    if not callable(found):
        raise InputError(f"{name} makes no optimizer: name one such as keras.optimizers.AdamW.")
    return found  # type: ignore[no-any-return]


def options(factory: Callable[..., Any]) -> dict[str, Any]:
    """The keyword arguments; with a regularizer, also those of the SGD that carries it."""
    return (CARRIER if _is_regularizer(factory) else {}) | _arguments(factory)


def _is_regularizer(factory: Callable[..., Any]) -> bool:
    return inspect.isclass(factory) and issubclass(factory, keras.regularizers.Regularizer)


def _arguments(factory: Callable[..., Any]) -> dict[str, Any]:
    """A factory's own arguments; what a class passes on as ``**kwargs`` is looked up in its bases.

    Keras's signatures end in ``**kwargs``, and the base class names what may be in there.
    """
    found: dict[str, Any] = {}
    for constructor, hidden in _constructors(factory):
        parameters = list(inspect.signature(constructor).parameters.values())[hidden:]
        for p in parameters:
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                found.setdefault(p.name, p.default)
        rest = [p.name for p in parameters if p.kind is p.VAR_KEYWORD]
        if not rest or not _passes_on(constructor, rest[0]):
            break
    return found


def _constructors(factory: Callable[..., Any]) -> list[tuple[Callable[..., Any], int]]:
    """Whose signatures to read, the nearest first, and how many parameters of each to leave out."""
    if not inspect.isclass(factory):
        return [(factory, 0)]
    return [
        (vars(base)["__init__"], 1)  # without self
        for base in factory.__mro__
        if "__init__" in vars(base) and base is not object
    ]


def _passes_on(constructor: Callable[..., Any], rest: str) -> bool:
    """Whether ``**rest`` is used once more after the signature."""
    try:
        return inspect.getsource(constructor).count(f"**{rest}") > 1
    except (OSError, TypeError):  # no source to read
        return True


class KerasStepper:
    """A Keras optimizer, the variables that it updates, and their regularizer if there is one."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._begin()
        self._first = [variable.numpy() for variable in self._optimizer.variables]

    def restart(self) -> None:
        """The first values of every variable; an optimizer of the user's may remember more."""
        if not type(self._optimizer).__module__.startswith("keras."):
            self._begin()
            return
        self._steps = 0
        self._streams.restart()
        with tf.device("CPU:0"):
            for variable, value in zip(self._optimizer.variables, self._first, strict=True):
                variable.assign(value)
        self.write([parameter.value for parameter in self._setup.parameters])

    def _begin(self) -> None:
        setup = self._setup
        self._dtype = setup.dtype
        self._lrs = setup.lrs or ()
        self._steps = 0
        self._draws = keras.random.SeedGenerator(seed=0, name="probe")
        self._streams = Streams()  # whence a SeedGenerator without a seed takes one
        with self._own_state():
            self._build(setup)

    def _build(self, setup: Setup) -> None:
        self._variables = [_variable(*parameter, setup.dtype) for parameter in setup.parameters]
        pairs = list(zip(setup.parameters, self._variables, strict=True))
        undecayed = [variable for p, variable in pairs if p.name in setup.undecayed]
        self._optimizer, self._regularizer = _made(setup)
        self._regularized: list[int] = []
        if self._regularizer is not None:
            candidates = [i for i, (p, _) in enumerate(pairs) if p.name not in setup.undecayed]
            self._regularized = _accepted(self._regularizer, self._variables, candidates)
        elif undecayed:
            self._optimizer.exclude_from_weight_decay(var_list=undecayed)
        self._optimizer.build(self._variables)
        # A schedule or a function can only be replaced by another.
        self._assigns = bool(self._lrs) and isinstance(
            self._optimizer.learning_rate, keras.Variable
        )
        if self._lrs and not self._assigns:
            self._optimizer.learning_rate = lambda: tf.constant(
                self._lrs[self._steps], keras.config.floatx()
            )

    @contextlib.contextmanager
    def _own_state(self) -> Iterator[None]:
        """Compute on the processor, and draw what Keras draws without a seed from our generator."""
        name = "global_seed_generator"
        before = keras_state.get_global_attribute(name)
        keras_state.set_global_attribute(name, self._draws)
        try:
            with self._streams.flowing(), tf.device("CPU:0"):
                yield
        finally:
            keras_state.set_global_attribute(name, before)

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """Apply the gradients, with the regularizer's; what has none is passed as None."""
        with self._own_state():
            total = [None if g is None else tf.constant(g, self._dtype) for g in gradients]
            for i, penalty in zip(self._regularized, self._penalties(), strict=True):
                total[i] = penalty if total[i] is None else total[i] + penalty
            if all(g is None for g in total):
                raise NoEquivalentError("Keras takes no step without any gradient.")
            if self._assigns:
                self._optimizer.learning_rate = self._lrs[self._steps]
            scaled = [None if g is None else self._optimizer.scale_loss(g) for g in total]
            with _quiet() if any(g is None for g in scaled) else contextlib.nullcontext():
                self._optimizer.apply(scaled, self._variables)
        self._steps += 1

    def _penalties(self) -> list[Any]:
        """The regularizer's gradients, of the variables that hold it."""
        if not self._regularized:
            return []
        held = [self._variables[i] for i in self._regularized]
        with tf.GradientTape() as tape:
            penalty = sum(tf.cast(self._regularizer(v), self._dtype) for v in held)
        values = [variable.value for variable in held]  # whose dtypes are TensorFlow's
        gradients: list[Any] = tape.gradient(penalty, values, unconnected_gradients="zero")
        return gradients

    def read(self) -> list[NumPyArray]:
        """Copies of the variables."""
        return [np.asarray(variable.numpy()) for variable in self._variables]

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Assign to the variables."""
        with tf.device("CPU:0"):
            for variable, value in zip(self._variables, values, strict=True):
                variable.assign(np.asarray(value, self._dtype))


def build(setup: Setup) -> KerasStepper:
    """Build the optimizer around new variables."""
    return KerasStepper(setup)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist for variables")
        yield


def _variable(name: str, value: NumPyArray, dtype: str) -> Any:
    """A variable whose path is the name: what stands before a slash is a scope."""
    *scopes, last = name.split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        return keras.Variable(np.asarray(value, dtype), dtype=dtype, trainable=True, name=last)


def _made(setup: Setup) -> tuple[Any, Any]:
    """The optimizer, and the regularizer or None."""
    own = _arguments(setup.factory)
    if not _is_regularizer(setup.factory) and _takes_any(setup.factory):
        own = dict(setup.settings)
    carried = {k: v for k, v in setup.settings.items() if k in CARRIER and k not in own}
    made = setup.factory(**{k: v for k, v in setup.settings.items() if k not in carried})
    if isinstance(made, keras.regularizers.Regularizer):
        return keras.optimizers.SGD(**CARRIER | carried), made
    if carried:
        setup.factory(**setup.settings)  # which raises, since it has no such arguments
    if not isinstance(made, keras.optimizers.Optimizer):
        raise InputError(
            f"the factory made a {type(made).__name__}, which is neither a Keras optimizer nor a "
            "regularizer: return one such as keras.optimizers.AdamW()."
        )
    return made, None


def _takes_any(factory: Callable[..., Any]) -> bool:
    parameters = inspect.signature(factory).parameters.values()
    return any(p.kind is p.VAR_KEYWORD for p in parameters)


def _accepted(regularizer: Any, variables: list[Any], candidates: list[int]) -> list[int]:
    """The candidates that the regularizer takes; if it takes none, its own error."""
    taken, refusal = [], None
    for i in candidates:
        try:
            regularizer(variables[i])
        except ValueError as error:
            refusal = error
        else:
            taken.append(i)
    if refusal is not None and not taken:
        raise refusal
    return taken
