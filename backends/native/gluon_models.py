"""Reading Gluon blocks: structural names, `wd_mult`, and updates of copies by a copied optimizer.

Names are those of `save_parameters` (``features.0.weight``), not those with prefixes that count
blocks. The Trainer's optimizer is copied as MXNet itself copies it, without its parameters, which
are lent to the copy for their multipliers; its states are copied one by one. Weights are float64
where the optimizer's memory can be, which for some optimizers is float32 whatever the weights; and
in their own dtypes, as a Trainer steps them, with float32 master weights under `multi_precision`.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weightdecay.errors import InputError
from weightdecay.models.reading import (
    Gradients,
    Held,
    ModelParameter,
    NamedArrays,
    Owner,
    OwnStep,
    refuse_own_weights,
    root_mean_square,
)
from weightdecay.ops import NumPyArray

with warnings.catch_warnings():
    # np.bool, distutils versions: MXNet 1.9.1 is the last release, and reads what is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet as mx

REPLACED_LR = 1e-3


def owns(model: object) -> bool:
    """Whether it is a block."""
    return isinstance(model, mx.gluon.Block)


def parameters(model: Any) -> list[ModelParameter]:
    """Everything that is made to be trained; raises InputError for what has no values yet."""
    return [
        ModelParameter(tuple(owners), tuple(p.shape), p.grad_req == "null")
        for p, owners in _owners(model)
    ]


def _owners(model: Any) -> list[tuple[Any, list[Owner]]]:
    found: dict[int, tuple[Any, list[Owner]]] = {}
    for owner, parameter in _walk(model, ""):
        if not parameter._differentiable:  # moving averages, which are parameters in Gluon
            continue
        if parameter._data is None:
            raise InputError(
                f"{owner.name} has no values yet: initialize the net, and run it once where shapes "
                "are left to the first example."
            )
        found.setdefault(id(parameter), (parameter, []))[1].append(owner)
    return list(found.values())


def _walk(block: Any, prefix: str) -> Iterator[tuple[Owner, Any]]:
    for name, parameter in block._reg_params.items():
        yield Owner(f"{prefix}{name}", type(block).__name__), parameter
    for name, child in block._children.items():
        yield from _walk(child, f"{prefix}{name}.")


def stand(model: Any, optimizer: Any, options: Mapping[str, Any]) -> GluonStand:
    """What the trainer holds of the block."""
    for name in options:
        raise InputError(f"{name} is for optax: a gluon.Trainer knows its own.")
    if not isinstance(optimizer, mx.gluon.Trainer):
        raise InputError(
            f"the optimizer is a {type(optimizer).__name__}: give the gluon.Trainer that trains "
            "the net."
        )
    refuse_own_weights(type(optimizer.optimizer).__name__)
    if isinstance(optimizer.optimizer, mx.optimizer.SGLD):
        raise InputError("SGLD adds noise to its steps: its decay cannot be told from one.")
    return GluonStand(model, optimizer)


class GluonStand:
    """A trainer's optimizer and states, and the parameters that it holds."""

    schedules = ()  # a Gluon optimizer has them of its learning rate alone

    def __init__(self, model: Any, trainer: Any) -> None:
        places = {id(parameter): i for i, parameter in enumerate(trainer._params)}
        owned = [(owners[0].name, p) for p, owners in _owners(model)]
        if owned and not any(id(p) in places for _, p in owned):
            raise InputError(
                "the trainer holds none of the net's parameters: build it from "
                "net.collect_params()."
            )
        trained = {name: p for name, p in owned if id(p) in places and p.grad_req != "null"}
        self._parameters = trained
        self._indices = {name: places[id(p)] for name, p in trained.items()}
        self._contexts = {name: p.list_ctx()[0] for name, p in trained.items()}
        self._optimizer = trainer.optimizer
        self._states = _states(trainer)
        self.remarks: tuple[str, ...] = ()
        if self._optimizer.multi_precision and any(p.dtype == np.float16 for p in trained.values()):
            self._states = {}  # they hold weights, which would be stepped instead of the copies
            self.remarks = ("the weights are float16: measured without the optimizer's memory.",)
        values = self.values()
        self._lr: float | None = None
        self._dtype = "float64"
        if not self._takes_float64(values):
            self._dtype = "float32"
        self.rounding = self.rounding_of_weights = float(np.finfo(self._dtype).eps)
        self.held = self._described(values)

    def _described(self, values: Mapping[str, NumPyArray]) -> dict[str, Held]:
        """The rates after a step, whose count says which learning rate was its own."""
        stepped = self._step(values)[0]
        replaced = stepped.learning_rate == 0
        if replaced:
            self._lr = REPLACED_LR
            stepped = self._step(values)[0]
        held = {}
        for name, i in self._indices.items():
            lr = float(stepped._get_lr(i))
            still = lr == 0  # lr_mult = 0, which freezes a parameter
            value, wd = values[name], float(stepped._get_wd(i))
            dtype = np.dtype(self._parameters[name].dtype).name
            held[name] = Held(value.shape, root_mean_square(value), lr, wd, dtype, still, replaced)
        return held

    def values(self) -> dict[str, NumPyArray]:
        """The parameters' own."""
        return {name: _numpy(p.data(self._contexts[name])) for name, p in self._parameters.items()}

    def move(
        self, weights: NamedArrays, *, fresh: bool = False, gradients: Gradients = ()
    ) -> dict[str, NumPyArray]:
        """Updates, parameter by parameter."""
        after = self._step(weights, fresh, gradients)[1]
        return {name: after[name] - weights[name] for name in after}

    def own(
        self, weights: NamedArrays, *, fresh: bool, gradients: Gradients = ()
    ) -> dict[str, OwnStep]:
        """Updates as a Trainer does them, read from master weights where there are some."""
        copied, steps = self._copied(), {}
        for name, i in self._indices.items():
            weight = self._array(name, weights[name], self._parameters[name].dtype)
            before = _numpy(weight)
            if i in self._states and not fresh:
                state = _converted(self._states[i], None)
            else:
                with warnings.catch_warnings():  # that float16 is narrow, which is what is measured
                    warnings.simplefilter("ignore", UserWarning)
                    state = copied.create_state_multi_precision(i, weight)
            trained = next((a for a in _arrays(state) if _rounds_to(a, weight)), weight)
            for gradient in self._gradients(name, weight, gradients):
                copied.update_multi_precision(i, weight, gradient, state)
            steps[name] = OwnStep(np.dtype(trained.dtype).name, _numpy(trained) - before)
        return steps

    def _gradients(self, name: str, weight: Any, gradients: Gradients) -> Iterator[Any]:
        """Those of one parameter, or one of zero."""
        for gradient in gradients:
            yield self._array(name, gradient[name], weight.dtype)
        if not gradients:
            yield mx.nd.zeros_like(weight)

    def _copied(self) -> Any:
        """The optimizer as it is now, or at the learning rate that replaces 0."""
        copied = copy.deepcopy(self._optimizer)
        copied.param_dict = self._optimizer.param_dict
        if self._lr is not None:
            copied.lr_scheduler, copied.lr = None, self._lr
        return copied

    def _step(
        self, weights: NamedArrays, fresh: bool = False, gradients: Gradients = ()
    ) -> tuple[Any, dict[str, NumPyArray]]:
        """A copied optimizer after its step, and the weights after it."""
        copied, after = self._copied(), {}
        for name, i in self._indices.items():
            weight = self._array(name, weights[name], self._dtype)
            if i in self._states and not fresh:
                state = _converted(self._states[i], self._dtype)
            else:
                state = copied.create_state(i, weight)
            try:
                for gradient in self._gradients(name, weight, gradients):
                    copied.update(i, weight, gradient, state)
                after[name] = _numpy(weight)
            except Exception as error:
                raise InputError(
                    f"{type(copied).__name__} does not step with zero gradients ({error}): its "
                    "decay cannot be measured."
                ) from error
        return copied, after

    def _array(self, name: str, value: NumPyArray, dtype: Any) -> Any:
        # mx.nd.array is this and a look into SciPy, which has moved what it looks for.
        return mx.nd.ndarray.array(value, self._contexts[name], dtype)

    def _takes_float64(self, values: Mapping[str, NumPyArray]) -> bool:
        """Whether the memory of a float64 weight is float64."""
        for name, i in self._indices.items():
            state = self._copied().create_state(i, self._array(name, values[name], "float64"))
            return all(array.dtype == np.float64 for array in _arrays(state))
        return True


def _states(trainer: Any) -> dict[int, Any]:
    """What the optimizer remembers, by the number of the parameter; on its first device."""
    updater = trainer._updaters[0]
    if trainer._kvstore is not None and trainer._update_on_kvstore:
        updater = trainer._kvstore._updater
    return dict(updater.states)


def _arrays(state: Any) -> Iterator[Any]:
    if isinstance(state, mx.nd.NDArray):
        yield state
    elif isinstance(state, tuple | list):
        for part in state:
            yield from _arrays(part)


def _converted(state: Any, dtype: str | None) -> Any:
    """A copy of a state, its arrays in a dtype, or in their own."""
    if isinstance(state, mx.nd.NDArray):
        return state.as_nd_ndarray().tostype("default").astype(dtype or state.dtype)
    if isinstance(state, tuple | list):
        return type(state)(_converted(part, dtype) for part in state)
    return copy.deepcopy(state)


def _rounds_to(array: Any, weight: Any) -> bool:
    """Whether it is the master of a weight of a narrower dtype."""
    wider = np.dtype(array.dtype).itemsize > np.dtype(weight.dtype).itemsize
    if not wider or array.shape != weight.shape:
        return False
    return bool((array.asnumpy().astype(weight.dtype) == weight.asnumpy()).all())


def _numpy(array: Any) -> NumPyArray:
    return np.asarray(array.asnumpy(), np.float64)


@dataclass(frozen=True)
class GluonDecay:
    """A Trainer's `wd`, and by how much of it each parameter decays.

    Attributes
    ----------
    wd : float
        The largest λ, for ``gluon.Trainer(params, rule, {"wd": decay.wd, ...})``.
    wd_mult : dict of str to float
        λ/wd by the parameter's name.
    """

    wd: float
    wd_mult: dict[str, float]

    def apply(self, net: Any) -> None:
        """Set the `wd_mult` of every parameter of the net; a Trainer built on it reads them."""
        by_name = {owners[0].name: p for p, owners in _owners(net)}
        if by_name.keys() != self.wd_mult.keys():
            raise InputError("the net has other parameters than the one that this was made for.")
        for name, multiplier in self.wd_mult.items():
            by_name[name].wd_mult = multiplier


def groups(model: Any, strengths: Mapping[str, float]) -> GluonDecay:
    """The largest strength, and multipliers of it."""
    del model  # names say it all
    wd = max(strengths.values())
    return GluonDecay(
        wd, {name: strength / wd if wd else 0.0 for name, strength in strengths.items()}
    )
