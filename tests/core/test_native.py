"""The frameworks' own training against NumPy from scratch: independent evidence, same numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY
from weightdecay import compare, fit, from_arrays, load_data, matrix
from weightdecay.errors import NoEquivalentError
from weightdecay.experiment import Experiment

CASES = [case.experiment for case in matrix.cases() if case.implementation == "native"]
RNG = np.random.default_rng(3)
WEIGHTED = from_arrays(
    RNG.standard_normal((22, 6)),
    RNG.standard_normal(22),
    RNG.standard_normal((4, 6)),
    RNG.standard_normal(4),
    sample_weight=RNG.integers(1, 9, 22) / 8,
)

# What a framework can be asked for at the least; a refusal of these would be a loss.
MUST_HAVE = {
    "torch": {"sgd", "momentum", "nesterov", "adam"},
    "tensorflow": {"sgd", "momentum", "nesterov", "adam"},
    "jax": {"sgd", "momentum", "nesterov", "adam"},
    "mxnet": {"sgd", "momentum", "nesterov"},
}


def refusal(e: Experiment, backend: str, data: Any) -> str | None:
    """Why a run is refused, if it is; one epoch tells."""
    try:
        fit(replace(e, epochs=1), data, backend=backend, implementation="native")
    except NoEquivalentError as error:
        return str(error)
    return None


def agree(e: Experiment, backend: str, dtype: str, data: Any) -> None:
    ours = fit(e, data, backend=backend, implementation="native", dtype=dtype, record=True)
    assert ours.params.w.dtype == dtype
    assert ours.implementation == "native"
    reference = fit(e, data, backend="numpy", dtype=dtype, record=True)
    found = compare(ours, reference, tolerance=PARITY[dtype])
    assert found.agrees, (e, found.first_divergence)
    found = compare(vars(ours.history), vars(reference.history), tolerance=PARITY[dtype])
    assert found.agrees, (e, found.first_divergence)


def test_every_case_agrees_or_is_refused_with_a_reason(native_backend: str, dtype: str) -> None:
    data = load_data(matrix.DYADIC.data, seed=0)
    ran: Counter[str] = Counter()
    for e in CASES:
        reason = refusal(e, native_backend, data)
        if reason is None:
            agree(e, native_backend, dtype, data)
            ran[e.optimizer] += 1
        else:
            assert len(reason) > 30
            assert "\n" not in reason
    assert set(ran) >= MUST_HAVE[native_backend]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
@pytest.mark.parametrize(
    "settings",
    [
        {"penalize_bias": True},
        {"penalty_factors": (1.0, 0.0, 2.0, 0.5, 1.0, 1.0)},
        {"batch_size": "full"},
        {"penalty": "elasticnet", "l1_update": "subgradient", "lambd": 0.25},
        {"lambd": (0.0, 0.5, 2.0)},
    ],
)
def test_weights_bias_factors_and_batches(
    native_backend: str, optimizer: str, settings: dict
) -> None:
    e = replace(matrix.DYADIC, **{"lambd": 0.5, "optimizer": optimizer, **settings})
    reason = refusal(e, native_backend, WEIGHTED)
    if reason is None:
        agree(e, native_backend, "float64", WEIGHTED)
    else:  # only of what a framework cannot say input by input
        assert settings.keys() & {"penalty_factors", "penalize_bias"}, reason


def test_a_proximal_step_is_refused(native_backend: str) -> None:
    with pytest.raises(NoEquivalentError, match=r"proximal.*subgradient"):
        fit(Experiment(penalty="l1"), backend=native_backend, implementation="native")


def test_numpy_has_none() -> None:
    with pytest.raises(NoEquivalentError, match="'numpy' has no native implementation"):
        fit(Experiment(), backend="numpy", implementation="native")


def test_the_users_modes_stay(native_backend: str) -> None:
    """Neither a fit from scratch nor a native one changes what the user's own code gets."""
    before = modes(native_backend)
    fit(Experiment(), backend=native_backend)
    fit(Experiment(), backend=native_backend, implementation="native")
    assert modes(native_backend) == before


def modes(backend: str) -> list[object]:
    """What a user would notice: default dtypes, and gradients that are recorded or not."""
    import importlib

    framework = importlib.import_module(backend)
    if backend == "torch":
        return [framework.get_default_dtype(), framework.is_grad_enabled()]
    if backend == "jax":
        return [framework.numpy.zeros(1).dtype, framework.config.jax_enable_x64]
    if backend == "tensorflow":
        return [framework.keras.config.floatx(), framework.constant(1.0).dtype]
    return [framework.util.is_np_array(), framework.util.is_np_shape()]
