"""A real PostgreSQL for every test that asks: one server a run, one database a test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from nodehours.ledger.embedded import embedded_postgresql
from nodehours.ledger.schema import upgrade_schema
from nodehours.ledger.store import Connection, connected
from tests.centre import CROWD, REPORTS, Centre, centre
from tests.databases import database, named

# A test machine may be slow and shared: time proves nothing here (see bench/).
hypothesis.settings.register_profile(
    "nodehours", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("nodehours")

TEMPLATE = "ledger_template"
STORE = "NODEHOURS_TEST_STORE"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of a random name is made in it
_ROOM_BYTES = 6 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Heed Ctrl-C; make the run's directory before the worker processes start, which find it in their environment.

    Not pytest's own: when we are root the server runs as another user, and pytest shuts others out of its own.
    """
    # A shell may have it that what runs in the background ignores Ctrl-C, and so would every command that is tested.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[STORE] = tempfile.mkdtemp(prefix="nodehours-tests-", dir=_memory())


def _memory() -> Path | None:
    """Where files are kept in memory, if there is enough of it: each test's database is written and thrown away."""
    is_roomy = _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > _ROOM_BYTES
    return _SHARED_MEMORY if is_roomy and os.access(_SHARED_MEMORY, os.W_OK) else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(STORE), ignore_errors=True)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of the run's PostgreSQL server, shared by all worker processes; never the machine's own."""
    with embedded_postgresql(Path(os.environ[STORE])) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            # What a test writes need not survive a power cut.
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield url


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a database with the newest schema, of which the tests' databases are copies."""
    name = f"{TEMPLATE}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    upgrade_schema(named(server_url, name))
    return name


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of an empty ledger of the test's own."""
    with database(server_url, template) as url:
        yield url


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """The URL of a database in which nobody has made a ledger yet."""
    with database(server_url) as url:
        yield url


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to the test's ledger."""
    with connected(database_url) as connection:
        yield connection


@pytest.fixture(scope="session", name="centre")
def served_centre(server_url: str, template: str) -> Iterator[Centre]:
    """The centre behind a real server, with 47 rows; a test that changes it needs one of its own."""
    with database(server_url, template) as url, centre(url, REPORTS) as found:
        yield found


@pytest.fixture(scope="session")
def crowded_centre(server_url: str, template: str) -> Iterator[Centre]:
    """The same centre with a crowd in it: several pages of every size, and a row with the id 123."""
    with database(server_url, template) as url, centre(url, [*REPORTS, CROWD]) as found:
        yield found


@pytest.fixture
def anyio_backend() -> str:
    """Async tests (``@pytest.mark.anyio``) run on asyncio, as the server does."""
    return "asyncio"
