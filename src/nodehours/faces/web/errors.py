"""What people read when a request to the dashboard fails before a page could answer it."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse

from nodehours.faces.web.address import SIGN_IN_LINK
from nodehours.faces.web.gate import failed, missing, refused, unavailable
from nodehours.ledger.errors import UnavailableError

_log = logging.getLogger("nodehours")

AnyRequest = Request[Any, Any, Any]


class _Ready(Response[None]):
    """An answer that is ready, where Litestar wants a ``Response``."""

    def __init__(self, request: AnyRequest, answer: ASGIResponse) -> None:
        super().__init__(None)
        answer.is_head_response = request.method == "HEAD"
        self._answer = answer

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """Give the answer as it is."""
        return self._answer


def not_ours(request: AnyRequest, error: HTTPException) -> Response[None]:
    """Say what the framework refused: an address that there is not, a form that is too long."""
    if error.status_code in {404, 405}:
        return _Ready(request, missing())
    return _Ready(request, refused("That was not done", error.detail, "/", error.status_code))


def unreachable(request: AnyRequest, error: UnavailableError) -> Response[None]:
    """Say that the database cannot be reached, or is busy for too long."""
    _log.error("the database is unavailable: %s", error)
    return _Ready(request, unavailable())


def broken(request: AnyRequest, error: Exception) -> Response[None]:
    """Say that something went wrong here, and write down what for the operator."""
    path = request.scope["path"]
    # The secret of a link that was not used yet is nothing for a log.
    told = SIGN_IN_LINK if path.startswith(SIGN_IN_LINK) else path
    _log.error("%s %r failed", request.method, told, exc_info=error)
    return _Ready(request, failed())
