"""The lines of a document: as an engine that reads by columns can take them, and each as it was, by its number.

A line ends at a line feed, and nowhere else. What an engine would stumble over is made legible to it: bytes that are no
UTF-8 and lone carriage returns are written as their numbers, and an empty line or one that is too long for a record
stands as a line of one field.
"""

from __future__ import annotations

import io
import mmap
import re
from collections.abc import Iterable, Iterator
from typing import Final

PIECE_BYTES: Final = 4 * 2**20
MAX_LINE_BYTES: Final = 2**20
"""The longest line that is read as a record, and as much as is told of one."""

_EMPTY: Final = b" "
_TOO_LONG: Final = b"\0\n"
_LONE_RETURN: Final = re.compile(rb"\r(?!\n|\Z)")
_EMPTY_LINE: Final = re.compile(rb"^(?=\r?\n)", re.MULTILINE)
_SKIP_BYTES: Final = 2**16


class LegibleLines(io.RawIOBase):
    """The lines of *content* from the byte *start* on, as a file to read. ``done`` tells about how far it was read."""

    def __init__(self, content: mmap.mmap | bytes, start: int = 0) -> None:
        self._pieces = _pieces(content, start)
        self._left = b""
        self.done = start

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to *size* bytes; none are left when there are none."""
        if size < 0:
            return self._left + b"".join(iter(self._next, b""))
        self._left = self._left or self._next()
        found, self._left = self._left[:size], self._left[size:]
        return found

    def _next(self) -> bytes:
        piece = next(self._pieces, b"")
        self.done += len(piece)
        return _legible(piece)


def _pieces(content: mmap.mmap | bytes, start: int) -> Iterator[bytes]:
    """Give whole lines, some MiB of them at once."""
    at = start
    while at < len(content):
        most = at + PIECE_BYTES + MAX_LINE_BYTES
        end = content.find(b"\n", at + PIECE_BYTES - 1, most) + 1
        if not end and most < len(content):
            before = content.rfind(b"\n", at, at + PIECE_BYTES) + 1 or at
            yield content[at:before] + _TOO_LONG
            end = content.find(b"\n", most) + 1
        else:
            yield content[at : end or len(content)]
        _let_go(content, at)
        at = end or len(content)


def _let_go(content: mmap.mmap | bytes, before: int) -> None:
    """Have what was read of a mapped file count as this process's memory no longer: it stays in the system's."""
    if isinstance(content, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        content.madvise(mmap.MADV_DONTNEED, 0, before - before % mmap.PAGESIZE)


def _legible(piece: bytes) -> bytes:
    if not piece.isascii():
        piece = piece.decode("utf-8", "backslashreplace").encode()
    if b"\r" in piece:
        piece = _LONE_RETURN.sub(rb"\\r", piece)
    if piece[:1] in b"\r\n" or b"\n\n" in piece or b"\n\r\n" in piece:
        piece = _EMPTY_LINE.sub(_EMPTY, piece)
    return piece


def lines_at(content: mmap.mmap | bytes, numbers: Iterable[int]) -> Iterator[str]:
    """Give the lines of those *numbers*, from 1 on and in their order, without what ends them.

    What is no UTF-8 is told by its numbers, and of a line that is too long its beginning.
    """
    at, line = 0, 1
    for number in numbers:
        at, line = _further(content, at, number - line), number
        end = content.find(b"\n", at, at + MAX_LINE_BYTES)
        text = content[at : end if end >= 0 else at + MAX_LINE_BYTES]
        yield text.decode("utf-8-sig" if number == 1 else "utf-8", "backslashreplace").rstrip("\r")


def _further(content: mmap.mmap | bytes, at: int, lines: int) -> int:
    """Return where the line begins that is so many *lines* further."""
    while lines > 0 and (chunk := content[at : at + _SKIP_BYTES]):
        count = chunk.count(b"\n")
        if count < lines:
            lines -= count
            at += len(chunk)
        else:
            for _ in range(lines):
                at = content.find(b"\n", at) + 1
            lines = 0
    return at
