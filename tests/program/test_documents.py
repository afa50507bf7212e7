"""Model files and experiment files that anything may have written: what they say, or a sentence."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

import weightdecay as wd
from tests.hostile.answering import HOSTILE
from weightdecay import escaping
from weightdecay.documents import parse_json, parse_toml, read_text
from weightdecay.errors import InputError
from weightdecay.experiment import Experiment
from weightdecay.tuning import model_file
from weightdecay.tuning.model import Model, load_model

MODEL = {
    **{"target": "y", "inputs": ["a", "b"], "degree": 1, "columns": ["a", "b"]},
    **{"weights": [0.5, -1.0], "bias": 0.1, "lambda": 0.1, "penalty": "l2", "l1_ratio": 0.0},
    **{"penalty_factors": None, "mean": [0, 0], "scale": [1, 1], "rule": "best", "cv": "5 folds"},
    **{"loss": 1.0, "standard_error": 0.1, "num_examples": 20, "solver": "exact", "epochs": None},
    **{"dropped": [], "sample_weight": None, "group": None, "time": None, "weightdecay": "0.1.0"},
    **{"numpy": "2", **model_file.HEAD},
}
SETTINGS = [f.name if f.name != "lambd" else "lambda" for f in fields(Experiment)]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["l2", "adam", "full", "y", "a", "b", "synthetic", 1, 0, 10**400, "\x1b[2J"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda part: (
        st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=4), part, max_size=3)
    ),
    max_leaves=6,
)
SOURCES = st.dictionaries(
    st.sampled_from(["source", "num_train", "num_inputs", "degree", "drop", "target", "weight"]),
    VALUES | st.sampled_from(["synthetic", "polynomial", "arrays", "t.csv"]),
)


NAMES = {"weights": "w", "bias": "b", "lambda": "lambd"}


def require_sentence(error: InputError, path: Path) -> None:
    """One line that names the file."""
    sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) < 3000
    assert not HOSTILE.search(sentence)
    assert path.name in sentence


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


def loaded(path: Path, content: bytes) -> Model | None:
    """The model, which predicts, or nothing and a sentence that names the file."""
    path.write_bytes(content)
    try:
        model = load_model(path)
    except InputError as error:
        require_sentence(error, path)
        return None
    assert np.isfinite(model.predict(np.ones((2, len(model.inputs))))).all()
    return model


def test_the_model_that_is_changed_below_is_sound(folder: Path) -> None:
    model = loaded(folder / "m.json", json.dumps(MODEL).encode())
    assert model is not None
    again = folder / "again.json"
    model.save(again)
    assert asdict(load_model(again)) == asdict(model)


@given(changes=st.dictionaries(st.sampled_from([*MODEL]), VALUES, min_size=1, max_size=3))
def test_any_value_in_a_model_file(folder: Path, changes: dict[str, Any]) -> None:
    model = loaded(folder / "m.json", json.dumps(MODEL | changes).encode())
    if model is not None:  # what was read is what was there
        for key, value in changes.items():
            kept = getattr(
                model, {"weights": "w", "bias": "b", "lambda": "lambd"}.get(key, key), value
            )
            assert kept == value or list(kept) == value or kept == (value,), key


@given(at=st.integers(0, 600), length=st.integers(0, 4), put=st.binary(max_size=4))
def test_any_bytes_in_a_model_file(folder: Path, at: int, length: int, put: bytes) -> None:
    whole = json.dumps(MODEL).encode()
    loaded(folder / "m.json", whole[:at] + put + whole[at + length :])


@pytest.mark.parametrize("others", [{"dropped": ["a"]}, {"group": "b"}, {"time": "a"},
                                    {"sample_weight": "b"}, {"target": "a"},
                                    {"dropped": ["y"]}, {"group": "y"}])  # fmt: skip
def test_a_column_plays_one_part(folder: Path, others: dict[str, Any]) -> None:
    path = folder / "m.json"
    path.write_text(json.dumps(MODEL | others))
    with pytest.raises(InputError, match="cannot be an input or the target and something else"):
        load_model(path)


@given(
    st.dictionaries(st.sampled_from(SETTINGS) | st.text(max_size=4), VALUES | SOURCES, max_size=4)
)
def test_any_value_in_an_experiment_file(folder: Path, plain: dict[str, Any]) -> None:
    path = folder / "e.json"
    path.write_text(json.dumps(plain))
    try:
        experiment = Experiment.from_file(path)
    except InputError as error:
        require_sentence(error, path)
        return
    assert Experiment.from_json(experiment.to_json()) == experiment


@given(at=st.integers(0, 500), length=st.integers(0, 4), put=st.binary(max_size=4),
       ending=st.sampled_from([".toml", ".json"]))  # fmt: skip
def test_any_bytes_in_an_experiment_file(
    folder: Path, at: int, length: int, put: bytes, ending: str
) -> None:
    experiment = Experiment(penalty_factors={"x": 2})
    text = experiment.to_toml() if ending == ".toml" else experiment.to_json()
    path = folder / f"e{ending}"
    path.write_bytes(text.encode()[:at] + put + text.encode()[at + length :])
    try:
        Experiment.from_file(path)
    except InputError as error:
        require_sentence(error, path)


@pytest.mark.parametrize(
    ("ending", "text", "message"),
    [
        (".json", '{"epochs": 2, "epochs": 3}', "the key 'epochs' twice"),
        (".json", '{"data": {"source": "a.csv", "source": "b.csv"}}', "the key 'source' twice"),
        (".json", "[" * 100_000, "nested without end"),
        (".json", '{"a":' * 100_000, "nested without end"),
        (".toml", "a = " + "[" * 100_000, "nested without end"),
        (".json", '{"epochs": ' + "9" * 5000 + "}", "thousands of digits"),
        (".toml", "epochs = " + "9" * 5000, "thousands of digits"),
        (".json", '{"lr": NaN}', "lr is nan"),
        (".json", '{"lr": 1e999}', "lr is inf"),
        (".toml", "lr = inf", "lr is inf"),
        (".json", "[1]", "a table of settings, not"),
        (".toml", "epochs = 2\nepochs = 3", "is not TOML"),
    ],
)
def test_what_is_no_experiment_is_a_sentence(
    tmp_path: Path, ending: str, text: str, message: str
) -> None:
    path = tmp_path / f"e{ending}"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        Experiment.from_file(path)
    require_sentence(caught.value, path)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", Path(os.devnull), tmp_path):
        with pytest.raises(
            InputError, match=r"is no model file, it is a (pipe or a device|folder)"
        ):
            load_model(path)
    with pytest.raises(InputError, match=r"cannot read the thing '.*nn… .* characters left out"):
        read_text(Path("n" * 1000), "thing", "name another")
    (tmp_path / "large").write_bytes(b"")
    os.truncate(tmp_path / "large", 2 * 10**9)
    with pytest.raises(InputError, match="it has 2 GB"):
        read_text(tmp_path / "large", "thing", "name another")


def test_a_mark_of_the_encoding_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(b'\xef\xbb\xbf{"epochs": 2}')
    assert wd.Experiment.from_file(tmp_path / "e.json").epochs == 2


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
       st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=3))  # fmt: skip
def test_what_is_written_is_read(plain: dict[str, str]) -> None:
    assert parse_toml(tomli_w.dumps(plain)) == plain
    assert parse_json(escaping.to_json(plain)) == plain
