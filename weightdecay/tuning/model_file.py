"""The JSON of a model file: which format it is, and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weightdecay import __version__
from weightdecay.errors import InputError
from weightdecay.output import writing

FORMAT = "weightdecay-model"
VERSION = 1
OBJECTIVE = (
    "Σ cᵢ ½ (w·xᵢ + b − yᵢ)² + λ Σⱼ fⱼ ((1 − l1_ratio)/2 (sⱼwⱼ)² + l1_ratio |sⱼwⱼ|), Σ cᵢ = 1; "
    "s: the scale, f: the penalty factors (1 if null); weights and bias in units of the columns"
)
HEAD = {"format": FORMAT, "version": VERSION, "objective": OBJECTIVE}
KEYS = {"w": "weights", "b": "bias", "lambd": "lambda"}
"""What a file calls the fields that have short names."""


def write(path: Path, settings: Mapping[str, Any]) -> None:
    """Write a model's fields, whole or not at all; floats such that they are read back exactly."""
    body = {KEYS.get(name, name): value for name, value in settings.items()}
    words = json.dumps(HEAD | body, ensure_ascii=False, allow_nan=False, indent=1)
    with writing(path) as temporary:
        temporary.write_text(f"{words}\n", encoding="utf-8")


def read(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The fields called `names`, all of them and no others.

    Raises
    ------
    InputError
        There is no such file, it is not JSON, not of this format, of a newer version, or not whole.
    """
    found = _parse(path, _text(path))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{str(path)!r} is no model file: its format is not {FORMAT!r}.")
    version = found.get("version")
    if type(version) is not int or version != VERSION:
        raise InputError(
            f"{str(path)!r} is a model file of version {version!r}, and weightdecay {__version__} "
            f"reads version {VERSION}: update weightdecay, or fit the model again."
        )
    keys = {KEYS.get(name, name): name for name in names}
    lacking = [key for key in keys if key not in found]
    unknown = [key for key in found if key not in keys and key not in HEAD]
    if lacking or unknown:
        says = [f"it lacks {', '.join(map(repr, lacking))}"] * bool(lacking)
        says += [f"no model has {', '.join(map(repr, unknown))}"] * bool(unknown)
        raise InputError(f"{str(path)!r} is no sound model file: {' and '.join(says)}.")
    return {name: found[key] for key, name in keys.items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is no model file: it is not text.") from error
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({error.strerror or error}): name a model file that "
            "'weightdecay tune --out' wrote."
        ) from error


def _parse(path: Path, words: str) -> Any:
    try:
        return json.loads(words, object_pairs_hook=_each_once)
    except InputError as error:
        raise InputError(f"{str(path)!r} is no sound model file: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is no model file: it is not JSON ({error}).") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"it has the key {key!r} twice.")
        found[key] = value
    return found
