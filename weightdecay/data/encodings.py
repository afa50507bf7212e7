"""Bytes of a text file to characters, and in which encoding they were."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from weightdecay.errors import InputError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", ""),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
"""Byte order marks, the codec that each tells, and what to say of it."""

HEAD = 4096
"""Bytes from which UTF-16 without a mark is told."""


@dataclass(frozen=True)
class Decoded:
    """A text.

    Attributes
    ----------
    text : str
    note : str
        What to tell of the encoding; nothing where it is UTF-8.
    """

    text: str
    note: str = ""


def decode(content: bytes, encoding: str | None = None) -> Decoded:
    """The text in the encoding that is asked for or marked; else UTF-8, else Windows-1252.

    Raises
    ------
    InputError
        It is no text, or not in that encoding.
    """
    if encoding is not None:
        return Decoded(_strictly(content, require_encoding(encoding)))
    for mark, codec, name in MARKS:
        if content.startswith(mark):
            return Decoded(_strictly(content, codec), name and f"read in the encoding {name}.")
    if b"\0" in content[:HEAD]:
        codec = _wide(content[:HEAD])
        return Decoded(_strictly(content, codec), f"read in the encoding {codec.upper()}.")
    try:
        return Decoded(content.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise InputError(
            "it is neither UTF-8 nor Windows-1252: name its encoding, such as --encoding cp850."
        ) from None
    said = "read in the encoding Windows-1252 (Latin-1), for it is not UTF-8; --encoding says else."
    return Decoded(text, said)


def require_encoding(name: str) -> str:
    """A text encoding that Python knows."""
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError, TypeError):
        raise InputError(
            f"unknown encoding {name!r}: write one such as utf-8, cp1252, utf-16 or shift_jis."
        ) from None
    return name


def _strictly(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec).removeprefix("\ufeff")
    except ValueError as error:
        reason = getattr(error, "reason", str(error))
        at = f" at byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(f"it is not {codec} text ({reason}{at}).") from None


def _wide(head: bytes) -> str:
    """UTF-16, by where its zero bytes stand; most characters of a table are ASCII."""
    for first, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = head[first::2].count(0)
        if 5 * zeros > 2 * len(head[first::2]) and not head[1 - first :: 2].count(0):
            return codec
    raise InputError("it holds bytes that are no text.")
