"""The learning rate that is chosen is stable for every λ, whatever the rule and the decay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weightdecay.estimators import WeightDecayCV
from weightdecay.experiment import Experiment
from weightdecay.tuning.running import tune

pytestmark = [
    pytest.mark.filterwarnings("ignore::weightdecay.errors.EdgeOfGridWarning"),
    pytest.mark.filterwarnings("ignore:the best number of epochs:UserWarning"),
]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
Y = X[:, 0] + RNG.standard_normal(20)


@given(
    optimizer=st.sampled_from(["sgd", "momentum", "nesterov", "adam"]),
    decay=st.sampled_from(["coupled", "decoupled"]),
    penalty=st.sampled_from(["l2", "elasticnet"]),
    lambdas=st.lists(st.sampled_from([0.0, 1e-3, 3.0, 300.0, 600.0, 1e6]), min_size=1, unique=True),
    factor=st.sampled_from([0.0, 1.0, 50.0]),
)
@settings(max_examples=20)
def test_no_lambda_diverges(
    optimizer: Any, decay: Any, penalty: str, lambdas: list[float], factor: float
) -> None:
    training = Experiment(optimizer=optimizer, decay=decay, epochs=30, batch_size=5, init_std=0)
    chosen: dict[str, Any] = {"penalty": penalty, "penalty_factors": [1.0, factor, 1.0]}
    found = tune(X, Y, lambdas=lambdas, solver="sgd", training=training, lr="auto", cv=3, **chosen)
    assert np.isfinite(found.scores.loss).all()
    assert np.isfinite(found.path.w).all()


def test_decoupled_adam_with_a_large_lambda() -> None:
    estimator = WeightDecayCV(
        [300.0, 600.0], solver="sgd", optimizer="adam", decay="decoupled", epochs=30, cv=3
    )
    assert np.isfinite(estimator.fit(X, Y).mse_path_).all()
