"""Forms that people send: read, and believed only when they are our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request

from nodehours.faces.web.cookies import is_csrf_token

AnyRequest = Request[Any, Any, Any]

MAX_BYTES: Final = 2**16
"""How long a form can be."""
_MAX_FIELDS: Final = 200


class ForgedError(Exception):
    """A form that is not ours, or was not made for the one who sends it."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in, the last word of each field."""

    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Return what a field says; nothing when it is not there."""
        return self.fields.get(name, "")


async def posted(request: AnyRequest, secret: str) -> Form:
    """Read the form. Raises ``ForgedError`` unless it was made for the cookie that has the *secret*."""
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
        )
    except ValueError:
        raise ForgedError from None
    form = Form({name: value.replace("\0", "") for name, value in pairs})
    if not is_csrf_token(form["csrf"], secret) or _is_elsewhere(request):
        raise ForgedError
    return form


def _is_elsewhere(request: AnyRequest) -> bool:
    """Tell whether the browser says that another site sent it."""
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
