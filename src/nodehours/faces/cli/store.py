"""Opening the ledger for a command, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nodehours.ledger.store import Connection, connected, ready_store
from nodehours.settings import Settings


@contextmanager
def ledger() -> Iterator[Connection]:
    """Yield a connection to the ledger that the settings name, starting the embedded PostgreSQL if need be."""
    settings = Settings.from_environment()
    with ready_store(settings.database_url, settings.data_dir) as url, connected(url) as connection:
        yield connection
