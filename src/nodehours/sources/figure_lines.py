"""The lines of somebody else's statement of usage, gathered from whatever form into a ``StatedUsage``.

How exactly a file writes its figures is taken from the whole file: the most decimal places that any of its
figures of a unit has, since spreadsheets drop zeros at the end. An allocation that a line knows by its UUID only
is the project that other lines of the same allocation name; if there is none, it goes by its UUID.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from nodehours.terms.fault import Fault, shown
from nodehours.terms.figure import MAX_PLACES, Figure, Naming, StatedUsage, Unit, Writing
from nodehours.terms.identifiers import BLANKS, UNKNOWN, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import MAX_NODE_SECONDS

_FIGURE = re.compile(r"(?:[0-9]{1,30}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
_UUID_AT_THE_END = re.compile(
    r"(?:.*/)?([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})/?", re.IGNORECASE
)
_MAX_NAME = 255


class Line(NamedTuple):
    """One line as it was read: *figure* in *unit*, of a project by its name or of an allocation by its UUID.

    ``allocation`` is the UUID in hexadecimal; a line without a project has one.
    """

    project: str | None
    allocation: str | None
    month: Month
    day: date | None
    user: str | None
    unit: Unit
    figure: Decimal


class Lines:
    """The lines of one document, and what was wrong with others."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._lines: list[Line] = []
        self._faults: list[Fault] = []
        self._months: set[Month] = set()
        self._notes: dict[str, None] = {}

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Turn a ``ValueError`` within into the fault of *place*."""
        try:
            yield
        except ValueError as error:
            self.refuse(place, str(error))

    def add(self, line: Line) -> None:
        """Take *line* in. Raises ``ValueError`` when there is no such usage."""
        if line.figure * line.unit > MAX_NODE_SECONDS:
            raise ValueError(f"{shown(str(line.figure))} is more than any usage")
        self._lines.append(line)

    def refuse(self, place: str, sentence: str) -> None:
        """Note what is wrong at *place*."""
        self._faults.append(Fault(self._document, sentence, place=place))

    def cover(self, month: Month) -> None:
        """Note that the document is about *month*, whether it has a line of it or not."""
        self._months.add(month)

    def note(self, sentence: str) -> None:
        """Note what a reader should know of the whole; once is enough."""
        self._notes[sentence] = None

    def stated_usage(self, naming: Naming | None = None) -> StatedUsage:
        """Make figures of the lines. Without a *naming*, users who all have user identifiers go by these."""
        writings = _writings(self._lines)
        projects = _projects_of_allocations(self._lines)
        return StatedUsage(
            self._document,
            [_figure(line, writings[line.unit], projects) for line in self._lines],
            naming or _naming(self._lines),
            names_days=bool(self._lines) and all(line.day for line in self._lines),
            months=frozenset(self._months.union(line.month for line in self._lines)),
            writings=tuple(writings.values()),
            notes=tuple(self._notes),
            faults=tuple(self._faults),
        )


def read_figure(text: str) -> Decimal:
    """Read a figure as it is written, exactly. Raises ``ValueError`` with a sentence."""
    text = text.strip(BLANKS)
    if not _FIGURE.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a figure (digits and a decimal point, no sign, no grouping)"
        )
    return check_figure(Decimal(text))


def check_figure(figure: Decimal) -> Decimal:
    """Return *figure* if it can be usage in any unit. Raises ``ValueError`` with a sentence."""
    if not figure.is_finite() or (figure.is_signed() and figure):
        raise ValueError(f"{shown(str(figure))} cannot be usage, which is 0 or more")
    if figure > MAX_NODE_SECONDS or _places(figure) > MAX_PLACES:
        raise ValueError(f"{shown(str(figure))} is larger or finer than any usage")
    return abs(figure)


def read_name(text: str, what: str) -> str:
    """Return *text* without blanks around it, if it can be a name. Raises ``ValueError`` with a sentence."""
    text = text.strip(BLANKS)
    if not 1 <= len(text) <= _MAX_NAME or not text.isprintable():
        raise ValueError(f"{shown(text)} cannot be {what} (1 to {_MAX_NAME} printable characters)")
    return text


def read_user(text: str) -> str:
    """Return the user's name; a blank one and ``unknown`` stand for nobody."""
    text = text.strip(BLANKS)
    return read_name(text, "a user") if text else UNKNOWN


def project_of(user: str) -> str | None:
    """Return the project that a user identifier tells, None for any other name."""
    try:
        return str(UserIdentifier.parse(user).project_identifier)
    except ValueError:
        return None


def read_allocation(text: str) -> str | None:
    """Return the UUID, in hexadecimal, of an allocation that is named by it or by its address; else None."""
    found = _UUID_AT_THE_END.fullmatch(text.strip(BLANKS))
    return UUID(found[1]).hex if found else None


def _places(figure: Decimal) -> int:
    exponent = figure.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _writings(lines: Iterable[Line]) -> dict[Unit, Writing]:
    places: dict[Unit, int] = defaultdict(int)
    for line in lines:
        places[line.unit] = max(places[line.unit], _places(line.figure))
    return {unit: Writing(unit, most) for unit, most in places.items()}


def _projects_of_allocations(lines: Iterable[Line]) -> dict[str, str]:
    """Which project each allocation is of, where its lines name one and only one."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line.allocation and line.project:
            found[line.allocation].add(line.project)
    return {allocation: min(names) for allocation, names in found.items() if len(names) == 1}


def _naming(lines: Iterable[Line]) -> Naming:
    users = {line.user for line in lines}
    if None in users or not users:
        return Naming.NONE
    named = users - {UNKNOWN}
    told = all(project_of(str(user)) for user in named)
    return Naming.USER_IDENTIFIERS if told else Naming.LOCAL_USERS


def _figure(line: Line, writing: Writing, projects: Mapping[str, str]) -> Figure:
    allocation = str(line.allocation)
    return Figure(
        line.project or projects.get(allocation, allocation),
        line.month,
        writing.node_seconds(line.figure),
        line.user,
        line.day,
        writing.rounding,
    )
