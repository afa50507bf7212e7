"""The description: round trips, defaults, and one sentence for everything it refuses."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdecay import Experiment, Polynomial, Synthetic, Table
from weightdecay.data.sources import Arrays
from weightdecay.errors import InputError

POSITIVE = st.floats(1e-6, 1e6)
SOURCES = st.one_of(
    st.builds(Synthetic, num_train=st.integers(1, 99), noise_std=POSITIVE),
    st.builds(Polynomial, degree=st.integers(1, 30), coefficients=st.tuples(POSITIVE, POSITIVE)),
    st.builds(
        Table,
        source=st.sampled_from(["diabetes", "a b.csv", "λ.parquet"]),
        target=st.none() | st.just("y"),
        drop=st.lists(st.text("abc", min_size=1), max_size=2).map(tuple),
        standardize=st.sampled_from(["none", "inputs", "both"]),
    ),
    st.builds(Arrays, st.integers(1, 9), st.integers(0, 9), st.integers(1, 9)),
)
EXPERIMENTS = st.builds(
    Experiment,
    data=SOURCES,
    penalty=st.sampled_from(["l1", "l2", "elasticnet"]),
    lambd=st.lists(st.floats(0, 1e6), min_size=1, max_size=4).map(tuple),
    penalty_factors=st.none()
    | st.lists(st.floats(0, 9), min_size=1).map(tuple)
    | st.dictionaries(st.text(min_size=1), st.floats(0, 9), min_size=1),
    penalize_bias=st.booleans(),
    optimizer=st.sampled_from(["sgd", "momentum", "nesterov", "adam"]),
    lr=POSITIVE,
    batch_size=st.integers(1, 999) | st.just("full"),
    seed=st.integers(0, 2**64),
)


@given(EXPERIMENTS)
def test_json_and_dict_round_trip(experiment: Experiment) -> None:
    assert Experiment.from_json(experiment.to_json()) == experiment
    assert Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment


@given(EXPERIMENTS.filter(lambda e: e.seed < 2**63))
def test_toml_round_trip(experiment: Experiment) -> None:
    assert Experiment.from_toml(experiment.to_toml()) == experiment


def test_the_default_is_the_experiment_of_the_guide() -> None:
    e = Experiment()
    assert e.data == Synthetic(20, 100, 200, 0.01, 0.05, 0.01)
    assert (e.batch_size, e.epochs, e.lr, e.init_std) == (5, 10, 0.01, 0.01)
    assert (e.penalty, e.lambd, e.optimizer, e.penalize_bias) == ("l2", (0, 3), "sgd", False)
    assert Experiment(penalty="none").lambd == (0,)


def test_it_is_frozen_and_hashable() -> None:
    e = Experiment()
    with pytest.raises(FrozenInstanceError):
        e.lr = 1  # type: ignore[misc]
    assert hash(e) == hash(Experiment())


def test_numpy_numbers_become_plain_ones() -> None:
    e = Experiment(lambd=np.linspace(0, 1, 3), epochs=np.int64(3), lr=np.float32(0.5))
    assert e == Experiment(lambd=(0, 0.5, 1), epochs=3, lr=0.5)
    assert json.loads(e.to_json())["lambda"] == [0, 0.5, 1]


def test_a_single_lambda_stands_for_itself() -> None:
    assert Experiment.from_toml("lambda = 2").lambd == (2.0,)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"lambd": -1}, "lambda is -1: it must be a finite number at least 0"),
    ({"lambd": ()}, "lambda is empty"),
    ({"lambd": "three"}, "lambda is 'three'"),
    ({"lambd": float("nan")}, "lambda is nan"),
    ({"lambd": 1, "penalty": "none"}, "with the penalty 'none'"),
    ({"lr": 0}, "lr is 0: it must be a finite number above 0"),
    ({"lr": float("inf")}, "lr is inf"),
    ({"lr": True}, "lr is True"),
    ({"momentum": 1}, "momentum is 1: it must be a finite number at least 0 and below 1"),
    ({"betas": (0.9,)}, "two numbers"),
    ({"betas": (0.9, 1.0)}, "below 1"),
    ({"eps": -1}, "eps is -1"),
    ({"l1_ratio": 1.5}, "at most 1"),
    ({"epochs": 0}, "epochs is 0: it must be at least 1"),
    ({"epochs": 2.5}, "whole number"),
    ({"batch_size": 0}, "must be at least 1"),
    ({"batch_size": "half"}, "unless it is 'full'"),
    ({"seed": -1}, "seed is -1"),
    ({"init_std": -0.1}, "init_std"),
    ({"penalty": "ridge"}, "unknown penalty 'ridge'"),
    ({"optimizer": "adm"}, "did you mean 'adam'"),
    ({"decay": "decouple"}, "did you mean 'decoupled'"),
    ({"l1_update": "prox"}, "did you mean 'proximal'"),
    ({"penalty_factors": (1.0, -1.0)}, "at least 0"),
    ({"penalty_factors": {"age": -1}}, "penalty factor of 'age'"),
    ({"penalize_bias": 1}, "true or false"),
    ({"data": "synthetic"}, "must describe a data source"),
]


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Experiment(**settings)


BAD_SOURCES: list[tuple[type, dict[str, Any], str]] = [
    (Synthetic, {"num_train": 0}, "num_train is 0"),
    (Synthetic, {"noise_std": -1}, "noise_std"),
    (Polynomial, {"degree": 0}, "degree is 0"),
    (Polynomial, {"coefficients": ()}, "coefficients is empty"),
    (Table, {"source": ""}, "source is ''"),
    (Table, {"source": "a.csv", "validation_fraction": 0}, "above 0"),
    (Table, {"source": "a.csv", "standardize": "all"}, "unknown standardize"),
    (Table, {"source": "a.csv", "target": 3}, "name of a column"),
    (Table, {"source": "a.csv", "drop": [1]}, "list of column names"),
]


@pytest.mark.parametrize(("kind", "options", "message"), BAD_SOURCES)
def test_bad_sources_are_refused(kind: type, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kind(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lambda = [", "is not TOML"),
        ("lambd = 3", "unknown setting 'lambd': did you mean 'lambda'"),
        ("data = 3", "data must be a table with a source"),
        ("[data]\nnum_train = 3", "with a source"),
        ("[data]\nsource = 'synthetic'\ntarget = 'y'", "target does not apply to the data 'synth"),
        ("[data]\nsource = 'arrays'", "comes from Python"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "e.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        Experiment.from_file(path)
    assert "e.toml" in str(caught.value)


def test_files_of_both_kinds_are_read(tmp_path: Path) -> None:
    e = Experiment(lambd=(1, 2), data=Table("a.csv", target="y"))
    (tmp_path / "e.toml").write_text(e.to_toml())
    (tmp_path / "e.json").write_text(e.to_json())
    assert Experiment.from_file(tmp_path / "e.toml") == e
    assert Experiment.from_file(tmp_path / "e.json") == e
    for bad, message in [("e.yaml", "must end in .toml"), ("missing.toml", "No such file")]:
        with pytest.raises(InputError, match=message):
            Experiment.from_file(tmp_path / bad)
    (tmp_path / "e.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        Experiment.from_file(tmp_path / "e.json")
