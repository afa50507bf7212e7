"""Frames arrive bit for bit, and what is no frame is told rather than misread."""

from __future__ import annotations

import io
import math
import os
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from weightdecay import frames

NUMBERS = st.sampled_from(["<f8", "<f4", ">f8", "<i8", "<u1", "|b1", "<c16"])
SHAPES = st.one_of(st.just(()), array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
ARRAYS = NUMBERS.flatmap(lambda code: arrays(np.dtype(code), SHAPES))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.text(), JSON, max_size=3)


class Trickle(io.RawIOBase):
    """A raw stream that takes and gives three bytes at a time, as a pipe may."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    def readinto(self, buffer: Any) -> int:
        count = min(3, len(buffer), len(self.content))
        buffer[:count] = self.content[:count]
        del self.content[:count]
        return count

    def write(self, data: Any) -> int:
        self.content += data[:3]
        return len(data[:3])


def encoded(header: dict[str, Any], **given: np.ndarray) -> bytes:
    return b"".join(frames.encode(header, given))


def assert_same(found: np.ndarray, sent: np.ndarray) -> None:
    assert (found.dtype, found.shape) == (sent.dtype, sent.shape)
    assert found.tobytes() == sent.tobytes()  # NaN payloads and the sign of 0 included


@given(HEADERS, st.dictionaries(st.text(), ARRAYS, max_size=3))
def test_what_is_written_is_read(header: dict[str, Any], given: dict[str, np.ndarray]) -> None:
    stream = io.BytesIO()
    frames.write(stream, header, given)
    frames.write(stream, {"next": 1}, {})
    stream.seek(0)
    found, received = frames.read(stream)
    assert found == header
    assert list(received) == list(given)
    for name in given:
        assert_same(received[name], given[name])
    assert frames.read(stream) == ({"next": 1}, {})


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(4, 6)[::2, ::-1],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.broadcast_to(np.float32(2.5), (3, 2)),
        np.array(7),
        np.zeros((0, 3)),
        np.zeros((2, 0, 3), np.int64),
        np.array([math.nan, math.inf, -0.0, 5e-324]),
    ],
    ids=["strided", "fortran", "broadcast", "0-d", "empty", "empty-inside", "extremes"],
)
def test_awkward_arrays_arrive(array: np.ndarray) -> None:
    _, received = frames.read(io.BytesIO(encoded({}, x=array)))
    assert_same(received["x"], array)
    assert received["x"].flags.writeable
    assert received["x"].flags.c_contiguous


def test_floats_in_the_header_arrive_bit_for_bit() -> None:
    header, _ = frames.read(io.BytesIO(encoded({"x": [0.1, 1 / 3, 5e-324, math.inf]})))
    assert header == {"x": [0.1, 1 / 3, 5e-324, math.inf]}


def test_a_stream_may_take_and_give_a_few_bytes_at_a_time() -> None:
    stream = Trickle()
    frames.write(stream, {"a": 1}, {"x": np.arange(5)})
    header, received = frames.read(stream)
    assert header == {"a": 1}
    assert_same(received["x"], np.arange(5))


def test_a_frame_larger_than_a_pipe_passes_through_one() -> None:
    reading, writing = os.pipe()
    x = np.arange(300_000.0)
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as sink:
        thread = threading.Thread(target=frames.write, args=(sink, {}, {"x": x}))
        thread.start()
        _, received = frames.read(source)
        thread.join()
    assert_same(received["x"], x)


def test_a_stream_may_end_between_frames() -> None:
    with pytest.raises(frames.EndOfFramesError):
        frames.read(io.BytesIO())


@given(st.data())
def test_a_stream_that_ends_within_a_frame_is_told(data: st.DataObject) -> None:
    whole = encoded({"call": "fit"}, x=np.arange(4.0), y=np.arange(2))
    kept = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(frames.TruncatedFrameError, match="ended within a frame"):
        frames.read(io.BytesIO(whole[:kept]))


@given(st.binary(min_size=4))
def test_garbage_is_told(garbage: bytes) -> None:
    if garbage[:4] != frames.MAGIC:
        with pytest.raises(frames.FrameError, match="a frame was expected") as caught:
            frames.read(io.BytesIO(garbage))
        assert not isinstance(caught.value, EOFError)


def test_garbage_is_told_while_its_writer_lives() -> None:
    class Waiting(Trickle):
        def readinto(self, buffer: Any) -> int:
            assert self.content, "waited for more"
            return super().readinto(buffer)

    with pytest.raises(frames.FrameError, match="b'oops'"):
        frames.read(Waiting(b"oops"))


def frame_of(text: bytes, raw: bytes = b"", announced: int | None = None) -> bytes:
    size = len(raw) if announced is None else announced
    return frames.MAGIC + frames.LENGTHS.pack(len(text), size) + text + raw


@pytest.mark.parametrize(
    "frame",
    [
        frame_of(b"{"),
        frame_of(b"[]"),
        frame_of(b"7"),
        frame_of(b"\xff\xfe"),
        frame_of(b"{}"),
        frame_of(b'{"header": 1, "arrays": []}'),
        frame_of(b'{"header": {}, "arrays": [["x", "|O", [1]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "nonsense", [1]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8", [-1, -1]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8", [1.0]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8"]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8", [2]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8", [1]]]}', announced=1 << 50),
        frames.MAGIC + frames.LENGTHS.pack(frames.LONGEST_TEXT + 1, 0),
    ],
)
def test_a_frame_that_contradicts_itself_is_told(frame: bytes) -> None:
    with pytest.raises(frames.FrameError) as caught:
        frames.read(io.BytesIO(frame))
    assert not isinstance(caught.value, EOFError)


@pytest.mark.parametrize(
    ("header", "given", "told"),
    [
        ({"x": object()}, {}, "cannot be sent as JSON"),
        ({}, {"x": np.array([None])}, "only numbers can be sent"),
        ({}, {"x": np.array(["a"])}, "only numbers can be sent"),
        ({}, {"x": np.zeros(1, [("a", "f8")])}, "only numbers can be sent"),
        ({"x": "x" * (frames.LONGEST_TEXT + 1)}, {}, "pass numbers in bulk as arrays"),
    ],
    ids=["header", "objects", "text", "records", "long"],
)
def test_what_cannot_be_sent_is_refused_before_a_byte(
    header: dict[str, Any], given: dict[str, Any], told: str
) -> None:
    stream = io.BytesIO()
    with pytest.raises(frames.FrameError, match=told):
        frames.write(stream, header, given)
    assert stream.getvalue() == b""
