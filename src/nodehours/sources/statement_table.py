"""Tables of usage that somebody else keeps: CSV with a header, such as an export or a list of invoices.

A line has the project, the month or day, a figure, and the user where it names one. Columns are known by their
names in any case, whatever else stands beside them:

- project: ``project``, ``project_identifier``, ``allocation`` (``project.portal``, or an allocation's UUID or
  address, as Waldur writes it: the project is then the one that the user identifier tells);
- month: ``month`` (YYYY-MM), or ``year`` and ``month``, or ``day`` or ``date`` (YYYY-MM-DD);
- figure, the most exact of those there are: ``node_seconds``, ``seconds``, ``node_minutes``, ``minutes``,
  ``node_hours``, ``hours``, ``node_usage`` (hours);
- user: ``user_identifier``, ``username`` or ``user``; or a local user: ``local_user``, ``unix_user``, ``login``;
  a blank one is nobody (``unknown``), never a sum of the others;
- resource: ``resource`` or ``machine``; when one resource is asked for, lines of others are left out.

Delimiters are ``,``, ``;``, tab and ``|``; the text is UTF-8, or UTF-16 with a byte-order mark. Each line is read for
itself, so that a quote which does not end costs no other line. Blank lines and lines beginning with ``#`` are
no lines.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.figure_lines import (
    Line,
    Lines,
    project_of,
    read_allocation,
    read_figure,
    read_name,
    read_user,
)
from nodehours.sources.json_text import repeated
from nodehours.terms.fault import shown
from nodehours.terms.figure import Naming, StatedUsage, Unit
from nodehours.terms.identifiers import BLANKS
from nodehours.terms.month import Month, month_of, read_day, read_month

DELIMITERS = ",;\t|"

_PROJECT = ("project", "project_identifier", "allocation")
_USER = ("user_identifier", "useridentifier", "username", "user")
_LOCAL_USER = ("local_user", "unix_user", "unix_username", "login")
_DAY = ("day", "date")
_MONTH = ("month",)
_YEAR = ("year",)
_RESOURCE = ("resource", "machine")
_FIGURES = {
    "node_seconds": Unit.SECONDS,
    "seconds": Unit.SECONDS,
    "node_minutes": Unit.MINUTES,
    "minutes": Unit.MINUTES,
    "node_hours": Unit.HOURS,
    "nodehours": Unit.HOURS,
    "hours": Unit.HOURS,
    "node_usage": Unit.HOURS,
}
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where what stands in a line: the places of columns, None for what there is none of."""

    count: int
    project: int | None
    day: int | None
    month: int | None
    year: int | None
    user: int | None
    resource: int | None
    figure: int
    unit: Unit
    naming: Naming | None

    @classmethod
    def of(cls, header: Sequence[str]) -> _Columns:
        """Read the header. Raises ``ValueError`` with a sentence."""
        names = [re.sub(r"[\W_]+", "_", name.lower()).strip("_") for name in header]
        places = {name: place for place, name in enumerate(names)}
        figure = next((name for name in _FIGURES if name in places), None)
        local_user = _first(places, _LOCAL_USER)
        user = _first(places, _USER)
        found = cls(
            len(names), _first(places, _PROJECT), _first(places, _DAY), _first(places, _MONTH),
            _first(places, _YEAR), local_user if user is None else user, _first(places, _RESOURCE),
            places.get(figure or "", -1), _FIGURES.get(figure or "", Unit.SECONDS),
            _naming(user, local_user),
        )  # fmt: skip
        found.check(names, header)
        return found

    def check(self, names: Sequence[str], header: Sequence[str]) -> None:
        """Refuse a header that leaves out what is needed, or says it twice."""
        wanted = {
            "project (or allocation)": self.project is not None,
            "month or day": self.day is not None or self.month is not None,
            "node_seconds or node_hours": self.figure >= 0,
        }
        missing = [name for name, is_there in wanted.items() if not is_there]
        if missing:
            said = ", ".join(map(shown, header[:12]))
            raise ValueError(f"no column {' and no '.join(missing)}: the header is {said}")
        if twice := [name for name in repeated(names) if name]:
            raise ValueError(f"the column {shown(twice[0])} stands twice in the header")


def _first(places: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)


def _naming(user: int | None, local_user: int | None) -> Naming | None:
    """What the header says of the names of users; None leaves it to the names themselves."""
    if user is not None:
        return None
    return Naming.NONE if local_user is None else Naming.LOCAL_USERS


def read_table(document: Document, resource: str | None = None) -> StatedUsage:
    """Read a table; only its lines of *resource*, if it names resources and one is asked for.

    Raises ``UnreadableError`` when its header cannot be used. What is wrong with a line is a fault of that line.
    """
    lines = Lines(document.name)
    rows = _rows(document.content[:])
    columns: _Columns | None = None
    delimiter = DELIMITERS[0]
    for number, text in rows:
        if columns is None:
            columns, delimiter = _header(number, text)
            continue
        with lines.at(f"line {number}"):
            if line := _line(columns, _split(text, delimiter), resource):
                lines.add(line)
    if columns is None:
        raise UnreadableError("there is no line in it")
    return lines.stated_usage(columns.naming)


def _rows(content: bytes) -> Iterator[tuple[int, str]]:
    """Give the lines that say something, with their numbers; what is no text is kept to be refused later."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = io.TextIOWrapper(
        io.BytesIO(content),
        encoding="utf-16" if is_utf_16 else "utf-8-sig",
        errors="replace" if is_utf_16 else "surrogateescape",
    )
    for number, line in enumerate(text, 1):
        if line.strip(BLANKS) and not line.startswith("#"):
            yield number, line.rstrip("\n")


def _header(number: int, text: str) -> tuple[_Columns, str]:
    """Read the header, whose delimiter is the one that stands in it most often."""
    delimiter = max(DELIMITERS, key=text.count)
    try:
        return _Columns.of(_split(text, delimiter)), delimiter
    except ValueError as error:
        raise UnreadableError(f"line {number}: {error}") from None


def _split(text: str, delimiter: str) -> list[str]:
    if _HALF_A_CHARACTER.search(text):
        raise ValueError("not UTF-8")
    try:
        (fields,) = csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True)
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}") from None
    return fields


def _line(columns: _Columns, fields: Sequence[str], resource: str | None) -> Line | None:
    """Read a line; None is one of another resource than is asked for."""
    if len(fields) != columns.count:
        raise ValueError(f"{len(fields)} fields, where the header has {columns.count}")

    def field(place: int | None) -> str:
        return "" if place is None else fields[place].strip(BLANKS)

    if resource and columns.resource is not None and field(columns.resource) != resource:
        return None
    user = None if columns.user is None else read_user(field(columns.user))
    allocation = read_allocation(field(columns.project))
    project = _project(field(columns.project), allocation, user)
    day = None if columns.day is None else read_day(field(columns.day))
    month = Month.of(day) if day else _month(field(columns.year), field(columns.month))
    return Line(
        project, allocation, month, day, user, columns.unit, read_figure(field(columns.figure))
    )


def _project(text: str, allocation: str | None, user: str | None) -> str | None:
    """The project a line names; an allocation's UUID names none, but its user identifier may."""
    if allocation is None:
        return read_name(text, "a project")
    return project_of(user or "")


def _month(year: str, month: str) -> Month:
    if not year or "-" in month:
        return read_month(month)
    return month_of(_number(year), _number(month))


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text):
        raise ValueError(f"{shown(text)} is not the number of a year or month")
    return int(text)
