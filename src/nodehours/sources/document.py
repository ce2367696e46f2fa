"""Documents: a file, gzip file or standard input, held still while it is read.

A document is copied (and unpacked) into an unnamed temporary file and mapped from there: what is hashed is
what is read, a file rewritten meanwhile changes nothing, and memory does not grow with its size.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import mmap
import sys
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES = 2**20
MAX_DOCUMENT_BYTES = 4 * 2**30
"""The largest document that is read, unpacked."""

STDIN = "-"
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPED = b"\x2a\x4d\x18"
_ZSTD_STEP = 2**10  # a block of 4 bytes can stand for 128 KiB


class UnreadableError(Exception):
    """A document that cannot be read; its text is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's name as the user wrote it, its bytes unpacked, and their SHA-256."""

    name: str
    content: mmap.mmap | bytes
    sha256: bytes


@contextmanager
def opened(name: str, most: int = MAX_DOCUMENT_BYTES) -> Iterator[Document]:
    """Open the document *name* (``-`` for standard input) of up to *most* bytes, unpacking gzip and Zstandard.

    How it is packed is told by its first bytes. Raises ``UnreadableError`` when it cannot be read, is cut off, is empty
    or too large, or has a MiB of blanks.
    """
    with _temporary() as spool:
        sha256 = _spooled(name, spool, most)
        if spool.tell() == 0:
            raise UnreadableError("the document is empty")
        with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield Document("<stdin>" if name == STDIN else name, content, sha256)


def _temporary() -> io.FileIO:
    try:
        # Unbuffered: on a full disk, closing must not try to write what is left.
        return tempfile.TemporaryFile(prefix="nodehours-", buffering=0)
    except OSError as error:
        raise UnreadableError(f"no temporary file can be made: {error.strerror}") from error


def _spooled(name: str, spool: io.FileIO, most: int) -> bytes:
    try:
        with _raw(name) as raw:
            return _copied(_unpacked(raw), spool, most)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableError(f"the gzip data is damaged or cut off: {error}") from error
    except zstandard.ZstdError as error:
        raise UnreadableError(f"the Zstandard data is damaged or cut off: {error}") from error
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error


@contextmanager
def _raw(name: str) -> Iterator[IO[bytes]]:
    if name != STDIN:
        with Path(name).open("rb") as file:
            yield file
    elif sys.stdin is None:
        raise UnreadableError("standard input is closed")
    else:
        yield sys.stdin.buffer


class _Readable(Protocol):
    """What can be read from."""

    def read(self, size: int, /) -> bytes:
        """Read up to *size* bytes; none are left when there are none."""


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were taken to be looked at, put back: standard input cannot be read twice."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer) as whole:
            chunk = self._head[: len(whole)] or self._rest.read(len(whole))
            self._head = self._head[len(chunk) :]
            whole[: len(chunk)] = chunk
        return len(chunk)

    def read(self, size: int = -1) -> bytes:
        """Read what there is without a copy of it between."""
        if size < len(self._head):
            return super().read(size) or b""
        head, self._head = self._head, b""
        return head + self._rest.read(size - len(head))


class _Zstandard(io.RawIOBase):
    """What Zstandard frames hold. Unlike the library's own stream, it is an error when the last one is cut off."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_between = True
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not self._left and (chunk := self._packed.read(_ZSTD_STEP)):
            self._left = b"".join(self._unpacked(chunk))
        if not self._left and not self._is_between:
            raise zstandard.ZstdError("the last frame is not complete")
        with memoryview(buffer) as whole:
            found, self._left = self._left[: len(whole)], self._left[len(whole) :]
            whole[: len(found)] = found
        return len(found)

    def _unpacked(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            yield self._frame.decompress(chunk)
            self._is_between, chunk = self._frame.eof, self._frame.unused_data
            if self._is_between:
                self._frame = zstandard.ZstdDecompressor().decompressobj()


def _is_zstandard(head: bytes) -> bool:
    """Tell whether a frame begins so, or one that is skipped, as parallel packers put before it."""
    return head == _ZSTD_MAGIC or (head[1:] == _ZSTD_SKIPPED and head[0] >> 4 == 5)


def _unpacked(raw: IO[bytes]) -> _Readable:
    head = raw.read(len(_ZSTD_MAGIC))
    whole = _Rejoined(head, raw)
    if _is_zstandard(head):
        return io.BufferedReader(_Zstandard(io.BufferedReader(whole)), CHUNK_BYTES)
    return gzip.GzipFile(fileobj=io.BufferedReader(whole)) if head[:2] == _GZIP_MAGIC else whole


def _copied(source: _Readable, spool: io.FileIO, most: int) -> bytes:
    digest = hashlib.sha256()
    # Hashing and writing let each other run.
    with ThreadPoolExecutor(1) as hashing:
        while chunk := source.read(CHUNK_BYTES):
            _refuse(chunk, spool.tell(), most)
            hashed = hashing.submit(digest.update, chunk)
            _keep(chunk, spool)
            hashed.result()
    return digest.digest()


def _refuse(chunk: bytes, at: int, most: int) -> None:
    # 2 GB of blanks are valid JSON white space; no report has a whole MiB of it.
    if len(chunk) == CHUNK_BYTES and chunk.isspace():
        raise UnreadableError(f"nothing but blanks for a whole MiB, from byte {at}")
    if at + len(chunk) > most:
        raise UnreadableError(f"it is larger than {most // 2**30} GiB unpacked")


def _keep(chunk: bytes, spool: io.FileIO) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[spool.write(rest) :]
    except OSError as error:
        raise UnreadableError(
            f"no copy can be kept in {tempfile.gettempdir()}: {error.strerror}"
        ) from error
