"""Tables as Parquet files, and back: the PostgreSQL types a dump knows, and how each is kept.

Rows stream both ways. What is in memory at once is bounded in rows and in bytes, and where a file is divided
depends on its rows alone, so the same rows make the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql
from psycopg.types.json import Jsonb

from nodehours.ledger.catalogue import Column, Table

Row = tuple[Any, ...]

_SLAB_ROWS = 1024
_SLAB_BYTES = 2**20
"""At most so many rows, of about so many bytes, are turned from rows into columns at a time, or back."""
_GROUP_ROWS = 2**17
_GROUP_BYTES = 2**25
"""A group of rows is written to the file when it is as large as either."""


class UnknownTypeError(Exception):
    """A column whose type a dump cannot keep; the text names it."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a PostgreSQL type is kept: its Arrow type, its name for COPY, and what is not plain about it."""

    arrow: pa.DataType
    copied: str
    as_text: bool = False
    """It leaves the database as text."""
    is_collated: bool = False
    """Its order depends on the database's collation, unless one is named."""
    read: Callable[[Any], Any] | None = None
    """Makes what goes back into the database of what the file has."""


def _json(text: str) -> Jsonb:
    return Jsonb(text, dumps=str)


# A uuid is text: every tool shows it as people know it.
_KINDS = {
    "bigint": _Kind(pa.int64(), "int8"),
    "integer": _Kind(pa.int32(), "int4"),
    "smallint": _Kind(pa.int16(), "int2"),
    "boolean": _Kind(pa.bool_(), "bool"),
    "text": _Kind(pa.string(), "text", is_collated=True),
    "bytea": _Kind(pa.binary(), "bytea"),
    "uuid": _Kind(pa.string(), "uuid", as_text=True, read=UUID),
    "timestamp with time zone": _Kind(pa.timestamp("us", tz="UTC"), "timestamptz"),
    "date": _Kind(pa.date32(), "date"),
    "jsonb": _Kind(pa.string(), "jsonb", as_text=True, is_collated=True, read=_json),
    "text[]": _Kind(pa.list_(pa.string()), "text[]", is_collated=True),
}


def arrow_schema(table: Table) -> pa.Schema:
    """Return the schema of *table*'s file. Raises ``UnknownTypeError``."""
    return pa.schema([_field(table, column) for column in table.written])


def _field(table: Table, column: Column) -> pa.Field:
    if column.type not in _KINDS:
        message = f"the column {column.name} of the table {table.name} is of the type {column.type}"
        raise UnknownTypeError(f"{message}, which a dump cannot keep")
    return pa.field(column.name, _KINDS[column.type].arrow, nullable=column.is_nullable)


def _kinds(table: Table) -> list[_Kind]:
    return [_KINDS[column.type] for column in table.written]


def copy_out(table: Table) -> tuple[sql.Composed, list[str]]:
    """Return the COPY that reads *table* in its order, and the types of what it reads."""
    copy = sql.SQL("copy (select {} from public.{} as one order by {}) to stdout (format binary)")
    selected = sql.SQL(", ").join(_selected(column) for column in table.written)
    order = sql.SQL(", ").join(_ordered(column) for column in table.order)
    types = ["text" if kind.as_text else kind.copied for kind in _kinds(table)]
    return copy.format(selected, sql.Identifier(table.name), order), types


def _selected(column: Column) -> sql.Composed:
    cast = sql.SQL("::text" if _KINDS[column.type].as_text else "")
    return sql.Identifier("one", column.name) + cast


def _ordered(column: Column) -> sql.Composed:
    kind = _KINDS.get(column.type)
    if kind is None or not kind.is_collated:
        return sql.Composed([sql.Identifier("one", column.name)])
    return _selected(column) + sql.SQL(' collate "C"')


def copy_in(table: Table) -> tuple[sql.Composed, list[str]]:
    """Return the COPY that writes *table*, and the types of what it takes."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.written)
    copy = sql.SQL("copy public.{} ({}) from stdin (format binary)")
    types = [kind.copied for kind in _kinds(table)]
    return copy.format(sql.Identifier(table.name), names), types


def write_rows(file: IO[bytes], schema: pa.Schema, rows: Iterable[Row]) -> int:
    """Write *rows* to *file* and return how many they were."""
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(iter(rows), schema):
            writer.write_table(group, row_group_size=group.num_rows)
            count += group.num_rows
    return count


def _groups(rows: Iterator[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    group: list[pa.RecordBatch] = []
    fitting = 1
    while slab := list(islice(rows, fitting)):
        group.append(_batch(slab, schema))
        fitting = _fitting(group[-1].num_rows, group[-1].nbytes)
        count = sum(batch.num_rows for batch in group)
        if count >= _GROUP_ROWS or sum(batch.nbytes for batch in group) >= _GROUP_BYTES:
            yield pa.Table.from_batches(group, schema)
            group = []
    if group:
        yield pa.Table.from_batches(group, schema)


def _fitting(rows: int, size: int) -> int:
    """Return how many rows like these, of *size* bytes together, are turned at a time."""
    return min(_SLAB_ROWS, max(1, rows * _SLAB_BYTES // max(1, size)))


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def read_rows(file: IO[bytes], table: Table) -> Iterator[list[Row]]:
    """Yield the rows of *table* in *file*, some at a time, as COPY takes them."""
    kinds = _kinds(table)
    for batch in _batches(pq.ParquetFile(file)):
        columns = [_read(*each) for each in zip(batch.columns, kinds, strict=True)]
        yield list(zip(*columns, strict=True))


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        fitting = _fitting(group.num_rows, group.total_byte_size)
        yield from file.iter_batches(fitting, row_groups=[number], use_threads=False)


def _read(column: pa.Array, kind: _Kind) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if kind.read is None:
        return values
    return [None if value is None else kind.read(value) for value in values]


def difference(file: IO[bytes], schema: pa.Schema, rows: int) -> str | None:
    """Say in what *file* differs from the *schema* and the number of *rows* it must have; None when in nothing."""
    found = pq.ParquetFile(file)
    if found.schema_arrow.names != schema.names:
        return (
            f"its columns are {', '.join(found.schema_arrow.names)}, not {', '.join(schema.names)}"
        )
    for has, wants in zip(found.schema_arrow, schema, strict=True):
        if not has.equals(wants):
            return f"its column {_told(has)} must be {_told(wants)}"
    if found.metadata.num_rows != rows:
        return f"it has {found.metadata.num_rows} rows, not {rows}"
    return None


def _told(field: pa.Field) -> str:
    return f"{field.name}: {field.type}{'' if field.nullable else ' not null'}"
