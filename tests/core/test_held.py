"""Settings that a framework's optimizers round: with the rounded ones, the same run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tolerances import PARITY, ROUNDED_SETTINGS
from weightdecay import Experiment, Synthetic, compare, fit, held, registry
from weightdecay.errors import NoEquivalentError

AWKWARD = Experiment(
    data=Synthetic(num_train=11, num_val=3, num_inputs=4),
    lr=0.003,
    lambd=0.1,
    momentum=0.9,
    betas=(0.9, 0.999),
    eps=0.0,
    epochs=6,
)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_native_run_is_the_reference_with_the_settings_it_holds(
    native_backend: str, optimizer: str
) -> None:
    asked = replace(AWKWARD, optimizer=optimizer)
    rounds = registry.find(native_backend).settings == "float32"
    ran = held.in_float32(asked) if rounds else asked
    reference = fit(ran, backend="numpy", record=True)
    try:
        native = fit(ran, backend=native_backend, implementation="native", record=True)
    except NoEquivalentError:
        assert (native_backend, optimizer) == ("mxnet", "adam")
        return
    assert compare(native, reference, tolerance=PARITY["float64"]).agrees
    if rounds and optimizer != "adam":  # of which Keras rounds 1 − β apart from β
        as_asked = fit(asked, backend=native_backend, implementation="native", record=True)
        assert compare(as_asked, native).agrees
        apart = compare(as_asked, fit(asked, backend="numpy", record=True))
        assert PARITY["float64"] < apart.max_relative_difference < ROUNDED_SETTINGS
