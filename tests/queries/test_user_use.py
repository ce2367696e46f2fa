"""Users of a project or an allocation, and one user across all: exact, and nobody's line but one's own to see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.of import Of
from nodehours.queries.user_use import UserTotal, months_of_user, user_days, user_totals
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State
from tests.centre import Centre, Row
from tests.ledger.eventful import CLIMATE, FEBRUARY, FUSION, tell_everything
from tests.queries.seen import answered
from tests.queries.summed import ALWAYS, WINTER, Eyes, everything_of, month_of, readers, unserved
from tests.reported import Reported, fill

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SPRING = Period(FEBRUARY, Month(2026, 5))
LONG_AGO, LATER = date(2000, 1, 1), date(2100, 1, 1)
STAFF = Origin(by_whom="boss")
DORA = UserIdentifier("dora", "climate", "brics")


@pytest.fixture(scope="module", name="centre")
def kept_centre(server_url: str, template: str) -> Iterator[Centre]:
    with unserved(server_url, template) as centre:
        yield centre


def by_user(rows: list[Row]) -> dict[UUID | None, int]:
    summed: Counter[UUID | None] = Counter()
    for row in rows:
        summed[row.user] += row.told.node_seconds
    return dict(summed)


@readers
def test_every_reader_is_told_of_the_users_they_see(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)
    seen = eyes.rows(WINTER)

    for of, rows in everything_of(centre):
        mine = [row for row in rows if row in seen]
        told = eyes.ask(partial(user_totals, of=of, period=WINTER))
        assert {one.user: one.node_seconds for one in told} == by_user(mine)
        assert told == sorted(told, key=lambda one: (one.user is None, -one.node_seconds))
        for one in told:
            ours = [row for row in mine if row.user == one.user]
            months = [month_of(row) for row in ours if row.told.node_seconds]
            assert (one.username, one.full_name) == (ours[0].told.username, ours[0].full_name)
            assert (one.first, one.last) == (min(months), max(months))
            assert not one.is_leaver


@readers
def test_days_of_users_add_up_to_their_rows(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)
    seen = eyes.rows()

    for of, rows in everything_of(centre):
        told = eyes.ask(partial(user_days, of=of, since=LONG_AGO, before=LATER))
        summed: Counter[UUID | None] = Counter()
        for one in told:
            summed[one.user] += one.node_seconds
        mine = [row for row in rows if row in seen]
        assert dict(summed) == {user: used for user, used in by_user(mine).items() if used}
        names = {row.user: (row.told.username, row.full_name) for row in mine}
        assert all((one.username, one.full_name) == names[one.user] for one in told)
        places = [(one.day, one.user is None, one.username) for one in told]
        assert places == sorted(places)


@readers
def test_a_user_is_told_across_all_that_the_reader_sees_of_them(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)

    for user in {row.user for row in centre.rows if row.user} | {UUID(int=0)}:
        told = eyes.ask(partial(months_of_user, user=user, period=WINTER, now=NOW))
        assert [(one.month, one.project_identifier, one.resource) for one in told] == sorted(
            (month_of(row), row.told.project, row.told.resource)
            for row in eyes.rows(WINTER)
            if row.user == user
        )
        figures = {
            (row.allocation, month_of(row)): row.told.node_seconds
            for row in centre.rows
            if row.user == user
        }
        assert all(one.node_seconds == figures[one.allocation, one.month] for one in told)
        assert {one.state for one in told} <= {State.PROVISIONAL}


def totals_of(url: str, connection: Connection, project: ProjectIdentifier) -> list[UserTotal]:
    ((uuid,),) = connection.execute(
        "select uuid from projects where identifier = %s", [str(project)]
    )
    return answered(url, operator_scope(), partial(user_totals, of=Of(uuid), period=SPRING))


def test_who_was_merged_with_somebody_is_no_user_of_their_own_any_more(
    database_url: str, connection: Connection
) -> None:
    """Yara turned out to be Xenia."""
    tell_everything(connection)

    told = totals_of(database_url, connection, FUSION)

    assert [(one.username, one.node_seconds) for one in told] == [
        ("xenia.fusion.lab", 930),
        ("unknown", 0),
    ]
    assert told[0].full_name == "Xenia Xu"


def test_who_left_is_told_so_and_keeps_their_usage(
    database_url: str, connection: Connection
) -> None:
    """Bob's local user is nobody's from now on; February is closed, so that what he used then is still his."""
    tell_everything(connection)
    map_local_user(connection, CLIMATE, "isca", "bo", None, STAFF)

    told = {one.username: one for one in totals_of(database_url, connection, CLIMATE)}

    assert (told["bob.climate.brics"].is_leaver, told["alice.climate.brics"].is_leaver) == (
        True,
        False,
    )
    assert told["bob.climate.brics"].node_seconds > 0
    assert (told["bob.climate.brics"].first, told["bob.climate.brics"].last) == (FEBRUARY, FEBRUARY)
    assert not told["unknown"].is_leaver
    assert list(told)[-1] == "unknown"


def test_days_are_attributed_as_of_today(database_url: str, connection: Connection) -> None:
    """What was Bob's in the closed month is nobody's by the associations of today."""
    tell_everything(connection)
    map_local_user(connection, CLIMATE, "isca", "bo", None, STAFF)
    ((climate,),) = connection.execute(
        "select uuid from projects where identifier = 'climate.brics'"
    )
    ask = partial(user_days, of=Of(climate), since=date(2026, 2, 1), before=date(2026, 2, 2))

    alice, nobody = answered(database_url, operator_scope(), ask)

    assert (alice.username, alice.node_seconds, alice.jobs, alice.wait_seconds) == (
        "alice.climate.brics", 3600, 3600 % 7, 3600 % 11,
    )  # fmt: skip
    assert (nobody.user, nobody.username, nobody.node_seconds) == (None, "unknown", 1800)


def test_a_disputed_local_user_is_nobodys(database_url: str, connection: Connection) -> None:
    both = Reported(
        "isca", "climate.brics", {"alice": "shared", "bob": "shared"}, {LONG_AGO: {"shared": 60}}
    )
    fill(database_url, [both])
    ((climate,),) = connection.execute("select uuid from projects")
    ((alice,),) = connection.execute(
        "select user_id from identities where identity = 'alice.brics'"
    )
    ask = partial(user_days, of=Of(climate), since=LONG_AGO, before=LATER)

    assert [one.username for one in answered(database_url, operator_scope(), ask)] == ["unknown"]
    assert answered(database_url, Scope(alice, everything=False), ask) == []


def test_a_user_without_a_row_yet_goes_by_their_association(
    database_url: str, connection: Connection
) -> None:
    """The month is closed when Dora gets Bob's local user: her row waits for a decision."""
    tell_everything(connection)
    map_local_user(connection, CLIMATE, "isca", "bo", DORA, STAFF)
    ((climate,),) = connection.execute(
        "select uuid from projects where identifier = 'climate.brics'"
    )
    ask = partial(user_days, of=Of(climate), since=date(2026, 2, 1), before=date(2026, 2, 2))

    told = answered(database_url, operator_scope(), ask)

    assert [one.username for one in told] == ["alice.climate.brics", "dora.climate.brics"]


def test_all_that_is_told_of_a_user_is_of_the_period(centre: Centre) -> None:
    eyes = Eyes.of(centre, "staff")

    for user in {row.user for row in centre.rows if row.user}:
        whole = eyes.ask(partial(months_of_user, user=user, period=ALWAYS, now=NOW))
        assert eyes.ask(partial(months_of_user, user=user, period=WINTER, now=NOW)) == [
            one for one in whole if one.month in WINTER.months
        ]
