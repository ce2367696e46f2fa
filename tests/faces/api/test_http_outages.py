"""The database goes away under the server: a right answer or a 503, and right answers when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.centre import REPORTS, Centre, centre

END_SESSIONS = """
select pid, pg_terminate_backend(pid) from pg_stat_activity
where datname = %s and application_name = 'nodehours'
"""
STILL_THERE = "select from pg_stat_activity where pid = any(%s)"


@pytest.fixture(name="centre")
def own_centre(database_url: str) -> Iterator[Centre]:
    """A centre whose database this test may take away."""
    with centre(database_url, REPORTS) as found:
        yield found


class Operator:
    """Whoever restarts the database, or shuts it."""

    def __init__(self, connection: psycopg.Connection, database: str) -> None:
        self._connection = connection
        self._database = database

    def end_sessions(self) -> int:
        """End all sessions of the server, wait until they have ended, and return how many they were."""
        found = self._connection.execute(END_SESSIONS, [self._database])
        pids = [pid for pid, _ in found]
        while self._connection.execute(STILL_THERE, [pids]).fetchone():
            pass
        return len(pids)

    def allow_sessions(self, *, is_open: bool) -> None:
        allow = sql.SQL("alter database {} with allow_connections {}")
        names = (sql.Identifier(self._database), sql.Literal(is_open))
        self._connection.execute(allow.format(*names))


@pytest.fixture
def operator(centre: Centre, server_url: str) -> Iterator[Operator]:
    database = conninfo_to_dict(centre.database_url)["dbname"]
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield Operator(connection, str(database))


def ask(client: httpx.Client) -> httpx.Response:
    return client.get("", params={"page_size": 300})


def test_sessions_that_ended_while_nobody_asked_go_unnoticed(
    centre: Centre, operator: Operator
) -> None:
    """As after a restart of the database: also when there were several, and they are all needed at once."""
    with centre.client("staff") as client, ThreadPoolExecutor(8) as readers:
        for _ in range(10):
            list(readers.map(lambda _: ask(client), range(24)))
            assert operator.end_sessions() >= 1

            replies = list(readers.map(lambda _: ask(client), range(24)))

            assert {reply.status_code for reply in replies} == {200}
            assert all(reply.json() == centre.wire(centre.rows) for reply in replies)


def test_sessions_that_end_at_work_cost_a_503_at_most(centre: Centre, operator: Operator) -> None:
    stopped = Event()

    def ask_on(client: httpx.Client) -> list[httpx.Response]:
        replies = [ask(client)]
        while not stopped.is_set():
            replies.append(ask(client))
        return replies

    with centre.client("staff") as client, ThreadPoolExecutor(4) as readers:
        working = [readers.submit(ask_on, client) for _ in range(4)]
        ended = 0
        while ended < 40:
            ended += operator.end_sessions()
        stopped.set()
        replies = [reply for reader in working for reply in reader.result()]

        for reply in replies:
            if reply.status_code == 503:
                assert reply.headers["Retry-After"] == "5"
                assert reply.headers["Content-Type"] == "application/json"
                assert "unavailable" in reply.json()["detail"]
            else:
                assert (reply.status_code, reply.json()) == (200, centre.wire(centre.rows))
        assert ask(client).json() == centre.wire(centre.rows)


def test_a_database_that_takes_no_connections_is_said_to_be_unavailable(
    centre: Centre, operator: Operator
) -> None:
    """And once it takes them again, the same server answers."""
    with centre.client("staff") as client, ThreadPoolExecutor(2) as readers:
        operator.allow_sessions(is_open=False)
        operator.end_sessions()
        asked, counted = readers.submit(ask, client), readers.submit(client.head, "")
        refused, refused_head = asked.result(), counted.result()
        operator.allow_sessions(is_open=True)
        answered = ask(client)

    assert refused.status_code == refused_head.status_code == 503
    assert refused.json() == {"detail": "The ledger is unavailable just now. Try again shortly."}
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert (refused_head.content, refused_head.headers["Retry-After"]) == (b"", "5")
    assert (answered.status_code, answered.json()) == (200, centre.wire(centre.rows))


def test_strangers_are_turned_away_without_the_database(centre: Centre, operator: Operator) -> None:
    """What needs no ledger to be said is said without it."""
    with centre.client(None) as client:
        operator.end_sessions()
        assert ask(client).status_code == 401
        assert client.get("", headers={"Accept": "text/html"}).status_code == 406
