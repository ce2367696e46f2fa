"""What was reported, and when: statements and their rows as of any revision."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import event, given, settings

from nodehours.ledger.closing import close_month
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.people import User, add_user
from nodehours.ledger.store import Connection, connected
from nodehours.queries import pool
from nodehours.queries.access import operator_scope
from nodehours.queries.moment import find_moment
from nodehours.queries.names import Named, find_named, known_names
from nodehours.queries.statements import (
    RowThen,
    StatementFilter,
    StatementThen,
    list_rows,
    list_statements,
)
from nodehours.terms.as_of import AtRevision
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State
from tests.databases import database
from tests.ledger.moving import MARCH, OCEAN, STAFF, WEATHER, report, whole_month
from tests.ledger.reports import know_alice
from tests.queries.changes import Said, Step, answer, steps, take

EVERYTHING = operator_scope()
ALL = StatementFilter()
STRANGER = Scope(10**9, everything=False)


def statements(
    url: str, at: int, asked: StatementFilter = ALL, scope: Scope = EVERYTHING
) -> list[StatementThen]:
    async def ask(reading: pool.Connection) -> list[StatementThen]:
        return await list_statements(reading, scope, asked, at=at)

    return answer(url, ask)


def rows(
    url: str, at: int, asked: StatementFilter = ALL, scope: Scope = EVERYTHING
) -> list[RowThen]:
    async def ask(reading: pool.Connection) -> list[RowThen]:
        return await list_rows(reading, scope, asked, at=at)

    return answer(url, ask)


def named(url: str, name: str, scope: Scope = EVERYTHING) -> Named | None:
    async def ask(reading: pool.Connection) -> Named | None:
        return await find_named(reading, scope, name)

    return answer(url, ask)


def totals(found: list[StatementThen]) -> list[tuple[Any, ...]]:
    return [(one.project, one.resource, str(one.month), one.node_seconds) for one in found]


def said(found: list[StatementThen], told: list[RowThen]) -> Said:
    """What was found, as the tables have it."""
    return Said(
        [
            (
                one.project, one.resource, one.month.year, one.month.month, one.complete_days,
                one.is_closed, one.is_restated, one.node_seconds, one.unattributed, one.row_count,
                one.revision, one.sha256,
            )
            for one in found
        ],
        [(row.id, row.username, row.full_name, row.node_seconds, row.revision) for row in told],
    )  # fmt: skip


@settings(max_examples=30)
@given(taken=steps)
def test_the_report_as_of_a_revision_is_the_one_of_then(
    server_url: str, template: str, taken: list[Step]
) -> None:
    """Names, states, figures, hashes: whatever happened since."""
    with database(server_url, template) as url:
        with connected(url) as connection:
            know_alice(connection)
            remembered = take(connection, taken)

        async def ask(reading: pool.Connection) -> dict[int, Said]:
            return {
                at: said(
                    await list_statements(reading, EVERYTHING, ALL, at=at),
                    await list_rows(reading, EVERYTHING, ALL, at=at),
                )
                for at in remembered
            }

        assert answer(url, ask) == remembered
        event(f"{len(remembered)} revisions looked at")


@pytest.fixture
def restated(connection: Connection) -> Connection:
    """March of two projects, late jobs, a closed month, a rename and a move: seven revisions."""
    connection.execute("insert into organisations (identifier, name) values ('lab', 'The lab')")
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    report(connection, {"2026-03-02": {"al": 7200}})
    close_month(connection, "climate.brics", MARCH, STAFF)
    rename_project(connection, OCEAN, WEATHER, STAFF)
    move_project(connection, WEATHER, "lab", STAFF)
    report(connection, {"2026-04-01": {"al": 5}})
    return connection


def test_a_statement_says_state_sums_and_since_when(
    restated: Connection, database_url: str
) -> None:
    now = datetime.now(UTC)
    climate, ocean = statements(database_url, 7, StatementFilter(month=MARCH))

    assert (climate.state(now), climate.is_closed, climate.complete_days) == (
        State.RESTATED,
        True,
        31,
    )
    assert (climate.node_seconds, climate.unattributed, climate.row_count) == (10860, 60, 2)
    assert (climate.revision, ocean.revision) == (4, 5)
    assert (ocean.state(now), ocean.is_closed) == (State.PROVISIONAL, False)
    ((recorded, sha256),) = restated.execute(
        "select recorded, sha256 from revisions join statements using (revision) where revision = 4"
    )
    assert (climate.recorded, climate.sha256) == (recorded, sha256)
    assert climate.recorded.tzinfo is UTC


@pytest.mark.usefixtures("restated")
def test_before_late_jobs_the_month_was_complete_and_before_all_there_was_nothing(
    database_url: str,
) -> None:
    now = datetime.now(UTC)

    assert [one.state(now) for one in statements(database_url, 1)] == [State.COMPLETE]
    assert totals(statements(database_url, 1)) == [("climate.brics", "isca", "2026-03", 3660)]
    assert statements(database_url, 0) == []
    assert rows(database_url, 0) == []


@pytest.mark.usefixtures("restated")
def test_the_state_is_judged_at_the_instant_of_then(database_url: str) -> None:
    """While March ran, it was open, complete or not."""
    (march,) = statements(database_url, 1)

    assert march.state(datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)) is State.OPEN
    assert march.state(datetime(2026, 4, 1, tzinfo=UTC)) is State.COMPLETE


@pytest.mark.usefixtures("restated")
def test_a_project_answers_to_all_its_names_and_is_told_by_the_one_of_then(
    database_url: str,
) -> None:
    for name in ("ocean.brics", "weather.brics"):
        asked = StatementFilter(named(database_url, name))
        assert totals(statements(database_url, 4, asked)) == [
            ("ocean.brics", "tigris", "2026-03", 36)
        ]
        assert totals(statements(database_url, 5, asked)) == [
            ("weather.brics", "tigris", "2026-03", 36)
        ]
        assert [row.username for row in rows(database_url, 4, asked)] == [
            "bob.ocean.brics",
            "unknown",
        ]
        assert [row.username for row in rows(database_url, 5, asked)] == [
            "bob.weather.brics",
            "unknown",
        ]


@pytest.mark.usefixtures("restated")
def test_an_organisation_has_the_projects_that_it_had_then(database_url: str) -> None:
    lab = StatementFilter(named(database_url, "lab"))
    brics = StatementFilter(named(database_url, "brics"), MARCH)

    assert statements(database_url, 5, lab) == []
    assert [one.project for one in statements(database_url, 6, lab)] == ["weather.brics"]
    assert [one.project for one in statements(database_url, 5, brics)] == [
        "climate.brics",
        "weather.brics",
    ]
    assert [one.project for one in statements(database_url, 6, brics)] == ["climate.brics"]


@pytest.mark.usefixtures("restated")
def test_months_and_resources_are_asked_for(database_url: str) -> None:
    assert totals(statements(database_url, 7, StatementFilter(month=Month(2026, 4)))) == [
        ("climate.brics", "isca", "2026-04", 5)
    ]
    assert [
        one.project for one in statements(database_url, 7, StatementFilter(resource="tigris"))
    ] == ["weather.brics"]
    assert statements(database_url, 7, StatementFilter(resource="nowhere")) == []
    allocation = statements(database_url, 7)[0].id
    assert len(statements(database_url, 7, StatementFilter(allocation=allocation))) == 2


def test_people_are_told_by_the_names_they_had(connection: Connection, database_url: str) -> None:
    """A name that is given later does not change what was told."""
    report(connection, whole_month(MARCH, al=3600), alice="al")
    add_user(connection, User("alice", "Älice Ångström", "", False, False, True, ["alice.brics"]))

    assert [row.full_name for row in rows(database_url, 1)] == ["", ""]
    now = connection.execute("select revision from ledger").fetchone()
    assert now is not None
    assert rows(database_url, now[0])[0].full_name == "Älice Ångström"


def test_statements_are_told_to_those_who_see_them_whole(
    restated: Connection, database_url: str
) -> None:
    """A member sees their project's. Somebody with rows of their own sees no statement, and a stranger nothing."""
    climate = statements(database_url, 7)[0].id
    member = Scope(10**9, everything=False, allocations=(climate,))
    ((bob,),) = restated.execute("select user_id from identities where identity = 'bob.brics'")

    assert {one.project for one in statements(database_url, 7, ALL, member)} == {"climate.brics"}
    assert {row.allocation for row in rows(database_url, 7, ALL, member)} == {climate}
    for scope in (Scope(bob, everything=False), STRANGER):
        assert statements(database_url, 7, ALL, scope) == []
        assert rows(database_url, 7, ALL, scope) == []


@pytest.mark.usefixtures("restated")
def test_names_that_a_reader_may_not_see_lead_nowhere(database_url: str) -> None:
    climate = statements(database_url, 7)[0].id
    member = Scope(10**9, everything=False, allocations=(climate,))

    def names(scope: Scope) -> list[str]:
        return answer(database_url, lambda reading: known_names(reading, scope))

    assert named(database_url, "climate.brics", member) == named(database_url, "climate.brics")
    assert named(database_url, "brics", member) is not None
    for scope, name in ((member, "ocean.brics"), (member, "lab"), (STRANGER, "climate.brics")):
        assert named(database_url, name, scope) is None
    assert names(EVERYTHING) == ["brics", "climate.brics", "lab", "ocean.brics", "weather.brics"]
    assert names(member) == ["brics", "climate.brics"]
    assert names(STRANGER) == []


def test_the_moment_is_now_or_that_of_a_revision(restated: Connection, database_url: str) -> None:
    ((recorded,),) = restated.execute("select recorded from revisions where revision = 3")

    now = answer(database_url, lambda reading: find_moment(reading, EVERYTHING, None))
    then = answer(database_url, lambda reading: find_moment(reading, EVERYTHING, AtRevision(3)))

    assert now.revision == 7
    assert now.instant > recorded
    assert then == (3, recorded)
