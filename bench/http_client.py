"""The leanest HTTP client that will do, so that the client is not what is measured."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bench.scratch import CouldNotMeasure

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_MAX_REPLY = 2**20
_TIMEOUT_SECONDS = 60


class Reply(NamedTuple):
    """A reply, and how long it took from the first byte sent to the last received."""

    seconds: float
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header."""
        found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode() if found else ""


class Client:
    """One connection, kept open."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray(_MAX_REPLY)

    def ask(self, request: bytes) -> Reply:
        """Send *request* and wait for the whole reply, which must be 200."""
        start = time.perf_counter()
        self._socket.sendall(request)
        head_end, end = self._receive()
        seconds = time.perf_counter() - start
        head, body = bytes(self._buffer[:head_end]), bytes(self._buffer[head_end:end])
        if not head.startswith(b"HTTP/1.1 200 "):
            raise CouldNotMeasure(f"the server answered {head!r} {body!r}")
        return Reply(seconds, head, body)

    def _receive(self) -> tuple[int, int]:
        """Receive into the buffer until the reply is whole; return where its head and its body end."""
        view = memoryview(self._buffer)
        received = head_end = end = 0
        while not end or received < end:
            count = self._socket.recv_into(view[received:])
            if count == 0:
                raise CouldNotMeasure("the server closed the connection")
            received += count
            if not end and (found := self._buffer.find(_HEAD_END, 0, received)) >= 0:
                head_end = found + len(_HEAD_END)
                end = head_end + self._body_length(head_end)
        return head_end, end

    def _body_length(self, head_end: int) -> int:
        length = _LENGTH.search(self._buffer, 0, head_end)
        if length is None:
            raise CouldNotMeasure("the server does not say how long its reply is")
        return int(length[1])


@contextmanager
def client(port: int) -> Iterator[Client]:
    """Yield a client of the server on this machine's *port*."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Client(connection)


def get(target: str, port: int, token: str) -> bytes:
    """The bytes of a GET request."""
    lines = (
        f"GET {target} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Token {token}",
        "Accept: application/json",
    )
    return "\r\n".join(lines).encode() + _HEAD_END
