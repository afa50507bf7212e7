"""The reader of a model, found without importing a framework that the user has not."""

from __future__ import annotations

import sys

from weightdecay import registry
from weightdecay.errors import InputError
from weightdecay.models.reading import ModelReader

# A Keras model is a torch.nn.Module too where Keras runs on torch: hence the order.
_BACKENDS = {"keras": "tensorflow", "torch": "torch", "mxnet": "mxnet"}

SUPPORTED = "a torch.nn.Module, a Keras model or layer, a Gluon block or a tree of JAX arrays"


def reader_of(model: object) -> ModelReader:
    """What reads this model; a model's class names its framework, which is thus imported already.

    Raises
    ------
    InputError
        The model is of no framework that has a reader.
    BackendError
        As `weightdecay.registry.load_adapter`.
    """
    packages = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    name = next((found for package, found in _BACKENDS.items() if package in packages), None)
    if name is None and "jax" in sys.modules:
        name = "jax"  # the only framework whose models are plain containers
    if name is not None:
        reader = registry.load_models(name)
        if reader.owns(model):
            return reader
    hidden = name == "jax" and not isinstance(model, dict | list | tuple)
    remedy = (
        ", such as a dict of them where JAX does not know its class as a tree" if hidden else ""
    )
    raise InputError(
        f"the model is a {type(model).__module__}.{type(model).__qualname__}: "
        f"give {SUPPORTED}{remedy}."
    )
