"""Keras, once it is known to run on TensorFlow; what follows the TensorFlow adapter's import."""

from __future__ import annotations

from weightdecay.errors import BackendBrokenError

try:
    import keras
except ImportError as error:
    raise BackendBrokenError(
        f"Keras does not import ({error}): if it is configured to run on another framework, set "
        "KERAS_BACKEND=tensorflow in the environment."
    ) from error
if keras.backend.backend() != "tensorflow":
    raise BackendBrokenError(
        f"Keras is configured to run on {keras.backend.backend()!r}: set KERAS_BACKEND=tensorflow "
        "in the environment."
    )
