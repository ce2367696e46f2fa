"""The whole ledger as it is at one moment, however long it takes to go through: for who verifies, dumps or loads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nodehours.ledger.store import Connection

Watch = Callable[[str, int, int | None], None]
"""Called ever again with what is done, how much of it is done, and how much there is, where that is known."""

# Times are told as UTC, and what takes long is not cut off by what the database thinks long.
_PATIENCE = """
select set_config('timezone', 'UTC', true), set_config(name, '0', true) from pg_settings
where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_ONE_MOMENT = "set transaction isolation level repeatable read, read only"


def unwatched(what: str, done: int, count: int | None) -> None:
    """Watch nothing."""


def be_patient(connection: Connection) -> None:
    """Let nothing in the transaction be cut off for its length, and tell times in UTC."""
    connection.execute(_PATIENCE)


@contextmanager
def one_moment(connection: Connection) -> Iterator[None]:
    """See the ledger inside as it is at one moment; whoever writes goes on, and is not seen."""
    with connection.transaction():
        connection.execute(_ONE_MOMENT)
        be_patient(connection)
        yield
