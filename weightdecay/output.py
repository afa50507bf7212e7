"""Writing files whole or not at all: beside the destination first, then renamed onto it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weightdecay.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it there when the block ends well.

    Raises
    ------
    InputError
        The file cannot be written; whatever `path` held before is untouched.
    """
    temporary = _beside(path)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # what a file opened in the usual way would have
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Raise InputError now if `path` could not be written later; nothing is left behind."""
    _beside(path).unlink()


def _beside(path: Path) -> Path:
    if path.is_dir():
        raise InputError(f"cannot write {str(path)!r}: it is a folder; name a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _refusal(path, error) from error
    os.close(handle)
    return Path(name)


def _refusal(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"cannot write {str(path)!r} ({reason}): name a file in a folder that exists."
    )
