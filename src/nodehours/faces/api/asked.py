"""What a request to the usage endpoint asks for, read whole: which rows, as of when, in which order, which keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from nodehours.faces.api.as_of import read_after, read_moment
from nodehours.faces.api.conditional import Validators, entity_tag
from nodehours.faces.api.exchange import Exchange
from nodehours.faces.api.fields import Fields, read_fields
from nodehours.faces.api.filters import read_filters
from nodehours.faces.api.leniency import page_size_fault
from nodehours.faces.api.order import Order, read_order
from nodehours.faces.api.paging import MAX_PAGE_SIZE
from nodehours.queries.sorted_usage import KEYS
from nodehours.queries.usage_details import newest_around
from nodehours.terms.row import OrderBy, UsageFilter

ROW_PARAMETERS: Final = frozenset(
    {
        *("allocation", "allocation_uuid", "user", "user_uuid", "month", "year"),
        *("as_of", "modified_after", "field", "format"),
    }
)
"""The parameters of a row."""
LIST_PARAMETERS: Final = ROW_PARAMETERS | {"page", "page_size", "o"}
"""The parameters of the list."""


class Asked(NamedTuple):
    """The rows a request asks for, None when there can be none, in which order, and which of their keys.

    ``at`` is the revision that was asked for, None for now; ``seen`` is that which the answer is of, ``instant`` the
    moment at which states are judged. ``pin`` is the revision that the links carry, None: they are as they were asked.
    """

    rows: UsageFilter | None
    order: Sequence[OrderBy]
    fields: Fields
    at: int | None
    seen: int
    pin: int | None
    instant: datetime


async def read_list(exchange: Exchange) -> Asked:
    """Read a request to the list. Raises ``Refusal``."""
    order = read_order(exchange.params, KEYS)
    faults = page_size_fault(exchange.params, MAX_PAGE_SIZE)
    return await _read(exchange, LIST_PARAMETERS, order, faults)


async def read_row(exchange: Exchange) -> Asked:
    """Read a request to a row. Raises ``Refusal``."""
    return await _read(exchange, ROW_PARAMETERS, Order((), {}), {})


async def _read(
    exchange: Exchange, known: frozenset[str], order: Order, faults: dict[str, str]
) -> Asked:
    moment = await read_moment(exchange)
    after = await read_after(exchange)
    fields = read_fields(exchange.params)
    vain = exchange.heed(known, {**faults, **order.faults, **fields.faults})
    rows = read_filters(exchange.params, {**moment.faults, **after.faults, **vain})
    newest = await _seen(exchange, fields)
    is_now = moment.revision is None or moment.revision >= newest
    return Asked(
        rows=rows and rows._replace(after=after.revision),
        order=order.by,
        fields=fields,
        at=moment.revision,
        seen=newest if moment.revision is None else moment.revision,
        # What was is pinned as it is. A revision that only tells how much others did is not told.
        pin=newest if is_now else None,
        instant=moment.instant,
    )


async def _seen(exchange: Exchange, fields: Fields) -> int:
    """Tell which revision an answer of now is of: the newest that changed anything of it.

    Who sees a row alone sees its statement change as well, if that is what they ask for.
    """
    scope, newest = exchange.reader.scope, exchange.reader.sight.newest
    if scope.everything or not fields.of_statement:
        return newest
    return max(newest, await newest_around(exchange.connection, scope))


def validators(exchange: Exchange, asked: Asked) -> Validators:
    """Return what the answer can be told by, before it is looked up."""
    sight, scope = exchange.reader.sight, exchange.reader.scope
    month = (asked.instant.year, asked.instant.month) if asked.fields.of_clock else None
    seen = scope if scope.everything else (scope.reader, scope.allocations)
    tag = entity_tag(sight.ledger, asked.seen, seen, month, exchange.address)
    return Validators(tag, _changed(exchange, asked), sight.now)


def _changed(exchange: Exchange, asked: Asked) -> datetime:
    sight = exchange.reader.sight
    if asked.seen > sight.newest and asked.at is None:
        return sight.now
    if asked.fields.of_clock:
        month = asked.instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return max(sight.changed, month)
    return sight.changed
