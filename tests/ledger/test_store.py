"""The store as the faces open it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.errors import SchemaError, UnavailableError
from nodehours.ledger.post import post
from nodehours.ledger.schema import schema_status
from nodehours.ledger.store import connected, ready_store, running_store
from nodehours.ledger.verify import verify
from nodehours.queries.access import operator_scope
from nodehours.queries.clock import Snapshot, find_snapshot
from nodehours.queries.pool import read, reading_pool
from nodehours.terms.as_of import AsOf, AtDay
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.usage import DailyUsage, Day, ProjectUsage
from tests.ledger.servers import data_directory, processes


def test_a_connection_that_cannot_be_had_is_said_in_a_sentence() -> None:
    with (
        pytest.raises(UnavailableError, match=r"^cannot reach the database: "),
        connected("postgresql://127.0.0.1:1/nothing"),
    ):
        pass


def test_a_connection_that_is_lost_is_said_in_a_sentence(database_url: str) -> None:
    with pytest.raises(UnavailableError, match=r"^the database failed: terminating connection"):
        lose_connection(database_url)


def lose_connection(database_url: str) -> None:
    with connected(database_url) as connection, psycopg.connect(database_url) as operator:
        operator.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        connection.execute("select 1")


def test_what_is_not_committed_together_is_committed_at_once(database_url: str) -> None:
    with connected(database_url) as connection, psycopg.connect(database_url) as other:
        connection.execute("insert into resources (name) values ('isca')")

        assert other.execute("select name from resources").fetchall() == [("isca",)]


def test_whatever_way_to_write_dates_the_database_prefers_hashes_are_the_same_and_times_are_read(
    database_url: str,
) -> None:
    with psycopg.connect(database_url, autocommit=True) as operator:
        operator.execute(
            "do $$ begin execute format('alter database %I set datestyle = German', current_database()); end $$"
        )
    with connected(database_url) as connection:
        days = {date(2026, 3, 1): Day(True, usage={"al": DailyUsage(60)})}
        post(
            connection,
            ProjectUsage(ProjectIdentifier.parse("climate.brics"), days),
            "isca",
            Origin(),
        )

        assert verify(connection).differences == ()
    as_of = AtDay(datetime.now(UTC).date())
    with asyncio.Runner() as runner:
        found = runner.run(_snapshot(database_url, as_of))

    assert found.revision == 1


async def _snapshot(database_url: str, as_of: AsOf) -> Snapshot:
    async with reading_pool(database_url, size=1) as pool:
        return await read(pool, lambda c: find_snapshot(c, operator_scope(), as_of))


def test_your_own_database_is_taken_as_it_is_and_never_set_up_unasked(
    server_url: str, database_url: str, tmp_path: Path
) -> None:
    with ready_store(database_url, tmp_path) as url:
        assert url == database_url
    with running_store(server_url, tmp_path) as url:
        assert url == server_url
    with pytest.raises(SchemaError, match="no ledger yet"), ready_store(server_url, tmp_path):
        pass

    assert list(tmp_path.iterdir()) == []
    assert schema_status(server_url).current is None


def test_the_embedded_database_is_set_up_when_it_is_first_needed() -> None:
    with data_directory() as data_dir:
        with running_store(None, data_dir) as url:
            assert schema_status(url).current is None
        with ready_store(None, data_dir) as url:
            assert schema_status(url).is_newest

        assert processes(data_dir) == []
