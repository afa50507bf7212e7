"""`compare` with PyTorch's tensors: bfloat16, complex, lazy conjugates, and one memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tolerances import PARITY
from weightdecay import compare
from weightdecay.errors import InputError

VALUES = torch.linspace(1, 2, 300, dtype=torch.float64).reshape(100, 3)


@pytest.mark.parametrize(
    ("narrow", "tolerance"),
    [
        (torch.bfloat16, PARITY["bfloat16"]),
        (torch.float16, PARITY["float16"]),
        (torch.float32, PARITY["float32"]),
        (torch.float8_e4m3fn, 2.0**-4),
        (torch.float8_e5m2, 2.0**-3),
    ],
    ids=str,
)
def test_every_float_is_a_number_and_one_rounding_no_difference(
    narrow: torch.dtype, tolerance: float
) -> None:
    found = compare({"w": VALUES.to(narrow)}, {"w": VALUES})
    assert (found.agrees, found.tolerance) == (True, tolerance)
    assert found.max_relative_difference > 0
    assert found.dtypes == {"w": (str(narrow).removeprefix("torch."), "float64")}
    assert not compare({"w": (VALUES * (1 + 3 * tolerance)).to(narrow)}, {"w": VALUES}).agrees


def test_complex_parameters_and_lazy_views_of_them_compare() -> None:
    w = torch.nn.Parameter(torch.complex(VALUES, VALUES.flip(0)))
    real = torch.nn.Parameter(torch.complex(VALUES, torch.zeros_like(VALUES)))
    assert not compare({"w": w}, {"w": real}).agrees
    assert compare({"w": w.conj()}, {"w": w.detach().numpy().conj()}).agrees
    assert compare({"w": w.conj().imag}, {"w": -w.detach().numpy().imag}).agrees
    assert compare({"w": w.detach().to_sparse()}, {"w": w}).agrees


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16], ids=str)
def test_a_program_that_appends_without_a_copy_is_told(kind: torch.dtype) -> None:
    model = torch.nn.Linear(3, 1, dtype=kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    live, copies = [], []
    for _ in range(3):
        model(torch.ones(3, dtype=kind)).sum().backward()
        optimizer.step()
        live.append(model.state_dict())
        copies.append({name: p.detach().clone() for name, p in model.named_parameters()})
    with pytest.raises(InputError, match="all steps share one memory in 'weight'"):
        compare(live, copies)
    assert compare(copies, copies).agrees
    rows = torch.stack([step["weight"] for step in copies])
    assert compare([{"weight": row} for row in rows], {"weight": rows}).agrees


def test_what_holds_no_numbers_is_told() -> None:
    with pytest.raises(InputError, match=r"'w' holds a Tensor that cannot be read \(.*meta"):
        compare({"w": torch.ones(2, device="meta")}, {"w": np.ones(2)})
    with pytest.raises(InputError, match="'state' is nested"):
        compare([torch.optim.SGD([torch.ones(1)], lr=1).state_dict()], [np.ones(1)])
