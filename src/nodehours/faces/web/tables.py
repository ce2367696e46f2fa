"""Tables as readers ask for them: sorted, searched and in pages, each by words of its own in the address.

A table called ``users`` is sorted by ``users.sort=-node_hours``, searched by ``users.find=ada`` and turned over by
``users.page=2``. A file of it has all that is found, without pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nodehours.faces.web.address import Address
from nodehours.faces.web.page import Cell, Column, Kind, Place, Table

PAGE_SIZE: Final = 25
WHOLE: Final = 1_000_000
"""How many rows a table has at most when it is taken as a file."""

Rows = Sequence[Sequence[Cell]]


class Asked:
    """What an address asks of the table *name*."""

    def __init__(self, address: Address, name: str, size: int = PAGE_SIZE) -> None:
        self.name = name
        self.sort = address.text(f"{name}.sort")
        self._size = size
        self.find = address.text(f"{name}.find")
        self._page = address.number(f"{name}.page", 1)
        taken = address.text("table").partition(".")[0]
        self.is_taken = taken == name and not address.text("figure")

    @property
    def place(self) -> Place:
        """The part that is shown; all of it when the table is taken as a file."""
        if self.is_taken:
            return Place(0, WHOLE)
        return Place((self._page - 1) * self._size, self._size)

    def sort_in(self, keys: Sequence[str], default: str) -> str:
        """Return the key to sort by if it is one of *keys*, and *default* if not."""
        return self.sort if self.sort.removeprefix("-") in keys else default


def sorted_table(
    asked: Asked,
    caption: str,
    columns: Sequence[Column],
    rows: Rows,
    *,
    empty: str,
    sort: str = "",
    is_searched: bool = False,
) -> Table:
    """Make a table of all its *rows*, which are few enough to be sorted and searched here.

    Without a word in the address they stay in the order given, which is that of *sort*.
    """
    found: Rows = [row for row in rows if _has(row, asked.find)] if is_searched else rows
    chosen = asked.sort_in([one.key for one in columns if one.is_sorted], "")
    if chosen:
        found = _sorted(columns, found, chosen)
    place = within(asked.place, len(found))
    part = found[place.offset : place.offset + place.size]
    find = asked.find if is_searched else None
    return Table(asked.name, caption, columns, part, empty, len(found), place, chosen or sort, find)


def within(place: Place, total: int) -> Place:
    """Go back to the last page from one that is past it."""
    last = max(total - 1, 0) // place.size * place.size
    return place._replace(offset=min(place.offset, last))


def _has(row: Sequence[Cell], find: str) -> bool:
    text = " ".join(str(cell.value) for cell in row)
    return find.casefold() in text.casefold()


def _sorted(columns: Sequence[Column], rows: Rows, sort: str) -> Rows:
    key = sort.removeprefix("-")
    place = next(number for number, one in enumerate(columns) if one.key == key)
    return sorted(
        rows, key=lambda row: _rank(row[place].value, columns[place].kind), reverse=sort[0] == "-"
    )


def _rank(value: Any, kind: Kind) -> tuple[bool, Any]:
    """What is not known comes first upwards, and last downwards."""
    if value is None:
        return False, 0
    if kind is Kind.SHARE:
        part, whole = value
        return whole != 0, part / whole if whole else 0
    return True, value.casefold() if isinstance(value, str) else value
