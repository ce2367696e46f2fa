"""The gate of the dashboard: who comes in, what of a page they take, and what they hear when something is wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from litestar import Request
from litestar.response.base import ASGIResponse

from nodehours.faces.charts.drawing import NotDrawn
from nodehours.faces.web import address as at
from nodehours.faces.web.address import Address
from nodehours.faces.web.answers import page_answer, redirected
from nodehours.faces.web.cookies import SESSION, Cookies
from nodehours.faces.web.house import House
from nodehours.faces.web.look import drawn_page
from nodehours.faces.web.page import Later, Page
from nodehours.faces.web.posted import ForgedError, Form, posted
from nodehours.faces.web.taken import take
from nodehours.faces.web.visit import MissingError, Visit
from nodehours.ledger.errors import UnavailableError
from nodehours.queries.access import visit as find_visitor
from nodehours.queries.pool import Connection, StoreUnavailableError, one_moment, read
from nodehours.terms.token import token_sha256

AnyRequest = Request[Any, Any, Any]
Answer = TypeVar("Answer")
Shown = Callable[[Visit], Awaitable[Page | Later]]
Acted = Callable[[Visit, Form], Awaitable[ASGIResponse]]

_FORGED = "The form was too old, or did not come from your own page. Go back, load the page anew and try again."

_log = logging.getLogger("nodehours")


async def shown(request: AnyRequest, house: House, page: Shown) -> ASGIResponse:
    """Show *page* to whoever is signed in, or take a figure or a table of it; send others to sign in."""
    if not request.scope["raw_path"].endswith(b"/"):
        return _with_slash(request)
    address = asked_address(request)
    if "\0" in address.path:  # no name has it, and the database cannot be asked for it
        return missing()

    async def made(visit: Visit) -> tuple[Visit, Page | Later]:
        # All that a page says is of one moment, whoever posts meanwhile.
        async with one_moment(visit.connection):
            return visit, await page(visit)

    found = await _visited(request, house, address, made)
    if found is None:
        return _to_sign_in(request, house)
    if isinstance(found, ASGIResponse):
        return found
    visit, told = found
    if isinstance(told, Later):
        return await _later(request, told)
    return await _told(house, visit, told)


async def _later(request: AnyRequest, told: Later) -> ASGIResponse:
    """Answer what takes long, when the connection that pages share has been given back."""
    if request.method == "HEAD":
        return page_answer("")
    try:
        return await told.answer()
    except StoreUnavailableError as error:
        _log.error("the database is unavailable: %s", error)
        return unavailable()


async def _told(house: House, visit: Visit, told: Page) -> ASGIResponse:
    """Draw a page, or answer the part of it that its address asks for."""
    if visit.address.text("figure") or visit.address.text("table"):
        try:
            async with house.drawing:
                return await asyncio.to_thread(take, visit, told) or missing()
        except NotDrawn as error:
            _log.error("a chart could not be drawn: %s", error)
            return unavailable()
    return page_answer(drawn(visit, told), told.status)


async def acted(request: AnyRequest, house: House, act: Acted) -> ASGIResponse:
    """Have *act* do what a form asks for, if it was sent by who is signed in from a page of ours."""
    cookies = cookies_of(request, is_secure=house.is_secure(request))
    try:
        form = await posted(request, cookies[SESSION])
    except ForgedError:
        return refused("That was not done", _FORGED, asked_address(request).path, 403)
    answer = await _visited(request, house, asked_address(request), lambda visit: act(visit, form))
    return answer or _to_sign_in(request, house)


async def _visited(
    request: AnyRequest,
    house: House,
    address: Address,
    work: Callable[[Visit], Awaitable[Answer]],
) -> Answer | ASGIResponse | None:
    """Return what *work* makes of the visit, or what is answered in its place; None when nobody is signed in."""
    secret = cookies_of(request, is_secure=house.is_secure(request))[SESSION]

    async def visited(connection: Connection) -> Answer | None:
        visitor = await find_visitor(connection, token_sha256(secret)) if secret else None
        if visitor is None:
            return None
        return await work(Visit(connection, visitor, secret, address, datetime.now(UTC)))

    try:
        return await read(house.pool, visited)
    except MissingError:
        return missing()
    except (StoreUnavailableError, UnavailableError) as error:
        _log.error("the database is unavailable: %s", error)
        return unavailable()


def drawn(visit: Visit, page: Page) -> str:
    """Draw a page for whoever visits."""
    return drawn_page(page.template, page=page, visit=visit, here=visit.address, **page.given)


def missing() -> ASGIResponse:
    """Answer that there is no such page: the same to everybody, whatever there may be for others."""
    return page_answer(drawn_page("missing.html"), 404)


def unavailable() -> ASGIResponse:
    """Answer that the database cannot be reached just now."""
    return page_answer(drawn_page("unavailable.html"), 503)


def failed() -> ASGIResponse:
    """Answer that something went wrong on our side."""
    return page_answer(drawn_page("failed.html"), 500)


def asked_address(request: AnyRequest) -> Address:
    """Read the address of *request* as it was asked for; Litestar's own path has lost its last slash."""
    path = unquote(request.scope["raw_path"].decode("latin-1"))
    return Address.read(path, request.scope["query_string"])


def cookies_of(request: AnyRequest, *, is_secure: bool) -> Cookies:
    """Read the cookies of *request*."""
    return Cookies("; ".join(request.headers.getall("cookie", [])), is_secure=is_secure)


def refused(heading: str, sentence: str, back: str, status: int) -> ASGIResponse:
    """Answer that something was not done, and why."""
    html = drawn_page("refused.html", heading=heading, sentence=sentence, back=back)
    return page_answer(html, status)


def _to_sign_in(request: AnyRequest, house: House) -> ASGIResponse:
    """Send the reader to the sign-in page, from which they come back to where they wanted to go."""
    cookies = cookies_of(request, is_secure=house.is_secure(request))
    stale = [cookies.unset(SESSION)] if cookies[SESSION] else []
    wanted = _asked(request) if request.method != "POST" else at.OVERVIEW
    query = f"?{urlencode({'next': wanted})}" if wanted != at.OVERVIEW else ""
    return redirected(at.SIGN_IN + query, stale)


def _with_slash(request: AnyRequest) -> ASGIResponse:
    path, mark, query = _asked(request).partition("?")
    return redirected(f"{path}/{mark}{query}")


def _asked(request: AnyRequest) -> str:
    """Return the address that was asked for, without its host."""
    query = request.scope["query_string"]
    target: bytes = request.scope["raw_path"] + (b"?" + query if query else b"")
    return target.decode("latin-1")
