"""The whole usage listing to take along, under the API's filters and the reader's scope, streamed as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from nodehours.faces.export.download import Asked, opened
from nodehours.faces.export.found import Found, Names, NobodyFoundError, find
from nodehours.faces.export.kinds import KINDS
from nodehours.faces.web.address import Address
from nodehours.faces.web.answers import plain_type, streamed_headers
from nodehours.faces.web.house import House
from nodehours.faces.web.page import Later, Page
from nodehours.faces.web.visit import Visit
from nodehours.queries.clock import NoSnapshotError, Snapshot
from nodehours.queries.moment import find_moment
from nodehours.queries.usage import count_usage
from nodehours.terms.as_of import read_as_of
from nodehours.terms.month import month_of
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope

_BUSY: Final = "You are taking a listing already. Wait until that is there, or stop it."
_SECONDS: Final = 3600
"""How long a download may take."""
_FIELDS: Final = ("project", "organisation", "resource", "user", "year", "month", "as_of")


class _UnclearError(Exception):
    """What was asked for cannot be understood, or is not there; the text says what."""


async def export_page(visit: Visit) -> Page:
    """Offer the listing in each form; what was wrong with what was asked for is said here."""
    rows = await count_usage(visit.connection, visit.scope, UsageFilter())
    given = {
        "kinds": list(KINDS),
        "chosen": {name: visit.address.text(name) for name in _FIELDS},
        "form": visit.address.text("form") or "csv",
        "is_pseudonymous": visit.address.text("pseudonymous") == "yes",
        "rows": rows.total,
        "sentence": "",
    }
    return Page("Export", "export.html", given)


async def export_file(visit: Visit, house: House) -> Page | Later:
    """Have the listing streamed that was asked for, or say on the page why it cannot be."""
    try:
        asked = await _asked(visit, house)
    except _UnclearError as error:
        return _told(await export_page(visit), str(error), 400)
    if visit.visitor.user in house.downloading:
        return _told(await export_page(visit), _BUSY, 429)
    scope, user = visit.scope, visit.visitor.user
    return Later(lambda: _streamed(_pieces(house, scope, user, asked), asked))


def _told(page: Page, sentence: str, status: int) -> Page:
    return replace(page, given={**page.given, "sentence": sentence}, status=status)


async def _streamed(pieces: AsyncGenerator[bytes, None], asked: Asked) -> ASGIResponse:
    """Pass *pieces* on. What fails before the first one can still be answered as a page."""
    first = await anext(pieces, b"")
    return ASGIStreamingResponse(
        iterator=_from(first, pieces),
        media_type=plain_type(asked.kind.media_type),
        encoded_headers=streamed_headers(asked.name),
    )


async def _asked(visit: Visit, house: House) -> Asked:
    kind = KINDS.get(visit.address.text("form"))
    if kind is None:
        raise _UnclearError("Choose a form.")
    pseudonyms = house.pseudonyms() if visit.address.text("pseudonymous") == "yes" else None
    found = await _found(visit)
    at = await _moment(visit)
    return Asked(found.filter, at, kind, found.told(pseudonyms), pseudonyms, "nodehours-usage")


async def _found(visit: Visit) -> Found:
    try:
        return await find(visit.connection, visit.scope, _names(visit.address))
    except NobodyFoundError as error:
        raise _UnclearError(
            f"There is no {error.kind} “{error.name}”, as far as you may see."
        ) from None


def _names(address: Address) -> Names:
    project, organisation = address.text("project"), address.text("organisation")
    if project and organisation:
        raise _UnclearError("A project has one organisation: say one of the two.")
    return Names(
        project or None,
        organisation or None,
        address.text("resource") or None,
        address.text("user") or None,
        _number(address, "year"),
        _number(address, "month"),
    )


def _number(address: Address, name: str) -> int | None:
    text = address.text(name)
    if not text:
        return None
    number = address.number(name, 0)
    try:
        month_of(number if name == "year" else 2000, number if name == "month" else 1)
    except ValueError:
        raise _UnclearError(f"“{text}” is no {name}.") from None
    return number


async def _moment(visit: Visit) -> Snapshot:
    text = visit.address.text("as_of")
    try:
        as_of = read_as_of(text) if text else None
        return await find_moment(visit.connection, visit.scope, as_of)
    except (ValueError, NoSnapshotError) as error:
        raise _UnclearError(f"It cannot be read as of then: {error}.") from None


async def _pieces(
    house: House, scope: Scope, user: int, asked: Asked
) -> AsyncGenerator[bytes, None]:
    """Yield the file, over a connection of its own; who takes longer than an hour to read it is left behind."""
    house.downloading.add(user)
    try:
        async with (
            asyncio.timeout(_SECONDS),
            opened(house.downloads, scope, asked, timeout_seconds=_SECONDS) as download,
            aclosing(download.pieces()) as pieces,
        ):
            async for piece in pieces:
                yield piece
    finally:
        house.downloading.discard(user)


async def _from(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
