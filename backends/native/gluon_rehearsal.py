"""A Gluon layer that is stepped with given gradients; see `weightdecay.translation.staging`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from weightdecay.ops import NumPyArray

with warnings.catch_warnings():
    # np.bool, distutils versions: MXNet 1.9.1 is the last release, and reads what is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet as mx


class Rehearsal:
    """A `Dense` layer, a Trainer, and perhaps a penalty in the loss."""

    methods = ("setattr",)

    def __init__(self, initial: Mapping[str, NumPyArray], dtype: str) -> None:
        self._dtype = dtype
        outputs, inputs = initial["weight"].shape
        self._net = mx.gluon.nn.Dense(outputs, in_units=inputs, dtype=dtype)
        self._net.initialize(mx.init.Zero())
        self._params = {"weight": self._net.weight, "bias": self._net.bias}
        for name, parameter in self._params.items():
            parameter.set_data(self._array(initial[name]))
        self.names = {"mx": mx, "net": self._net}
        self.known = {"net.collect_params": self._net.collect_params}

    def _array(self, x: NumPyArray) -> Any:
        # mx.nd.array is this and a look into SciPy, which has moved what it looks for.
        return mx.nd.ndarray.array(x, dtype=self._dtype)

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take the trainer, the penalty and the bound on the gradients."""
        self._trainer = made["trainer"]
        self._penalty, self._clip = made.get("penalty"), made.get("clip")

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """A loss whose gradient is the given one, and a step."""
        with mx.autograd.record():
            terms = [
                (parameter.data() * self._array(gradients[name])).sum()
                for name, parameter in self._params.items()
            ]
            loss = terms[0] + terms[1]
            if self._penalty is not None:
                loss = loss + self._penalty()
        loss.backward()
        if self._clip is not None:
            self._clip()
        self._trainer.step(1)

    def read(self) -> dict[str, NumPyArray]:
        """Copies of the parameters."""
        return {name: p.data().asnumpy().copy() for name, p in self._params.items()}
