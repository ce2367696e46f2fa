"""``/api/openportal-allocation-user-usage/``: the list, its count, and one row."""

from __future__ import annotations

from typing import Any

from litestar import Request, route
from litestar.response.base import ASGIResponse

from nodehours.faces.api.exchange import METHODS, Exchange, answered
from nodehours.faces.api.filters import read_filters
from nodehours.faces.api.paging import (
    LAST,
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import (
    USAGE_PATH,
    NotFound,
    Sentence,
    WireUsage,
    allocation_url,
    read_row_id,
    user_url,
)
from nodehours.queries.pool import Pool
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.node_seconds import node_hours
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


async def _list(exchange: Exchange) -> ASGIResponse:
    asked = read_filters(exchange.params)
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
    return exchange.reply([_wire(row, exchange.base) for row in found.rows], headers)


async def _count(exchange: Exchange, asked: UsageFilter | None) -> int:
    if asked is None:
        return 0
    return await count_usage(exchange.connection, exchange.reader.scope, asked)


async def _page(exchange: Exchange, asked: UsageFilter | None, offset: int, limit: int) -> Page:
    if asked is None or exchange.is_head or offset >= _MAX_OFFSET:
        return Page(await _count(exchange, asked), [])
    scope = exchange.reader.scope
    return await list_usage(exchange.connection, scope, asked, offset=offset, limit=limit)


async def _retrieve(exchange: Exchange) -> ASGIResponse:
    asked = read_filters(exchange.params)
    row_id = read_row_id(exchange.segment)
    row = None
    if row_id is not None and asked is not None:
        row = await find_usage(exchange.connection, exchange.reader.scope, asked, row_id)
    if row is None:
        raise NotFound(Sentence.NO_SUCH_ROW)
    return exchange.reply(_wire(row, exchange.base), {})


def _wire(row: UsageRow, base: str) -> WireUsage:
    return WireUsage(
        node_usage=node_hours(row.node_seconds),
        month=row.month,
        year=row.year,
        allocation=allocation_url(base, row.allocation),
        user=user_url(base, row.user),
        username=row.username,
        full_name=row.full_name,
    )
