"""Other origins: scripts of a portal's pages may read the API, if the browser is told so (the Fetch standard's CORS).

Nothing is opened by it that a token does not open: the API reads no cookies. A preflight is answered before anybody
signs in, as Waldur answers it: 200 with nothing in it. The dashboard has cookies, and is for no other page to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from nodehours.faces.api.routes import is_api

ANY: Final = "*"
EXPOSED: Final = "Link, X-Result-Count, X-Page-Size, X-Ignored-Parameters, ETag, Last-Modified"
_ALLOWED: Final = (
    "Accept, Accept-Encoding, Authorization, Content-Type, Origin, User-Agent, X-CSRFToken, X-Requested-With,"
    " X-Impersonated-User-Uuid, sentry-trace, baggage, Prefer, If-None-Match, If-Modified-Since, Cache-Control"
)
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": _ALLOWED,
    "Access-Control-Max-Age": "86400",
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": "0",
}
_SAFE: Final = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
"""On every answer: it is what it says it is, and is shown in nobody's frame."""

Headers = list[tuple[bytes, bytes]]


class CrossOrigin:
    """An application around *app* that lets pages of *origins* read it; ``*`` among them stands for all."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or have the answer say who may read it."""
        if scope["type"] != ScopeType.HTTP or not is_api(scope["path"]):
            await self._app(scope, receive, send)
            return
        told = _encoded({**_SAFE, **self._told(_header(scope, b"origin"))})
        if scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method"):
            await _answer(send, [*_encoded(_PREFLIGHT), *told])
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _merged(list(message["headers"]), told)
            await send(message)

        await self._app(scope, receive, sent)

    def _told(self, origin: str) -> dict[str, str]:
        """The headers that tell who may read: all, or the *origin* that asks."""
        if ANY in self._origins:
            return {"Access-Control-Allow-Origin": ANY, "Access-Control-Expose-Headers": EXPOSED}
        vary = {"Vary": "Origin"} if self._origins else {}
        if origin not in self._origins:
            return vary
        allowed = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
        return {**allowed, **vary}


def _header(scope: Scope, name: bytes) -> str:
    found = next((value for key, value in scope["headers"] if key == name), b"")
    return found.decode("latin-1")


def _encoded(headers: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


def _merged(headers: Headers, told: Headers) -> Headers:
    """Add *told*; what an answer varies by already stays in the one header."""
    varied = [value for name, value in (*headers, *told) if name == b"vary"]
    others = [header for header in (*headers, *told) if header[0] != b"vary"]
    return [*others, (b"vary", b", ".join(varied))] if varied else others


async def _answer(send: Send, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
