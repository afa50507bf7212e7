"""How closely two runs must agree to count as the same."""

from __future__ import annotations

import re

PARITY = {"float64": 1e-12, "float32": 1e-5, "float16": 4.9e-4, "bfloat16": 3.9e-3}
"""Largest |w − w₀| over the largest |w₀|, by dtype: rounding, and nothing else."""

FLOAT32_SETTINGS = 1e-6
"""The same in float64, where one side has rounded its settings to float32 and the other has not."""

AUDIT = {"float64": 1e-9, "float32": 1e-6}
"""Largest residual of an accepted hypothesis, as a fraction of what the decay did, by the dtype in
which an optimizer holds its settings; what rounding of the weights adds comes on top."""

_PARTS = {"complex64": "float32", "complex32": "float16"}
_FEW_BITS = re.compile(r"float\d_e\d+m(?P<fraction>\d+)")


def rounding(dtype: str) -> float:
    """What counts as rounding in a dtype, given by its name.

    Complex numbers are as fine as their parts. A float of fewer than 16 bits, such as
    ``float8_e4m3fn``, errs by half a unit of its last place. Whatever is no float is exact, so that
    what it is compared with decides, and float64 where that is exact too.
    """
    few = _FEW_BITS.match(dtype)
    if few:
        return 2.0 ** -(1 + int(few["fraction"]))
    return PARITY.get(_PARTS.get(dtype, dtype), PARITY["float64"])
