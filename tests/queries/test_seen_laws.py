"""What is told in sums adds up to the rows that are seen, for every ledger, every reader and every period."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import event, given, settings
from hypothesis import strategies as st

from nodehours.queries.daily import days, use_by_month
from nodehours.queries.matrix import MatrixFilter, project_months
from nodehours.queries.months import list_months
from nodehours.queries.of import Of
from nodehours.queries.overview import By, largest, monthly_usage, totals
from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import newest_month, sum_seen
from nodehours.queries.user_use import months_of_user, user_days, user_totals
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after
from nodehours.terms.row import UsageRow
from nodehours.terms.scope import Scope
from tests.queries.ledgers import Ledger, Posting, Question, ledger, postings, questions

NOW = datetime(2024, 2, 20, tzinfo=UTC)
MANY = 10**6
laws = settings(max_examples=25)
several = st.lists(questions, min_size=2, max_size=4)
periods = st.builds(
    lambda place, count: Period(
        months_after(Month(2023, 10), place), months_after(Month(2023, 10), place + count)
    ),
    st.integers(0, 14),
    st.integers(0, 18),
)


def seen(kept: Ledger, question: Question, period: Period) -> tuple[Scope, list[UsageRow]]:
    """The scope of who asks, and the rows of *period* that they see."""
    scope, _, rows = kept.ask(question._replace(filters=frozenset()))
    return scope, [row for row in rows if Month(row.year, row.month) in period.months]


@laws
@given(posted=postings, asked=several, period=periods, top=st.integers(0, 3))
def test_sums_by_anything_add_up_to_the_rows(
    server_url: str,
    template: str,
    posted: list[Posting],
    asked: list[Question],
    period: Period,
    top: int,
) -> None:
    with ledger(server_url, template, posted) as kept:

        async def add_up(reading: Connection) -> None:
            for question in asked:
                scope, rows = seen(kept, question, period)
                expected = sum(row.node_seconds for row in rows)
                event("usage" if expected else "none")
                assert (await totals(reading, scope, period)).node_seconds == expected
                assert await sum_seen(reading, scope, period) == expected
                for by in By:
                    parts = await monthly_usage(reading, scope, by, period, top=top)
                    assert sum(one.node_seconds for one in parts) == expected
                    found = await largest(reading, scope, by, period, offset=0, limit=MANY)
                    assert sum(one.node_seconds for one in found.rows) == expected
                before = sum(row.node_seconds for row in seen(kept, question, period.previous)[1])
                assert await sum_seen(reading, scope, period.previous) == before

        kept.answer(add_up)


@laws
@given(posted=postings, asked=several, period=periods)
def test_the_cells_of_the_matrix_add_up_to_the_rows(
    server_url: str, template: str, posted: list[Posting], asked: list[Question], period: Period
) -> None:
    with ledger(server_url, template, posted) as kept:

        async def add_up(reading: Connection) -> None:
            for question in asked:
                scope, rows = seen(kept, question, period)
                matrix = await project_months(
                    reading, scope, MatrixFilter(), period, NOW, offset=0, limit=MANY
                )
                assert matrix.total == len(matrix.rows)
                assert sum(one.node_seconds for one in matrix.rows) == sum(
                    row.node_seconds for row in rows
                )
                cells = [cell for one in matrix.rows for cell in one.cells.values()]
                assert {cell.month for cell in cells} == {Month(r.year, r.month) for r in rows}

        kept.answer(add_up)


@laws
@given(posted=postings, asked=several, period=periods)
def test_days_users_and_months_add_up_to_the_rows_of_an_allocation(
    server_url: str, template: str, posted: list[Posting], asked: list[Question], period: Period
) -> None:
    with ledger(server_url, template, posted) as kept:
        allocations = dict.fromkeys(one.row.allocation for one in kept.rows)

        async def add_up(reading: Connection) -> None:
            for question in asked:
                scope, rows = seen(kept, question, period)
                for allocation in allocations:
                    of = Of(allocation=allocation)
                    expected = sum(r.node_seconds for r in rows if r.allocation == allocation)
                    assert await _sums(reading, scope, of, period) == [expected] * 4

        kept.answer(add_up)


async def _sums(reading: Connection, scope: Scope, of: Of, period: Period) -> list[int]:
    span = (period.since.start, period.before.start)
    told = (
        await days(reading, scope, of, *span),
        await user_days(reading, scope, of, *span),
        await use_by_month(reading, scope, of, period, NOW),
        await user_totals(reading, scope, of, period),
    )
    return [sum(one.node_seconds for one in figures) for figures in told]


@laws
@given(posted=postings, asked=several, period=periods)
def test_the_months_of_a_user_are_their_rows_as_far_as_they_are_seen(
    server_url: str, template: str, posted: list[Posting], asked: list[Question], period: Period
) -> None:
    with ledger(server_url, template, posted) as kept:

        async def add_up(reading: Connection) -> None:
            for question in asked:
                scope, rows = seen(kept, question, period)
                for user in {row.user for row in rows if row.user}:
                    found = await months_of_user(reading, scope, user, period, NOW)
                    assert sorted(
                        (one.month, one.allocation, one.node_seconds) for one in found
                    ) == sorted(
                        (Month(row.year, row.month), row.allocation, row.node_seconds)
                        for row in rows
                        if row.user == user
                    )

        kept.answer(add_up)


@laws
@given(posted=postings, asked=several, period=periods)
def test_months_of_a_period_are_told_as_they_are_among_all(
    server_url: str, template: str, posted: list[Posting], asked: list[Question], period: Period
) -> None:
    with ledger(server_url, template, posted) as kept:

        async def compare(reading: Connection) -> None:
            for question in asked:
                scope, _, rows = kept.ask(question._replace(filters=frozenset()))
                whole = await list_months(reading, scope)
                assert await list_months(reading, scope, period=period) == [
                    one for one in whole if one.month in period.months
                ]
                newest = max((Month(row.year, row.month) for row in rows), default=None)
                assert await newest_month(reading, scope) == newest

        kept.answer(compare)
