"""Lists beside that of usage, and their members: filters, pages, chosen keys; the same for each of them.

What a list is of, how it is filtered and what is said of its members are a ``Listing``, which is a table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar.response.base import ASGIResponse

from nodehours.faces.api.conditional import CACHING
from nodehours.faces.api.exchange import Exchange
from nodehours.faces.api.fields import read_fields
from nodehours.faces.api.forms import Form
from nodehours.faces.api.leniency import page_size_fault
from nodehours.faces.api.paging import (
    LAST,
    MAX_OFFSET,
    MAX_PAGE_SIZE,
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import Missing, NotFound

MEMBER_PARAMETERS: Final = frozenset({"field", "format"})
"""What every member takes beside the filters of its list."""
LIST_PARAMETERS: Final = MEMBER_PARAMETERS | {"page", "page_size"}
"""What every list takes beside its filters."""


class Filter(NamedTuple):
    """A parameter: how its value is read, and the field of the question that it is of (None: of none).

    A number is read within a range of what is possible. Of *several* values, any will do.
    """

    read: Callable[[str], object] | range
    of: str | None = None
    is_several: bool = False

    def read_from(self, form: Form, name: str) -> object | None:
        """Read it under its *name*."""
        if isinstance(self.read, range):
            return form.read_number(name, self.read)
        if self.is_several:
            return form.read_each(name, self.read)
        return form.read(name, self.read)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: what Waldur calls one of its *kind*, its filters, who answers, and the keys that are said of a member.

    *ask* is a question of ``queries`` that takes ``(connection, scope, asked, offset=, limit=)``; *nothing* is what it
    takes with nothing asked, of which *key* is the field that names one member. *wire* says what
    a row is at the base of all addresses. *read_key* reads the segment of an address; None is no member's.
    *more* are the keys that are said of one member at a time.
    """

    path: str
    kind: str
    filters: Mapping[str, Filter]
    nothing: Any
    ask: Callable[..., Awaitable[tuple[int, Sequence[Any]]]]
    keys: tuple[str, ...]
    wire: Callable[[Any, str], Mapping[str, object]]
    key: str = "uuid"
    read_key: Callable[[str], object | None] = UUID
    more: tuple[str, ...] = ()


async def listed(exchange: Exchange, of: Listing) -> ASGIResponse:
    """Answer a page of the list, or count it."""
    asked = _asked(exchange, of, LIST_PARAMETERS, page_size_fault(exchange.params, MAX_PAGE_SIZE))
    size, wanted = read_page_size(exchange.params), read_page(exchange.params)
    if wanted is LAST:
        total, _ = await _page(exchange, of, asked, 0, 0)
        wanted = page_count(total, size)
    offset = (wanted - 1) * size
    is_counted = exchange.is_head or offset >= MAX_OFFSET
    place = (0, 0) if is_counted else (offset, size)
    total, rows = await _page(exchange, of, asked, *place)
    pages = page_count(total, size)
    page = existing_page(wanted, pages)
    headers = {
        "X-Result-Count": str(total),
        "X-Page-Size": str(size),
        "Link": link_header(exchange.base + of.path, exchange.params, page, pages),
    }
    return exchange.reply([_told(exchange, of, row) for row in rows], {**headers, **CACHING})


async def retrieved(exchange: Exchange, of: Listing) -> ASGIResponse:
    """Answer one member, if the filters leave it."""
    row = await found(exchange, of)
    return exchange.reply(_told(exchange, of, row), CACHING)


async def found(exchange: Exchange, of: Listing) -> Any:
    """Find the member that is named by the address. Raises ``NotFound`` or ``Missing``."""
    asked = _asked(exchange, replace(of, keys=of.keys + of.more), MEMBER_PARAMETERS, {})
    try:
        key = of.read_key(exchange.segment)
    except ValueError:
        raise NotFound from None
    if asked is not None and key is not None and getattr(asked, of.key) in {None, key}:
        _, rows = await _page(exchange, of, asked._replace(**{of.key: key}), 0, 1)
        if rows:
            return rows[0]
    raise Missing(of.kind)


def chosen(
    exchange: Exchange, keys: tuple[str, ...], told: Mapping[str, object]
) -> Mapping[str, object]:
    """Return what ``field=`` chooses of *told*, or all of it."""
    names = read_fields(exchange.params, keys).names
    return {name: told[name] for name in names if name in told} if names else told


def _told(exchange: Exchange, of: Listing, row: object) -> Mapping[str, object]:
    return chosen(exchange, of.keys, of.wire(row, exchange.base))


async def _page(
    exchange: Exchange, of: Listing, asked: object, offset: int, limit: int
) -> tuple[int, Sequence[Any]]:
    if asked is None:
        return 0, []
    scope = exchange.reader.scope
    return await of.ask(exchange.connection, scope, asked, offset=offset, limit=limit)


def _asked(
    exchange: Exchange, of: Listing, known: frozenset[str], faults: Mapping[str, str]
) -> Any:
    """Read the filters; None: nothing can match. Raises ``Refusal``."""
    form = Form(exchange.params)
    wanted: dict[str, object] = {}
    for name, one in of.filters.items():
        value = one.read_from(form, name)
        if value is not None and one.of is not None:
            form.is_impossible |= wanted.setdefault(one.of, value) != value
    fields = read_fields(exchange.params, of.keys)
    in_vain = {**faults, **form.vain, **fields.faults}
    form.judge(exchange.heed(known | of.filters.keys(), in_vain))
    return None if form.is_impossible else of.nothing._replace(**wanted)
