"""As of any revision, the ledger is the one that had heard no more than that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import anyio
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.clock import current_revision
from nodehours.ledger.store import Connection, connected
from nodehours.ledger.verify import verify
from nodehours.queries.access import operator_scope
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import UsageFilter, UsageRow
from tests.databases import database
from tests.ledger.worlds import Step, begin, steps, take
from tests.ledger.written import assert_holds, empty

_STATEMENTS = """
select projects.identifier, s.year, s.month, told.node_seconds, told.complete_days, told.row_count,
       told.is_closed, told.is_restated, told.revision
from statements as s
join allocations on allocations.id = s.allocation_id
join lateral (
    select coalesce(
        (select identifier from former_projects as former
         where former.project_id = allocations.project_id and until_revision > %(at)s
         order by until_revision limit 1), projects.identifier) as identifier
    from projects where projects.id = allocations.project_id
) as projects on true
cross join lateral statement_at(s.allocation_id, s.year, s.month, %(at)s) as told
order by 1, 2, 3
"""
_ROWS = """
select s.allocation_id, s.year, s.month, told.id, told.user_id, told.username, told.node_seconds, told.revision
from statements as s cross join lateral usage_rows_at(s.allocation_id, s.year, s.month, %(at)s) as told
order by told.id
"""
_DAYS = """
select told.* from allocations
cross join lateral usage_days_at(allocations.id, '1970-01-01', '2201-01-01', %(at)s) as told
order by allocations.id, told.day
"""
_USAGE = """
select told.* from allocations
cross join lateral daily_usage_at(allocations.id, '1970-01-01', '2201-01-01', %(at)s) as told
order by allocations.id, told.day, told.local_user
"""
_COMPONENTS = """
select told.* from allocations
cross join lateral daily_components_at(allocations.id, '1970-01-01', '2201-01-01', %(at)s) as told
order by allocations.id, told.day, told.local_user, told.component
"""


class Answers(NamedTuple):
    """Everything that a ledger says, without the UUIDs, which are made anew in every ledger."""

    kept: list[list[tuple[Any, ...]]]
    pages: list[list[tuple[Any, ...]]]
    counts: list[int]


def answers(url: str, connection: Connection, revision: int, *, at: int | None) -> Answers:
    """What the ledger said at *revision*; readers ask *at* it, or for what is there now."""
    queries = (_STATEMENTS, _ROWS, _DAYS, _USAGE, _COMPONENTS)
    kept = [connection.execute(query, {"at": revision}).fetchall() for query in queries]
    return Answers(kept, *anyio.run(_read, url, at))


async def _read(url: str, at: int | None) -> tuple[list[list[tuple[Any, ...]]], list[int]]:
    scope, pages, counts = operator_scope(), [], []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reading:
        for asked in (UsageFilter(), UsageFilter(month=1), UsageFilter(year=2026)):
            total, _ = await count_usage(reading, scope, asked, at=at)
            counts.append(total)
            for offset in range(0, total + 1, 3):
                page = await list_usage(reading, scope, asked, offset=offset, limit=3, at=at)
                counts.append(page.total)
                pages.append([_told(row) for row in page.rows])
        for row_id in range(1, 12):
            row, _ = await find_usage(reading, scope, UsageFilter(), row_id, at=at)
            pages.append([_told(row)] if row else [])
    return pages, counts


def _told(row: UsageRow) -> tuple[Any, ...]:
    return (row.id, row.year, row.month, row.username, row.full_name, row.node_seconds)


@pytest.fixture(scope="module")
def other(server_url: str, template: str) -> Iterator[tuple[str, Connection]]:
    """A second ledger, in which histories are told up to a point only."""
    with database(server_url, template) as url, connected(url) as connection:
        yield url, connection


@given(st.lists(steps, min_size=1, max_size=6))
@settings(max_examples=40)
def test_as_of_a_revision_the_ledger_is_the_one_that_heard_only_what_came_before(
    scratch_url: str, scratch: Connection, other: tuple[str, Connection], history: list[Step]
) -> None:
    url, young = other
    for connection in (scratch, young):
        empty(connection)
        begin(connection)
    for step in history:
        take(scratch, step)
        assert_holds(scratch)
    for step in history:
        take(young, step)
        revision = current_revision(young)
        then = answers(url, young, revision, at=None)

        assert answers(scratch_url, scratch, revision, at=revision) == then
        assert answers(url, young, revision, at=revision) == then


@given(st.lists(steps, min_size=1, max_size=8))
@settings(max_examples=25)
def test_every_sum_and_every_hash_of_any_history_is_right(
    scratch: Connection, history: list[Step]
) -> None:
    empty(scratch)
    begin(scratch)
    for step in history:
        take(scratch, step)

    assert verify(scratch).differences == ()
