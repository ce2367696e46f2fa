"""The database is lost in the middle of a run: it says so, what was posted stands, and another run brings the rest."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from nodehours.intake.openportal import ingest
from nodehours.ledger.errors import UnavailableError
from nodehours.ledger.store import Connection, connected
from tests.ledger.commands import await_that, ended, run, start, waiting
from tests.ledger.portal import write
from tests.ledger.written import accounts, assert_holds, everything

PROJECTS = ("climate", "fusion", "genome", "ocean")
TERMINATE = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    " and application_name = 'nodehours' and pid <> pg_backend_pid()"
)


def lose_it_at(database_url: str, report: Path, project: int, *, dry_run: bool = False) -> str:
    """Run *report*, terminate the connection before its *project*, and return what is said of that."""

    def watch(_: str, done: int, __: int) -> None:
        if done == project:
            with psycopg.connect(database_url, autocommit=True) as operator:
                operator.execute(TERMINATE)

    with pytest.raises(UnavailableError) as lost, connected(database_url) as connection:
        ingest(connection, [str(report)], "isca", dry_run=dry_run, watch=watch)
    return str(lost.value)


def test_what_was_posted_before_the_connection_was_lost_stands(
    database_url: str, tmp_path: Path
) -> None:
    report = write(tmp_path / "report.json", PROJECTS)

    said = lose_it_at(database_url, report, 2)

    assert said.startswith("the database failed while genome.brics was posted: ")
    with connected(database_url) as connection:
        assert [project for project, _ in accounts(connection)] == ["climate.brics", "fusion.brics"]
        assert_holds(connection)

        rest = ingest(connection, [str(report)], "isca")

        assert [month.revision is None for month in rest.months] == [True] * 6 + [False] * 6
        assert_holds(connection)


def test_a_dry_run_that_loses_its_connection_leaves_no_trace(
    database_url: str, tmp_path: Path
) -> None:
    with connected(database_url) as connection:
        before = everything(connection)

    said = lose_it_at(database_url, write(tmp_path / "report.json", PROJECTS), 2, dry_run=True)

    assert said.startswith("the database failed while genome.brics was posted: ")
    with connected(database_url) as connection:
        assert everything(connection) == before


def test_the_command_says_in_a_sentence_that_the_database_failed(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    report = str(write(tmp_path / "report.json", PROJECTS))
    command = ("ingest", "openportal", "--resource", "isca", report)

    with psycopg.connect(database_url) as holder:
        holder.execute("select from ledger for update")
        lost = start(*command, NODEHOURS_DATABASE_URL=database_url)
        await_that(lambda: waiting(connection) == 1, "it waits for the clock")
        connection.execute(f"{TERMINATE} and wait_event_type = 'Lock'")
        done = ended(lost)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Error: the database failed while climate.brics was posted: ")
    assert "Traceback" not in done.stderr
    assert run(*command, NODEHOURS_DATABASE_URL=database_url).returncode == 0
    assert_holds(connection)
