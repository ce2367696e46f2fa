"""What clients ask the list for often: whether it has changed, how much there is, its beginning, and what is new."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlencode

from bench.places import SIZES
from nodehours.faces.api.wire import USAGE_PATH
from nodehours.terms.row import OrderBy, Page, UsageFilter

_SMALL, *_, _LARGE = SIZES
_ALL = UsageFilter()
_MOST_FIRST = OrderBy("node_usage", is_descending=True)


class How(Enum):
    """What is answered, and whether it has to be found."""

    UNCHANGED = "304"
    REMEMBERED = "count, remembered"
    COUNTED = "count, anew"
    PAGE = "page"


class Case(NamedTuple):
    """One thing to ask for: whose, what is answered, what it is called, and which rows; or the row with that id."""

    reader: str
    how: How
    name: str
    rows: UsageFilter = _ALL
    size: int = _SMALL
    page: int = 1
    order: tuple[OrderBy, ...] = ()
    row_id: int | None = None

    @property
    def method(self) -> str:
        """The method of the request."""
        return "HEAD" if self.how in {How.REMEMBERED, How.COUNTED} else "GET"

    @property
    def target(self) -> str:
        """The address of the request."""
        if self.row_id is not None:
            return f"{USAGE_PATH}{self.row_id}/"
        asked = {
            "page": self.page,
            "page_size": self.size,
            "allocation_uuid": self.rows.allocation and self.rows.allocation.hex,
            "year": self.rows.year,
            "month": self.rows.month,
            "modified_after": self.rows.after,
            "o": ",".join(("-" if one.is_descending else "") + one.key for one in self.order),
        }
        return f"{USAGE_PATH}?{urlencode({name: value for name, value in asked.items() if value})}"

    @property
    def is_searched(self) -> bool:
        """Whether rows have to be gone through to find those that are told."""
        return bool(self.order) or self.rows.after is not None

    @property
    def first_page(self) -> Case:
        """The first page of the same reader as it is by default."""
        return _first_page(self.reader, _SMALL)


def cases(reader: str, found: Page, revision: int) -> Iterator[Case]:
    """What *reader* asks for, who has *found* a page of the list; *revision* is that of the last posting."""
    row = found.rows[0]
    for size in (_SMALL, _LARGE):
        yield _first_page(reader, size)._replace(how=How.UNCHANGED)
    last = found.total // _SMALL
    yield Case(reader, How.UNCHANGED, f"last page of {_SMALL}", page=last)
    yield Case(reader, How.UNCHANGED, "a row", row_id=row.id)
    for how in (How.REMEMBERED, How.COUNTED):
        yield Case(reader, how, "all")
        yield Case(reader, how, "a month", UsageFilter(year=row.year, month=row.month))
        yield Case(reader, how, "an allocation", UsageFilter(allocation=row.allocation))
    for size in SIZES:
        yield _first_page(reader, size)
    yield Case(reader, How.PAGE, "nothing new", UsageFilter(after=revision))
    yield Case(reader, How.PAGE, "new by one posting", UsageFilter(after=revision - 1))
    yield Case(reader, How.PAGE, "most usage first", order=(_MOST_FIRST,))


def _first_page(reader: str, size: int) -> Case:
    return Case(reader, How.PAGE, f"first page of {size}", size=size)
