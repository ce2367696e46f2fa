"""What waits for a decision, and who closed what, is for the eyes of those who see everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TypeVar

import anyio
import psycopg
import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.decisions import accept
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.months import list_closings, list_months
from nodehours.queries.names import find_named
from nodehours.queries.pending import UserChange, find_pending, list_pending
from nodehours.queries.pool import Connection as Reading
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage

Answer = TypeVar("Answer")

STAFF = Origin(by_whom="carol")
MARCH = Month(2026, 3)
CLIMATE = ProjectIdentifier.parse("climate.brics")
OF_CLIMATE = Scope(reader=0, everything=False, allocations=(1,))
"""Somebody who sees all rows of climate, and no more."""


def report(connection: Connection, project: ProjectIdentifier, seconds: int) -> None:
    claim = Claim("al", UserIdentifier("alice", project.project, project.portal))
    days = {date(2026, 3, 1): Day(True, usage={"al": DailyUsage(seconds)})}
    post(connection, ProjectUsage(project, days, frozenset({claim})), "isca", Origin())


@pytest.fixture(autouse=True)
def _late(connection: Connection) -> None:
    """climate and ocean are closed in March, and something waits for both."""
    projects = [CLIMATE, ProjectIdentifier.parse("ocean.brics")]
    for seconds in (60, 90):
        for project in projects:
            report(connection, project, seconds)
        if seconds == 60:
            close_month(connection, "brics", MARCH, STAFF)


def answered(url: str, work: Callable[[Reading], Awaitable[Answer]]) -> Answer:
    async def ask() -> Answer:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reading:
            return await work(reading)

    return anyio.run(ask)


def test_who_sees_everything_sees_all_that_waits(database_url: str) -> None:
    found = answered(database_url, lambda reading: list_pending(reading, operator_scope()))

    assert [(one.id, one.project, one.former, one.node_seconds) for one in found] == [
        (1, "climate.brics", 60, 90),
        (2, "ocean.brics", 60, 90),
    ]


def test_who_does_not_sees_nothing_of_it(database_url: str) -> None:
    """Not even of an allocation whose rows they see."""

    async def ask(reading: Reading) -> list[object]:
        return [
            await list_pending(reading, OF_CLIMATE, decided=True),
            await find_pending(reading, OF_CLIMATE, 1),
            await list_closings(reading, OF_CLIMATE),
        ]

    assert answered(database_url, ask) == [[], None, []]


def test_months_are_told_of_the_allocations_that_are_visible(database_url: str) -> None:
    async def ask(reading: Reading) -> list[tuple[int, int, int]]:
        told = []
        for scope in (operator_scope(), OF_CLIMATE, Scope(reader=0, everything=False)):
            found = await list_months(reading, scope)
            told += [(one.node_seconds, one.statements, one.waiting) for one in found]
        return told

    assert answered(database_url, ask) == [(120, 2, 2), (60, 1, 0)]


def test_closings_of_a_project_are_its_own_and_its_organisations(
    database_url: str, connection: Connection
) -> None:
    close_month(connection, "climate.brics", Month(2026, 2), STAFF)

    async def ask(reading: Reading, name: str) -> list[tuple[str, str]]:
        named = await find_named(reading, operator_scope(), name)
        found = await list_closings(reading, operator_scope(), named)
        return [(one.of, str(one.month)) for one in found]

    both = [("climate.brics", "2026-02"), ("brics", "2026-03")]
    assert answered(database_url, lambda reading: ask(reading, "climate.brics")) == both
    assert answered(database_url, lambda reading: ask(reading, "brics")) == both
    assert answered(database_url, lambda reading: ask(reading, "ocean.brics")) == both[1:]


def test_what_one_would_change_is_what_accepting_it_changes(
    database_url: str, connection: Connection
) -> None:
    """Staff have said meanwhile that al is bob."""
    bob = UserIdentifier("bob", "climate", "brics")
    map_local_user(connection, CLIMATE, "isca", "al", bob, STAFF)
    (waiting, *_) = [
        one.id
        for one in answered(database_url, lambda reading: list_pending(reading, operator_scope()))
        if one.project == "climate.brics"
    ]

    def shown() -> list[UserChange]:
        told = answered(database_url, lambda r: find_pending(r, operator_scope(), waiting))
        assert told is not None
        assert told.users is not None
        return told.users

    would = shown()
    accept(connection, waiting, STAFF)

    assert would == [
        UserChange("alice.climate.brics", None, 60, 0),
        UserChange("bob.climate.brics", None, None, 90),
    ]
    assert shown() == would
