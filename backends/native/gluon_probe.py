"""Driving MXNet 1.9's optimizers through gluon.Trainer, as those who use Gluon do.

The gradients get in by `autograd.backward` with the parameters as heads, so that they are as fresh
as those of a loss. A parameter without one is stale, and `step(1, ignore_stale_grad=True)` leaves
it out of the update: neither decay, momentum nor its count of steps moves. `wd_mult = 0` is what
leaves a parameter out of the decay alone; the Trainer decays biases too, unless it is told so.

Some optimizers keep their memory in float32 whatever the weights, and MXNet mixes no dtypes: in
float64 AdaGrad, AdaDelta, RMSProp, Ftrl and GroupAdaGrad raise `NoEquivalentError` in their first
step. Whatever else fails fails as MXNet has it: GroupAdaGrad takes matrices only and no `wd`,
DCASGD no momentum, Signum no `wd_lh` without one. Nor does `wd_lh` heed `wd_mult`.

Building an optimizer seeds MXNet's random numbers, which are the process's own, and so does its
first step. One that draws any (SGLD) is seeded in every step: others may step in between.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from weightdecay.errors import InputError, NoEquivalentError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup
from weightdecay.streams import Streams

with warnings.catch_warnings():
    # np.bool, distutils versions: MXNet 1.9.1 is the last release, and reads what is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet as mx

version = f"mxnet {mx.__version__}"
scalars = "float32"
compiles = False
look = 100
alone = contextlib.nullcontext

_GIVEN_ANYWAY = {"self", "sym", "param_dict", "param_idx2name"}
"""What the Trainer and the Module say of the parameters."""


def catalogue() -> list[str]:
    """Every public class in MXNet's own registry, once, by its shortest name.

    Left out are the two helpers of contrib's SVRGModule, whose names begin with an underscore, and
    what the user has registered. `mxnet.optimizer.Test` adds the gradient to the weights.
    """
    return sorted(
        _shortest_name(cls)
        for cls in set(mx.optimizer.Optimizer.opt_registry.values())
        if cls.__module__.startswith("mxnet.") and not cls.__name__.startswith("_")
    )


def _shortest_name(cls: type) -> str:
    parts = cls.__module__.split(".")
    modules = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    home = next(m for m in modules if getattr(sys.modules[m], cls.__name__, None) is cls)
    return f"{home}.{cls.__name__}"


def find(name: str) -> Callable[..., Any]:
    """A class of mxnet.optimizer, or whatever else under ``mxnet.`` or ``mx.`` makes an optimizer.

    Raises
    ------
    UnknownNameError
        There is nothing of that name.
    InputError
        What is there makes no optimizer.
    """
    package, _, rest = name.partition(".")
    found = _look_up(f"mxnet.{rest}") if package in ("mxnet", "mx") else None
    if found is None:
        raise UnknownNameError("optimizer", name, catalogue())
    is_optimizer = not inspect.isclass(found) or issubclass(found, mx.optimizer.Optimizer)
    if not (callable(found) and is_optimizer):
        raise InputError(f"{name} makes no optimizer: name one such as mxnet.optimizer.SGD.")
    return found  # type: ignore[no-any-return]


def _look_up(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(_quietly(partial(importlib.import_module, module)), attribute)
    except (ImportError, AttributeError):
        return None


def options(factory: Callable[..., Any]) -> dict[str, Any]:
    """The keyword arguments, with those that a class hands on to its bases.

    A class that takes ``**kwargs`` takes those of the next class in its method resolution order,
    as `wd` and `clip_gradient` of `mxnet.optimizer.Optimizer`; the nearest default holds.
    """
    if isinstance(factory, partial):
        return options(factory.func) | factory.keywords
    found: dict[str, Any] = {}
    for signature in _signatures(factory):
        listed = signature.parameters.values()
        named = [p for p in listed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        found = {p.name: p.default for p in named if p.name not in _GIVEN_ANYWAY} | found
        if not any(p.kind is p.VAR_KEYWORD for p in listed):
            break
    return found


def _signatures(factory: Callable[..., Any]) -> Iterator[inspect.Signature]:
    if not inspect.isclass(factory):
        yield inspect.signature(factory)
        return
    for cls in factory.__mro__[:-1]:  # not object
        if "__init__" in vars(cls):
            yield inspect.signature(vars(cls)["__init__"])


def _quietly(call: Callable[[], Any]) -> Any:
    # mx.nd.array, which LARS calls in every step, looks for what SciPy has moved.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return call()


class GluonStepper:
    """A gluon.Trainer and its Parameters, on the processor."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._streams = Streams()
        self.restart()

    def restart(self) -> None:
        """Build the Parameters and their Trainer anew, for an optimizer may remember anything."""
        setup = self._setup
        self._dtype, self._lrs = setup.dtype, setup.lrs
        self._steps, self._draws = 0, False
        self._params = []
        for name, value in setup.parameters:
            param = mx.gluon.Parameter(name, shape=value.shape, dtype=setup.dtype)
            param.initialize(mx.init.Zero(), mx.cpu())  # without a draw: the value is given
            param.wd_mult = 0.0 if name in setup.undecayed else 1.0
            self._params.append(param)
        self.write([parameter.value for parameter in setup.parameters])
        mx.random.seed(0)
        self._streams.restart()
        with self._streams.flowing():
            optimizer = _quietly(partial(setup.factory, **setup.settings))
        if not isinstance(optimizer, mx.optimizer.Optimizer):
            raise InputError(
                f"the factory made {type(optimizer).__name__!r}: an instance of "
                "mxnet.optimizer.Optimizer would be right."
            )
        self._optimizer = optimizer
        self._trainer = mx.gluon.Trainer(self._params, optimizer, kvstore=None)

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """Mark those with a gradient as fresh, and let the Trainer step.

        Raises
        ------
        NoEquivalentError
            float64 parameters, and an optimizer whose memory is float32.
        """
        pairs = [
            (param.data(), self._array(gradient))
            for param, gradient in zip(self._params, gradients, strict=True)
            if gradient is not None
        ]
        if pairs:
            heads, head_gradients = zip(*pairs, strict=True)
            mx.autograd.backward(list(heads), list(head_gradients))
        if self._lrs is not None:
            self._trainer.set_learning_rate(self._lrs[self._steps])
        first_draw = _first_draw()
        if self._draws or not self._steps:
            mx.random.seed(self._steps)
        try:
            with self._streams.flowing():
                _quietly(partial(self._trainer.step, 1, ignore_stale_grad=True))
        except mx.MXNetError as error:
            if self._memory_is_too_narrow():
                raise NoEquivalentError(
                    f"MXNet's {type(self._optimizer).__name__} keeps its memory in float32 "
                    "whatever the weights: float32 parameters would be right."
                ) from error
            raise
        if not self._steps:
            self._draws = _draw() != first_draw
        self._steps += 1

    def _memory_is_too_narrow(self) -> bool:
        state = self._optimizer.create_state(0, self._params[0].data())
        memory = state if isinstance(state, tuple | list) else [state]
        arrays = [array for array in memory if isinstance(array, mx.nd.NDArray)]
        return self._dtype == "float64" and any(array.dtype == np.float32 for array in arrays)

    def read(self) -> list[NumPyArray]:
        """Copies of the parameters."""
        return [param.data().asnumpy() for param in self._params]

    def write(self, values: Sequence[NumPyArray]) -> None:
        """Set the parameters' data, on which their trainer does not look."""
        for param, value in zip(self._params, values, strict=True):
            param.set_data(self._array(value))

    def _array(self, x: NumPyArray) -> Any:
        return mx.nd.ndarray.array(x, mx.cpu(), self._dtype)


@cache
def _first_draw() -> float:
    """What the seed of a first step draws when nothing has been drawn since."""
    mx.random.seed(0)
    return _draw()


def _draw() -> float:
    return float(mx.nd.random.uniform(ctx=mx.cpu()).asscalar())


def build(setup: Setup) -> GluonStepper:
    """Build the optimizer and its Trainer around new Parameters; seeds MXNet's random numbers."""
    return GluonStepper(setup)
