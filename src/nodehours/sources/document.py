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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHUNK_BYTES = 2**20
MAX_DOCUMENT_BYTES = 4 * 2**30
"""The largest document that is read, unpacked."""

STDIN = "-"
_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableError(Exception):
    """A document that cannot be read; its text is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's name as the user wrote it, its bytes unpacked, and their SHA-256."""

    name: str
    content: mmap.mmap | bytes
    sha256: bytes


@contextmanager
def opened(name: str) -> Iterator[Document]:
    """Open the document *name* (``-`` for standard input), unpacking gzip by its first bytes.

    Raises ``UnreadableError`` when it cannot be read, is cut off, is too large, or is nothing but blanks.
    """
    with tempfile.TemporaryFile(prefix="nodehours-") as spool:
        sha256 = _spool(name, spool)
        if spool.tell() == 0:
            raise UnreadableError("the document is empty")
        with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield Document("<stdin>" if name == STDIN else name, content, sha256)


def _spool(name: str, spool: IO[bytes]) -> bytes:
    try:
        with _raw(name) as raw:
            digest = _copy(_unpacked(raw), spool)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip data is damaged or cut off after {spool.tell()} bytes: {error}"
        raise UnreadableError(message) from error
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    spool.flush()
    return digest


@contextmanager
def _raw(name: str) -> Iterator[IO[bytes]]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def _unpacked(raw: IO[bytes]) -> io.BufferedIOBase:
    """Look at the first bytes without losing them: standard input cannot be read twice."""
    buffered = io.BufferedReader(raw)  # type: ignore[type-var]  # any binary file will do
    if buffered.peek(2)[:2] == _GZIP_MAGIC:
        return gzip.GzipFile(fileobj=buffered)
    return buffered


def _copy(source: io.BufferedIOBase, spool: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        # 2 GB of blanks are valid JSON white space; no report has a whole MiB of it.
        if len(chunk) == CHUNK_BYTES and chunk.isspace():
            message = f"nothing but blanks for a whole MiB, from byte {spool.tell()}"
            raise UnreadableError(message)
        if spool.tell() + len(chunk) > MAX_DOCUMENT_BYTES:
            raise UnreadableError(f"it is larger than {MAX_DOCUMENT_BYTES // 2**30} GiB unpacked")
        digest.update(chunk)
        spool.write(chunk)
    return digest.digest()
