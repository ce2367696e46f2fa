"""Closing a month and deciding on what waits, beside ingests at work and under kill -9: all of it or nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nodehours.ledger.closing import close_month
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import DailyUsage, Day, ProjectUsage
from tests.ledger.commands import await_that, ended, held_up, run, start
from tests.ledger.months import STAFF, waiting
from tests.ledger.portal import write
from tests.ledger.reports import ORIGIN
from tests.ledger.written import assert_holds, everything


def test_eight_ingests_at_once_land_before_the_close_or_wait(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    """Half of them report on projects whose January is known already, the others bring new ones."""
    projects = [f"p{number}" for number in range(8)]
    settings = {"NODEHOURS_DATABASE_URL": database_url}
    ingest = ("ingest", "openportal", "--resource", "isca", "--json")
    known = str(write(tmp_path / "known.json", projects[:4], days=20))
    assert run(*ingest, known, **settings).returncode == 0
    first = {project: total(connection, project) for project in projects[:4]}
    reports = [
        str(write(tmp_path / f"{project}.json", [project], days=31, version=1))
        for project in projects
    ]

    with held_up(database_url, 9):
        before = [start(*ingest, report, **settings) for report in reports[:4]]
        closing = start("month", "close", "brics", "2026-01", **settings)
        after = [start(*ingest, report, **settings) for report in reports[4:]]
    for process in [*before, closing, *after]:
        assert ended(process).returncode == 0

    revision = closing_revision(connection)
    for project in projects:
        assert lands_or_waits(connection, project, first.get(project), revision)
    assert_holds(connection)


def total(connection: Connection, project: str) -> tuple[int, int, bool] | None:
    """January of *project*: node-seconds, when they were written, whether it is closed."""
    return connection.execute(
        "select statements.node_seconds, max(usage_rows.revision), is_closed"
        " from statements join usage_rows using (allocation_id, year, month)"
        " join allocations on allocations.id = allocation_id join projects on projects.id = project_id"
        " where identifier = %s and year = 2026 and month = 1 group by 1, 3",
        [f"{project}.brics"],
    ).fetchone()


def closing_revision(connection: Connection) -> int:
    ((revision,),) = connection.execute("select closed_revision from closings")
    return int(revision)


def lands_or_waits(
    connection: Connection, project: str, first: tuple[int, int, bool] | None, closing: int
) -> bool:
    found = total(connection, project)
    waits = connection.execute(
        "select pending.node_seconds from pending join allocations on allocations.id = allocation_id"
        " join projects on projects.id = project_id where identifier = %s and status = 'waiting'",
        [f"{project}.brics"],
    ).fetchall()
    if not waits:
        return (
            found is not None and found[0] == expected(project) and found[1] < closing and found[2]
        )
    as_before = found is None if first is None else found == (*first[:2], True)
    return as_before and waits == [(expected(project),)]


def expected(project: str) -> int:
    """What the reports say of January, reckoned from them alone."""
    return sum(
        3600 * number + 60 * day + len(f"{project}.brics") + 1000
        for day in range(31)
        for number in range(6)
    )


def report(connection: Connection, project: str, seconds: int) -> None:
    """Post a day of March with so many node-seconds of nobody."""
    days = {date(2026, 3, 1): Day(True, usage={"al": DailyUsage(seconds)})}
    post(connection, ProjectUsage(ProjectIdentifier.parse(project), days), "isca", ORIGIN)


KILLED_AT = ("usage_days", "usage_rows", "statements", "pending", "ledger")


@pytest.mark.parametrize("table", KILLED_AT)
def test_an_acceptance_that_is_killed_leaves_nothing_of_it_and_another_all(
    database_url: str, connection: Connection, table: str
) -> None:
    """It is killed while it waits for the last of three statements, the first two of which it has written."""
    projects = [f"{name}.brics" for name in ("a", "b", "c")]
    for project in projects:
        report(connection, project, 60)
    close_month(connection, "brics", Month(2026, 3), STAFF)
    for project in projects:
        report(connection, project, 90)
    before = everything(connection)
    command = ("pending", "accept", "1", "2", "3", "--reason", "agreed")

    with psycopg.connect(database_url) as holder:
        holder.execute(LAST_ROW_OF[table])
        process = start(*command, NODEHOURS_DATABASE_URL=database_url)
        await_that(lambda: waits_for_a_lock(connection), "it waits for the row")
        process.kill()
        process.communicate()
        assert everything(connection) == before
    await_that(lambda: nobody_else(connection), "the database has noticed")

    assert everything(connection) == before
    assert run(*command, NODEHOURS_DATABASE_URL=database_url).returncode == 0
    assert waiting(connection) == []
    assert connection.execute("select node_seconds from statements").fetchall() == [(90,)] * 3
    assert_holds(connection)


LAST_ROW_OF: dict[str, Any] = {
    "usage_days": "select from usage_days where allocation_id = 3 for update",
    "usage_rows": "select from usage_rows where allocation_id = 3 for update",
    "statements": "select from statements where allocation_id = 3 for update",
    "pending": "select from pending where id = 3 for update",
    "ledger": "select from ledger for update",
}


def waits_for_a_lock(connection: Connection) -> bool:
    ((count,),) = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'nodehours' and wait_event_type = 'Lock'"
    )
    return int(count) == 1


def nobody_else(connection: Connection) -> bool:
    ((count,),) = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'nodehours' and pid <> pg_backend_pid()"
    )
    return int(count) == 0
