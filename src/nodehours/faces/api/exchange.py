"""One request and its reply: the order in which Waldur judges a request, and the shape of every answer.

The order is: address, negotiation, credentials, method, and then what the endpoint itself asks for. So a
client that takes no JSON hears that before it hears that its token is wrong, and a stranger never learns
whether a row exists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import Request
from litestar.enums import HttpMethod
from litestar.response.base import ASGIResponse

from nodehours.faces.api.conditional import Conditions, Validators
from nodehours.faces.api.counts import Counts
from nodehours.faces.api.last_used import LastUsed
from nodehours.faces.api.leniency import STRICT_APPLIED, Vain, prefers_strict, read_vain
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

AnyRequest = Request[Any, Any, Any]

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

    ``base`` is the scheme and host that addresses in the reply begin with, ``address`` the whole of what was asked.
    """

    connection: Connection
    reader: Reader
    counts: Counts
    method: str
    base: str
    address: str
    segment: str
    params: Parameters
    conditions: Conditions
    is_strict: bool
    said: dict[str, str] = field(default_factory=dict)

    @property
    def is_head(self) -> bool:
        """Whether only the headers are asked for."""
        return self.method == "HEAD"

    def heed(self, known: frozenset[str], faults: Mapping[str, str]) -> Mapping[str, str]:
        """Look at what is in vain: parameters that are not *known*, and those that *faults* has a sentence on.

        A client that wants to hear of it gets the sentences back, to be refused with; others are told in a header.
        """
        vain: Vain = read_vain(self.params, known, faults)
        if self.is_strict:
            self.said.update(STRICT_APPLIED)
            return vain.refusals
        self.said.update(vain.headers)
        return {}

    def reply(self, body: object, headers: Mapping[str, str]) -> ASGIResponse:
        """Answer 200 with *body* as JSON, or without it to HEAD."""
        return json_reply(200, body, {**self.said, **headers}, is_head=self.is_head)

    def not_modified(self, validators: Validators) -> ASGIResponse:
        """Answer 304: the client has it already."""
        headers = {"Allow": ALLOW, **validators.headers}
        return ASGIResponse(body=b"", media_type="", status_code=304, headers=headers)


Endpoint = Callable[[Exchange], Awaitable[ASGIResponse]]


@dataclass(frozen=True, slots=True)
class Collection:
    """A list at *path* and its members one segment below: what OPTIONS call them, and what answers them."""

    path: str
    name: str
    listed: Endpoint
    retrieved: Endpoint


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
    request: AnyRequest, pool: Pool, counts: Counts, collection: Collection
) -> ASGIResponse:
    """Judge *request* to *collection* or a member of it, and have it answered."""
    segment = _segment(request.scope["raw_path"], collection.path)
    if segment is None:
        return _with_slash(request)
    params = read_query(request.scope["query_string"])
    read_accept(_accept(request), last_value(params, "format"))
    token = read_credentials(_header(request, b"authorization"))
    if token is None:
        raise BadCredentials(Sentence.NOT_AUTHENTICATED)

    async def signed_in(connection: Connection) -> ASGIResponse:
        reader = await _reader(connection, token, request.app.state.last_used)
        if request.method == "OPTIONS":
            named = options_body(collection.name, of_member=bool(segment))
            return json_reply(200, named, {}, is_head=False)
        if request.method not in {"GET", "HEAD"}:
            raise method_refusal(request.method, is_staff=reader.is_staff)
        base = _base(request)
        exchange = Exchange(
            connection=connection,
            reader=reader,
            counts=counts,
            method=request.method,
            base=base,
            address=base + _asked(request),
            segment=segment,
            params=params,
            conditions=_conditions(request),
            is_strict=prefers_strict(request.headers.getall("prefer", [])),
        )
        return await (collection.retrieved if segment else collection.listed)(exchange)

    return await read(pool, signed_in)


def answered_anyone(request: AnyRequest, path: str, body: object) -> ASGIResponse:
    """Judge *request* to *path*, and answer *body* to anyone who takes JSON and only reads."""
    if _segment(request.scope["raw_path"], path) is None:
        return _with_slash(request)
    params = read_query(request.scope["query_string"])
    read_accept(_accept(request), last_value(params, "format"))
    _refuse_writing(request)
    return json_reply(200, body, {}, is_head=request.method == "HEAD")


def shown_anyone(request: AnyRequest, path: str, html: str, policy: str) -> ASGIResponse:
    """Judge *request* to *path*, and show a page to anyone; by its *policy* a browser loads nothing else for it."""
    if _segment(request.scope["raw_path"], path) is None:
        return _with_slash(request)
    _refuse_writing(request)
    is_head = request.method == "HEAD"
    return ASGIResponse(
        body=b"" if is_head else html.encode(),
        media_type="" if is_head else "text/html",
        headers={"Allow": ALLOW, "Content-Security-Policy": policy},
        is_head_response=is_head,
    )


def _refuse_writing(request: AnyRequest) -> None:
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        raise method_refusal(request.method, is_staff=True)


async def _reader(connection: Connection, token: str, last_used: LastUsed) -> Reader:
    sha256 = token_sha256(token)
    reader = await sign_in(connection, sha256)
    if isinstance(reader, SignInRefusal):
        raise BadCredentials(_REFUSED[reader])
    last_used.note(sha256)
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


def _with_slash(request: AnyRequest) -> ASGIResponse:
    path, mark, query = _asked(request).partition("?")
    headers = {"Location": f"{path}/{mark}{query}"}
    return ASGIResponse(body=b"", status_code=301, media_type="text/html", headers=headers)


def _asked(request: AnyRequest) -> str:
    """Return the address that was asked for, without its host."""
    query = request.scope["query_string"]
    target: bytes = request.scope["raw_path"] + (b"?" + query if query else b"")
    return target.decode("latin-1")


def _conditions(request: AnyRequest) -> Conditions:
    """Read the conditional headers; several If-None-Match are one list."""
    tags = request.headers.getall("if-none-match", [])
    return Conditions(", ".join(tags) if tags else None, request.headers.get("if-modified-since"))


def _base(request: AnyRequest) -> str:
    host = request.headers.get("host", "")
    return absolute_base(request.scope["scheme"], host, request.headers.get("x-forwarded-proto"))


def _accept(request: AnyRequest) -> str | None:
    """Return the Accept header; several of them are one list."""
    sent = request.headers.getall("accept", [])
    return ",".join(sent) if sent else None


def _header(request: Request[Any, Any, Any], name: bytes) -> bytes | None:
    """Return a header as it was received: a token need not be text."""
    return next((value for key, value in request.scope["headers"] if key == name), None)
