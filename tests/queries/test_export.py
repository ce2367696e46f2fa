"""The whole listing as text: for every ledger, reader, question and moment it is what the API lists."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any
from uuid import UUID

import anyio
import psycopg
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from psycopg import sql

from nodehours.ledger.clock import current_revision
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection as Writing
from nodehours.ledger.store import connected
from nodehours.queries.access import operator_scope
from nodehours.queries.clock import Snapshot
from nodehours.queries.export import ExportFilter, export_usage
from nodehours.queries.export_text import (
    BLANKS,
    FORMULA_SIGNS,
    HOURS,
    INERT_BEFORE,
    Text,
    inert_text,
)
from nodehours.queries.moment import find_moment
from nodehours.queries.names import find_named
from nodehours.queries.pool import Connection, StoreUnavailableError
from nodehours.queries.usage import list_usage
from nodehours.queries.usage_details import usage_details
from nodehours.queries.user_named import find_user_named
from nodehours.terms.as_of import AtRevision
from nodehours.terms.node_seconds import MAX_NODE_SECONDS, node_hours
from nodehours.terms.row import UsageFilter, UsageRow
from nodehours.terms.scope import Scope
from tests.databases import database
from tests.exported import ALL, Row, connect, crowd, exported, read_csv, read_ndjson
from tests.ledger.moving import MARCH, OCEAN, STAFF, WEATHER, report, whole_month
from tests.ledger.reports import know_alice
from tests.queries import changes
from tests.queries.ledgers import Naming, Posting, Question, questions, remembered, steps

laws = settings(max_examples=25)
several = st.lists(questions, min_size=2, max_size=5)
EVERYTHING = operator_scope()
ORGANISATIONS = "select uuid, identifier from organisations"
STATEMENTS = "select coalesce(sum(node_seconds), 0)::bigint from statements"


async def listed(
    reading: Connection, scope: Scope, rows: list[UsageRow], at: Snapshot
) -> list[Row]:
    """What the API tells of *rows*, key by key."""
    known = await (await reading.execute(ORGANISATIONS)).fetchall()
    organisations: dict[UUID, str] = dict(known)
    details = await usage_details(reading, scope, rows, at=at.revision)
    return [
        {
            "id": row.id,
            "year": row.year,
            "month": row.month,
            "state": details[row.id].state(at.instant).value,
            "is_closed": details[row.id].is_closed,
            "project_identifier": details[row.id].project_identifier,
            "organisation": organisations[details[row.id].organisation],
            "resource": details[row.id].resource_name,
            "allocation_uuid": row.allocation.hex,
            "user_uuid": row.user and row.user.hex,
            "username": row.username,
            "full_name": row.full_name,
            "node_seconds": row.node_seconds,
            "node_hours": node_hours(row.node_seconds),
            "revision": row.revision,
            "modified": details[row.id].modified,
        }
        for row in rows
    ]


def told(rows: list[Row]) -> list[Row]:
    """Exported rows as ``listed`` tells them."""
    return [row | {"modified": datetime.fromisoformat(row["modified"])} for row in rows]


@laws
@given(taken=steps, asked=several)
def test_the_export_is_the_list_whoever_asks_for_whatever_as_of_whenever(
    server_url: str, template: str, taken: list[Posting | Naming], asked: list[Question]
) -> None:
    with remembered(server_url, template, taken) as states:

        async def ask_again(reading: Connection) -> None:
            for at, then in states.items():
                for question in asked:
                    scope, wanted, expected = then.ask(question)
                    found = await exported(
                        reading, scope, "ndjson", ExportFilter(wanted), AtRevision(at)
                    )
                    rows = read_ndjson(found.data)
                    assert told(rows) == await listed(reading, scope, expected, found.snapshot)
                    assert sum(tally.rows for tally in found.tallies) == len(rows)
                    assert sum(tally.node_seconds for tally in found.tallies) == sum(
                        row.node_seconds for row in expected
                    )
                    event("rows" if expected else "nothing")

        states[0].answer(ask_again)


@laws
@given(taken=changes.steps)
def test_states_closings_names_and_organisations_are_those_of_then(
    server_url: str, template: str, taken: list[changes.Step]
) -> None:
    with database(server_url, template) as url:
        with connected(url) as connection:
            know_alice(connection)
            said = changes.take(connection, taken)

        async def compare(reading: Connection) -> None:
            for at in said:
                found = await exported(reading, EVERYTHING, "ndjson", ALL, AtRevision(at))
                page = await list_usage(
                    reading, EVERYTHING, UsageFilter(), offset=0, limit=10**6, at=at
                )
                expected = await listed(reading, EVERYTHING, page.rows, found.snapshot)
                assert told(read_ndjson(found.data)) == expected

        changes.answer(url, compare)
        event(f"{len(said)} revisions looked at")


@laws
@given(taken=steps)
def test_the_rows_come_to_the_statements_and_csv_says_what_ndjson_says(
    server_url: str, template: str, taken: list[Posting | Naming]
) -> None:
    with remembered(server_url, template, taken) as states:

        async def sum_up(reading: Connection) -> None:
            as_json = read_ndjson((await exported(reading, EVERYTHING, "ndjson")).data)
            as_csv = read_csv((await exported(reading, EVERYTHING, "csv")).data)
            ((total,),) = await (await reading.execute(STATEMENTS)).fetchall()
            assert as_csv == as_json
            assert sum(row["node_seconds"] for row in as_json) == total

        states[0].answer(sum_up)


def rounded(server_url: str, figures: list[int]) -> list[str]:
    """What the database makes of *figures*."""
    query = sql.SQL(
        "select (rounded.centihours * 0.01)::text"
        " from unnest(%s::bigint[]) with ordinality as told (node_seconds, place) {} order by place"
    ).format(HOURS)
    with psycopg.connect(server_url) as connection:
        return [hours for (hours,) in connection.execute(query, [figures])]


@given(figures=st.lists(st.integers(0, MAX_NODE_SECONDS) | st.integers(0, 10**4), max_size=50))
def test_the_database_rounds_node_hours_as_we_do(server_url: str, figures: list[int]) -> None:
    assert rounded(server_url, figures) == [node_hours(figure) for figure in figures]


def test_node_hours_are_rounded_half_to_even_at_every_place(server_url: str) -> None:
    figures = [*range(200), *range(MAX_NODE_SECONDS - 100, MAX_NODE_SECONDS + 1)]

    assert rounded(server_url, figures) == [node_hours(figure) for figure in figures]


def test_the_signs_are_all_that_unicode_takes_for_them() -> None:
    alike = {
        chr(code)
        for code in range(0x110000)
        if unicodedata.normalize("NFKC", chr(code)) in {*"=+-@"}
    }

    assert set(FORMULA_SIGNS) == alike


def test_the_blanks_are_all_that_unicode_takes_for_such_and_the_mark_of_byte_order() -> None:
    blank = {chr(code) for code in range(0x110000) if chr(code).isspace()}

    assert set(BLANKS) == blank | {"\ufeff"}


@given(
    texts=st.lists(
        st.text(
            st.sampled_from(sorted(INERT_BEFORE))
            | st.characters(exclude_characters="\0", codec="utf-8")
        ),
        max_size=20,
    )
)
def test_an_inert_text_begins_like_no_formula_and_gives_the_text_back(
    server_url: str, texts: list[str]
) -> None:
    query = sql.SQL(
        "select {} from unnest(%s::text[]) with ordinality as t (x, place) order by place"
    )
    with psycopg.connect(server_url) as connection:
        found = [x for (x,) in connection.execute(query.format(inert_text("t.x")), [texts])]

    assert [text.removeprefix("'") for text in found] == texts
    assert not any(text[:1] in {*FORMULA_SIGNS, *BLANKS} for text in found if text)
    assert all(inert == text for inert, text in zip(found, texts, strict=True) if text[:1] == "a")


@pytest.fixture
def march(connection: Writing) -> Writing:
    """Alice and somebody unknown worked in March, Bob in another project on another resource."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    return connection


def export(
    url: str, asked: ExportFilter = ALL, scope: Scope = EVERYTHING, **options: Any
) -> list[Row]:
    async def ask() -> list[Row]:
        async with await connect(url) as reading:
            return read_ndjson((await exported(reading, scope, "ndjson", asked, **options)).data)

    return anyio.run(ask)


def found(url: str, name: str, scope: Scope = EVERYTHING) -> UUID | None:
    async def ask() -> UUID | None:
        async with await connect(url) as reading:
            user = await find_user_named(reading, scope, name)
            return user and user.uuid

    return anyio.run(ask)


def test_an_empty_ledger_has_no_rows(database_url: str) -> None:
    assert export(database_url) == []


@pytest.mark.parametrize("at", [None, AtRevision(2)])
def test_what_is_posted_meanwhile_is_not_in_it(
    march: Writing, database_url: str, at: AtRevision | None
) -> None:
    before = export(database_url)

    async def post() -> None:
        report(march, {"2026-03-02": {"al": 7200}}, alice="al")
        report(march, {"2026-04-02": {"al": 7200, "new": 1}}, alice="al", zoe="new")

    assert export(database_url, as_of=at, meanwhile=post) == before
    assert current_revision(march) == 4
    assert len(export(database_url)) > len(before)
    assert export(database_url, as_of=AtRevision(2)) == before


def test_what_was_posted_since_the_moment_was_chosen_is_not_in_it(
    march: Writing, database_url: str
) -> None:
    """The moment may have been chosen long before the listing is read, over another connection."""
    before = export(database_url)

    async def ask() -> list[Row]:
        async with await connect(database_url) as reading:
            at = await find_moment(reading, EVERYTHING, None)
            report(march, {"2026-03-02": {"al": 7200}}, alice="al")
            async with export_usage(reading, EVERYTHING, ALL, at=at) as listing:
                texts = [batch.text async for batch in listing.batches(Text.NDJSON)]
        return read_ndjson(b"".join(texts))

    assert anyio.run(ask) == before


def test_what_is_posted_between_two_batches_is_not_in_it(
    connection: Writing, database_url: str
) -> None:
    crowd(connection)
    before = export(database_url)

    async def ask() -> tuple[list[Row], int]:
        async with await connect(database_url) as reading:
            at = await find_moment(reading, EVERYTHING, None)
            texts = []
            async with export_usage(reading, EVERYTHING, ALL, at=at) as listing:
                async for batch in listing.batches(Text.NDJSON):
                    texts.append(batch.text)
                    day = f"2026-03-{len(texts) + 1:02}"
                    report(connection, {day: {"l1199": 72, "new": 1}}, zoe="new")
        return read_ndjson(b"".join(texts)), len(texts)

    rows, batches = anyio.run(ask)
    assert rows == before
    assert batches > 2
    assert current_revision(connection) == 1 + batches


def test_a_listing_that_is_given_up_leaves_its_connection_of_use(
    connection: Writing, database_url: str
) -> None:
    crowd(connection)

    async def ask() -> int:
        async with await connect(database_url) as reading:
            at = await find_moment(reading, EVERYTHING, None)
            async with export_usage(reading, EVERYTHING, ALL, at=at) as listing:
                batches = listing.batches(Text.CSV)
                await anext(batches)
                await batches.aclose()
            return len(read_csv((await exported(reading, EVERYTHING, "csv")).data))

    assert anyio.run(ask) == 1201


def test_a_project_an_organisation_and_a_resource_can_be_asked_for(
    march: Writing, database_url: str
) -> None:
    rename_project(march, OCEAN, WEATHER, STAFF)

    async def of(name: str) -> list[Row]:
        async with await connect(database_url) as reading:
            named = await find_named(reading, EVERYTHING, name)
            asked = ExportFilter(named=named)
            return read_ndjson((await exported(reading, EVERYTHING, "ndjson", asked)).data)

    everything = export(database_url)
    weather = [row for row in everything if row["project_identifier"] == "weather.brics"]
    assert len(weather) == 2
    assert anyio.run(of, "ocean.brics") == anyio.run(of, "weather.brics") == weather
    assert anyio.run(of, "brics") == everything
    assert export(database_url, ExportFilter(resource="tigris")) == weather
    assert export(database_url, ExportFilter(resource="nowhere")) == []


def test_what_changed_after_a_revision_can_be_asked_for(march: Writing, database_url: str) -> None:
    report(march, {"2026-03-02": {"al": 7200}}, alice="al")

    (row,) = export(database_url, ExportFilter(UsageFilter(after=2)))
    assert (row["username"], row["node_seconds"], row["revision"]) == (
        "alice.climate.brics",
        10800,
        3,
    )


@pytest.mark.usefixtures("march")
@pytest.mark.parametrize("name", ["alice.brics", "alice.climate.brics", "alice.weather.brics"])
def test_a_user_is_found_by_identity_and_by_user_identifier(database_url: str, name: str) -> None:
    uuid = found(database_url, name)

    rows = export(database_url, ExportFilter(UsageFilter(user=uuid)))
    assert [row["username"] for row in rows] == ["alice.climate.brics"]
    assert found(database_url, str(uuid)) == uuid
    assert found(database_url, "unknown") is None


def test_nobody_is_found_whom_the_reader_does_not_see(march: Writing, database_url: str) -> None:
    ((bob, oceans),) = march.execute(
        "select user_id, allocation_id from usage_rows where username = 'bob.ocean.brics'"
    )

    assert found(database_url, "bob.brics", Scope(bob, everything=False)) is not None
    assert found(database_url, "bob.brics", Scope(0, False, (oceans,))) is not None
    assert found(database_url, "bob.brics", Scope(0, everything=False)) is None


def test_a_database_that_fails_on_the_way_is_told_of_and_not_asked_again(
    march: Writing, database_url: str
) -> None:
    async def ask() -> None:
        async with await connect(database_url) as reading:

            async def kill() -> None:
                march.execute("select pg_terminate_backend(%s, 60000)", [reading.info.backend_pid])

            await exported(reading, EVERYTHING, "csv", meanwhile=kill)

    with pytest.raises(StoreUnavailableError):
        anyio.run(ask)
