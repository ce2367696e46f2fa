"""Any page costs the same, said without a clock: how many usage rows PostgreSQL touches to answer.

Touched is what the executor took from the table and from its indexes, filtered out later or not. The ledger
has 200 allocations and 24 months; a statement has 10 rows, those of the largest allocation have 60.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from operator import sub
from typing import NamedTuple

import anyio
import psycopg
import pytest

from nodehours.queries.pool import Connection, reading_pool
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope
from tests.databases import database

ALLOCATIONS = 200
MONTHS = 24
LARGEST = 60
ROWS = MONTHS * (10 * (ALLOCATIONS - 1) + LARGEST)

# Written past the postings, with figures of 0, because so many would take minutes; the counts are the database's own.
FILL = """
alter table usage_rows set (autovacuum_enabled = off);
alter table statements set (autovacuum_enabled = off);
insert into organisations (identifier, name) values ('brics', 'brics');
insert into resources (name) values ('isca');
insert into projects (identifier, organisation_id) select 'p' || n || '.brics', 1 from generate_series(1, 200) n;
insert into allocations (project_id, resource_id) select n, 1 from generate_series(1, 200) n;
insert into users (full_name) select 'User ' || n from generate_series(1, 2000) n;
insert into postings (revision, allocation_id, year, month, source, document, document_sha256, node_seconds)
select row_number() over (), a, 2020 + m / 12, m % 12 + 1, 'test', 'test', sha256(''), 0
from generate_series(1, 200) a, generate_series(0, 23) m;
insert into statements (allocation_id, year, month, node_seconds, complete_days, revision)
select allocation_id, year, month, 0, 0, revision from postings;
insert into usage_rows (allocation_id, year, month, user_id, username, node_seconds, revision)
select allocation_id, year, month, case when n > 0 then (allocation_id * 9 + n) % 2000 + 1 end,
       case when n = 0 then 'unknown' else 'user' || n end, 0, revision
from postings, generate_series(0, case when allocation_id = 100 then 59 else 9 end) n
order by random();
"""

TOUCHED = """
select sum(pg_stat_get_xact_tuples_returned(oid))::bigint from pg_class
where oid = %(table)s::regclass
or oid in (select indexrelid from pg_index where indrelid = %(table)s::regclass)
"""

EVERYBODY = Scope(1, everything=True)
OWNER = Scope(1, everything=False, allocations=tuple(range(51, 151)))
ALL = UsageFilter()


@pytest.fixture(scope="module")
def large_ledger(server_url: str, template: str) -> Iterator[str]:
    with database(server_url, template) as url:
        with psycopg.connect(url) as connection:
            connection.execute(FILL)
        yield url


@pytest.fixture(
    scope="module",
    params=["select", "vacuum analyze statements", "vacuum analyze"],
    ids=["as filled", "half analyzed", "analyzed"],
)
def ledger_url(request: pytest.FixtureRequest, large_ledger: str) -> str:
    """The plan depends on what the planner knows: at first nothing, then some of it, then everything."""
    with psycopg.connect(large_ledger, autocommit=True) as connection:
        connection.execute(request.param)
    return large_ledger


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def plan(request: pytest.FixtureRequest) -> str:
    """A statement that is used again and again gets a plan that does not know its values."""
    mode: str = request.param
    return mode


class Cost(NamedTuple):
    """What a query touched: usage rows, and statements for their counts."""

    usage_rows: int
    statements: int


async def touched(reading: Connection) -> Cost:
    """Return what this transaction has touched so far."""
    counts = []
    for table in Cost._fields:
        ((count,),) = await (await reading.execute(TOUCHED, {"table": table})).fetchall()
        counts.append(int(count))
    return Cost(*counts)


async def cost_of(reading: Connection, query: Callable[[], Awaitable[object]]) -> Cost:
    async with reading.transaction():
        before = await touched(reading)
        await query()
        after = await touched(reading)
    return Cost(*map(sub, after, before))


async def cost_of_page(
    reading: Connection, scope: Scope, asked: UsageFilter, offset: int, limit: int
) -> Cost:
    async def query() -> None:
        page = await list_usage(reading, scope, asked, offset=offset, limit=limit)
        assert len(page.rows) == max(0, min(limit, page.total - offset))

    return await cost_of(reading, query)


async def cost_of_pages(url: str, plan: str, scope: Scope, asked: UsageFilter, limit: int) -> Cost:
    """Return the largest cost of the first, some middle and the last page."""
    async with planning(url, plan) as reading:
        total = await count_usage(reading, scope, asked)
        offsets = [0, total // 3, total // 2, total - total % limit, max(0, total - limit)]
        costs = [await cost_of_page(reading, scope, asked, offset, limit) for offset in offsets]
    assert costs[0].usage_rows >= min(limit, total)
    return Cost(*map(max, *costs))


@asynccontextmanager
async def planning(url: str, plan: str) -> AsyncIterator[Connection]:
    """A connection that makes its plans in the way *plan*."""
    async with reading_pool(url, 1) as pool, pool.connection() as reading:
        await reading.execute(f"set plan_cache_mode = {plan}")
        reading.prepare_threshold = 0
        yield reading


@pytest.mark.parametrize("limit", [10, 100, 300])
@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        (EVERYBODY, ALL),
        (EVERYBODY, UsageFilter(year=2021)),
        (EVERYBODY, UsageFilter(month=6)),
        (EVERYBODY, UsageFilter(year=2021, month=6)),
        (OWNER, ALL),
        (OWNER, UsageFilter(year=2021)),
    ],
    ids=["all", "a year", "June", "June 2021", "an owner's", "an owner's year"],
)
def test_a_page_touches_its_own_rows_and_those_of_two_statements_at_most(
    ledger_url: str, plan: str, scope: Scope, asked: UsageFilter, limit: int
) -> None:
    own_rows = 0 if scope.everything else 4 * MONTHS  # the reader's own are looked up beside
    counted = 0 if scope.everything else len(scope.allocations) * MONTHS  # the sums of their months

    cost = anyio.run(cost_of_pages, ledger_url, plan, scope, asked, limit)

    assert cost.usage_rows <= limit + 2 * LARGEST + own_rows
    assert cost.statements <= 4 * ALLOCATIONS + counted


def test_a_page_of_an_allocation_touches_no_other(ledger_url: str, plan: str) -> None:
    with psycopg.connect(ledger_url) as connection:
        ((largest,),) = connection.execute("select uuid from allocations where id = 100")

    cost = anyio.run(
        cost_of_pages, ledger_url, plan, EVERYBODY, UsageFilter(allocation=largest), 100
    )

    assert cost.usage_rows <= 100 + 2 * LARGEST
    assert cost.statements <= 4 * MONTHS


@pytest.mark.parametrize("is_reader", [True, False], ids=["own rows", "rows of a user"])
@pytest.mark.parametrize("when", [ALL, UsageFilter(year=2021, month=6)], ids=["all", "June 2021"])
def test_a_page_of_one_users_rows_touches_no_rows_of_others(
    ledger_url: str, plan: str, is_reader: bool, when: UsageFilter
) -> None:
    """The user is in the largest allocation; nobody else's rows there are read to find theirs."""
    with psycopg.connect(ledger_url) as connection:
        ((user_id, user, rows),) = connection.execute(
            "select users.id, users.uuid, count(*) from usage_rows join users on users.id = user_id"
            " where users.id in (select user_id from usage_rows where allocation_id = 100)"
            " group by users.id order by users.id limit 1"
        )
    scope = Scope(user_id, everything=False) if is_reader else EVERYBODY
    asked = when if is_reader else when._replace(user=user)

    cost = anyio.run(cost_of_pages, ledger_url, plan, scope, asked, 300)

    assert cost.usage_rows <= 2 * rows


def test_a_page_beyond_the_end_and_the_count_touch_nothing(ledger_url: str, plan: str) -> None:
    async def costs() -> list[Cost]:
        async with planning(ledger_url, plan) as reading:
            count = await cost_of(reading, lambda: count_usage(reading, EVERYBODY, ALL))
            return [count, await cost_of_page(reading, EVERYBODY, ALL, ROWS, 300)]

    assert anyio.run(costs) == [Cost(0, 0), Cost(0, 0)]


@pytest.mark.parametrize("asked", [ALL, UsageFilter(year=2021, month=6)], ids=["all", "June 2021"])
def test_a_row_is_found_without_looking_at_others(
    ledger_url: str, plan: str, asked: UsageFilter
) -> None:
    async def cost() -> Cost:
        async with planning(ledger_url, plan) as reading:
            (row, *_) = (await list_usage(reading, EVERYBODY, asked, offset=500, limit=1)).rows
            return await cost_of(reading, lambda: find_usage(reading, EVERYBODY, asked, row.id))

    assert anyio.run(cost).usage_rows < 10  # the planner looks at the ends of an index
