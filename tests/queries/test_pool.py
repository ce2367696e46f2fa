"""Reading through a pool whose connections die: right answers as long as the database is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import psycopg
import pytest

from nodehours.queries.pool import Connection, Pool, StoreUnavailableError, read, reading_pool

pytestmark = pytest.mark.anyio

Work = Callable[[Connection], Awaitable[int]]


async def backend(reading: Connection) -> int:
    """Return the number of the connection's process at the server."""
    ((pid,),) = await (await reading.execute("select pg_backend_pid()")).fetchall()
    return int(pid)


def counted(work: Work) -> tuple[Work, list[Connection]]:
    """Return *work*, and the connections it is given."""
    given: list[Connection] = []

    async def recording(reading: Connection) -> int:
        given.append(reading)
        return await work(reading)

    return recording, given


def kill(database_url: str, *pids: int) -> None:
    """End sessions, and return when they have ended."""
    with psycopg.connect(database_url, autocommit=True) as killer:
        for pid in pids:
            assert killer.execute("select pg_terminate_backend(%s, 60000)", [pid]).fetchone() == (
                True,
            )


async def fill(pool: Pool, size: int) -> list[int]:
    """Have the pool open *size* connections, and return their backends."""
    held = [await pool.getconn() for _ in range(size)]
    pids = [await backend(reading) for reading in held]
    for reading in held:
        await pool.putconn(reading)
    return pids


async def test_a_connection_that_died_in_the_pool_is_replaced_unseen(database_url: str) -> None:
    async with reading_pool(database_url, 1) as pool:
        former = await read(pool, backend)
        kill(database_url, former)
        work, given = counted(backend)

        assert await read(pool, work) != former
        assert len(given) == 2


async def test_when_all_have_died_one_failure_mends_the_whole_pool(database_url: str) -> None:
    async with reading_pool(database_url, 4) as pool:
        pids = await fill(pool, 4)
        assert len(set(pids)) == 4
        kill(database_url, *pids)
        work, given = counted(backend)

        answers = [await read(pool, work) for _ in range(5)]

        assert not set(answers) & set(pids)
        assert len(given) == 6


async def test_a_connection_that_dies_at_work_is_replaced_once(database_url: str) -> None:
    async def kills_itself(reading: Connection) -> int:
        kill(database_url, await backend(reading))
        return await backend(reading)

    async with reading_pool(database_url, 1) as pool:
        work, given = counted(kills_itself)
        with pytest.raises(StoreUnavailableError, match="terminating connection"):
            await read(pool, work)

        assert len(given) == 2
        assert await read(pool, backend) > 0


async def test_a_query_that_takes_too_long_is_not_tried_again(database_url: str) -> None:
    async def dawdle(reading: Connection) -> int:
        async with reading.transaction():
            await reading.execute("set local statement_timeout = 1")
            await reading.execute("select pg_sleep(60)")
        return 0

    async with reading_pool(database_url, 1) as pool:
        former = await read(pool, backend)
        work, given = counted(dawdle)
        with pytest.raises(StoreUnavailableError, match="statement timeout"):
            await read(pool, work)

        assert len(given) == 1
        assert await read(pool, backend) == former


async def test_what_work_raises_itself_goes_through(database_url: str) -> None:
    async def refuse(_: Connection) -> int:
        raise LookupError("no such row")

    async with reading_pool(database_url, 1) as pool:
        work, given = counted(refuse)
        with pytest.raises(LookupError, match="no such row"):
            await read(pool, work)

        assert len(given) == 1


async def test_an_error_in_the_sql_is_no_outage(database_url: str) -> None:
    async def blunder(reading: Connection) -> int:
        await reading.execute("select nothing")
        return 0

    async with reading_pool(database_url, 1) as pool:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            await read(pool, blunder)


async def test_a_reader_cannot_write(database_url: str) -> None:
    async def write(reading: Connection) -> int:
        await reading.execute("update ledger set revision = revision + 1")
        return 0

    async with reading_pool(database_url, 1) as pool:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await read(pool, write)


async def test_no_database_is_said_to_be_unavailable() -> None:
    async with reading_pool("postgresql://nobody@127.0.0.1:1/nothing", 1) as pool:
        pool.timeout = 0.1
        work, given = counted(backend)
        with pytest.raises(StoreUnavailableError):
            await read(pool, work)

        assert given == []
