"""What a page is made of, before anybody draws it: figures with their tables, and what is said around them.

A page is asked for once and told in several ways: as HTML, one of its figures as a drawing, one of its tables as a
file. So a drawing or a file says what the page says, under the same scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from litestar.response.base import ASGIResponse

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.theme import Theme


class Kind(Enum):
    """What the values of a column are, and so how they are written."""

    TEXT = "text"
    NAME = "name"
    HOURS = "hours"
    COUNT = "count"
    ID = "id"
    SHARE = "share"
    CHANGE = "change"
    SECONDS = "seconds"
    MONTH = "month"
    DAY = "day"
    TIME = "time"
    STATE = "state"
    MARKUP = "markup"


FIGURES = frozenset({Kind.HOURS, Kind.COUNT, Kind.ID, Kind.SHARE, Kind.CHANGE, Kind.SECONDS})
"""The kinds that are numbers: they stand at the right."""


class Column(NamedTuple):
    """A column: the ``key`` that files name it by, and what people read above it.

    ``HOURS`` and ``CHANGE`` are node-seconds, written as node-hours; a ``SHARE`` is (part, whole); ``SECONDS`` are
    seconds, written as a span of time. What is not ``is_sorted`` cannot be sorted by. ``MARKUP`` is for the page
    alone and in no file. An ``ID`` is a number that nothing is counted by.
    """

    key: str
    label: str
    kind: Kind = Kind.TEXT
    is_sorted: bool = True


class Cell(NamedTuple):
    """A value, where it leads to, and what is said of it in small."""

    value: Any
    href: str = ""
    note: str = ""


class Place(NamedTuple):
    """Which part of a long table is shown: ``offset`` rows were before it; ``size`` are on a page."""

    offset: int
    size: int

    @property
    def page(self) -> int:
        """The page's number, from 1 on."""
        return self.offset // self.size + 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table: ``rows`` have a cell for each column. ``total`` is how many rows there are on all pages.

    ``empty`` says, when there is none, why, and what to do. ``sort`` is the key it is sorted by, with a minus before
    it when downwards; ``find`` what was searched for, None where it cannot be searched.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str
    total: int
    place: Place | None = None
    sort: str = ""
    find: str | None = None

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.place.size) if self.place else 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: ``summary`` says in words what it shows, and the table ``below`` has its figures."""

    name: str
    title: str
    summary: str
    draw: Callable[[Theme], Chart]
    below: Table | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its title, the template that lays it out, and what that is given.

    ``facts`` and ``notes`` go into the readme of its files: as of when, and how the months stand.
    """

    title: str
    template: str
    given: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    facts: Sequence[tuple[str, str]] = ()
    notes: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    status: int = 200

    def figure(self, name: str) -> Figure | None:
        """Return the figure of that name."""
        return next((one for one in self.figures if one.name == name), None)

    def table(self, name: str) -> Table | None:
        """Return the table of that name, wherever it is."""
        below = [one.below for one in self.figures if one.below]
        return next((one for one in (*self.tables, *below) if one.name == name), None)


class Later(NamedTuple):
    """What takes long to answer, such as a whole listing: asked for when the page's own questions are done."""

    answer: Callable[[], Awaitable[ASGIResponse]]


def cells(*values: Any) -> tuple[Cell, ...]:
    """Put each value into a cell, unless it is one."""
    return tuple(value if isinstance(value, Cell) else Cell(value) for value in values)
