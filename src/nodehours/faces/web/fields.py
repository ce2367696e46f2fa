"""A table of a page as a file has it: exact values, with their units in the names of the fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from nodehours import __version__
from nodehours.faces.export.readme import Readme
from nodehours.faces.export.table_file import Field, FieldKind
from nodehours.faces.web.page import Column, Kind, Page, Table
from nodehours.faces.web.visit import Visit
from nodehours.terms.node_seconds import node_hours

_Maker = tuple[str, FieldKind, Callable[[Any], Any]]


def fields_of(table: Table) -> tuple[list[Field], list[list[Any]]]:
    """Return the fields of *table*, and its rows; what is not known is None."""
    columns = [
        (number, one) for number, one in enumerate(table.columns) if one.kind is not Kind.MARKUP
    ]
    fields = [
        Field(_named(column, ending), kind)
        for _, column in columns
        for ending, kind, _ in _MADE[column.kind]
    ]
    rows = [
        [
            _made(row[number].value, make)
            for number, column in columns
            for *_, make in _MADE[column.kind]
        ]
        for row in table.rows
    ]
    return fields, rows


def readme_of(page: Page, table: Table, visit: Visit) -> Readme:
    """Say what the file of *table* is of: the page, what was chosen there, and as of when."""
    address, made = visit.address, visit.now
    chosen = {name: text for name, text in address.chosen.items() if name not in {"table", "theme"}}
    facts = [
        ("table", table.caption),
        ("page", f"{page.title} ({address.path})"),
        ("chosen", "; ".join(f"{name} {text}" for name, text in chosen.items()) or "nothing"),
        ("made (UTC)", made.isoformat(timespec="seconds").replace("+00:00", "Z")),
        ("made by", f"nodehours {__version__}"),
        ("as of revision", str(visit.visitor.reader.sight.newest)),
        ("scope", "everything" if visit.sees_everything else "what the reader may see"),
        ("rows", str(table.total)),
        *page.facts,
    ]
    return Readme(facts, {"Unit": _UNIT, "Columns": list(_columns(table)), **page.notes})


_UNIT: Final = [
    ("node_hours is node_seconds / 3600, rounded to 2 places, half to even.",),
    ("To add figures up, add node_seconds and round the sum.",),
]


def _columns(table: Table) -> Iterator[Sequence[str]]:
    for column in table.columns:
        for ending, kind, _ in _MADE[column.kind]:
            yield _named(column, ending), f"{column.label.lower()} ({kind.value})"


def _named(column: Column, ending: str) -> str:
    """Name a field; what is called by its unit already needs it once only."""
    if not ending:
        return column.key
    return ending if column.key == "node_seconds" else f"{column.key}_{ending}"


def _made(value: Any, make: Callable[[Any], Any]) -> Any:
    return None if value is None else make(value)


def _same(value: Any) -> Any:
    return value


def _signed_hours(node_seconds: int) -> str:
    return ("-" if node_seconds < 0 else "") + node_hours(abs(node_seconds))


def _per_cent(part_and_whole: tuple[int, int]) -> str | None:
    part, whole = part_and_whole
    if not whole:
        return None
    hundredths = (part * 20_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _state(value: Any) -> str:
    return str((value[0] if isinstance(value, tuple) else value).value)


def _is_closed(value: Any) -> bool | None:
    return value[1] if isinstance(value, tuple) else None


_TEXT: Final[tuple[_Maker, ...]] = (("", FieldKind.TEXT, str),)
_HOURS: Final[tuple[_Maker, ...]] = (
    ("node_seconds", FieldKind.INTEGER, _same),
    ("node_hours", FieldKind.DECIMAL, _signed_hours),
)
_MADE: Final[dict[Kind, tuple[_Maker, ...]]] = {
    Kind.TEXT: _TEXT,
    Kind.NAME: _TEXT,
    Kind.HOURS: _HOURS,
    Kind.CHANGE: _HOURS,
    Kind.COUNT: (("", FieldKind.INTEGER, _same),),
    Kind.ID: (("", FieldKind.INTEGER, _same),),
    Kind.SHARE: (("per_cent", FieldKind.DECIMAL, _per_cent),),
    Kind.SECONDS: (("seconds", FieldKind.INTEGER, _same),),
    Kind.MONTH: _TEXT,
    Kind.DAY: (("", FieldKind.DAY, _same),),
    Kind.TIME: (("utc", FieldKind.INSTANT, _same),),
    Kind.STATE: (
        ("", FieldKind.TEXT, _state),
        ("is_closed", FieldKind.BOOLEAN, _is_closed),
    ),
    Kind.MARKUP: (),
}
