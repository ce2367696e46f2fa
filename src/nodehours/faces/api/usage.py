"""``/api/openportal-allocation-user-usage/``: the list, its count, and one row."""

from __future__ import annotations

from typing import Any, NamedTuple

from litestar import Request, route
from litestar.response.base import ASGIResponse

from nodehours.faces.api.as_of import read_moment
from nodehours.faces.api.exchange import METHODS, Exchange, answered
from nodehours.faces.api.fields import HISTORY, chosen, read_fields, wire_row
from nodehours.faces.api.filters import read_filters
from nodehours.faces.api.paging import (
    LAST,
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import USAGE_PATH, NotFound, Sentence, read_row_id
from nodehours.queries.history import usage_history
from nodehours.queries.pool import Pool
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import Page, UsageFilter, UsageRow

_MAX_OFFSET = 2**62
"""Beyond any count of rows, and still a number that PostgreSQL takes."""


@route(USAGE_PATH, http_method=METHODS)
async def usage_list(request: Request[Any, Any, Any], pool: Pool) -> ASGIResponse:
    """List usage rows, a page at a time; HEAD counts them."""
    return await answered(request, pool, USAGE_PATH, _list)


@route(USAGE_PATH + "{row:str}", http_method=METHODS)
async def usage_retrieve(request: Request[Any, Any, Any], pool: Pool) -> ASGIResponse:
    """Retrieve one usage row by its id."""
    return await answered(request, pool, USAGE_PATH, _retrieve)


class _Asked(NamedTuple):
    """The rows a request asks for, None when there can be none, and as of which revision, None for now."""

    rows: UsageFilter | None
    at: int | None


async def _list(exchange: Exchange) -> ASGIResponse:
    asked = await _asked(exchange)
    size = read_page_size(exchange.params)
    wanted = read_page(exchange.params)
    if wanted is LAST:
        wanted = page_count(await _count(exchange, asked), size)
    found = await _page(exchange, asked, (wanted - 1) * size, size)
    pages = page_count(found.total, size)
    page = existing_page(wanted, pages)
    headers = {
        "X-Result-Count": str(found.total),
        "Link": link_header(exchange.base + USAGE_PATH, exchange.params, page, pages),
    }
    return exchange.reply([wire_row(row, exchange.base) for row in found.rows], headers)


async def _asked(exchange: Exchange) -> _Asked:
    moment = await read_moment(exchange)
    return _Asked(read_filters(exchange.params, moment.faults), moment.revision)


async def _count(exchange: Exchange, asked: _Asked) -> int:
    if asked.rows is None:
        return 0
    scope = exchange.reader.scope
    return await count_usage(exchange.connection, scope, asked.rows, at=asked.at)


async def _page(exchange: Exchange, asked: _Asked, offset: int, limit: int) -> Page:
    if asked.rows is None or exchange.is_head or offset >= _MAX_OFFSET:
        return Page(await _count(exchange, asked), [])
    scope = exchange.reader.scope
    return await list_usage(
        exchange.connection, scope, asked.rows, offset=offset, limit=limit, at=asked.at
    )


async def _retrieve(exchange: Exchange) -> ASGIResponse:
    asked = await _asked(exchange)
    row = await _find(exchange, asked)
    if row is None:
        raise NotFound(Sentence.NO_SUCH_ROW)
    return exchange.reply(await _told(exchange, row), {})


async def _find(exchange: Exchange, asked: _Asked) -> UsageRow | None:
    row_id = read_row_id(exchange.segment)
    if row_id is None or asked.rows is None:
        return None
    scope = exchange.reader.scope
    return await find_usage(exchange.connection, scope, asked.rows, row_id, at=asked.at)


async def _told(exchange: Exchange, row: UsageRow) -> object:
    """Return the keys asked for. The history ends with what the row says, whatever is posted meanwhile."""
    fields = read_fields(exchange.params)
    if not fields:
        return wire_row(row, exchange.base)
    history = []
    if HISTORY in fields:
        scope = exchange.reader.scope
        history = await usage_history(exchange.connection, scope, row.id, at=row.revision)
    return chosen(row, exchange.base, fields, history)
