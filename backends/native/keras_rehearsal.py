"""A Keras layer that is stepped with given gradients; see `weightdecay.translation.staging`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from weightdecay.ops import NumPyArray

keras = importlib.import_module("weightdecay.backends.native.keras_on_tensorflow").keras


class Rehearsal:
    """A `Dense` layer with its regularizers, and an optimizer."""

    methods = ("exclude_from_weight_decay",)

    def __init__(self, initial: Mapping[str, NumPyArray], dtype: str) -> None:
        self._initial, self._dtype = initial, dtype
        self.names = {"keras": keras}
        self.known: dict[str, Any] = {}

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take the optimizer, and make the layer with the regularizers of the text."""
        outputs, inputs = self._initial["weight"].shape
        self._optimizer = made["optimizer"]
        self._layer = keras.layers.Dense(outputs, dtype=self._dtype, **made.get("decay", {}))
        self._layer.build((None, inputs))
        self._layer.set_weights([self._initial["weight"].T, self._initial["bias"]])
        variables = [self._layer.kernel, self._layer.bias]
        regularized = "decay" in made
        self._optimizer.build(variables)

        def step(given: list[Any]) -> None:
            if regularized:
                with tf.GradientTape() as tape:
                    penalty = tf.add_n(self._layer.losses)
                own = tape.gradient(penalty, variables)
                given = [g if o is None else g + o for g, o in zip(given, own, strict=True)]
            self._optimizer.apply_gradients(zip(given, variables, strict=True))

        self._step = tf.function(step)  # as `fit` does; a hundred steps pay for its trace

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """The gradients, and those of the layer's own losses where it has any."""
        given = [gradients["weight"].T, gradients["bias"]]
        self._step([tf.constant(g, dtype=self._dtype) for g in given])

    def read(self) -> dict[str, NumPyArray]:
        """Copies of the parameters, as they were if `fit` ended here."""
        last = self._layer.get_weights()
        if self._optimizer.use_ema:  # whose averages then take the place of the weights
            self._optimizer.finalize_variable_values([self._layer.kernel, self._layer.bias])
        kernel, bias = self._layer.get_weights()
        self._layer.set_weights(last)
        return {"weight": kernel.T.copy(), "bias": bias.copy()}
