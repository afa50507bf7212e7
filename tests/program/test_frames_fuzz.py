"""Bytes in: a frame or a FrameError, whatever the bytes are, and no more memory than they fill."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.program.test_frames import JSON, encoded, frame_of
from weightdecay import frames

WHOLE = encoded({"call": "fit", "n": [1, 2.5, None]}, x=np.arange(4.0), y=np.array([True, False]))


def read(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """What is read, or None where it is told that this is no frame."""
    try:
        header, arrays = frames.read(io.BytesIO(content))
    except frames.FrameError:
        return None
    assert isinstance(header, dict)
    for name, array in arrays.items():
        assert isinstance(name, str)
        assert array.dtype.kind in frames.KINDS
        assert array.nbytes <= len(content)
    assert frames.encode(header, arrays)  # which another worker could be sent
    return header, arrays


@settings(max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    read(content)
    read(frames.MAGIC + content)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_any_change_of_a_frame(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for at, byte in changes:
        content[at] = byte
    read(bytes(content))


CODES = st.sampled_from(["<f8", "<f4", "|b1", "<c16", "|O", "<f3", "f8,f8", "3f8", "<U4", "M8[s]"])
LENGTHS = st.integers(-2, 5) | st.sampled_from([True, 1.0, 1 << 31, 1 << 63, 10**30, None, "1"])
LISTED = st.lists(
    st.tuples(st.text(max_size=2) | JSON, CODES | JSON, st.lists(LENGTHS, max_size=3) | JSON)
    | JSON,
    max_size=3,
)


@settings(max_examples=150)
@given(JSON | st.dictionaries(st.text(), JSON), LISTED | JSON, st.integers(0, 1 << 63), st.binary())
def test_any_header(header: Any, listed: Any, size: int, raw: bytes) -> None:
    text = json.dumps({"header": header, "arrays": listed}).encode()
    read(frame_of(text, raw))
    read(frame_of(text, raw, announced=size))


def described(code: str, shape: str) -> bytes:
    return f'{{"header": {{}}, "arrays": [["x", "{code}", {shape}]]}}'.encode()


@pytest.mark.parametrize(
    "content",
    [
        frame_of(b"[" * 100_000),
        frame_of(b'{"header": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b'}, "arrays": []}'),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8", [' + b"9" * 5000 + b"]]]}"),
        frame_of(described("<f8", f"[{1 << 57}]"), announced=1 << 60),
        frame_of(described("<f8", f"[0, {10**30}]")),
        frame_of(described("<f8", str([1] * 65)), bytes(8)),
        frame_of(described("<f8", "[true]"), bytes(8)),
        frame_of(described("|b1", "[2]"), b"\x01\x02"),
        frame_of(b'{"header": {}, "arrays": [["x", null, [1]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [[["x"], "<f8", [1]]]}', bytes(8)),
        frame_of(b'{"header": {}, "arrays": [["x", "<f8", [1]], ["x", "<f8", [1]]]}', bytes(16)),
    ],
)
def test_what_is_no_frame_in_some_awkward_way_is_told(content: bytes) -> None:
    assert read(content) is None


def test_nan_may_be_in_a_header() -> None:
    found = read(encoded({"loss": float("nan")}))
    assert found is not None
    assert np.isnan(found[0]["loss"])


def test_a_header_too_deep_to_send_is_told_before_a_byte() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(frames.FrameError, match="cannot be sent as JSON"):
        frames.encode({"x": deep}, {})
