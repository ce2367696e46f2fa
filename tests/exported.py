"""The usage listing, exported and read back: each form's rows as one and the same dictionaries."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import openpyxl
import psycopg
import pyarrow.parquet as pq

from nodehours.faces.export.forms import FORMS, streamed
from nodehours.faces.export.readme import Readme, readme
from nodehours.ledger.store import Connection as Writing
from nodehours.queries.clock import Snapshot
from nodehours.queries.export import ExportFilter, Tally, export_usage
from nodehours.queries.export_text import COLUMNS
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Connection
from nodehours.terms.as_of import AsOf
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.scope import Scope
from tests.ledger.moving import CLIMATE, report

ALL = ExportFilter()
_NUMBERS = ("id", "year", "month", "node_seconds", "revision")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")

Row = dict[str, Any]


class Exported(NamedTuple):
    """A file, what its readme says, and the tallies that were known before it was written."""

    data: bytes
    readme: Readme
    tallies: list[Tally]
    snapshot: Snapshot


async def exported(
    connection: Connection,
    scope: Scope,
    form: str,
    asked: ExportFilter = ALL,
    as_of: AsOf | None = None,
    pseudonyms: Pseudonyms | None = None,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Exported:
    """Export the listing; *meanwhile* something is done when its moment is fixed and nothing is read yet."""
    at = await find_moment(connection, scope, as_of)
    async with export_usage(connection, scope, asked, at=at, pseudonyms=pseudonyms) as listing:
        if meanwhile:
            await meanwhile()
        about = readme(listing, {}, FORMS[form].notes, datetime.now(UTC))
        pieces = [piece async for piece in streamed(listing, FORMS[form].writer(about))]
    assert pieces[-1].rows == listing.rows
    return Exported(b"".join(piece.data for piece in pieces), about, [*listing.tallies], at)


def crowd(connection: Writing, people: int = 1200) -> None:
    """Report so many people that their rows do not come in one batch; ``p0007`` has the local user ``l0007``."""
    known = {f"p{number:04}": f"l{number:04}" for number in range(people)}
    report(connection, {"2026-03-01": dict.fromkeys(known.values(), 36)}, CLIMATE, "isca", **known)


async def connect(url: str) -> Connection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


def read_csv(data: bytes) -> list[Row]:
    """Read CSV; an apostrophe before a text is taken away, as the readme says."""
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
    return [_typed({name: value.removeprefix("'") for name, value in row.items()}) for row in rows]


def _typed(row: dict[str, str]) -> Row:
    numbers = {name: int(row[name]) for name in _NUMBERS}
    return {
        **row,
        **numbers,
        "is_closed": {"true": True, "false": False}[row["is_closed"]],
        "user_uuid": row["user_uuid"] or None,
    }


def read_ndjson(data: bytes) -> list[Row]:
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def read_parquet(data: bytes) -> list[Row]:
    table = pq.read_table(pa_buffer(data))
    return [
        {
            **row,
            "node_hours": str(row["node_hours"]),
            "modified": row["modified"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        for row in table.to_pylist()
    ]


def pa_buffer(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


def read_xlsx(data: bytes) -> list[Row]:
    """Read all sheets of rows; what XML cannot say is read as Excel reads it."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames[:2] == ["README", "usage"]
    found = []
    for name in book.sheetnames[1:]:
        header, *rows = book[name].iter_rows(values_only=True)
        assert header == COLUMNS
        found += [_cells(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    return found


def _cells(row: Row) -> Row:
    texts = {
        name: _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value or "")
        for name, value in row.items()
        if isinstance(value, str | None)
    }
    hours = Decimal(str(row["node_hours"])).quantize(Decimal("0.01"))
    numbers = {name: int(row[name]) for name in _NUMBERS}
    return row | texts | numbers | {"node_hours": str(hours), "user_uuid": row["user_uuid"]}


READERS = {"csv": read_csv, "ndjson": read_ndjson, "parquet": read_parquet, "xlsx": read_xlsx}
assert READERS.keys() == FORMS.keys()


def rows_of(form: str, data: bytes) -> list[Row]:
    """The rows of a file, each with exactly the columns, in their order."""
    rows = READERS[form](data)
    assert all(tuple(row) == COLUMNS for row in rows)
    return rows
