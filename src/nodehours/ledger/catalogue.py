"""The ledger's own catalogue: its tables as the database knows them, so that a dump needs no list of them.

Whatever a migration adds is in it, without a word anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from nodehours.ledger.store import Connection

# Columns that the database works out itself are left out of a dump, though it may be ordered by them.
_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, null), not a.attnotnull, a.attgenerated <> '', key.place
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_index i on i.indrelid = c.oid and i.indisprimary
left join lateral unnest(i.indkey::int2[]) with ordinality as key (attnum, place)
    on key.attnum = a.attnum and key.place <= i.indnkeyatts
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> 'alembic_version'
order by c.relname, a.attnum
"""
_SEQUENCES = """
select relname from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace order by relname
"""
_FOREIGN_KEYS = """
select c.relname, k.conname, pg_get_constraintdef(k.oid)
from pg_constraint k join pg_class c on c.oid = k.conrelid
where k.contype = 'f' and k.conparentid = 0 and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its PostgreSQL type as in ``timestamp with time zone``, and its place in the primary key, if any."""

    name: str
    type: str
    is_nullable: bool
    is_generated: bool
    key_place: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with all its columns, in their order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that somebody writes."""
        return tuple(column for column in self.columns if not column.is_generated)

    @property
    def order(self) -> tuple[Column, ...]:
        """The columns that put the rows into one order only: the primary key, or without one all of them."""
        places = {column.key_place: column for column in self.columns if column.key_place}
        return tuple(places[place] for place in sorted(places)) or self.columns


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key: the table it is of, its name, and the SQL that makes it."""

    table: str
    name: str
    definition: str


def tables(connection: Connection) -> tuple[Table, ...]:
    """Return the ledger's tables by name: all ordinary ones but that of the schema's own revision."""
    found = connection.execute(_COLUMNS)
    return tuple(
        Table(name, tuple(Column(*row[1:]) for row in rows))
        for name, rows in groupby(found, key=lambda row: row[0])
    )


def sequences(connection: Connection) -> tuple[str, ...]:
    """Return the names of the sequences that ids are drawn from."""
    return tuple(name for (name,) in connection.execute(_SEQUENCES))


def foreign_keys(connection: Connection) -> tuple[ForeignKey, ...]:
    """Return every foreign key of the ledger's tables."""
    return tuple(ForeignKey(*row) for row in connection.execute(_FOREIGN_KEYS))
