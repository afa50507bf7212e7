"""Warnings that point at the line of the caller, not into this package."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

HERE = str(Path(__file__).parent) + os.sep


def warn(sentence: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that is not of this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, kind, stacklevel=level)
