"""The OpenPortal report of each project and month: the openportal package reads from it what the ledger says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nodehours.intake.openportal import ingest
from nodehours.ledger.closing import close_month
from nodehours.ledger.errors import LedgerError
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import rename_project
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection, connected
from nodehours.queries import pool, project_reports
from nodehours.queries.access import operator_scope
from nodehours.queries.project_reports import ReportFilter, ReportRow, find_report, list_reports
from nodehours.terms.identifiers import UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.project_report import report_id
from nodehours.terms.scope import Scope
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage
from tests.databases import database
from tests.ledger.moving import CLIMATE, MARCH, OCEAN, STAFF, WEATHER, report, whole_month
from tests.ledger.reports import know_alice
from tests.queries import changes, ledgers
from tests.queries.changes import answer
from tests.sources.wheel import openportal, read_one

Seen = frozenset[int] | None
EVERYTHING = operator_scope()
ALL = ReportFilter()
STRANGER = Scope(10**9, everything=False)
DATA = Path(__file__).parents[1] / "data" / "openportal"
MONTHS = sorted(DATA.glob("*.2026-*.json"))
SAMPLES = [*MONTHS, *sorted(DATA.glob("*.3months.json")), DATA / "legacy_minimal.json"]
ALICE, BOB = "alice.climate.brics", "bob.climate.brics"

_STATEMENTS = """
select allocation_id, year, month, projects.identifier, projects.uuid, resources.name, complete_days, node_seconds
from statements
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
join resources on resources.id = resource_id
order by year, month, allocation_id
"""
_USERS = """
select username, sum(node_seconds)::bigint from usage_rows
where (allocation_id, year, month) = (%s, %s, %s) group by username
"""
_DAYS = """
select day, d.is_complete, d.jobs, d.wait_seconds, d.node_seconds,
       coalesce(sum(u.jobs), 0)::bigint, coalesce(sum(u.wait_seconds), 0)::bigint
from usage_days d left join daily_usage u using (allocation_id, day)
where (allocation_id, year, month) = (%s, %s, %s) group by allocation_id, day order by day
"""
_COMPONENTS = """
select component, sum(component_seconds)::bigint from daily_components join usage_days using (allocation_id, day)
where (allocation_id, year, month) = (%s, %s, %s) group by component
"""


def listed(
    url: str, asked: ReportFilter = ALL, scope: Scope = EVERYTHING, offset: int = 0, limit: int = 99
) -> list[ReportRow]:
    async def ask(reading: pool.Connection) -> list[ReportRow]:
        total, rows = await list_reports(reading, scope, asked, offset=offset, limit=limit)
        assert total == await project_reports.count_reports(reading, scope, asked)
        assert len(rows) == min(limit, max(0, total - offset))
        return rows

    return answer(url, ask)


def found(url: str, number: int, scope: Scope = EVERYTHING) -> ReportRow | None:
    return answer(url, lambda reading: find_report(reading, scope, number))


def the_only(url: str) -> ReportRow:
    (row,) = listed(url)
    return row


def by_wheel(row: ReportRow) -> Any:
    return openportal.ProjectUsageReport.from_json(msgspec.json.encode(row.report).decode())


def figures(row: ReportRow) -> dict[str, int]:
    """What the package reads of each user and of nobody, but for what is 0."""
    there = by_wheel(row)
    users = {str(user): there.usage(user).seconds for user in there.users}
    told = users | {"unknown": there.unmapped_usage.seconds}
    return {name: seconds for name, seconds in told.items() if seconds}


def check(connection: Connection, rows: Sequence[ReportRow]) -> None:
    """All of the ledger's statements have their report among *rows*, in order, and it says what they say."""
    statements = connection.execute(_STATEMENTS).fetchall()
    assert len(rows) == len(statements)
    for row, statement in zip(rows, statements, strict=True):
        *place, project, uuid, resource, complete_days, total = statement
        month = Month(*place[1:])
        is_complete = month.is_over(datetime.now(UTC)) and complete_days == month.day_count
        number = report_id(place[0], month)
        assert row[:7] == (number, *place[1:], project, uuid, resource, is_complete)
        there = by_wheel(row)
        assert (str(there.project), there.total_usage.seconds) == (project, total)
        assert days_there(there) == connection.execute(_DAYS, place).fetchall()
        told = {name: there.get_component(name).total_usage.seconds for name in there.components}
        assert told == dict(connection.execute(_COMPONENTS, place).fetchall())
        check_users(there, dict(connection.execute(_USERS, place).fetchall()))


def days_there(there: Any) -> list[tuple[Any, ...]]:
    """Each day as the package reads it, and what it has of jobs and waits by local user, added up."""
    told = []
    for day in sorted(there.dates):
        one = there.get_report(day)
        (daily,) = one.daily_reports(False)
        names = daily.local_users()
        totals = one.num_jobs, one.total_wait_seconds, one.total_usage.seconds
        jobs = sum(daily.num_jobs_for_user(name) for name in names)
        waits = sum(daily.wait_seconds_for_user(name) for name in names)
        told.append((day, daily.is_complete, *totals, jobs, waits))
    return told


def check_users(there: Any, rows: dict[str, int]) -> None:
    """After a merge two rows may have one name; only one of them has usage."""
    assert there.unmapped_usage.seconds == rows.pop("unknown")
    users = {str(user): there.usage(user).seconds for user in there.users}
    assert {user: users.get(user, 0) for user in rows} == rows
    assert not any(seconds for user, seconds in users.items() if user not in rows)
    mapped = list(there.user_mapping.values())
    assert len({*mapped, "unknown"}) == len(mapped) + 1


def test_reports_rebuilt_from_the_ledger_say_what_its_statements_say(
    connection: Connection, database_url: str
) -> None:
    for path in SAMPLES:
        assert ingest(connection, [str(path)], "isca").faults == []

    check(connection, listed(database_url))


@pytest.mark.parametrize("path", MONTHS, ids=lambda p: p.name)
def test_a_report_of_a_month_comes_back_as_it_came(
    connection: Connection, database_url: str, path: Path
) -> None:
    """Members without usage too. Without any day there is no statement."""
    came = read_one(path.read_bytes())
    ingest(connection, [str(path)], "isca")

    back = [read_one(msgspec.json.encode(row.report)) for row in listed(database_url)]

    assert back == ([came] if came.days else [])


@settings(max_examples=15)
@given(taken=changes.steps)
def test_after_every_step_of_any_history_reports_say_what_the_ledger_says(
    server_url: str, template: str, taken: list[changes.Step]
) -> None:
    """Restatements, disputes, closed months, decisions, names, mappings, merges."""
    with database(server_url, template) as url, connected(url) as connection:
        know_alice(connection)
        for step in taken:
            with suppress(LedgerError):
                step.take(connection)
            check(connection, listed(url))


_filters = st.builds(
    ReportFilter,
    st.none() | st.sampled_from([2023, 2024, 2025, 0, 10**30]),
    st.none() | st.sampled_from([1, 2, 11, -1]),
    st.none() | st.sampled_from(["climate.brics", "maths.gw4", "nothing"]),
    resource=st.none() | st.sampled_from(["isca", "tigris", ""]),
    is_complete=st.none() | st.booleans(),
)


@settings(max_examples=15)
@given(ledgers.postings, _filters, st.none() | st.frozensets(st.integers(1, 5)))
def test_pages_one_after_the_other_are_all_that_is_asked_for_and_visible(
    server_url: str, template: str, posted: list[ledgers.Posting], asked: ReportFilter, seen: Seen
) -> None:
    scope = Scope(1, seen is None, tuple(seen or ()))
    size = 1 + len(posted) % 4
    with database(server_url, template) as url, connected(url) as connection:
        for posting in posted:
            posting.take(connection)
        every = listed(url)
        check(connection, every)

        offsets = range(0, len(every) + 1, size)
        pages = [listed(url, asked, scope, offset, size) for offset in offsets]

        visible = [row for row in every if seen is None or row.id >> 12 in seen]
        wanted = [
            row
            for row in visible
            if all(value in (None, getattr(row, name)) for name, value in asked._asdict().items())
        ]
        assert [row for page in pages for row in page] == wanted
        for row in every[:3]:
            assert listed(url, ReportFilter(id=row.id, project=row.project)) == [row]
            assert found(url, row.id, scope) == (row if row in visible else None)
        event(f"{len(wanted)} of {len(every)}")


def test_a_local_user_renamed_within_the_month_is_one_users(
    connection: Connection, database_url: str
) -> None:
    """Jobs, waits and components too; the one of them that is not theirs alone stays as it is."""
    first = Day(True, 3, 9, {"al": DailyUsage(100, 2, 5)}, {Component("al", "cpu"): 800})
    second = Day(True, 1, 4, {"x": DailyUsage(7, 1, 4)}, {Component("x", "cpu"): 56})
    both = Day(True, usage={"al": DailyUsage(1), "x": DailyUsage(2), "old": DailyUsage(4)})
    days = {date(2026, 3, 1): first, date(2026, 3, 2): second, date(2026, 3, 3): both}
    alice = UserIdentifier.parse(ALICE)
    post(connection, ProjectUsage(CLIMATE, days, frozenset({Claim("al", alice)})), "isca", STAFF)
    post(connection, ProjectUsage(CLIMATE, {}, frozenset({Claim("x", alice)})), "isca", STAFF)

    row = the_only(database_url)

    assert row.report.users == {ALICE: "al"}
    assert figures(row) == {ALICE: 110, "unknown": 4}
    assert list(row.report.reports["2026-03-03"].reports) == ["al", "old"]
    assert by_wheel(row).get_component("cpu").usage(openportal.UserIdentifier(ALICE)).seconds == 856
    check(connection, [row])


def test_a_disputed_local_user_is_nobodys(connection: Connection, database_url: str) -> None:
    report(connection, {"2026-03-01": {"al": 100, "sh": 60}}, alice="al", bob="sh")
    report(connection, {}, carol="sh")

    row = the_only(database_url)

    assert row.report.users == {ALICE: "al"}
    assert figures(row) == {ALICE: 100, "unknown": 60}


def test_what_staff_decided_holds(connection: Connection, database_url: str) -> None:
    report(connection, {"2026-03-01": {"al": 100, "sh": 60, "old": 7}}, alice="al", bob="sh")
    bob = UserIdentifier.parse(BOB)
    map_local_user(connection, CLIMATE, "isca", "sh", None, STAFF)
    map_local_user(connection, CLIMATE, "isca", "old", bob, STAFF)

    row = the_only(database_url)

    assert row.report.users == {ALICE: "al", BOB: "old"}
    assert figures(row) == {ALICE: 100, BOB: 7, "unknown": 60}


def test_who_left_keeps_what_they_used_and_who_was_never_known_is_nobody(
    connection: Connection, database_url: str
) -> None:
    """Bob is in the first report only, and gone before anybody knew whose "gone" is."""
    report(connection, {"2026-03-01": {"al": 1, "bo": 20, "gone": 300}}, alice="al", bob="bo")
    report(connection, {"2026-03-02": {"al": 2}}, alice="al", carol="ca")

    row = the_only(database_url)

    assert row.report.users == {ALICE: "al", BOB: "bo", "carol.climate.brics": "ca"}
    assert figures(row) == {ALICE: 3, BOB: 20, "unknown": 300}


def test_in_a_closed_month_all_stays_as_it_was_told(
    connection: Connection, database_url: str
) -> None:
    """Bob is alice, old is hers, and the project is called otherwise; the month waits for all that."""
    days = whole_month(MARCH, al=100, bo=20, old=3)
    report(connection, days, alice="al", bob="bo")
    close_month(connection, "climate.brics", MARCH, STAFF)
    merge_users(connection, "bob.brics", "alice.brics", STAFF)
    map_local_user(connection, CLIMATE, "isca", "old", UserIdentifier.parse(ALICE), STAFF)
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    row = the_only(database_url)

    assert (row.project_identifier, row.report.project) == ("weather.brics", "weather.brics")
    assert row.report.users == {ALICE: "al", BOB: "bo"}
    assert figures(row) == {ALICE: 100, BOB: 20, "unknown": 3}
    check(connection, [row])


def test_users_merged_and_projects_renamed_are_named_as_their_rows_are(
    connection: Connection, database_url: str
) -> None:
    """A month of which nothing is told anew leaves out who had the former name only."""
    report(connection, {"2026-03-01": {"al": 100, "bo": 20}}, alice="al", bob="bo", carol="ca")
    report(connection, {"2026-02-01": {}})
    merge_users(connection, "bob.brics", "alice.brics", STAFF)
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    idle, row = listed(database_url)

    assert (idle.project_identifier, idle.report.users) == ("weather.brics", {})
    assert row.report.users == {"alice.weather.brics": "al", "carol.weather.brics": "ca"}
    assert figures(row) == {"alice.weather.brics": 120}
    for name in ("climate.brics", "weather.brics"):
        assert listed(database_url, ReportFilter(project_identifier=name)) == [idle, row]


@pytest.fixture
def two(connection: Connection) -> None:
    """Alice and bob used something of the climate's, and bob of the ocean's."""
    report(connection, whole_month(MARCH, al=100, bo=20), alice="al", bob="bo")
    report(connection, {"2026-03-01": {"bo": 5}}, OCEAN, bob="bo")


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("whole", "seen"),
    [((1, 2), ["climate.brics", "ocean.brics"]), ((1,), ["climate.brics"]), ((), [])],
    ids=["owner", "member", "user"],
)
def test_a_report_is_for_those_who_see_the_whole_allocation(
    connection: Connection, database_url: str, whole: tuple[int, ...], seen: list[str]
) -> None:
    """Bob has rows of his own in both; by that he is not even told that there are reports."""
    ((bob,),) = connection.execute("select user_id from identities where identity = 'bob.brics'")
    scope = Scope(bob, everything=False, allocations=whole)

    assert [row.project_identifier for row in listed(database_url, scope=scope)] == seen
    for row in listed(database_url):
        is_seen = row.project_identifier in seen
        assert found(database_url, row.id, scope) == (row if is_seen else None)
        assert found(database_url, row.id, STRANGER) is None
    assert listed(database_url, scope=STRANGER) == []


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("number", [0, -1, 4096, 1, 2**75, report_id(1, Month(2026, 4))])
def test_there_is_no_report_of_what_was_not_reported(database_url: str, number: int) -> None:
    assert found(database_url, number) is None


def test_a_month_is_complete_when_it_is_over_and_each_of_its_days_is(
    connection: Connection, database_url: str
) -> None:
    now = Month.of(datetime.now(UTC).date())
    report(connection, whole_month(now, al=1) | {"2024-01-01": {}} | whole_month(Month(2024, 2)))

    told = {(row.year, row.month): row.is_complete for row in listed(database_url)}

    assert told == {(2024, 1): False, (2024, 2): True, (now.year, now.month): False}
    (complete,) = listed(database_url, ReportFilter(is_complete=True))
    assert (complete.month, by_wheel(complete).is_complete) == (2, True)


class _Watched:
    """A connection that counts questions; before that of number *turn* something happens."""

    def __init__(self, reading: pool.Connection, turn: int, happen: Callable[[], object]) -> None:
        self.reading, self.turn, self.happen, self.asked = reading, turn, happen, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reading, name)

    async def execute(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        if self.asked == self.turn:
            self.happen()
        return await self.reading.execute(*args, **more)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_page_is_of_one_moment_and_costs_as_many_questions_as_any_other(
    connection: Connection, database_url: str, turn: int
) -> None:
    """Before one of its questions a restatement comes in between."""

    async def ask(reading: pool.Connection) -> tuple[int, list[ReportRow]]:
        watched = _Watched(reading, turn, restate)
        page = cast("pool.Connection", watched)
        _, rows = await list_reports(page, EVERYTHING, ALL, offset=0, limit=turn)
        return watched.asked, rows

    def restate() -> None:
        report(connection, {"2026-03-01": {"al": 1, "new": 2, "old": 4}}, zoe="new")

    asked, (row, *_) = answer(database_url, ask)

    before, after = {ALICE: 100, BOB: 20}, {ALICE: 1, "zoe.climate.brics": 2, "unknown": 4}
    assert figures(row) == (after if turn <= 2 else before)
    assert asked == 8
