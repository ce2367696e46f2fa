"""The cells of an allocation's days: only those that differ are written, and what they were, the database keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import sql

from nodehours.ledger.store import Connection

Key = tuple[Any, ...]
"""Which cell: allocation, day, local user, and the component where there is one."""

# The allocation and the days are said outright: without statistics, a join alone would read the whole table.
_UPDATE = """
update {table} as cell set {figures} from unnest({arrays}) as told ({columns})
where {same} and cell.allocation_id = %s and cell.day = any(%s::date[])
"""
_DELETE = """
delete from {table} as cell using unnest({arrays}) as told ({columns})
where {same} and cell.allocation_id = %s and cell.day = any(%s::date[])
"""


class Cells(NamedTuple):
    """A table of cells: the columns of its key, then those of its figures, with their types."""

    table: str
    key: Mapping[str, str]
    figures: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """All columns."""
        return {**self.key, **self.figures}


USAGE = Cells(
    "daily_usage",
    {"allocation_id": "int8", "day": "date", "local_user": "text"},
    {"node_seconds": "int8", "jobs": "int8", "wait_seconds": "int8", "revision": "int8"},
)
COMPONENTS = Cells(
    "daily_components",
    {"allocation_id": "int8", "day": "date", "local_user": "text", "component": "text"},
    {"component_seconds": "int8", "revision": "int8"},
)


def write_cells(
    connection: Connection,
    cells: Cells,
    old: Mapping[Key, tuple[int, ...]],
    new: Mapping[Key, tuple[int, ...]],
    revision: int,
) -> None:
    """Make the *old* cells of an allocation's days the *new* ones, under *revision*."""
    gone = [key for key in old if key not in new]
    changed = [
        (*key, *figures, revision)
        for key, figures in new.items()
        if key in old and old[key] != figures
    ]
    added = [(*key, *figures, revision) for key, figures in new.items() if key not in old]
    if gone:
        _run(connection, _DELETE, cells, cells.key, gone)
    if changed:
        _run(connection, _UPDATE, cells, cells.columns, changed)
    if added:
        _copy(connection, cells, added)


def _run(
    connection: Connection,
    statement: str,
    cells: Cells,
    columns: Mapping[str, str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Run *statement* for all *rows* of *columns* at once."""
    query = sql.SQL(statement).format(
        table=sql.Identifier(cells.table),
        figures=_listed(sql.SQL("{0} = told.{0}"), cells.figures),
        arrays=sql.SQL(", ").join(
            sql.SQL("%s::{}[]").format(sql.Identifier(kind)) for kind in columns.values()
        ),
        columns=_listed(sql.SQL("{0}"), columns),
        same=sql.SQL(" and ").join(
            sql.SQL("cell.{0} = told.{0}").format(sql.Identifier(name)) for name in cells.key
        ),
    )
    (allocation, *_), days = rows[0], list({row[1] for row in rows})
    values = [list(column) for column in zip(*rows, strict=True)]
    connection.execute(query, [*values, allocation, days])


def _listed(each: sql.SQL, names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(each.format(sql.Identifier(name)) for name in names)


def _copy(connection: Connection, cells: Cells, rows: Iterable[tuple[Any, ...]]) -> None:
    into = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(cells.table), _listed(sql.SQL("{0}"), cells.columns)
    )
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(list(cells.columns.values()))
        for row in rows:
            copy.write_row(row)
