"""What a client hears when a request fails: the one place where an error gets its status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse

from nodehours.faces.api.exchange import json_reply
from nodehours.faces.api.wire import Refusal, Sentence
from nodehours.queries.pool import StoreUnavailableError

_log = logging.getLogger("nodehours")

AnyRequest = Request[Any, Any, Any]


class _Answer(Response[None]):
    """An answer that is ready: Litestar wants a ``Response`` of its error handlers, and would give it a
    Content-Type even for HEAD.
    """

    def __init__(
        self, request: AnyRequest, status: int, body: object, headers: Mapping[str, str]
    ) -> None:
        super().__init__(None)
        self._ready = json_reply(status, body, headers, is_head=request.method == "HEAD")

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """Give the answer as it is."""
        return self._ready


def refused(request: AnyRequest, error: Refusal) -> Response[None]:
    """Answer a refusal in its own words."""
    return _Answer(request, error.status, error.body, error.headers)


def not_ours(request: AnyRequest, error: HTTPException) -> Response[None]:
    """Answer what the framework refused: an address that is none of ours, a method that nothing takes."""
    detail = {404: Sentence.NOT_FOUND.text, 405: Sentence.METHOD_NOT_ALLOWED.text}.get(
        error.status_code, error.detail
    )
    body = {"detail": detail.replace("{method}", request.method)}
    return _Answer(request, error.status_code, body, {})


def store_unavailable(request: AnyRequest, error: StoreUnavailableError) -> Response[None]:
    """Answer 503: the request was right, and may be sent again."""
    _log.error("the database is unavailable: %s", error)
    body = {"detail": "The ledger is unavailable just now. Try again shortly."}
    return _Answer(request, 503, body, {"Retry-After": "5"})


def failed(request: AnyRequest, error: Exception) -> Response[None]:
    """Answer 500, and write down what happened for the operator, not for the client."""
    _log.error("%s %r failed", request.method, request.scope["path"], exc_info=error)
    return _Answer(request, 500, {"detail": "A server error occurred."}, {})


HANDLERS: dict[type[Exception] | int, Callable[..., Response[None]]] = {
    Refusal: refused,
    HTTPException: not_ours,
    StoreUnavailableError: store_unavailable,
    Exception: failed,
}
