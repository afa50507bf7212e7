"""The arrays of an NPZ file as columns."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from weightdecay import memory
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray

MAGIC = b"\x93NUMPY"
FREE = "free some, or leave out rows or columns"
BROKEN = (
    *(OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, RuntimeError),
    *(
        zipfile.BadZipFile,
        zlib.error,
        tokenize.TokenError,
        SyntaxError,
        OverflowError,
        RecursionError,
    ),
)
"""What zipfile and NumPy raise on archives that are damaged, encrypted or packed otherwise."""


def read(path: Path) -> list[tuple[str, NumPyArray]]:
    """Named columns: one-dimensional arrays, the columns of matrices, the fields of records.

    Raises
    ------
    InputError
        It is no archive of arrays, or they are no columns of equal lengths.
    """
    arrays = _arrays(path)
    if not arrays:
        raise InputError(f"{str(path)!r} holds no array: write one with numpy.savez.")
    found: list[tuple[str, NumPyArray]] = []
    for name, array in arrays.items():
        if array.ndim == 1 and array.dtype.names:
            found += [(field, array[field]) for field in array.dtype.names]
        elif array.ndim == 1:
            found.append((name, array))
        elif array.ndim == 2:
            found += [(f"{name}{j}", array[:, j]) for j in range(array.shape[1])]
        else:
            raise InputError(
                f"array {name!r} of {str(path)!r} has shape {array.shape}: it must be a column or "
                "a matrix of columns."
            )
    lengths = {name: len(column) for name, column in found}
    if len(set(lengths.values())) != 1 or not max(lengths.values()):
        said = ", ".join(f"{name!r} {n}" for name, n in list(lengths.items())[:12])
        raise InputError(
            f"the arrays of {str(path)!r} must have equal lengths above 0, not {said or 'none'}."
        )
    return found


def _arrays(path: Path) -> Mapping[str, NumPyArray]:
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                raise InputError(
                    f"{str(path)!r} holds a single array (.npy), and no archive of named ones: "
                    "write it with numpy.savez."
                )
        _require_whole(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"memory ran out while {str(path)!r} was read: free some.") from error
    except BROKEN as error:
        reason = str(error).strip().splitlines()[0][:200].rstrip(".") if str(error) else "damaged"
        raise InputError(
            f"{str(path)!r} cannot be read as npz ({reason}): it must be written by numpy.savez, "
            "without pickled objects, and whole."
        ) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise InputError(f"{name!r} in {str(path)!r} is no array: it must be one.")
    return arrays


def _require_whole(path: Path) -> None:
    """Compare what every array declares with what the archive holds and with the memory left."""
    needed = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                header = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    header = np.lib.format.read_array_header_2_0
                shape, _, dtype = header(stream)
            size = math.prod(shape) * dtype.itemsize
            if size > member.file_size and not dtype.hasobject:
                raise ValueError(f"{member.filename!r} declares the shape {shape} and holds less")
            needed += size
    memory.require(f"the arrays of {str(path)!r}", 3 * needed, FREE, bytes_each=1)
