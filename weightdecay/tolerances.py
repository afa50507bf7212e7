"""How closely two runs must agree to count as the same."""

from __future__ import annotations

PARITY = {"float64": 1e-12, "float32": 1e-5}
"""Largest |w − w₀| over the largest |w₀|, by dtype: rounding, and nothing else."""
