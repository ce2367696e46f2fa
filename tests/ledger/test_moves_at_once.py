"""Commands that move parts of the world, several at once and killed: one after the other, whole or not at all."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.merging import merge_users
from nodehours.ledger.people import User, add_user
from nodehours.ledger.store import Connection
from tests.ledger.commands import await_that, ended, held_up, run, start, waiting
from tests.ledger.moving import OCEAN, STAFF, assert_still_told, places, report, rows, told, totals
from tests.ledger.portal import PEOPLE, write
from tests.ledger.written import assert_holds, everything

INGEST = ("ingest", "openportal", "--resource", "isca")
RENAME = ("project", "rename", "climate.brics", "weather.brics")
MERGE = ("user", "merge", "alice.brics", "bob.brics")
MAP = ("association", "map", "climate.brics", "isca", "old", "carol.climate.brics")
MOVE = ("project", "move", "climate.brics", "uk")


@pytest.fixture
def climate(database_url: str, tmp_path: Path) -> str:
    """A ledger with two months and a bit of one project; the path of its report."""
    path = str(write(tmp_path / "report.json", ["climate"]))
    for command in ((*INGEST, path), ("organisation", "add", "uk")):
        assert run(*command, NODEHOURS_DATABASE_URL=database_url).returncode == 0
    return path


def test_changes_and_postings_at_once_come_one_after_the_other(
    database_url: str, connection: Connection, climate: str, tmp_path: Path
) -> None:
    before = told(connection)
    later = str(write(tmp_path / "later.json", ["climate", "ocean"], version=1))
    commands = (RENAME, MERGE, MAP, MOVE, (*INGEST, later), (*INGEST, climate))

    with held_up(database_url, len(commands)):
        running = [start(*command, NODEHOURS_DATABASE_URL=database_url) for command in commands]
    done = [ended(process) for process in running]

    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * len(commands)
    assert_holds(connection)
    assert_still_told(connection, before)
    assert places(before).items() <= places(told(connection)).items()
    used = {name for project, _, name, n in rows(connection) if n and project == "weather.brics"}
    assert used == {"alice.weather.brics", "carol.weather.brics", "dave.weather.brics", "unknown"}


@pytest.mark.usefixtures("climate")
def test_merged_in_a_ring_at_once_one_of_them_is_told_so(
    database_url: str, connection: Connection
) -> None:
    """Three logins, each merged into the next: two merges are carried out, and nobody loses a second."""
    before = totals(told(connection))
    ring = PEOPLE[:3]
    for name in ring:
        add_user(connection, User(name, "", "", False, False, True, [f"{name}.brics"]))
    pairs = zip(ring, (*ring[1:], ring[0]), strict=True)

    with held_up(database_url, len(ring)):
        running = [
            start("user", "merge", *pair, NODEHOURS_DATABASE_URL=database_url) for pair in pairs
        ]
    done = sorted((ended(process) for process in running), key=lambda one: one.returncode)

    assert [one.returncode for one in done] == [0, 0, 3]
    assert "was merged with" in done[-1].stderr
    assert totals(told(connection)) == before
    assert_holds(connection)


@pytest.mark.usefixtures("climate")
def test_a_role_given_to_a_login_while_it_is_merged_is_not_lost_unsaid(
    database_url: str, connection: Connection
) -> None:
    """Who waits for the merge finds that the login is no more."""
    for name in ("alice", "bob"):
        add_user(connection, User(name, "", "", False, False, True, [f"{name}.brics"]))

    with psycopg.connect(database_url, autocommit=True) as watcher, connection.transaction():
        merge_users(connection, "alice", "bob", STAFF)
        giving = start(
            "role", "grant", "alice", "owner", "brics", NODEHOURS_DATABASE_URL=database_url
        )
        await_that(lambda: waiting(watcher) == 1, "the command waits")
    done = ended(giving)

    assert (done.returncode, done.stderr) == (3, "Error: alice was merged with bob\n")


@pytest.mark.usefixtures("climate")
@pytest.mark.parametrize("command", [RENAME, MERGE, MAP, MOVE], ids=lambda command: command[1])
def test_a_command_killed_in_the_middle_of_its_work_leaves_all_as_it_was(
    database_url: str, connection: Connection, command: tuple[str, ...]
) -> None:
    """It is held up where it records its revision, after all else is written, and killed there."""
    report(connection, {"2026-01-01": {"alice_l": 1}}, OCEAN, alice="alice_l")
    before = everything(connection)

    with psycopg.connect(database_url) as holder:
        holder.execute("lock table revisions in share row exclusive mode")
        killed = start(*command, NODEHOURS_DATABASE_URL=database_url)
        with psycopg.connect(database_url, autocommit=True) as watcher:
            await_that(lambda: waiting(watcher) == 1, "it comes to its record")
            os.killpg(killed.pid, signal.SIGKILL)
            ended(killed)
        holder.rollback()
    with psycopg.connect(database_url, autocommit=True) as watcher:
        await_that(lambda: at_work(watcher) == 0, "the database has noticed")

    assert everything(connection) == before
    assert run(*command, NODEHOURS_DATABASE_URL=database_url).returncode == 0
    assert_holds(connection)


def at_work(connection: psycopg.Connection) -> int:
    """How many transactions of the program are under way."""
    found = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'nodehours' and xact_start is not null"
    ).fetchone()
    return int(found[0]) if found else 0
