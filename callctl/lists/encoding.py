"""Bytes to text: which encoding a file has, and a decoding that never gives up."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, TextIO

from callctl.lists.errors import ListError

BROKEN = "\udcff"
"""Stands where bytes were none of the encoding's. No text holds it: rows with it are told apart."""
_HANDLER = "callctl-broken"
_HEAD = 65536
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "a spreadsheet or an archive (.xlsx, .ods, .zip)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)"),
    (b"\x1f\x8b", "compressed (.gz)"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\0", "a database"),
)
_CONTROLS = bytes(sorted({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"}))


def _broken(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return BROKEN, error.end
    raise error


codecs.register_error(_HANDLER, _broken)


def found_encoding(file: BinaryIO) -> str:
    """The encoding of a file, which is read for it to the end, and wound back.

    By its mark; else UTF-16 by its NULs; else UTF-8 if that fits, or fits nearly: rows with a few broken bytes are
    told apart later. Else cp1252. ListError: it holds no text.
    """
    head = file.read(_HEAD)
    file.seek(0)
    _check_text(head)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if wide := _wide(head):
        return wide
    if len(head.translate(None, _CONTROLS)) < 0.93 * len(head):
        raise ListError("holds no text; save the list as CSV")
    fits = _is_utf8(file)
    file.seek(0)
    return "utf-8" if fits else "cp1252"


def text_of(file: BinaryIO, encoding: str) -> TextIO:
    """The file's text, its ends of lines as they are, without a byte order mark."""
    name = "utf-8-sig" if encoding in ("utf-8", "utf8") else encoding
    return io.TextIOWrapper(file, name, _HANDLER, newline="")


def _check_text(head: bytes) -> None:
    for magic, what in _NO_TEXT:
        if head.startswith(magic):
            raise ListError(f"is {what}; save the list as CSV")


def _wide(head: bytes) -> str:
    """UTF-16 without a mark: of its ASCII (digits, delimiters) every other byte is NUL."""
    half = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.2 * half and even < 0.02 * half:
        return "utf-16-le"
    if even > 0.2 * half and odd < 0.02 * half:
        return "utf-16-be"
    return ""


def _is_utf8(file: BinaryIO) -> bool:
    """Whether more of the bytes beyond ASCII are UTF-8 than are not."""
    decoder = codecs.getincrementaldecoder("utf-8")(_HANDLER)
    broken = beyond = 0
    while block := file.read(1 << 20):
        text = decoder.decode(block)
        if not text.isascii():
            broken += text.count(BROKEN)
            beyond += len(text) - len(text.encode("ascii", "ignore"))
    return broken <= beyond - broken
