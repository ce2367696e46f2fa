"""The store as the faces open it: a URL of a running PostgreSQL with the right schema, and connections to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from nodehours.ledger.embedded import embedded_postgresql
from nodehours.ledger.errors import UnavailableError
from nodehours.ledger.reach import reached
from nodehours.ledger.schema import check_schema, schema_status, upgrade_schema

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def running_store(database_url: str | None, data_dir: Path) -> Iterator[str]:
    """Yield the libpq URL of the database, whatever its schema: *database_url*, or the one in *data_dir*."""
    if database_url:
        yield database_url
        return
    with embedded_postgresql(data_dir) as url:
        yield url


@contextmanager
def ready_store(database_url: str | None, data_dir: Path) -> Iterator[str]:
    """Yield the libpq URL of a database whose schema is the newest.

    The embedded database, when new, is set up on the spot. Raises ``SchemaError`` for any other that is not.
    """
    with running_store(database_url, data_dir) as url:
        if not database_url and schema_status(url).current is None:
            upgrade_schema(url)
        check_schema(url)
        yield url


@contextmanager
def connected(url: str, *, patience_seconds: int = 0) -> Iterator[Connection]:
    """Yield a connection in autocommit mode: a transaction is always written out, never left open by chance.

    Raises ``UnavailableError`` when there is none to be had, when it is lost, and when a lock is not to be had for
    *patience_seconds*; with 0 it waits for ever.
    """
    connection = reached(url, autocommit=True)
    connection.execute(sql.SQL("set lock_timeout to {}").format(patience_seconds * 1000))
    # Whatever the database's own default: who has waited for a lock must see what its holder wrote.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    try:
        with connection:
            yield connection
    except psycopg.OperationalError as error:
        message = f"the database failed: {error}"
        raise UnavailableError(message) from error
