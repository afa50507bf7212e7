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
import re
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
CODE = re.compile(r"[<>|=]?[biufc][0-9]{1,2}")
"""How NumPy writes those dtypes that `KINDS` are the letters of."""
MOST_AXES, LONGEST_AXIS = 32, 1 << 63
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
    except (TypeError, ValueError, RecursionError) as error:
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
        layout = [(_name(name), _dtype(code), _shape(shape)) for name, code, shape in listed]
        if not isinstance(header, dict) or len({name for name, *_ in layout}) < len(layout):
            raise TypeError("no header, or two arrays of one name")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise FrameError("a frame's header is not the JSON that it should be.") from error
    expected = sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in layout)
    if size != expected:
        raise FrameError(f"a frame announces {size} bytes of arrays and describes {expected}.")
    return header, {name: _array(stream, dtype, shape) for name, dtype, shape in layout}


def _array(stream: Stream, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NumPyArray:
    try:
        array = np.empty(shape, dtype)  # whose memory is taken as it is filled
    except (MemoryError, ValueError) as error:
        raise FrameError(
            f"a frame announces an array of shape {shape}: there is no room for it."
        ) from error
    if array.nbytes:
        raw = array.reshape(-1).view(np.uint8)
        _fill(stream, raw.data, whole=True)
        if dtype.kind == "b" and raw.max() > 1:
            raise FrameError("a frame holds bytes that are neither true nor false.")
    return array


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name")
    return name


def _dtype(code: object) -> np.dtype[Any]:
    if not isinstance(code, str) or not CODE.fullmatch(code):
        raise ValueError(f"{code!r} is no dtype of numbers")
    return np.dtype(code)


def _shape(lengths: object) -> tuple[int, ...]:
    if not isinstance(lengths, list) or len(lengths) > MOST_AXES:
        raise TypeError(f"{lengths!r} is no shape")
    if not all(type(length) is int and 0 <= length < LONGEST_AXIS for length in lengths):
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
