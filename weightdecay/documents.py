"""Text files of settings, JSON and TOML, from whoever may have written them.

A key that comes twice and nesting without end are refused with a sentence, not half understood.
NaN and Infinity, which JSON does not have, are left to whoever checks the values: every number has
to be finite.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from weightdecay.errors import InputError
from weightdecay.escaping import line, shortened, shown
from weightdecay.memory import size

LARGEST = 1_000_000_000
"""Bytes of such a file; a model of ten million columns is smaller."""


def read_text(path: Path, what: str, remedy: str) -> str:
    """The text of a file.

    Parameters
    ----------
    what, remedy : str
        What the file should be, such as 'model file', and what would be right.

    Raises
    ------
    InputError
        There is no such file, it is no file, it is no UTF-8 text, or it is beyond reason.
    """
    name = shown(str(path))
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(name, what, remedy, error) from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise InputError(f"{name} is no {what}, it is {kind}: {remedy}.")
    if found.st_size > LARGEST:
        raise InputError(f"{name} is no {what}, it has {size(found.st_size)}: {remedy}.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no {what}: it is not text in UTF-8.") from error
    except OSError as error:
        raise _unreadable(name, what, remedy, error) from error


def _unreadable(name: str, what: str, remedy: str, error: OSError | ValueError) -> InputError:
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    return InputError(f"cannot read the {what} {name} ({reason}): {remedy}.")


def parse_json(text: str) -> Any:
    """What a JSON text says; raises InputError with the end of a sentence, without its subject."""
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except InputError:
        raise
    except RecursionError as error:
        raise InputError("it is not JSON (it is nested without end).") from error
    except ValueError as error:
        raise InputError(f"it is not JSON ({_reason(error)}).") from error


def parse_toml(text: str) -> Any:
    """What a TOML text says; raises InputError with the end of a sentence, without its subject."""
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError("it is not TOML (it is nested without end).") from error
    except ValueError as error:
        raise InputError(f"it is not TOML ({_reason(error)}).") from error


def _reason(error: ValueError) -> str:
    if "integer string conversion" in str(error):
        return "a whole number has thousands of digits"
    return line(shortened(str(error), 200))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"it has the key {shown(key)} twice.")
        found[key] = value
    return found
