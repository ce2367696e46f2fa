"""``/api/openportal-allocation-user-usage/``: the list, its count, and one row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from litestar.response.base import ASGIResponse

from nodehours.faces.api.asked import Asked, read_list, read_row, validators
from nodehours.faces.api.counts import Counted
from nodehours.faces.api.exchange import Collection, Exchange
from nodehours.faces.api.fields import Beside, chosen, wire_row
from nodehours.faces.api.paging import (
    LAST,
    MAX_OFFSET,
    Last,
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import USAGE_PATH, NotFound, Sentence, read_row_id
from nodehours.queries.history import usage_histories
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.queries.usage_details import usage_details
from nodehours.terms.row import Page, UsageRow


class _Told(Protocol):
    """An answer of the ledger, with the revision that it was at."""

    @property
    def revision(self) -> int: ...


Answer = TypeVar("Answer", bound=_Told)


class _Listed(NamedTuple):
    """A page as it was found: its rows, how many there are in all, and the number of the page out of ``pages``."""

    rows: Sequence[UsageRow]
    total: int
    page: int
    pages: int


async def _list(exchange: Exchange) -> ASGIResponse:
    asked = await read_list(exchange)
    size, wanted = read_page_size(exchange.params), read_page(exchange.params)
    known = validators(exchange, asked)
    if known.name(exchange.conditions):
        return exchange.not_modified(known)
    is_known = known.hold(exchange.conditions)
    found = await _page(exchange, asked, wanted, size, is_counted=is_known or exchange.is_head)
    if is_known:
        return exchange.not_modified(known)
    link = link_header(
        exchange.base + USAGE_PATH, exchange.params, found.page, found.pages, asked.pin
    )
    headers = {"X-Result-Count": str(found.total), "X-Page-Size": str(size), "Link": link}
    body = await _wire(exchange, asked, found.rows)
    return exchange.reply(body, {**headers, **known.headers})


async def _page(
    exchange: Exchange, asked: Asked, wanted: int | Last, size: int, *, is_counted: bool
) -> _Listed:
    """Find the page that is wanted, or only its number if it *is_counted*. Raises ``InvalidPage``."""
    if wanted is LAST or is_counted:
        total = await _count(exchange, asked)
        wanted = existing_page(wanted, page_count(total, size))
        if is_counted:
            return _Listed([], total, wanted, page_count(total, size))
    found = await _rows(exchange, asked, (wanted - 1) * size, size)
    pages = page_count(found.total, size)
    return _Listed(found.rows, found.total, existing_page(wanted, pages), pages)


async def _count(exchange: Exchange, asked: Asked) -> int:
    rows, scope = asked.rows, exchange.reader.scope
    if rows is None:
        return 0
    counted = Counted(exchange.reader.sight.ledger, asked.seen, scope, rows)
    total = exchange.counts.find(counted)
    if total is None:
        found = await _as_seen(
            exchange, asked, lambda at: count_usage(exchange.connection, scope, rows, at=at)
        )
        total = found.total
        exchange.counts.keep(counted, total)
    return total


async def _rows(exchange: Exchange, asked: Asked, offset: int, limit: int) -> Page:
    rows, scope = asked.rows, exchange.reader.scope
    if rows is None or offset >= MAX_OFFSET:
        return Page(await _count(exchange, asked), [], asked.seen)
    return await _as_seen(
        exchange,
        asked,
        lambda at: list_usage(
            exchange.connection, scope, rows, offset=offset, limit=limit, at=at, order=asked.order
        ),
    )


async def _as_seen(
    exchange: Exchange, asked: Asked, ask: Callable[[int | None], Awaitable[Answer]]
) -> Answer:
    """Have *ask* answer of the revision that the reply is of.

    That is now, which is the quickest to find, unless something was posted since the reader signed in.
    """
    found = await ask(asked.at)
    if asked.at is None and found.revision != exchange.reader.sight.revision:
        found = await ask(asked.seen)
    return found


async def _retrieve(exchange: Exchange) -> ASGIResponse:
    asked = await read_row(exchange)
    known = validators(exchange, asked)
    if known.name(exchange.conditions):
        return exchange.not_modified(known)
    row = await _find(exchange, asked)
    if row is None:
        raise NotFound(Sentence.NO_SUCH_ROW)
    if known.hold(exchange.conditions):
        return exchange.not_modified(known)
    (told,) = await _wire(exchange, asked, [row])
    return exchange.reply(told, known.headers)


async def _find(exchange: Exchange, asked: Asked) -> UsageRow | None:
    row_id = read_row_id(exchange.segment)
    rows, scope = asked.rows, exchange.reader.scope
    if row_id is None or rows is None:
        return None
    found = await _as_seen(
        exchange, asked, lambda at: find_usage(exchange.connection, scope, rows, row_id, at=at)
    )
    return found.row


async def _wire(exchange: Exchange, asked: Asked, rows: Sequence[UsageRow]) -> Sequence[object]:
    """Return what is sent of *rows*: the keys asked for, or those that all get."""
    fields = asked.fields
    if not fields.names:
        return [wire_row(row, exchange.base) for row in rows]
    connection, scope = exchange.connection, exchange.reader.scope
    details: Mapping[int, Any] = {}
    if fields.need_details and rows:
        details = await usage_details(connection, scope, rows, at=asked.seen)
    histories: Mapping[int, Any] = {}
    if fields.need_history and rows:
        # It ends with what the row says here, whatever is posted meanwhile.
        until = {row.id: row.revision for row in rows}
        histories = await usage_histories(connection, scope, until)
    return [
        chosen(row, exchange.base, fields.names, Beside(
            asked.instant, details.get(row.id), histories.get(row.id, []))
        ) for row in rows
    ]  # fmt: skip


USAGE = Collection(USAGE_PATH, "Allocation User Usage", _list, _retrieve)
