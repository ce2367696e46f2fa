"""Connections for reading: a server worker's pool, every session read-only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]

_SESSION = {
    "autocommit": True,
    "application_name": "nodehours",
    "options": "-c default_transaction_read_only=on -c statement_timeout=30s -c jit=off",
}


class StoreUnavailableError(Exception):
    """The database cannot be reached just now."""


@asynccontextmanager
async def reading_pool(url: str, size: int) -> AsyncIterator[Pool]:
    """Yield a pool of up to *size* connections to the libpq URL *url*."""
    pool: Pool = AsyncConnectionPool(
        url, kwargs=_SESSION, min_size=1, max_size=size, timeout=10, open=False
    )
    async with pool:
        yield pool


@asynccontextmanager
async def reading(pool: Pool) -> AsyncIterator[Connection]:
    """Yield a connection of *pool*. Raises ``StoreUnavailableError`` when the database fails."""
    try:
        async with pool.connection() as connection:
            yield connection
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise StoreUnavailableError(str(error)) from error
