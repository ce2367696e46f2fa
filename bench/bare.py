"""A server that does nothing but send replies recorded beforehand: ``python -m bench.bare FILE --port PORT``.

It is served as ``nodehours serve`` serves the API, and no API in Python can be quicker than it. Which reply is
wanted a request says by its number, in a header that the API does not look at.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from bench.http_client import Reply

NUMBER: Final = "X-Number"
_FILE = "NODEHOURS_BENCH_REPLIES"
_HEADER = re.compile(rb"\r\n([^:\r]+): ([^\r]*)")
_OF_SERVER = {"date", "server"}
"""Headers that granian sets itself."""

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Recorded(NamedTuple):
    """A reply without what the server itself adds."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def write_replies(path: Path, replies: Sequence[Reply]) -> None:
    """Write *replies* to *path*; they are numbered from 0."""
    path.write_bytes(msgspec.json.encode([_recorded(reply) for reply in replies]))


def _recorded(reply: Reply) -> Recorded:
    headers = [(name.decode(), value.decode()) for name, value in _HEADER.findall(reply.head)]
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_SERVER]
    return Recorded(int(reply.head.split()[1]), kept, reply.body)


def create() -> App:
    """Make the application that sends the replies of the file named in the environment."""
    recorded = msgspec.json.decode(Path(os.environ[_FILE]).read_bytes(), type=list[Recorded])
    replies = {b"%d" % number: _messages(reply) for number, reply in enumerate(recorded)}
    wanted = NUMBER.lower().encode()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        for name, value in scope["headers"]:
            if name == wanted:
                start, body = replies[value]
        await send(start)
        await send(body)

    return app


def _messages(reply: Recorded) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    return start, {"type": "http.response.body", "body": reply.body, "more_body": False}


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop, with nothing to be done."""
    for what in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{what}.complete"})


def main() -> None:
    """Serve until a signal comes, with the options of ``nodehours serve``."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    os.environ[_FILE] = asked.file
    Granian(
        "bench.bare:create",
        address="127.0.0.1",
        port=asked.port,
        workers=1,
        interface=Interfaces.ASGI,
        websockets=False,
        factory=True,
        log_level=LogLevels.warning,
        workers_kill_timeout=10,
    ).serve()


if __name__ == "__main__":
    main()
