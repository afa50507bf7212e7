"""The JSON of a model file: which format it is, and whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weightdecay import __version__
from weightdecay.documents import parse_json, read_text
from weightdecay.errors import InputError
from weightdecay.escaping import listed, shown, to_json
from weightdecay.output import write_bytes

FORMAT = "weightdecay-model"
VERSION = 1
OBJECTIVE = (
    "Σ cᵢ ½ (w·xᵢ + b − yᵢ)² + λ Σⱼ fⱼ ((1 − l1_ratio)/2 (sⱼwⱼ)² + l1_ratio |sⱼwⱼ|), Σ cᵢ = 1; "
    "s: the scale, f: the penalty factors (1 if null); weights and bias in units of the columns"
)
HEAD = {"format": FORMAT, "version": VERSION, "objective": OBJECTIVE}
NEW: dict[str, Any] = {"na": [], "centre": None, "at_centre": None}
"""Fields that older files lack, each with what it was then; such a value is not written."""

KEYS = {"w": "weights", "b": "bias", "lambd": "lambda"}
"""What a file calls the fields that have short names."""


def write(path: Path, settings: Mapping[str, Any]) -> None:
    """Write a model's fields, whole or not at all; floats such that they are read back exactly."""
    body = {
        KEYS.get(name, name): value
        for name, value in settings.items()
        if name not in NEW or value not in (NEW[name], ())
    }
    words = to_json(HEAD | body, indent=1)
    write_bytes(path, f"{words}\n".encode())


def read(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The fields called `names`, all of them and no others.

    Raises
    ------
    InputError
        There is no such file, it is not JSON, not of this format, of a newer version, or not whole.
    """
    name = shown(str(path))
    text = read_text(path, "model file", "name a file that 'weightdecay tune --out' wrote")
    try:
        found = parse_json(text)
    except InputError as error:
        raise InputError(f"{name} is no model file: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{name} is no model file: its format is not {FORMAT!r}.")
    version = found.get("version")
    if type(version) is not int or version != VERSION:
        raise InputError(
            f"{name} is a model file of version {shown(version)}, and weightdecay {__version__} "
            f"reads version {VERSION}: update weightdecay, or fit the model again."
        )
    keys = {KEYS.get(name, name): name for name in names}
    found = NEW | found
    lacking = [key for key in keys if key not in found]
    unknown = [key for key in found if key not in keys and key not in HEAD]
    if lacking or unknown:
        says = [f"it lacks {listed(lacking)}"] * bool(lacking)
        says += [f"no model has {listed(unknown)}"] * bool(unknown)
        raise InputError(f"{name} is no sound model file: {' and '.join(says)}.")
    return {name: found[key] for key, name in keys.items()}
