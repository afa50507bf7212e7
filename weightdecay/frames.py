"""Framed messages over a binary stream: a JSON header and arrays as raw bytes.

A frame is, in this order,

    4 bytes      the magic number b"wdf1"
    4 bytes      length of the JSON text, big-endian
    8 bytes      length of all arrays together, big-endian
    JSON text    {"header": the header, "arrays": [[name, dtype, shape], ...]}
    raw bytes    the arrays one after another, C order

so that an array arrives bit for bit, a pipe is read without guessing, and what is no frame is told
at its first bytes. Nothing is executed on reading (no pickle), and nothing is copied through text.
"""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from weightdecay.errors import WeightDecayError
from weightdecay.ops import NumPyArray

MAGIC = b"wdf1"
LENGTHS = struct.Struct(">IQ")
LONGEST_TEXT = 1 << 26
"""Bytes of JSON that are still plausible: numbers in bulk travel as arrays."""
KINDS = "biufc"
"""dtypes that are nothing but numbers: booleans, integers, floats and complex numbers."""

Stream: TypeAlias = io.BufferedIOBase | io.RawIOBase


class FrameError(WeightDecayError):
    """Something on the stream, or given to it, that is no frame."""


class EndOfFramesError(FrameError, EOFError):
    """The stream ended between two frames, as streams do when the other side is done."""


class TruncatedFrameError(FrameError, EOFError):
    """The stream ended within a frame."""


def encode(header: Mapping[str, Any], arrays: Mapping[str, NumPyArray]) -> list[memoryview]:
    """The bytes of one frame, in parts; arrays that are C-ordered are not copied.

    Raises
    ------
    FrameError
        A header that JSON cannot hold, or an array that is not made of numbers.
    """
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in plain.items():
        if array.dtype.kind not in KINDS:
            raise FrameError(
                f"the array {name!r} has dtype {array.dtype}: only numbers can be sent."
            )
    listed = [[name, array.dtype.str, array.shape] for name, array in plain.items()]
    try:
        text = json.dumps({"header": header, "arrays": listed}).encode()
    except (TypeError, ValueError) as error:
        raise FrameError(f"the header cannot be sent as JSON ({error}).") from error
    if len(text) > LONGEST_TEXT:
        raise FrameError(
            f"the header takes {len(text)} bytes, and at most {LONGEST_TEXT} can be sent: "
            "pass numbers in bulk as arrays."
        )
    size = sum(array.nbytes for array in plain.values())
    prefix = MAGIC + LENGTHS.pack(len(text), size)
    # A memoryview cannot be cast from every dtype, nor from a shape with a 0; bytes always can.
    raw = [array.reshape(-1).view(np.uint8).data for array in plain.values() if array.nbytes]
    return [memoryview(prefix), memoryview(text), *raw]


def write_encoded(stream: Stream, parts: list[memoryview]) -> None:
    """Write what `encode` gave to a blocking stream, all of it, and flush."""
    for part in parts:
        while part:
            part = part[stream.write(part) or 0 :]  # an unbuffered stream may take less than all
    stream.flush()


def write(stream: Stream, header: Mapping[str, Any], arrays: Mapping[str, NumPyArray]) -> None:
    """Write one frame to a blocking binary stream; see `encode` for what cannot be sent."""
    write_encoded(stream, encode(header, arrays))


def read(stream: Stream) -> tuple[dict[str, Any], dict[str, NumPyArray]]:
    """Read one frame from a blocking binary stream; its arrays are the caller's own, writable.

    Raises
    ------
    EndOfFramesError
        The stream ended before the frame began.
    TruncatedFrameError
        The stream ended within the frame.
    FrameError
        The bytes are no frame; how far the stream was read is then unknown.
    """
    magic = bytearray(len(MAGIC))  # read alone, so that a few bytes of garbage are told at once
    if _fill(stream, magic) == 0:
        raise EndOfFramesError("the stream ended: there is no further frame.")
    if magic != MAGIC:
        raise FrameError(f"a frame was expected and the stream holds {bytes(magic)!r}.")
    lengths = bytearray(LENGTHS.size)
    _fill(stream, lengths, whole=True)
    text_length, size = LENGTHS.unpack(lengths)
    if text_length > LONGEST_TEXT:
        raise FrameError(f"a frame announces a header of {text_length} bytes: none is so long.")
    text = bytearray(text_length)
    _fill(stream, text, whole=True)
    try:
        content = json.loads(text)
        header, listed = content["header"], content["arrays"]
        layout = [(str(name), _dtype(code), _shape(shape)) for name, code, shape in listed]
        if not isinstance(header, dict):
            raise TypeError(f"{header!r} is no header")
    except (ValueError, TypeError, KeyError) as error:
        raise FrameError("a frame's header is not the JSON that it should be.") from error
    expected = sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in layout)
    if size != expected:
        raise FrameError(f"a frame announces {size} bytes of arrays and describes {expected}.")
    arrays = {}
    for name, dtype, shape in layout:
        array = np.empty(shape, dtype)
        if array.nbytes:
            _fill(stream, array.reshape(-1).view(np.uint8).data, whole=True)
        arrays[name] = array
    return header, arrays


def _dtype(code: str) -> np.dtype[Any]:
    dtype = np.dtype(code)
    if dtype.kind not in KINDS:
        raise ValueError(f"{code} is no dtype of numbers")
    return dtype


def _shape(lengths: list[int]) -> tuple[int, ...]:
    if not all(isinstance(length, int) and length >= 0 for length in lengths):
        raise ValueError(f"{lengths} is no shape")
    return tuple(lengths)


def _fill(stream: Stream, buffer: bytearray | memoryview, whole: bool = False) -> int:
    """Fill `buffer`, or raise; without `whole`, an end before the first byte is no error."""
    view = memoryview(buffer)
    done = 0
    while done < len(view):
        count = stream.readinto(view[done:])
        if not count:
            if done == 0 and not whole:
                return 0
            raise TruncatedFrameError(
                f"the stream ended within a frame: {len(view) - done} more bytes were due."
            )
        done += count
    return done
