"""What every picture has in common: that it can be drawn, that it is harmless, and written whole.

Pictures are drawn by altair and vl-convert, in memory and before any file is touched, since what
the renderer cannot take ends the process.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from weightdecay import memory
from weightdecay.errors import InputError, MissingExtraError
from weightdecay.escaping import line, shown
from weightdecay.output import write_bytes

SUFFIXES = (".png", ".svg")
ADDRESSES = 70 * 10**9
"""Bytes of addresses that vl_convert's engine reserves as it starts; without them it aborts."""
SHARPNESS = 2
"""Pixels of a PNG for one of the picture."""


def require_drawable(path: Path) -> None:
    """Raise before any work is done if the picture could not be drawn in the end.

    Raises
    ------
    InputError
        The name ends in neither .png nor .svg, or the renderer could not start.
    MissingExtraError
        altair or its renderer is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{shown(str(path))} is no picture: it must end in .png or .svg.")
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("--plot", "plot") from error
    left = memory.limit()
    if left is not None and left < ADDRESSES:
        raise InputError(
            f"what draws pictures reserves {memory.size(ADDRESSES)} of addresses, of which it uses "
            f"few, and a limit such as ulimit -v leaves {memory.size(left)}: raise the limit, or "
            "leave --plot out."
        )


def save(chart: Any, path: Path) -> None:
    """Write an altair chart as a PNG or SVG picture, every text in it harmless.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    drawn = type(chart).from_dict(_harmless(chart.to_dict()))
    kind = path.suffix[1:].lower()
    if kind == "svg":
        text = io.StringIO()
        drawn.save(text, format=kind)
        write_bytes(path, text.getvalue().encode())
    else:
        content = io.BytesIO()
        drawn.save(content, format=kind, scale_factor=SHARPNESS)
        write_bytes(path, content.getvalue())


def _harmless(spec: Any) -> Any:
    """A chart whose names hold nothing that ends the renderer, such as a backspace."""
    if isinstance(spec, dict):
        return {key: _harmless(part) for key, part in spec.items()}
    if isinstance(spec, list):
        return [_harmless(part) for part in spec]
    return line(spec) if isinstance(spec, str) else spec
