"""Every form, read back by a program that is not ours, has the rows that the database told, and nothing else."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.faces.export.forms import FORMS, Writer
from nodehours.faces.export.parquet import README_KEY, SCHEMA
from nodehours.faces.export.readme import Readme
from nodehours.faces.export.xlsx import Xlsx
from nodehours.faces.export.zipped import Zipped
from nodehours.ledger.closing import close_month
from nodehours.ledger.store import connected
from nodehours.queries.access import Reader as SignedIn
from nodehours.queries.access import operator_scope, sign_in
from nodehours.queries.export import Batch, ExportFilter
from nodehours.queries.export_text import BLANKS, COLUMNS, FORMULA_SIGNS
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope
from nodehours.terms.token import token_sha256
from tests.centre import READERS, Centre
from tests.databases import database
from tests.exported import Exported, Row, connect, exported, rows_of
from tests.faces.export.hostile import NAMES, call, names
from tests.ledger.moving import CLIMATE, MARCH, STAFF, report

EVERYTHING = operator_scope()
WHAT = Readme([("as of revision", "1"), ("filters", "=1+1")], {"Unit": [("node-hours",)]})
MADE = datetime(2026, 4, 1, 9, 0, 1, tzinfo=UTC)
PARAMETERS = {
    "year": "year",
    "month": "month",
    "allocation": "allocation_uuid",
    "user": "user_uuid",
}
every_form = pytest.mark.parametrize("form", FORMS)


def export(url: str, form: str, scope: Scope = EVERYTHING, **options: Any) -> Exported:
    async def ask() -> Exported:
        async with await connect(url) as reading:
            return await exported(reading, scope, form, **options)

    return anyio.run(ask)


def written(writer: Writer, batches: list[Batch]) -> bytes:
    parts = [*writer.begin()]
    for batch in batches:
        parts += writer.add(batch)
    return b"".join([*parts, *writer.end()])


@pytest.fixture(scope="module")
def crowded(server_url: str, template: str) -> Iterator[tuple[str, list[str]]]:
    """A ledger of people of hostile names on a resource of a hostile name, and these names."""
    with database(server_url, template) as url, connected(url) as connection:
        users = {f"user{number}": f"l{number}" for number in range(len(NAMES))}
        used = {local: 18 + 7 * number for number, local in enumerate(users.values())}
        report(connection, {"2026-03-01": used}, CLIMATE, '=cmd,"<&', **users)
        called = call(connection, NAMES)
        close_month(connection, "climate.brics", MARCH, STAFF)
        yield url, called


@every_form
def test_an_empty_ledger_makes_a_file_without_rows(database_url: str, form: str) -> None:
    assert rows_of(form, export(database_url, form).data) == []


@every_form
def test_names_that_would_steer_a_file_are_told_as_they_are(
    crowded: tuple[str, list[str]], form: str
) -> None:
    url, called = crowded

    rows = rows_of(form, export(url, form).data)

    told = [row["full_name"] for row in rows if row["user_uuid"]]
    assert sorted(told) == sorted(called)
    assert {row["resource"] for row in rows} == {'=cmd,"<&'}
    assert rows == rows_of("ndjson", export(url, "ndjson").data)


@settings(max_examples=15)
@given(given=st.lists(names, min_size=1, max_size=10))
def test_all_forms_tell_the_same_whatever_people_are_called(
    server_url: str, template: str, given: list[str]
) -> None:
    with database(server_url, template) as url:
        with connected(url) as connection:
            users = {f"user{number}": f"l{number}" for number in range(10)}
            report(
                connection,
                {"2026-03-01": dict.fromkeys(users.values(), 18)},
                CLIMATE,
                "isca",
                **users,
            )
            called = call(connection, given)
        told = {form: rows_of(form, export(url, form).data) for form in FORMS}

    assert sorted(row["full_name"] for row in told["ndjson"] if row["user_uuid"]) == sorted(called)
    assert all(rows == told["ndjson"] for rows in told.values())


@pytest.mark.parametrize("name", READERS)
def test_each_reader_exports_what_the_api_lists(centre: Centre, name: str) -> None:
    """Every page of the API, beside each form."""
    chosen = [
        column for column in COLUMNS if column not in {"node_hours", "organisation", "resource"}
    ]
    query: dict[str, list[str] | int] = {
        "field": [*chosen, "node_usage", "resource_name"],
        "page_size": 10,
    }
    with centre.client(name) as client:
        reply = client.get("", params=query)
        listed = reply.json()
        while url := reply.links.get("next", {}).get("url"):
            reply = client.get(url)
            listed += reply.json()
    scope = scope_of(centre, name)

    for form in FORMS:
        rows = rows_of(form, export(centre.database_url, form, scope).data)
        assert [as_listed(row) for row in rows] == [same_time(row) for row in listed]


@pytest.mark.parametrize("name", ["staff", "owner", "member", "alice", "busy", "nobody"])
def test_each_filter_exports_what_the_api_lists_under_it(centre: Centre, name: str) -> None:
    (allocation, user), *_ = [(row.allocation, row.user) for row in centre.rows if row.user]
    filters = [
        UsageFilter(year=2024),
        UsageFilter(month=2),
        UsageFilter(year=2024, month=2),
        UsageFilter(allocation=allocation),
        UsageFilter(user=user),
        UsageFilter(user=user, allocation=allocation, year=2024),
        UsageFilter(year=1999),
    ]
    scope = scope_of(centre, name)

    for asked in filters:
        given = {
            PARAMETERS[key]: str(value)
            for key, value in asked._asdict().items()
            if value is not None
        }
        with centre.client(name) as client:
            listed = client.get("", params={"field": "id", "page_size": "300"} | given).json()
        found = export(centre.database_url, "csv", scope, asked=ExportFilter(asked))
        assert [row["id"] for row in rows_of("csv", found.data)] == [row["id"] for row in listed]


def scope_of(centre: Centre, name: str) -> Scope:
    async def ask() -> Scope:
        async with await connect(centre.database_url) as reading:
            found = await sign_in(reading, token_sha256(centre.tokens[name]))
            assert isinstance(found, SignedIn)
            return found.scope

    return anyio.run(ask)


def as_listed(row: Row) -> Row:
    """An exported row under the API's keys."""
    other = {"node_usage": row["node_hours"], "resource_name": row["resource"]}
    return same_time(
        {
            name: value
            for name, value in row.items()
            if name not in {"node_hours", "organisation", "resource"}
        }
        | other
    )


def same_time(row: Row) -> Row:
    return row | {"modified": datetime.fromisoformat(row["modified"])}


def test_csv_is_as_rfc_4180_says(crowded: tuple[str, list[str]]) -> None:
    data = export(crowded[0], "csv").data

    header, _, rest = data.partition(b"\r\n")
    assert header.decode() == ",".join(COLUMNS)
    rows = list(csv.reader(io.StringIO(rest.decode(), newline=""), strict=True))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    again = io.StringIO()
    csv.writer(again).writerows(rows)
    assert list(csv.reader(io.StringIO(again.getvalue(), newline=""))) == rows
    assert rest.endswith(b"Z\r\n")


def test_no_cell_of_csv_begins_like_a_formula(crowded: tuple[str, list[str]]) -> None:
    data = export(crowded[0], "csv").data.decode()

    for row in csv.reader(io.StringIO(data, newline="")):
        assert not [cell for cell in row if cell[:1] and cell[0] in FORMULA_SIGNS + BLANKS]


def test_parquet_has_exact_types_and_the_readme(crowded: tuple[str, list[str]]) -> None:
    found = export(crowded[0], "parquet")
    file = pq.ParquetFile(io.BytesIO(found.data))

    assert file.schema_arrow.remove_metadata().equals(SCHEMA)
    assert file.schema_arrow.field("node_hours").type == pa.decimal128(18, 2)
    assert file.metadata.metadata[README_KEY.encode()].decode() == found.readme.text()


def test_a_cell_of_xlsx_is_a_text_and_stays_one_when_it_is_edited(
    crowded: tuple[str, list[str]],
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(export(crowded[0], "xlsx").data))

    cells = [
        cell for row in book["usage"].iter_rows(min_row=2) for cell in row if cell.value is not None
    ]
    assert {cell.data_type for cell in cells} == {"n", "s", "b"}
    formulas = [
        cell
        for cell in cells
        if isinstance(cell.value, str) and cell.value[0] in FORMULA_SIGNS + BLANKS
    ]
    assert len(formulas) > len(NAMES)
    assert all(cell.quotePrefix for cell in formulas)


def test_xlsx_begins_with_the_readme(crowded: tuple[str, list[str]]) -> None:
    found = export(crowded[0], "xlsx")

    book = openpyxl.load_workbook(io.BytesIO(found.data))
    lines = [tuple(cell for cell in row if cell is not None) for row in book["README"].values]
    assert lines == [tuple(line) for line in found.readme.lines()]
    assert book["usage"].freeze_panes == "A2"


def batch(*rows: str) -> Batch:
    return Batch(len(rows), "".join(f"{row}\n" for row in rows).encode())


def line(number: int, node_seconds: int = 36, node_hours: str = "0.01") -> str:
    return (
        f"{number},2026,3,open,false,climate.brics,brics,isca,aa,,unknown,"
        f'"",{node_seconds},{node_hours},1,2026-03-01T00:00:00.000000Z'
    )


@pytest.mark.parametrize("limit", [{"max_rows": 3}, {"max_bytes": 4000}])
def test_more_rows_than_a_sheet_holds_go_on_in_the_next(limit: dict[str, int]) -> None:
    batches = [batch(line(1), line(2)), *(batch(line(number)) for number in range(3, 11))]

    data = written(Xlsx(WHAT, **limit), batches)

    assert [row["id"] for row in rows_of("xlsx", data)] == [*range(1, 11)]
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == [
        "README",
        "usage",
        *(f"usage {n}" for n in range(2, len(book.sheetnames))),
    ]
    assert len(book.sheetnames) > 3


def test_a_figure_of_more_digits_than_a_spreadsheet_keeps_is_a_text() -> None:
    most = line(1, MAX_NODE_SECONDS, "2562047788015215.50")
    whole = line(2, 10**15 - 1, "9999999999999.99")

    book = openpyxl.load_workbook(io.BytesIO(written(Xlsx(WHAT), [batch(most, whole)])))

    _, first, second = book["usage"].iter_rows(min_col=13, max_col=14)
    assert [cell.value for cell in first] == [str(MAX_NODE_SECONDS), "2562047788015215.50"]
    assert [cell.value for cell in second] == [10**15 - 1, 9999999999999.99]


def test_many_rows_go_into_several_groups_of_parquet() -> None:
    rows = [
        batch(*(line(number) for number in range(start, start + 10_000)))
        for start in range(0, 200_000, 10_000)
    ]

    data = written(FORMS["parquet"].writer(WHAT), rows)

    file = pq.ParquetFile(io.BytesIO(data))
    assert file.metadata.num_row_groups > 1
    assert file.read(["id"]).column("id").to_pylist() == [*range(200_000)]


@every_form
def test_a_zip_has_the_file_and_its_readme(form: str) -> None:
    plain = written(FORMS[form].writer(WHAT), [batch(line(1))])

    data = written(Zipped(FORMS[form].writer(WHAT), f"usage.{form}", WHAT, MADE), [batch(line(1))])

    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        assert found.namelist() == ["README.txt", f"usage.{form}"]
        assert found.read("README.txt").decode() == WHAT.text()
        assert len(found.read(f"usage.{form}")) == pytest.approx(len(plain), abs=20)
        assert found.getinfo(f"usage.{form}").date_time == (2026, 4, 1, 9, 0, 0)
