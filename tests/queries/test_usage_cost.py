"""Any page costs the same, said without a clock: how many usage rows PostgreSQL touches to answer.

Touched is what the executor took from the table and from its indexes, filtered out later or not. The ledger
has 200 allocations and 24 months; a statement has 10 rows, those of the largest allocation have 60. Since then a
row in twenty was told anew, and a statement in twenty got another row: as of before, a page costs the same.
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
BEFORE = 4800
ADDED = MONTHS * ALLOCATIONS // 20
ROWS = MONTHS * (10 * (ALLOCATIONS - 1) + LARGEST) + ADDED

# Written past the postings, with figures of 0, because so many would take minutes; the counts are the database's own.
FILL = """
alter table usage_rows set (autovacuum_enabled = off);
alter table statements set (autovacuum_enabled = off);
insert into organisations (identifier, name) values ('brics', 'brics');
insert into resources (name) values ('isca');
insert into projects (identifier, organisation_id) select 'p' || n || '.brics', 1 from generate_series(1, 200) n;
insert into allocations (project_id, resource_id) select n, 1 from generate_series(1, 200) n;
insert into users (full_name) select 'User ' || n from generate_series(1, 2000) n;
insert into revisions (revision, kind, recorded)
select n, 'posting', timestamptz '2022-01-01 00:00Z' + n * interval '1 s' from generate_series(1, 4802) n;
insert into postings (revision, allocation_id, year, month, node_seconds)
select row_number() over (), a, 2020 + m / 12, m % 12 + 1, 0
from generate_series(1, 200) a, generate_series(0, 23) m;
insert into statements (allocation_id, year, month, node_seconds, complete_days, revision, count_revision, sha256)
select allocation_id, year, month, 0, 0, revision, revision, sha256('') from postings;
insert into usage_rows (allocation_id, year, month, user_id, username, node_seconds, revision, first_revision)
select allocation_id, year, month, case when n > 0 then (allocation_id * 9 + n) % 2000 + 1 end,
       case when n = 0 then 'unknown' else 'user' || n end, 0, revision, revision
from postings, generate_series(0, case when allocation_id = 100 then 59 else 9 end) n
order by random();
update usage_rows set username = 'another', revision = 4801 where id % 20 = 0 and user_id is not null;
insert into users (full_name) values ('Late');
update statements set revision = 4802 where (allocation_id + month) % 20 = 0;
insert into usage_rows (allocation_id, year, month, user_id, username, node_seconds, revision, first_revision)
select allocation_id, year, month, 2001, 'late', 0, 4802, 4802 from statements where (allocation_id + month) % 20 = 0;
update ledger set revision = 4802;
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


def versions(url: str) -> int:
    """How many versions of a statement its indexes have: until it is vacuumed also that without its count."""
    with psycopg.connect(url) as connection:
        ((is_vacuumed,),) = connection.execute(
            "select relallvisible > 0 from pg_class where oid = 'statements'::regclass"
        )
    return 1 if is_vacuumed else 2


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def plan(request: pytest.FixtureRequest) -> str:
    """A statement that is used again and again gets a plan that does not know its values."""
    mode: str = request.param
    return mode


@pytest.fixture(params=[None, BEFORE], ids=["now", "as of before"])
def at(request: pytest.FixtureRequest) -> int | None:
    """The revision that is asked for."""
    revision: int | None = request.param
    return revision


class Cost(NamedTuple):
    """What a query touched: usage rows, statements for their counts, and former values of both."""

    usage_rows: int
    statements: int
    former_rows: int = 0
    former_statement_counts: int = 0


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
    reading: Connection, scope: Scope, asked: UsageFilter, offset: int, limit: int, at: int | None
) -> Cost:
    async def query() -> None:
        page = await list_usage(reading, scope, asked, offset=offset, limit=limit, at=at)
        assert len(page.rows) == max(0, min(limit, page.total - offset))

    return await cost_of(reading, query)


async def cost_of_pages(
    url: str, plan: str, scope: Scope, asked: UsageFilter, limit: int, at: int | None
) -> Cost:
    """Return the largest cost of the first, some middle and the last page."""
    async with planning(url, plan) as reading:
        total, _ = await count_usage(reading, scope, asked, at=at)
        offsets = [0, total // 3, total // 2, total - total % limit, max(0, total - limit)]
        costs = [await cost_of_page(reading, scope, asked, offset, limit, at) for offset in offsets]
    assert costs[0].usage_rows >= min(limit, total)
    worst = Cost(*map(max, *costs))
    assert worst.former_rows <= (0 if at is None else limit)
    assert worst.former_statement_counts <= (0 if at is None else 4 * ALLOCATIONS)
    return worst


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
    ledger_url: str, plan: str, at: int | None, scope: Scope, asked: UsageFilter, limit: int
) -> None:
    own_rows = 0 if scope.everything else 4 * MONTHS  # the reader's own are looked up beside
    counted = 0 if scope.everything else len(scope.allocations) * MONTHS  # the sums of their months

    cost = anyio.run(cost_of_pages, ledger_url, plan, scope, asked, limit, at)

    assert cost.usage_rows <= limit + 2 * LARGEST + own_rows
    assert cost.statements <= versions(ledger_url) * (4 * ALLOCATIONS + counted)


def test_a_page_of_an_allocation_touches_no_other(
    ledger_url: str, plan: str, at: int | None
) -> None:
    with psycopg.connect(ledger_url) as connection:
        ((largest,),) = connection.execute("select uuid from allocations where id = 100")

    cost = anyio.run(
        cost_of_pages, ledger_url, plan, EVERYBODY, UsageFilter(allocation=largest), 100, at
    )

    assert cost.usage_rows <= 100 + 2 * LARGEST
    assert cost.statements <= 4 * MONTHS


@pytest.mark.parametrize("is_reader", [True, False], ids=["own rows", "rows of a user"])
@pytest.mark.parametrize("when", [ALL, UsageFilter(year=2021, month=6)], ids=["all", "June 2021"])
def test_a_page_of_one_users_rows_touches_no_rows_of_others(
    ledger_url: str, plan: str, at: int | None, is_reader: bool, when: UsageFilter
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

    cost = anyio.run(cost_of_pages, ledger_url, plan, scope, asked, 300, at)

    dead = rows // 20 + 1  # what was told anew is there twice, until it is vacuumed
    assert cost.usage_rows <= 2 * (rows + dead)


def test_a_page_beyond_the_end_and_the_count_touch_nothing(
    ledger_url: str, plan: str, at: int | None
) -> None:
    async def costs() -> list[Cost]:
        async with planning(ledger_url, plan) as reading:
            count = await cost_of(reading, lambda: count_usage(reading, EVERYBODY, ALL, at=at))
            return [count, await cost_of_page(reading, EVERYBODY, ALL, ROWS, 300, at)]

    assert anyio.run(costs) == [Cost(0, 0), Cost(0, 0)]


@pytest.mark.parametrize("asked", [ALL, UsageFilter(year=2021, month=6)], ids=["all", "June 2021"])
def test_a_row_is_found_without_looking_at_others(
    ledger_url: str, plan: str, at: int | None, asked: UsageFilter
) -> None:
    async def cost() -> Cost:
        async with planning(ledger_url, plan) as reading:
            page = await list_usage(reading, EVERYBODY, asked, offset=500, limit=1, at=at)
            row_id = page.rows[0].id
            return await cost_of(
                reading, lambda: find_usage(reading, EVERYBODY, asked, row_id, at=at)
            )

    assert anyio.run(cost).usage_rows < 10  # the planner looks at the ends of an index


def test_as_of_before_nothing_of_what_came_after_is_told(ledger_url: str) -> None:
    async def counts() -> list[tuple[int, int]]:
        """Return how many rows there are, and how many of them say something new."""
        async with planning(ledger_url, "auto") as reading:
            found = []
            for at in (BEFORE, BEFORE + 1, BEFORE + 2, None):
                page = await list_usage(reading, EVERYBODY, ALL, offset=0, limit=ROWS, at=at)
                found.append((page.total, sum(row.revision > BEFORE for row in page.rows)))
                assert len(page.rows) == page.total
            return found

    told_anew = anyio.run(counts)[1][1]
    assert told_anew > ROWS // 25
    assert anyio.run(counts) == [
        (ROWS - ADDED, 0),
        (ROWS - ADDED, told_anew),
        (ROWS, told_anew + ADDED),
        (ROWS, told_anew + ADDED),
    ]
