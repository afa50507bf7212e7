"""Reading Keras models: layers, `exclude_from_weight_decay`, and a step of copies of both.

The copied optimizer is made from the config of the user's, on copies of the variables with the same
paths, by which a variable may be excluded: in float64, and in the variables' own dtypes.
Regularizers are terms of the loss, so that the step's gradient is theirs: the data's is zero.
Constraints, the averages that may overwrite weights, and the accumulation of gradients are left
out.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from weightdecay.errors import InputError, NoEquivalentError
from weightdecay.models.reading import (
    Gradients,
    Held,
    ModelParameter,
    NamedArrays,
    Owner,
    OwnStep,
    refuse_own_weights,
    root_mean_square,
    unique,
)
from weightdecay.ops import NumPyArray

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras

REPLACED_LR = 1e-3


def owns(model: object) -> bool:
    """Whether it is a layer; models are layers."""
    return isinstance(model, keras.Layer)


def parameters(model: Any) -> list[ModelParameter]:
    """Their paths with dots for slashes, less the model's own name; raises InputError, unbuilt."""
    return [
        ModelParameter((Owner(name, kind),), tuple(variable.shape), not variable.trainable)
        for name, (variable, kind) in _variables(model).items()
    ]


def _variables(model: Any) -> dict[str, tuple[Any, str]]:
    """Every variable that was made to be trained, and its layer's class, by its dotted name."""
    layers = model._flatten_layers()
    # Made to be trained, that is: what freezing takes out of `trainable_variables` stays in here.
    found = {
        id(v): (v, type(layer).__name__) for layer in layers for v in layer._trainable_variables
    }
    if not model.built or (not found and _unbuilt(model)):
        raise InputError(
            f"the model {model.name!r} is not built: call model.build(input_shape), or the model "
            "on an example, first."
        )
    prefix = f"{model.name}/"
    names = [variable.path.removeprefix(prefix).replace("/", ".") for variable, _ in found.values()]
    return dict(zip(unique(names), found.values(), strict=True))


def _unbuilt(model: Any) -> list[str]:
    return [layer.name for layer in model._flatten_layers() if not layer.built]


def stand(model: Any, optimizer: Any, options: Mapping[str, Any]) -> KerasStand:
    """Copies of the variables that are trained and of the optimizer."""
    for name in options:
        raise InputError(f"{name} is for optax: a Keras optimizer knows its own.")
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise InputError(
            f"the optimizer is a {type(optimizer).__name__}: give a keras.optimizers.Optimizer, "
            "such as model.optimizer of a compiled model."
        )
    while hasattr(optimizer, "inner_optimizer"):  # the scale of a loss leaves zero as it is
        optimizer = optimizer.inner_optimizer
    refuse_own_weights(type(optimizer).__name__)
    if hasattr(optimizer, "optimizers"):
        raise InputError(
            f"a {type(optimizer).__name__} has no learning rate of its own: give one of its "
            "optimizers, once they are built."
        )
    try:
        return KerasStand(model, optimizer, "float64")
    except tf.errors.InvalidArgumentError:  # Muon computes in float32 whatever its variables
        return KerasStand(model, optimizer, "float32")


class KerasStand:
    """What the optimizer holds of the model, or will, if it is not built yet."""

    schedules = ()  # a Keras optimizer has them of its learning rate alone

    def __init__(self, model: Any, optimizer: Any, dtype: str) -> None:
        self.remarks = tuple(
            f"the layer {name!r} is not built: what parameters it may have are not here."
            for name in _unbuilt(model)
        )
        self.rounding = self.rounding_of_weights = float(np.finfo(dtype).eps)
        named = {name: v for name, (v, _) in _variables(model).items()}
        trained = [v for v in named.values() if v.trainable]
        order = list(optimizer._trainable_variables) if optimizer.built else trained
        # A model variable may be held as itself or as the tf.Variable in it.
        keys = {optimizer._var_key(v): i for i, v in enumerate(order)}
        places = {
            name: keys[optimizer._var_key(v)]
            for name, v in named.items()
            if v.trainable and optimizer._var_key(v) in keys
        }
        if trained and not places:
            raise InputError(
                "the optimizer was built for other variables: give the one that trains this model."
            )
        self._variables = {name: named[name] for name in places}
        self._make = functools.partial(_Copy, optimizer, order, self._variables, places)
        self._wide, rate = self._make(dtype=dtype), float(optimizer.learning_rate)
        self.held = {
            name: Held(
                tuple(variable.shape),
                root_mean_square(_numpy(variable)),
                self._wide.lr,
                _setting(self._wide.optimizer, self._wide.twins[name], variable),
                keras.backend.standardize_dtype(variable.dtype),
                replaced_lr=rate == 0,
            )
            for name, variable in self._variables.items()
        }
        self._wide.step({n: np.ones(held.shape) for n, held in self.held.items()})  # in this dtype?

    def values(self) -> dict[str, NumPyArray]:
        """The variables' own."""
        return {name: _numpy(variable) for name, variable in self._variables.items()}

    def move(
        self, weights: NamedArrays, *, fresh: bool = False, gradients: Gradients = ()
    ) -> dict[str, NumPyArray]:
        """Steps of the copied optimizer with the gradients of the regularizers."""
        copy = self._make(dtype=self._wide.dtype, fresh=True) if fresh else self._wide
        return copy.step(weights, gradients)

    def own(
        self, weights: NamedArrays, *, fresh: bool, gradients: Gradients = ()
    ) -> dict[str, OwnStep]:
        """The same in the dtypes of the variables."""
        moved = self._make(dtype=None, fresh=fresh).step(weights, gradients)
        return {name: OwnStep(self.held[name].dtype, move) for name, move in moved.items()}


class _Copy:
    """An optimizer and its variables again, in one dtype or in their own."""

    def __init__(
        self,
        optimizer: Any,
        order: list[Any],
        variables: Mapping[str, Any],
        places: Mapping[str, int],
        *,
        dtype: str | None,
        fresh: bool = False,
    ) -> None:
        twins = [_twin(v, dtype or keras.backend.standardize_dtype(v.dtype)) for v in order]
        rate = float(optimizer.learning_rate) or REPLACED_LR
        self.dtype = dtype
        self.twins = {name: twins[place] for name, place in places.items()}
        self.optimizer = _copied(optimizer, order, twins, rate, fresh)
        self.lr = float(self.optimizer.learning_rate)
        self._variables = variables
        # What every step starts from: a step changes the copy, which is made but once.
        self._memory = [(v, v.numpy()) for v in self.optimizer.variables]

    def step(self, weights: NamedArrays, gradients: Gradients = ()) -> dict[str, NumPyArray]:
        """What a step adds, or one with each of these gradients beside the regularizers'."""
        for variable, value in self._memory:
            variable.assign(value)
        for name, twin in self.twins.items():
            twin.assign(tf.cast(weights[name], twin.dtype))
        before = {name: _numpy(twin) for name, twin in self.twins.items()}
        for gradient in gradients or [{}]:
            self._apply(gradient)
        return {name: _numpy(twin) - before[name] for name, twin in self.twins.items()}

    def _apply(self, gradient: NamedArrays) -> None:
        terms = [_penalty_gradient(self._variables[name], t) for name, t in self.twins.items()]
        if gradient:
            values = (gradient[name] for name in self.twins)
            terms = [term + tf.cast(g, term.dtype) for term, g in zip(terms, values, strict=True)]
        try:
            self.optimizer.apply(terms, list(self.twins.values()))
        except tf.errors.InvalidArgumentError:
            raise
        except Exception as error:
            raise InputError(
                f"{type(self.optimizer).__name__} does not step with zero gradients ({error}): "
                "its decay cannot be measured."
            ) from error


def _numpy(variable: Any) -> NumPyArray:
    return np.asarray(variable.numpy(), np.float64)


def _twin(variable: Any, dtype: str) -> Any:
    """A variable of the same path, without regularizer or constraint."""
    *scopes, name = getattr(variable, "path", variable.name).split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        return keras.Variable(variable.numpy(), dtype=dtype, name=name.partition(":")[0])


def _copied(optimizer: Any, order: list[Any], twins: list[Any], rate: float, fresh: bool) -> Any:
    """An optimizer of the same settings, memory and exclusions, at the learning rate of now."""
    try:
        config = optimizer.get_config() | {"learning_rate": rate}
        copied = type(optimizer).from_config(config)
    except Exception as error:
        raise InputError(
            f"{type(optimizer).__name__} cannot be made again from its get_config ({error}): its "
            "steps cannot be measured."
        ) from error
    excluded: set[Any] = getattr(optimizer, "_exclude_from_weight_decay", set())
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    copied.exclude_from_weight_decay(
        [twin for v, twin in zip(order, twins, strict=True) if optimizer._var_key(v) in excluded]
    )
    copied._exclude_from_weight_decay_pattern = pattern
    copied.build(twins)
    if optimizer.built and not fresh:
        _copy_memory(optimizer, copied)
    copied._iterations.assign(optimizer.iterations)
    copied.use_ema = False
    copied.gradient_accumulation_steps = None
    return copied


def _copy_memory(optimizer: Any, copied: Any) -> None:
    """Variable by variable; a scheduled learning rate is none, and the copy's always is one."""
    theirs = [v for v in optimizer.variables if v is not optimizer._learning_rate]
    ours = [v for v in copied.variables if v is not copied._learning_rate]
    for source, target in zip(theirs, ours, strict=True):
        target.assign(tf.cast(source.numpy(), target.dtype))


def _penalty_gradient(variable: Any, twin: Any) -> Any:
    """The gradient of the variable's regularizer at its twin, in its own dtype; zeros without."""
    value = twin.value
    if variable.regularizer is None:
        return tf.zeros_like(value)
    weights = tf.cast(value, variable.dtype)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        penalty = variable.regularizer(weights)
    gradient = tape.gradient(penalty, weights)
    return tf.zeros_like(value) if gradient is None else tf.cast(gradient, value.dtype)


def _setting(optimizer: Any, twin: Any, variable: Any) -> float | None:
    """λ of the optimizer's `weight_decay`, and 2c of an L2(c), whose penalty is c‖w‖²."""
    if type(optimizer)._apply_weight_decay is not keras.optimizers.Optimizer._apply_weight_decay:
        return None  # Muon, whose Adam has a decay of its own
    decay = optimizer.weight_decay
    held = decay is not None and optimizer._use_weight_decay(twin.value)
    regularizer = variable.regularizer
    if type(regularizer) not in (keras.regularizers.L2, type(None)):
        return None
    by_loss = 2 * float(regularizer.l2) if regularizer is not None else 0.0
    return by_loss + (float(decay) if held else 0.0)


@dataclass(frozen=True, eq=False)
class KerasDecay:
    """One weight decay, and the variables that are left out of it.

    Attributes
    ----------
    weight_decay : float
        λ, 0 where nothing decays.
    exclude : tuple of keras.Variable
        What does not decay.
    """

    weight_decay: float
    exclude: tuple[Any, ...]

    def apply(self, optimizer: Any) -> None:
        """Set the decay of an optimizer that is not built yet; earlier exclusions are replaced."""
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise InputError(
                f"the optimizer is a {type(optimizer).__name__}: give a keras.optimizers.Optimizer."
            )
        if optimizer.built:
            raise InputError(
                "the optimizer is built already, and steps that it has compiled would not change: "
                "apply the decay to a new one, before it trains."
            )
        while hasattr(optimizer, "inner_optimizer"):
            optimizer = optimizer.inner_optimizer
        optimizer.weight_decay = self.weight_decay
        optimizer.exclude_from_weight_decay(var_list=list(self.exclude))


def groups(model: Any, strengths: Mapping[str, float]) -> KerasDecay:
    """What an optimizer of one weight decay can do: that, and exclusions."""
    named = {name: variable for name, (variable, _) in _variables(model).items()}
    positive = sorted({strength for strength in strengths.values() if strength})
    if len(positive) > 1:
        wanted = " and ".join(f"{strength:g}" for strength in positive)
        raise NoEquivalentError(
            f"a Keras optimizer has one weight decay for all that it decays, not {wanted}: use one "
            "strength, or under plain SGD, where it is the same, give each layer "
            f"kernel_regularizer=L2(λ/2), {positive[0] / 2:g} for λ = {positive[0]:g}."
        )
    return KerasDecay(
        positive[0] if positive else 0.0,
        tuple(named[name] for name, strength in strengths.items() if not strength),
    )
