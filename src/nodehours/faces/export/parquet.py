"""Parquet: exact columns, of which node-hours are a decimal. The readme is in the file's own description.

Rows come as CSV, which Arrow reads faster than Python could hand them over; they are written in groups.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from nodehours.faces.export.outlet import Outlet
from nodehours.faces.export.readme import Readme
from nodehours.queries.export import Batch
from nodehours.queries.export_text import COLUMNS, Text

README_KEY: Final = "nodehours.readme"

_READ_BYTES = 2**22
_GROUP_ROWS = 2**16
_TYPES = {
    "id": pa.int64(),
    "year": pa.int32(),
    "month": pa.int32(),
    "is_closed": pa.bool_(),
    "node_seconds": pa.int64(),
    "node_hours": pa.decimal128(18, 2),
    "revision": pa.int64(),
    "modified": pa.timestamp("us", tz="UTC"),
}
SCHEMA: Final = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string()), name == "user_uuid") for name in COLUMNS]
)
_READING = {
    "read_options": pc.ReadOptions(column_names=COLUMNS, use_threads=False, block_size=2**30),
    "parse_options": pc.ParseOptions(newlines_in_values=True),
    # An empty text is quoted, and nothing at all is not.
    "convert_options": pc.ConvertOptions(
        column_types=SCHEMA,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    ),
}


class Parquet:
    """Rows, gathered into groups."""

    text = Text.EXACT

    def __init__(self, readme: Readme) -> None:
        self._readme = readme
        self._outlet = Outlet()
        self._writer = pq.ParquetWriter(self._outlet, SCHEMA, compression="zstd")
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._group: list[pa.Table] = []
        self._group_rows = 0

    def begin(self) -> Iterator[bytes]:
        """Yield what a file begins with."""
        yield self._outlet.take()

    def add(self, batch: Batch) -> Iterator[bytes]:
        """Gather the rows; yield a group when it is full."""
        self._unread.append(batch.text)
        self._unread_bytes += len(batch.text)
        if self._unread_bytes >= _READ_BYTES:
            self._read()
        if self._group_rows >= _GROUP_ROWS:
            self._write()
        yield self._outlet.take()

    def end(self) -> Iterator[bytes]:
        """Yield the last group and the file's description."""
        self._read()
        self._write()
        self._writer.add_key_value_metadata({README_KEY: self._readme.text()})
        self._writer.close()
        yield self._outlet.take()

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()

    def _read(self) -> None:
        text = b"".join(self._unread)
        self._unread, self._unread_bytes = [], 0
        if text:
            table = pc.read_csv(pa.BufferReader(text), **_READING).cast(SCHEMA)
            self._group.append(table)
            self._group_rows += table.num_rows

    def _write(self) -> None:
        if self._group:
            self._writer.write_table(pa.concat_tables(self._group), row_group_size=self._group_rows)
        self._group, self._group_rows = [], 0


class Typed(NamedTuple):
    """A column of a small table: its ``type`` is one of ``TYPES``."""

    name: str
    type: str
    values: Sequence[Any]


TYPES: Final = {
    "string": pa.string(),
    "int64": pa.int64(),
    "decimal": pa.decimal128(38, 2),
    "date32": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "bool": pa.bool_(),
}
"""What a column of a small table can hold; decimals have two places."""


def table_bytes(columns: Sequence[Typed], readme: Readme) -> bytes:
    """Return a file of *columns*, which may be called alike, with the *readme* in its description."""
    schema = pa.schema([pa.field(one.name, TYPES[one.type]) for one in columns])
    arrays = [pa.array(one.values, TYPES[one.type]) for one in columns]
    table = pa.Table.from_arrays(arrays, schema=schema.with_metadata({README_KEY: readme.text()}))
    outlet = io.BytesIO()
    pq.write_table(table, outlet, compression="zstd")
    return outlet.getvalue()
