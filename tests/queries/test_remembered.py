"""What is remembered of a ledger is what it says: as soon as anything was posted, it is asked for again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.inventory import name_organisation, set_resource
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.months import list_months
from nodehours.queries.overview import By, monthly_usage, totals
from nodehours.queries.pool import Connection as Reading
from nodehours.queries.remembered import Remembered
from nodehours.queries.resource_use import resource_use
from nodehours.queries.seen_usage import sum_seen
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from tests.exported import connect
from tests.ledger.months import decline_all
from tests.ledger.moving import CLIMATE, MARCH, report, whole_month

Answer = TypeVar("Answer")

SPRING = Period(Month(2026, 3), Month(2026, 6))
EVERYTHING = operator_scope()


class Counting:
    """A question that says how often it was asked, and what happens while it is."""

    def __init__(self, meanwhile: Callable[[], object] = int) -> None:
        self.times = 0
        self._meanwhile = meanwhile

    async def __call__(self) -> int:
        self.times += 1
        self._meanwhile()
        return self.times


def answered(url: str, *questions: Callable[[Reading], Awaitable[Answer]]) -> list[Answer]:
    async def ask() -> list[Answer]:
        async with await connect(url) as reading:
            return [await question(reading) for question in questions]

    return anyio.run(ask)


def post(connection: Connection, node_seconds: int) -> None:
    report(connection, whole_month(MARCH, al=node_seconds), alice="al")


def test_it_is_asked_once_at_a_revision(connection: Connection, database_url: str) -> None:
    known: Remembered[int] = Remembered()
    count = Counting()

    def ask(reading: Reading) -> Awaitable[int]:
        return known.answer(reading, EVERYTHING, "how much", count)

    def ask_more(reading: Reading) -> Awaitable[int]:
        return known.answer(reading, EVERYTHING, "how much more", count)

    post(connection, 3600)
    assert answered(database_url, ask, ask, ask_more, ask_more, ask) == [1, 1, 2, 2, 1]
    post(connection, 7200)
    assert answered(database_url, ask, ask) == [3, 3]


def test_of_who_does_not_see_everything_nothing_is_remembered(
    connection: Connection, database_url: str
) -> None:
    known: Remembered[int] = Remembered()
    count = Counting()
    post(connection, 3600)

    for scope in (
        Scope(1, everything=False),
        EVERYTHING,
        Scope(2, everything=False, allocations=(1,)),
    ):
        answered(database_url, lambda reading, scope=scope: known.answer(reading, scope, "", count))  # type: ignore[misc] # mypy infers no type of a lambda's default

    assert count.times == 3
    assert answered(database_url, lambda reading: known.answer(reading, EVERYTHING, "", count)) == [
        2
    ]


def test_what_was_posted_while_it_was_asked_is_not_hidden_by_it(
    connection: Connection, database_url: str
) -> None:
    known: Remembered[int] = Remembered()
    post(connection, 3600)
    count = Counting(lambda: post(connection, 3600 * (count.times + 1)))

    def ask(reading: Reading) -> Awaitable[int]:
        return known.answer(reading, EVERYTHING, "", count)

    assert answered(database_url, ask, ask, ask) == [1, 2, 3]


def test_only_so_much_is_remembered(connection: Connection, database_url: str) -> None:
    known: Remembered[int] = Remembered()
    count = Counting()
    post(connection, 3600)

    def ask(number: int) -> Callable[[Reading], Awaitable[int]]:
        return lambda reading: known.answer(reading, EVERYTHING, number, count)

    answered(database_url, *map(ask, range(65)))

    assert answered(database_url, ask(64), ask(1), ask(0)) == [65, 2, 66]


@pytest.mark.parametrize("node_seconds", [7200, 60])
def test_the_sums_are_those_of_now(
    connection: Connection, database_url: str, node_seconds: int
) -> None:
    async def asked(reading: Reading) -> int:
        whole = await totals(reading, EVERYTHING, SPRING)
        assert whole.node_seconds == await sum_seen(reading, EVERYTHING, SPRING)
        (one,) = await resource_use(reading, EVERYTHING, SPRING, SPRING.before.start)
        assert one.node_seconds == whole.node_seconds
        return whole.node_seconds

    post(connection, 3600)
    first = answered(database_url, asked, asked)
    post(connection, node_seconds)

    assert first[0] == first[1] > 0
    assert answered(database_url, asked, asked) == [first[0] * node_seconds // 3600] * 2


def test_the_size_of_a_resource_is_that_of_now(connection: Connection, database_url: str) -> None:
    """It is no part of the ledger's history: it changes without a revision."""

    async def nodes(reading: Reading) -> int:
        (one,) = await resource_use(reading, EVERYTHING, SPRING, SPRING.before.start)
        return one.nodes or 0

    post(connection, 3600)
    ((resource,),) = connection.execute("select name from resources")
    sizes = []
    for size in (4, 8):
        set_resource(connection, resource, size)
        sizes += answered(database_url, nodes)

    assert sizes == [4, 8]


def test_the_name_of_an_organisation_is_that_of_now(
    connection: Connection, database_url: str
) -> None:
    async def name(reading: Reading) -> str:
        (one,) = await monthly_usage(reading, EVERYTHING, By.ORGANISATION, SPRING)
        return one.name

    post(connection, 3600)
    names = []
    for called in ("Northern Centre", "Überall"):
        name_organisation(connection, CLIMATE.portal, called)
        names += answered(database_url, name, name)

    assert names == ["Northern Centre", "Northern Centre", "Überall", "Überall"]


def test_what_waits_in_a_month_is_told_at_once(connection: Connection, database_url: str) -> None:
    """A restatement that waits, or is refused, makes no revision."""

    async def waiting(reading: Reading) -> int:
        (one,) = await list_months(reading, EVERYTHING, period=SPRING)
        return one.waiting

    post(connection, 3600)
    close_month(connection, CLIMATE.portal, MARCH, Origin())
    counts = answered(database_url, waiting)
    post(connection, 7200)
    counts += answered(database_url, waiting)
    decline_all(connection)

    assert [*counts, *answered(database_url, waiting)] == [0, 1, 0]


def test_the_months_and_their_parts_are_those_of_now(
    connection: Connection, database_url: str
) -> None:
    async def asked(reading: Reading) -> int:
        (month,) = await list_months(reading, EVERYTHING, period=SPRING)
        for by in By:
            (part,) = await monthly_usage(reading, EVERYTHING, by, SPRING)
            assert (part.month, part.node_seconds) == (month.month, month.node_seconds)
        return month.node_seconds

    post(connection, 3600)
    first = answered(database_url, asked, asked)
    post(connection, 7200)

    assert answered(database_url, asked, asked) == [2 * one for one in first]
