from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.faces.export.parquet import README_KEY
from nodehours.faces.export.readme import Readme
from nodehours.faces.export.sheet import letters
from nodehours.faces.export.table_file import MEDIA_TYPES, Field, FieldKind, table_file
from nodehours.queries.export_text import INERT_BEFORE

README = Readme([("table", "Users <&>")], {"Unit": [("node_hours is node_seconds / 3600",)]})
FIELDS = [
    Field("user", FieldKind.TEXT),
    Field("used_node_seconds", FieldKind.INTEGER),
    Field("used_node_hours", FieldKind.DECIMAL),
    Field("day", FieldKind.DAY),
    Field("changed_utc", FieldKind.INSTANT),
    Field("is_closed", FieldKind.BOOLEAN),
]
HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "<script>alert(1)</script>", 'a "b", c', "line\nbreak",
    "\u202eright to left", "🐙" * 16, "x" * 64, "_x0041_", "\x01", "\uff1d1", "",
]  # fmt: skip
WHEN = datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC)
ROWS: list[list[Any]] = [
    *([name, 7200, "2.00", date(2026, 3, 4), WHEN, True] for name in HOSTILE),
    [None, None, None, None, None, None],
    ["large", 2**63 - 1, "2562047788015215.50", date(1970, 1, 1), WHEN, False],
    ["less", -36, "-0.01", None, None, None],
]


def unescaped(text: str) -> str:
    """Read a text as a spreadsheet does, where openpyxl leaves it as it stands in the file."""
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


def test_csv_has_every_value_and_taking_an_apostrophe_away_gives_every_text_back() -> None:
    data = table_file("csv", FIELDS, ROWS, README)

    head, *lines = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    assert head == [field.name for field in FIELDS]
    assert [line[0].removeprefix("'") for line in lines] == [row[0] or "" for row in ROWS]
    for line, name in zip(lines, HOSTILE, strict=False):
        assert line[0] == (f"'{name}" if name[:1] in INERT_BEFORE else name)
        assert line[1:] == ["7200", "2.00", "2026-03-04", "2026-03-04T05:06:07.890000Z", "true"]
    assert lines[-1] == ["less", "-36", "-0.01", "", "", ""]


def test_a_name_of_a_column_is_inert_in_csv_as_well() -> None:
    data = table_file("csv", [Field("=cmd", FieldKind.INTEGER)], [[1]], README)

    assert data == b"'=cmd\r\n1\r\n"


def test_ndjson_has_decimals_as_texts_and_nothing_as_null() -> None:
    lines = [json.loads(line) for line in table_file("ndjson", FIELDS, ROWS, README).splitlines()]

    assert [line["user"] for line in lines] == [row[0] for row in ROWS]
    assert lines[0] == {
        "user": "=1+1",
        "used_node_seconds": 7200,
        "used_node_hours": "2.00",
        "day": "2026-03-04",
        "changed_utc": "2026-03-04T05:06:07.890000Z",
        "is_closed": True,
    }
    assert set(lines[len(HOSTILE)].values()) == {None}


def test_parquet_is_typed_and_has_the_readme_in_its_description() -> None:
    table = pq.read_table(io.BytesIO(table_file("parquet", FIELDS, ROWS, README)))

    assert table.to_pylist() == [
        dict(zip(table.column_names, [*row[:2], row[2] and Decimal(row[2]), *row[3:]], strict=True))
        for row in ROWS
    ]
    assert table.schema.metadata[README_KEY.encode()].decode() == README.text()


def test_xlsx_has_a_readme_and_texts_that_are_no_formulas() -> None:
    book = openpyxl.load_workbook(io.BytesIO(table_file("xlsx", FIELDS, ROWS, README)))

    assert book.sheetnames == ["README", "table"]
    assert book["README"]["B2"].value == "Users <&>"
    head, *lines = book["table"].iter_rows()
    assert [cell.value for cell in head] == [field.name for field in FIELDS]
    for line, name in zip(lines, HOSTILE, strict=False):
        assert line[0].data_type in {"s", "inlineStr", "n"}
        assert unescaped(line[0].value or "") == name
        assert line[1].value == 7200
        assert line[5].value is True
    assert lines[-2][1].value == str(2**63 - 1), "a spreadsheet would round it as a number"
    assert lines[-1][2].value == -0.01


def test_the_readme_can_be_taken_by_itself() -> None:
    assert table_file("readme", FIELDS, ROWS, README).decode() == README.text()


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_a_table_without_rows_is_a_file_all_the_same(form: str) -> None:
    assert table_file(form, FIELDS, [], README) or form == "ndjson"


@pytest.mark.parametrize(
    ("column", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_are_called_as_spreadsheets_call_them(column: int, name: str) -> None:
    assert letters(column) == name


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_whatever_a_text_is_csv_gives_it_back(texts: list[str]) -> None:
    data = table_file("csv", FIELDS[:1], [[text] for text in texts], README)

    _, *lines = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    read = ["".join(line) for line in lines]
    assert all(text[:1] not in set(INERT_BEFORE) - {"'"} for text in read)
    assert [text.removeprefix("'") for text in read] == texts
