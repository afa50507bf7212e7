"""Writing files whole or not at all: beside the destination first, then renamed onto it.

What holds for every file that is written:

- It is written whole, or what was there stays as it was, whatever happens on the way.
- A symbolic link stays a link: the file that it points to is written.
- The permissions of a file that was there stay as they were, 0600 among them.
- A file that nobody may write (0444) is refused, though its folder would allow to replace it.
- What is no file is refused: a folder, a pipe, a device. Printing is what ``--format`` is for.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weightdecay.errors import InputError
from weightdecay.escaping import shown

RULES = (
    "What --out, --plot and --save-experiment name is written whole or not at all, through a link "
    "and with the permissions that it had; a read-only file, a folder, a pipe, a device or a file "
    "that is read is refused."
)
"""What the help says of the files that are written."""

REASONS = {
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "make room, or name a file on another disk",
    errno.EDQUOT: "make room, or name a file on another disk",
    errno.EROFS: "name a file on another disk",
    errno.EACCES: "name a file in a folder that you may write in",
    errno.EPERM: "name a file in a folder that you may write in",
    errno.ELOOP: "the links go round in a circle",
}
"""What would be right, by what went wrong."""


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it there when the block ends well.

    Raises
    ------
    InputError
        The file cannot be written; whatever `path` held before is untouched.
    """
    target, mode = _destination(path)
    temporary = _beside(path, target)
    try:
        yield temporary
        temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, down to the disk."""
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def require_writable(path: Path) -> None:
    """Raise InputError now if `path` could not be written later; nothing is left behind."""
    target, _ = _destination(path)
    _beside(path, target).unlink()


def same(one: Path, other: Path) -> bool:
    """Whether two names are of one file, through whatever links."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # not there yet, so that only their names can tell
        return os.path.realpath(one) == os.path.realpath(other)


def _destination(path: Path) -> tuple[Path, int]:
    """The file behind all links, and the permissions that it has or will have."""
    try:
        found = path.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        # What a file opened in the usual way would have.
        return Path(os.path.realpath(path)), 0o666 & ~umask
    except ValueError as error:  # a character of no name, 0
        raise InputError(f"cannot write {shown(str(path))} ({error}): name a file.") from error
    except OSError as error:
        raise _refusal(path, error) from error
    name, target = shown(str(path)), Path(os.path.realpath(path))
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"cannot write {name}: it is a folder; name a file.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"cannot write {name}: it is a pipe or a device; name a file.")
    mode = stat.S_IMODE(found.st_mode)
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
        raise InputError(f"cannot write {name}: it is read-only; name another file.")
    return target, mode


def _beside(path: Path, target: Path) -> Path:
    # The beginning of the name says whose file it is; all of it would make a name too long.
    prefix = f".{target.name[:20]}."
    try:
        handle, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    except OSError as error:
        raise _refusal(path, error) from error
    os.close(handle)
    return Path(name)


def _refusal(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    right = REASONS.get(error.errno or 0, "name a file in a folder that exists")
    return InputError(f"cannot write {shown(str(path))} ({reason}): {right}.")
