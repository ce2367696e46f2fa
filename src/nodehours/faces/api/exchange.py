"""One request and its reply: the order in which Waldur judges a request, and the shape of every answer.

The order is: address, negotiation, credentials, method, and then what the endpoint itself asks for. So a
client that takes no JSON hears that before it hears that its token is wrong, and a stranger never learns
whether a row exists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import Request
from litestar.enums import HttpMethod
from litestar.response.base import ASGIResponse

from nodehours.faces.api.wire import (
    ALLOW,
    BadCredentials,
    NotFound,
    Parameters,
    Sentence,
    absolute_base,
    last_value,
    method_refusal,
    options_body,
    read_accept,
    read_credentials,
    read_query,
)
from nodehours.queries.access import Reader, SignInRefusal, sign_in
from nodehours.queries.pool import Connection, Pool, read
from nodehours.terms.token import token_sha256

METHODS = [
    HttpMethod(name) for name in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
]
"""The methods that reach an endpoint: those that it does not take are refused only after signing in."""

_REFUSED = {
    SignInRefusal.UNKNOWN: Sentence.UNKNOWN_TOKEN,
    SignInRefusal.INACTIVE: Sentence.INACTIVE_USER,
    SignInRefusal.EXPIRED: Sentence.EXPIRED_TOKEN,
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of somebody signed in: its method, path segment (empty for the list) and parameters.

    ``base`` is the scheme and host that addresses in the reply begin with.
    """

    connection: Connection
    reader: Reader
    method: str
    base: str
    segment: str
    params: Parameters

    @property
    def is_head(self) -> bool:
        """Whether only the headers are asked for."""
        return self.method == "HEAD"

    def reply(self, body: object, headers: Mapping[str, str]) -> ASGIResponse:
        """Answer 200 with *body* as JSON, or without it to HEAD."""
        return json_reply(200, body, headers, is_head=self.is_head)


Endpoint = Callable[[Exchange], Awaitable[ASGIResponse]]


def json_reply(
    status: int, body: object, headers: Mapping[str, str], *, is_head: bool
) -> ASGIResponse:
    """Answer *body* as JSON. HEAD has neither body nor Content-Type: one client would read the nothing as JSON."""
    return ASGIResponse(
        body=b"" if is_head else msgspec.json.encode(body),
        media_type="" if is_head else "application/json",
        status_code=status,
        headers={"Allow": ALLOW, **headers},
        is_head_response=is_head,
    )


async def answered(
    request: Request[Any, Any, Any], pool: Pool, collection: str, endpoint: Endpoint
) -> ASGIResponse:
    """Judge *request* to *collection* or a member of it, and have *endpoint* answer it."""
    segment = _segment(request.scope["raw_path"], collection)
    if segment is None:
        return _with_slash(request)
    params = read_query(request.scope["query_string"])
    read_accept(_accept(request), last_value(params, "format"))
    token = read_credentials(_header(request, b"authorization"))
    if token is None:
        raise BadCredentials(Sentence.NOT_AUTHENTICATED)

    async def signed_in(connection: Connection) -> ASGIResponse:
        reader = await _reader(connection, token)
        if request.method == "OPTIONS":
            return json_reply(200, options_body(of_row=bool(segment)), {}, is_head=False)
        if request.method not in {"GET", "HEAD"}:
            raise method_refusal(request.method, is_staff=reader.is_staff)
        base = _base(request)
        return await endpoint(Exchange(connection, reader, request.method, base, segment, params))

    return await read(pool, signed_in)


async def _reader(connection: Connection, token: str) -> Reader:
    reader = await sign_in(connection, token_sha256(token))
    if isinstance(reader, SignInRefusal):
        raise BadCredentials(_REFUSED[reader])
    return reader


def _segment(raw_path: bytes, collection: str) -> str | None:
    """Return what stands between the collection's address and the last slash; None: that slash is missing.

    Litestar's own path has lost it. An address with an empty segment or one more slash is none of ours.
    """
    path = unquote(raw_path.decode("latin-1"))
    if not (path + "/").startswith(collection):
        raise NotFound
    segment = path.removeprefix(collection.removesuffix("/"))
    inner = segment.removeprefix("/").removesuffix("/")
    if "/" in inner or (segment.endswith("//")):
        raise NotFound
    return inner if segment.endswith("/") else None


def _with_slash(request: Request[Any, Any, Any]) -> ASGIResponse:
    query = request.scope["query_string"]
    target = request.scope["raw_path"] + b"/" + (b"?" + query if query else b"")
    headers = {"Location": target.decode("latin-1")}
    return ASGIResponse(body=b"", status_code=301, media_type="text/html", headers=headers)


def _base(request: Request[Any, Any, Any]) -> str:
    host = request.headers.get("host", "")
    return absolute_base(request.scope["scheme"], host, request.headers.get("x-forwarded-proto"))


def _accept(request: Request[Any, Any, Any]) -> str | None:
    """Return the Accept header; several of them are one list."""
    sent = request.headers.getall("accept", [])
    return ",".join(sent) if sent else None


def _header(request: Request[Any, Any, Any], name: bytes) -> bytes | None:
    """Return a header as it was received: a token need not be text."""
    return next((value for key, value in request.scope["headers"] if key == name), None)
