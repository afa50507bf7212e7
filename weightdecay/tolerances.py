"""How closely two runs must agree to count as the same."""

from __future__ import annotations

PARITY = {"float64": 1e-12, "float32": 1e-5}
"""Largest |w − w₀| over the largest |w₀|, by dtype: rounding, and nothing else."""

AUDIT = {"float64": 1e-9, "float32": 1e-6}
"""Largest residual of an accepted hypothesis, as a fraction of what the decay did, by the dtype in
which an optimizer holds its settings; what rounding of the weights adds comes on top."""
