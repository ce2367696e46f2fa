"""The leanest HTTP client that will do, so that the client is not what is measured."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from bench.scratch import CouldNotMeasure

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_LINE_END = b"\r\n"
_HEAD_END = _LINE_END * 2
_DATE = re.compile(rb"\r\ndate: [^\r]*", re.IGNORECASE)
_CONDITION = b"\r\nIf-None-Match: "
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

    @property
    def undated_head(self) -> bytes:
        """The head without the time at which it was sent."""
        return _DATE.sub(b"", self.head)


class Client:
    """One connection, kept open."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray(_MAX_REPLY)

    def ask(self, request: bytes) -> Reply:
        """Send *request* and wait for the whole reply: 200, or 304 if it asks whether something has changed."""
        is_conditional = _CONDITION in request
        has_body = not (is_conditional or request.startswith(b"HEAD "))
        start = time.perf_counter()
        self._socket.sendall(request)
        head_end, end = self._receive(has_body=has_body)
        seconds = time.perf_counter() - start
        head, body = bytes(self._buffer[:head_end]), bytes(self._buffer[head_end:end])
        if not head.startswith(b"HTTP/1.1 304 " if is_conditional else b"HTTP/1.1 200 "):
            raise CouldNotMeasure(f"the server answered {head!r} {body!r}")
        return Reply(seconds, head, body)

    def _receive(self, *, has_body: bool) -> tuple[int, int]:
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
                end = head_end + (self._body_length(head_end) if has_body else 0)
        if received > end:
            raise CouldNotMeasure("the server sent more than a reply")
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


def request(
    target: str,
    port: int,
    token: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
) -> bytes:
    """The bytes of a request without a body."""
    lines = (
        f"{method} {target} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Token {token}",
        "Accept: application/json",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    )
    return _LINE_END.join(line.encode() for line in lines) + _HEAD_END


def whole_reply(asking: bytes, port: int) -> tuple[bytes, bytes]:
    """Ask over a connection of its own, and return all that comes until the server closes it: head and body."""
    closing = asking.removesuffix(_LINE_END) + b"Connection: close" + _HEAD_END
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection:
        connection.sendall(closing)
        head, end, body = b"".join(iter(lambda: connection.recv(_MAX_REPLY), b"")).partition(
            _HEAD_END
        )
    return head + end, body
