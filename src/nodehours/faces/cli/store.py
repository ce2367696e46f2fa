"""Opening the ledger for a command, as the settings say."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from nodehours.ledger.errors import UnavailableError
from nodehours.ledger.store import Connection, connected, ready_store
from nodehours.queries import pool
from nodehours.settings import Settings

Answer = TypeVar("Answer")


@contextmanager
def ledger() -> Iterator[Connection]:
    """Yield a connection to the ledger that the settings name, starting the embedded PostgreSQL if need be."""
    settings = Settings.from_environment()
    with ready_store(settings.database_url, settings.data_dir) as url, connected(url) as connection:
        yield connection


def asked(work: Callable[[pool.Connection], Awaitable[Answer]]) -> Answer:
    """Return what *work*, a question of ``queries``, answers. Raises ``UnavailableError`` when the database fails."""
    settings = Settings.from_environment()
    with ready_store(settings.database_url, settings.data_dir) as url:
        try:
            return asyncio.run(_asked(url, work))
        except pool.StoreUnavailableError as error:
            raise UnavailableError(f"the database failed: {error}") from error


async def _asked(url: str, work: Callable[[pool.Connection], Awaitable[Answer]]) -> Answer:
    # Who asks for everything there ever was at a terminal waits for it; nobody else is kept waiting.
    async with pool.reading_pool(url, size=1, timeout_seconds=0) as reading:
        return await pool.read(reading, work)


def operator() -> str:
    """Return who runs this command, as it is written beside what they change: the login name, or else the uid."""
    try:
        # Any bytes can be in it, and the ledger keeps text.
        return getpass.getuser().encode(errors="backslashreplace").decode()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
