"""Which origins may read: all, those that are named, or none."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from litestar.types import Message, Receive, Scope, Send

from nodehours.faces.api.cross_origin import EXPOSED, CrossOrigin
from nodehours.settings import Settings

PORTAL, OTHER = "https://portal.example.org", "https://other.example.org"


async def _app(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that says that it varies by what is accepted."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept")]})
    await send({"type": "http.response.body", "body": b"answer", "more_body": False})


def headers(origins: list[str], origin: str | None, **asked: str) -> dict[str, str]:
    sent = {"origin": origin, **{name.replace("_", "-"): value for name, value in asked.items()}}
    scope = {
        "type": "http",
        "method": "OPTIONS" if asked else "GET",
        "path": "/api/version/",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
    }
    messages: list[Message] = []

    async def receive() -> Any:  # nothing is ever read
        raise AssertionError

    async def send(message: Message) -> None:
        messages.append(message)

    app: Any = CrossOrigin(_app, origins)
    anyio.run(app, scope, receive, send)
    found = messages[0]["headers"]  # type: ignore[typeddict-item]
    return {name.decode(): value.decode() for name, value in found}


def test_all_origins() -> None:
    for origin in (PORTAL, "null", None):
        told = headers(["*"], origin)
        assert told["access-control-allow-origin"] == "*"
        assert told["access-control-expose-headers"] == EXPOSED
        assert told["vary"] == "Accept"


def test_the_origins_that_are_named() -> None:
    assert headers([PORTAL], PORTAL)["access-control-allow-origin"] == PORTAL
    for origin in (OTHER, "null", f"{PORTAL}.evil.example", PORTAL.upper(), None):
        assert "access-control-allow-origin" not in headers([PORTAL], origin)
    for told in (headers([PORTAL], PORTAL), headers([PORTAL], OTHER)):
        assert told["vary"] == "Accept, Origin"


def test_no_origin() -> None:
    told = headers([], PORTAL)

    assert "access-control-allow-origin" not in told
    assert told["vary"] == "Accept"


def test_a_preflight_tells_an_origin_what_it_may() -> None:
    asked = {"access_control_request_method": "GET"}

    assert headers([PORTAL], PORTAL, **asked)["access-control-allow-origin"] == PORTAL
    assert "access-control-allow-origin" not in headers([PORTAL], OTHER, **asked)
    assert headers([PORTAL], OTHER, **asked)["content-length"] == "0"


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ("*",)),
        ("  ", ("*",)),
        ("*", ("*",)),
        ("none", ()),
        (PORTAL, (PORTAL,)),
        (f"{PORTAL}/, {OTHER}", (PORTAL, OTHER)),
        (f" {PORTAL}  {OTHER} ", (PORTAL, OTHER)),
    ],
)
def test_the_setting_is_read(text: str, origins: tuple[str, ...]) -> None:
    settings = Settings.from_environment({"NODEHOURS_CROSS_ORIGINS": text})

    assert settings.cross_origins == origins
