"""A connection lent for long: it answers when it is handed over, and its failure is told in one way."""

from __future__ import annotations

import pytest

from nodehours.queries.lent import lent
from nodehours.queries.pool import StoreUnavailableError, reading_pool
from tests.queries.test_pool import backend, fill, kill

pytestmark = pytest.mark.anyio


async def test_a_connection_that_died_in_the_pool_is_not_lent(database_url: str) -> None:
    async with reading_pool(database_url, 3) as pool:
        pids = await fill(pool, 3)
        kill(database_url, *pids)

        async with lent(pool) as first, lent(pool) as second:
            assert not {await backend(first), await backend(second)} & set(pids)


async def test_one_that_dies_while_it_is_lent_is_told_of(database_url: str) -> None:
    async with reading_pool(database_url, 1) as pool:

        async def die() -> None:
            async with lent(pool) as reading:
                kill(database_url, await backend(reading))
                await backend(reading)

        with pytest.raises(StoreUnavailableError):
            await die()

        async with lent(pool) as reading:
            assert await backend(reading)


async def test_what_is_lent_comes_back_whatever_happens(database_url: str) -> None:
    async with reading_pool(database_url, 1) as pool:
        pids = set()

        async def fail() -> None:
            async with lent(pool) as reading:
                pids.add(await backend(reading))
                raise ZeroDivisionError

        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await fail()

        assert len(pids) == 1
