"""Usage rows as Waldur writes them: ``/api/openportal-allocation-user-usage/``, saved as a JSON array or page by page.

``node_usage`` is node-hours, a string or a number, and is read exactly. The project is the one that the user
identifier in ``username`` tells; the row of nobody (``unknown``) has none, and goes by its allocation.
Waldur's pages have no total order, so a walk through them may give a row twice, and others not at all: a row
that stands twice is a fault, and counted once.
"""

from __future__ import annotations

import codecs
from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal

import msgspec

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.figure_lines import (
    Line,
    Lines,
    check_figure,
    project_of,
    read_allocation,
    read_user,
)
from nodehours.sources.json_text import FaultyError, decoded, locate
from nodehours.terms.fault import shown
from nodehours.terms.figure import StatedUsage, Unit
from nodehours.terms.month import month_of


class _Row(msgspec.Struct):
    """The keys that tell usage; others are left alone."""

    node_usage: Decimal
    month: int
    year: int
    allocation: str
    username: str
    user: str | None = None

    @property
    def key(self) -> Hashable:
        """What Waldur has one row of."""
        return self.allocation, self.year, self.month, self.user, self.username


def read_rows(document: Document) -> StatedUsage:
    """Read a JSON array of usage rows. Raises ``UnreadableError`` when the document is none."""
    lines = Lines(document.name)
    take(lines, ((f"$[{n}]", row) for n, row in enumerate(array(document.content[:]))))
    return lines.stated_usage()


def array(content: bytes) -> list[bytes]:
    """Return the items of the JSON array *content*, undecoded. Raises ``UnreadableError`` when it is none."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return [bytes(item) for item in msgspec.json.decode(content, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(_refusal(content) or f"not JSON: {error}") from None


def _refusal(content: bytes) -> str:
    try:
        plain = decoded(content)
    except FaultyError as error:
        return f"{error.place}: {error.sentence}"
    if isinstance(plain, dict):
        keys = ", ".join(map(shown, list(plain)[:5]))
        return f"not an array of usage rows, but an object with the keys {keys}"
    return "not an array of usage rows"


def take(lines: Lines, rows: Iterable[tuple[str, bytes]]) -> int:
    """Take *rows*, each with its place, into *lines*; return how many different ones there were."""
    seen: set[Hashable] = set()
    for place, row in _read(lines, rows):
        with lines.at(place):
            if row.key in seen:
                raise ValueError(f"the row of {shown(row.username)} stands here a second time")
            seen.add(row.key)
            lines.add(_line(row))
    return len(seen)


def _read(lines: Lines, rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, _Row]]:
    for place, raw in rows:
        try:
            plain = decoded(raw, place=place)
            yield place, msgspec.json.decode(raw, type=_Row)
        except FaultyError as error:
            lines.refuse(error.place, error.sentence)
        except msgspec.MsgspecError as error:
            where, sentence = locate(plain, _Row, place) or (place, str(error))
            lines.refuse(where, sentence)


def _line(row: _Row) -> Line:
    allocation = read_allocation(row.allocation)
    if allocation is None:
        raise ValueError(f"{shown(row.allocation)} is not the address of an allocation")
    user = read_user(row.username)
    month = month_of(row.year, row.month)
    figure = check_figure(row.node_usage)
    return Line(project_of(user), allocation, month, None, user, Unit.HOURS, figure)
