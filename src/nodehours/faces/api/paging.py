"""Pages of a list, as Waldur's ``LinkHeaderPagination`` cuts and links them.

A page is a number from 1; an empty list has one page, and it is empty. Numbers are read by Python's
``int()``, as DRF does: ``+2``, ``" 2"``, ``1_0`` and the digits of any script are numbers.
"""

from __future__ import annotations

from enum import Enum
from typing import Final
from urllib.parse import urlencode

from nodehours.faces.api.wire import Parameters, Refusal, Sentence, last_value

DEFAULT_PAGE_SIZE: Final = 10
MAX_PAGE_SIZE: Final = 300
MAX_OFFSET: Final = 2**62
"""Beyond any count of rows, and still a number that PostgreSQL takes."""


class Last(Enum):
    """The page ``last``, whose number is known once the rows are counted."""

    LAST = "last"


LAST: Final = Last.LAST


class InvalidPage(Refusal):
    """There is no such page."""

    def __init__(self) -> None:
        super().__init__(Sentence.INVALID_PAGE)


def read_page_size(params: Parameters) -> int:
    """Return how many rows a page has: ``page_size``, at most 300.

    What is no number above zero is silently 10, as with DRF's ``PageNumberPagination``.
    """
    try:
        size = int(last_value(params, "page_size"))
    except ValueError:
        return DEFAULT_PAGE_SIZE
    return min(size, MAX_PAGE_SIZE) if size > 0 else DEFAULT_PAGE_SIZE


def read_page(params: Parameters) -> int | Last:
    """Return the page that is asked for, which need not exist: ``page``, by default 1.

    What is neither a number above zero nor ``last`` raises ``InvalidPage``, as in Django's
    ``Paginator``.
    """
    text = last_value(params, "page") or "1"
    if text == LAST.value:
        return LAST
    try:
        page = int(text)
    except ValueError:
        raise InvalidPage from None
    if page < 1:
        raise InvalidPage
    return page


def page_count(total: int, size: int) -> int:
    """Return how many pages of *size* rows *total* rows make: ``page_count(0, 10)`` is 1."""
    return max(1, -(-total // size))


def existing_page(wanted: int | Last, pages: int) -> int:
    """Return the number of the page that is asked for, or raise ``InvalidPage`` beyond the end."""
    if wanted is LAST:
        return pages
    if wanted > pages:
        raise InvalidPage
    return wanted


def link_header(
    base_url: str, params: Parameters, page: int, pages: int, pin: int | None = None
) -> str:
    """Return the Link header of *page* out of *pages*: first, prev, next, last, those that exist.

    *base_url* is the absolute address of the list and ends in ``/``. The links carry all of
    *params*, unknown ones too. With *pin*, those that go on from here, all but ``first``, lead to the list as of
    that revision, so that a walk sees one ledger. Where there is one page only there is nowhere to go on to.
    """
    numbers = {"first": 1, "prev": page - 1, "next": page + 1, "last": pages}
    pinned = params if pin is None or pages == 1 else {**params, "as_of": [str(pin)]}
    return ", ".join(
        f'<{page_url(base_url, params if relation == "first" else pinned, number)}>; rel="{relation}"'
        for relation, number in numbers.items()
        if 1 <= number <= pages
    )


def page_url(base_url: str, params: Parameters, page: int) -> str:
    """Return the address of one page, written as DRF's ``replace_query_param`` does.

    The query is sorted by key. Page 1 is the address without ``page``. Everything but letters,
    digits and ``_.-~`` is escaped: clients that split the header at commas would lose what comes
    after a raw one.
    """
    query = {name: values for name, values in params.items() if name != "page"}
    if page > 1:
        query["page"] = [str(page)]
    encoded = urlencode(sorted(query.items()), doseq=True)
    return f"{base_url}?{encoded}" if encoded else base_url
