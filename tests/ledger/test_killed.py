"""An ingest that is killed leaves each project whole or as it was; another run brings the rest."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from nodehours.intake.openportal import ingest
from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection, connected
from tests.databases import database
from tests.ledger.commands import await_that, kill_after, run, start
from tests.ledger.portal import write
from tests.ledger.written import Account, accounts, assert_holds

PROJECTS = [f"p{number}" for number in range(10)]
STATEMENTS = 2 * len(PROJECTS)
INGEST = ("ingest", "openportal", "--resource", "isca")

Accounts = dict[tuple[str, str], Account]


def ingests(connection: Connection) -> int:
    """How many processes are at work on the ledger beside us."""
    ((count,),) = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'nodehours' and pid <> pg_backend_pid()"
    )
    return int(count)


def await_work(connection: Connection, process: subprocess.Popen[str]) -> None:
    await_that(lambda: ingests(connection) == 1 or process.poll() == 0, "it is at work")


@pytest.mark.slow
def test_fifty_kills_of_an_ingest_and_one_run_to_the_end_leave_what_the_run_alone_leaves(
    server_url: str, template: str, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    """Each run has new figures for every day, so each has all its work to do when it is killed."""
    chance = Random(50)
    path = tmp_path / "report.json"
    moved = []
    with database(server_url, template) as url, connected(url) as undisturbed:
        for version in range(50):
            report = str(write(path, PROJECTS, days=40, version=version))
            before, revision = accounts(connection), current_revision(connection)
            whole_run = -time.monotonic()
            ingest(undisturbed, [report], "isca")
            whole_run += time.monotonic()

            killed = start(*INGEST, report, NODEHOURS_DATABASE_URL=database_url)
            await_work(connection, killed)
            kill_after(killed, whole_run * chance.random())

            await_that(lambda: ingests(connection) == 0, "the database has noticed")
            assert_whole_or_as_before(connection, before, accounts(undisturbed))
            moved.append(current_revision(connection) - revision)

        assert run(*INGEST, report, NODEHOURS_DATABASE_URL=database_url).returncode == 0
        assert accounts(connection) == accounts(undisturbed)
    assert any(0 < statements < STATEMENTS for statements in moved), "none was killed at work"


def assert_whole_or_as_before(connection: Connection, before: Accounts, after: Accounts) -> None:
    assert_holds(connection)
    for key, found in accounts(connection).items():
        assert found in (before.get(key), after[key])
