"""The store as the faces open it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.errors import SchemaError, UnavailableError
from nodehours.ledger.schema import schema_status
from nodehours.ledger.store import connected, ready_store, running_store
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
