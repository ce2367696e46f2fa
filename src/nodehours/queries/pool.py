"""Connections for reading: a server worker's pool, every session read-only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

Answer = TypeVar("Answer")

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]

# A plan that holds for all values is made once: planning a page anew takes as long as reading ten rows.
_SESSION = {"autocommit": True, "application_name": "nodehours"}
_OPTIONS = (
    "-c default_transaction_read_only=on -c jit=off -c plan_cache_mode=force_generic_plan -c datestyle=ISO"
    " -c statement_timeout={}s"
)
_PATIENCE_SECONDS = 5
"""How long a reader waits for a connection. Nor does the pool try longer to make one: it would try ever more
seldom, and not see for minutes that the database is back; the next reader makes it try again.
"""


class StoreUnavailableError(Exception):
    """The database cannot be reached just now."""


class _DeadConnectionError(psycopg.OperationalError):
    """The connection was lost while it was used, or before."""


@asynccontextmanager
async def reading_pool(url: str, size: int, *, timeout_seconds: int = 30) -> AsyncIterator[Pool]:
    """Yield a pool of up to *size* connections to the libpq URL *url*.

    A query that takes longer than *timeout_seconds* is cut off; with 0 none is.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        kwargs=_SESSION | {"options": _OPTIONS.format(timeout_seconds)},
        min_size=1,
        max_size=size,
        timeout=_PATIENCE_SECONDS,
        reconnect_timeout=_PATIENCE_SECONDS,
        open=False,
    )
    async with pool:
        yield pool


async def read(pool: Pool, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Return what *work* answers over a connection of *pool*. Raises ``StoreUnavailableError`` when the database fails.

    That a connection died in the pool, say because the database was restarted, is found out only by using it.
    Reading can be done twice, so *work* then gets another one, after the pool has thrown out its dead.
    """
    try:
        try:
            return await _read(pool, work)
        except _DeadConnectionError:
            await pool.check()
            return await _read(pool, work)
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(str(error)) from error


async def _read(pool: Pool, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    async with pool.connection() as connection:
        try:
            return await work(connection)
        except psycopg.OperationalError as error:
            if connection.closed:
                raise _DeadConnectionError(str(error)) from error
            raise


@asynccontextmanager
async def one_moment(connection: Connection) -> AsyncIterator[None]:
    """Have every question inside answered as of one moment, whoever posts meanwhile; inside of another, as of that."""
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        yield
        return
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read")
        yield
