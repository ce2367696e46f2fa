"""Tables and figures as they are taken from pages, read back by what other people use."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import openpyxl
import pyarrow.parquet as pq

from tests.faces.web.world import World


def taken(world: World, who: str, address: str, **chosen: str) -> bytes:
    """Take what *chosen* says from the page at *address*, as *who*."""
    with world.client(who) as client:
        path, _, query = address.partition("?")
        words = dict(pair.split("=") for pair in query.split("&") if pair)
        reply = client.get(path, params={**words, **chosen})
    assert reply.status_code == 200, (address, chosen)
    return reply.content


def table(world: World, who: str, address: str, name: str) -> list[dict[str, Any]]:
    """Take the table *name* of a page: its rows, exactly."""
    text = taken(world, who, address, table=f"{name}.ndjson").decode()
    return [json.loads(line) for line in text.splitlines()]


def drawn_rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a chart is drawn from."""
    sets: list[list[dict[str, Any]]] = list(spec["datasets"].values())
    return max(sets, key=len)


def read_csv(body: bytes) -> tuple[list[str], list[list[str]]]:
    """Read a file of comma-separated values: its fields, and its rows."""
    names, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    return names, rows


def read_parquet(body: bytes) -> tuple[list[str], list[list[Any]]]:
    """Read a Parquet file."""
    found = pq.read_table(io.BytesIO(body))
    return found.column_names, [list(row.values()) for row in found.to_pylist()]


def read_xlsx(body: bytes) -> tuple[list[str], list[list[Any]], str]:
    """Read a workbook: its fields, its rows, and all that its readme says."""
    book = openpyxl.load_workbook(io.BytesIO(body))
    data, readme = (
        next(sheet for sheet in book if (sheet.title == "README") is is_readme)
        for is_readme in (False, True)
    )
    names, *rows = [[cell.value for cell in row] for row in data.iter_rows()]
    told = " ".join(str(cell.value) for row in readme.iter_rows() for cell in row if cell.value)
    return [str(name) for name in names], rows, told
