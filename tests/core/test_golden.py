"""Every backend, in whatever environment, reproduces the golden file."""

from __future__ import annotations

import json

import pytest

from tests.golden import EXPERIMENTS, PATH, numbers
from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, fit

GOLDEN = json.loads(PATH.read_text(encoding="utf-8"))


def test_the_file_is_about_these_experiments() -> None:
    found = {name: Experiment.from_dict(entry["experiment"]) for name, entry in GOLDEN.items()}
    assert found == EXPERIMENTS


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_numbers_are_the_same_everywhere(backend: str, dtype: str, name: str) -> None:
    found = numbers(fit(EXPERIMENTS[name], backend=backend, dtype=dtype))
    assert found.keys() == GOLDEN[name]["numbers"].keys()
    for key, values in GOLDEN[name]["numbers"].items():
        assert relative_difference(found[key], values) <= PARITY[dtype], key
