"""Dumps and loads as processes that are held up or killed: a dump is whole, a ledger full or empty."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from nodehours.ledger.dump import dump
from nodehours.ledger.load import load
from nodehours.ledger.manifest import DumpError
from nodehours.ledger.store import Connection
from tests.ledger.commands import await_that, ended, kill_after, run, start
from tests.ledger.dumps import another, fill, post, rows

_SHORT_TIMES = "-c statement_timeout=1s -c lock_timeout=1s"
_WAITS = """
select exists (
    select from pg_stat_activity
    where datname = current_database() and application_name = 'nodehours' and wait_event_type = 'Lock'
        and clock_timestamp() - query_start > make_interval(secs => %s)
)
"""
_IS_THERE = """
select exists (
    select from pg_stat_activity where datname = current_database() and application_name = 'nodehours'
        and pid <> pg_backend_pid()
)
"""


@pytest.fixture
def filled(connection: Connection, tmp_path: Path) -> Connection:
    """A ledger with usage that was posted twice, and people."""
    fill(connection, tmp_path)
    return connection


@contextmanager
def stuck(
    url: str, hold: LiteralString, *command: str, seconds: float = 0
) -> Iterator[subprocess.Popen[str]]:
    """Start *command* and yield it when it waits, for so many *seconds* at least, for what *hold* holds."""
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as watcher:
        holder.execute(hold)
        its_url = make_conninfo(url, options=_SHORT_TIMES if seconds else "")
        process = start(*command, NODEHOURS_DATABASE_URL=its_url)
        await_that(
            lambda: (
                watcher.execute(_WAITS, [seconds]).fetchone() == (True,)
                or process.poll() is not None
            ),
            "the command waits",
        )
        assert process.poll() is None, ended(process).stderr
        yield process


def await_silence(connection: Connection) -> None:
    """Wait until the database has noticed that nobody else is there."""
    await_that(lambda: connection.execute(_IS_THERE).fetchone() == (False,), "nobody is there")


def test_a_killed_dump_leaves_nothing_that_has_its_name(filled: Connection, tmp_path: Path) -> None:
    """It is killed after half of the tables."""
    home = tmp_path / "home"
    home.mkdir()
    held = "lock table projects in access exclusive mode"

    with stuck(filled.info.dsn, held, "dump", str(home / "dump")) as process:
        kill_after(process, 0)

    (remains,) = home.iterdir()
    assert remains.name.startswith("dump.unfinished-")
    assert (remains / "daily_usage.parquet").exists()
    with pytest.raises(DumpError, match=r"is no dump: there is no manifest\.json in it"):
        load(filled, remains)
    assert run("dump", str(home / "dump"), NODEHOURS_DATABASE_URL=filled.info.dsn).returncode == 0


def test_a_load_that_is_killed_when_all_rows_are_in_leaves_the_ledger_empty(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """It is killed while it waits to set a sequence."""
    dump(filled, tmp_path / "dump")

    with another(server_url, template) as copy:
        before = rows(copy)
        held = "alter sequence users_id_seq cache 1"
        with stuck(copy.info.dsn, held, "load", str(tmp_path / "dump")) as process:
            kill_after(process, 0)
        await_silence(copy)

        assert rows(copy) == before
        post(copy, tmp_path, 0)


@pytest.mark.slow
def test_a_load_that_is_killed_at_any_time_leaves_the_ledger_empty_or_full(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    chance = Random(8)
    dump(filled, tmp_path / "dump")
    with another(server_url, template) as copy:
        empty, whole_run = rows(copy), -time.monotonic()
        load(copy, tmp_path / "dump")
        whole_run += time.monotonic()
        full = rows(copy)

    for _ in range(8):
        with another(server_url, template) as copy:
            before = rows(copy)
            url = copy.info.dsn
            process = start("load", str(tmp_path / "dump"), NODEHOURS_DATABASE_URL=url)
            await_that(
                lambda: copy.execute(_IS_THERE).fetchone() == (True,) or process.poll() is not None,  # noqa: B023  # asked at once
                "the load is at work",
            )
            kill_after(process, whole_run * chance.random())
            await_silence(copy)

            assert rows(copy) in (before, full)
            if rows(copy) == before:
                assert (
                    run("load", str(tmp_path / "dump"), NODEHOURS_DATABASE_URL=url).returncode == 0
                )
            assert rows(copy) == full
    assert empty != full


def test_a_database_that_cuts_off_what_takes_long_is_dumped_and_loaded_all_the_same(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """Each is held up for longer than the database's times allow."""
    held = "lock table daily_usage in access exclusive mode"
    with stuck(filled.info.dsn, held, "dump", str(tmp_path / "dump"), seconds=1.5) as process:
        pass
    assert ended(process).stderr == ""

    with another(server_url, template) as copy:
        held = "select from ledger for update"
        url = copy.info.dsn
        with stuck(url, held, "load", str(tmp_path / "dump"), seconds=1.5) as process:
            pass
        assert ended(process).stderr == ""
        assert rows(copy) == rows(filled)


def test_who_posts_while_a_ledger_is_loaded_posts_afterwards(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """The load waits for a posting that was first, and then finds that the ledger is not empty."""
    dump(filled, tmp_path / "dump")

    with another(server_url, template) as copy:
        with stuck(
            copy.info.dsn,
            "update ledger set revision = revision + 1",
            "load",
            str(tmp_path / "dump"),
        ) as process:
            pass
        done = ended(process)

        assert done.returncode == 3
        assert done.stderr == (
            "Error: the ledger is at revision 1: a dump is loaded into an empty one\n"
        )
