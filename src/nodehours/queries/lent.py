"""A connection lent for as long as an answer is passed on, which may be long after it began."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import psycopg

from nodehours.queries.pool import Connection, Pool, StoreUnavailableError

_ARE_YOU_THERE = "select"


@contextmanager
def telling_of_failure() -> Iterator[None]:
    """Have the database's failure be ``StoreUnavailableError``: what was handed on cannot be taken back.

    So nobody may read again, as ``pool.read`` does.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(str(error)) from error


@asynccontextmanager
async def lent(pool: Pool) -> AsyncIterator[Connection]:
    """Yield a connection of *pool* that answers. Raises ``StoreUnavailableError`` when there is none, or it fails.

    One that died in the pool is found out before anything is asked of it.
    """
    with telling_of_failure():
        async with AsyncExitStack() as stack:
            yield await _answering(pool, stack)


async def _answering(pool: Pool, stack: AsyncExitStack) -> Connection:
    async with AsyncExitStack() as trying:
        connection = await trying.enter_async_context(pool.connection())
        try:
            await connection.execute(_ARE_YOU_THERE)
        except psycopg.OperationalError:
            pass
        else:
            stack.push_async_exit(trying.pop_all())
            return connection
    await pool.check()
    return await stack.enter_async_context(pool.connection())
