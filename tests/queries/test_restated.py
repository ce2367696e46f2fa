"""The history of restated figures: what changed a statement that was complete, and what did not."""

from __future__ import annotations

from datetime import date
from functools import partial
from uuid import UUID

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.of import Of
from nodehours.queries.restated import RestatedFigure, restated
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.scope import Scope
from tests.ledger.eventful import CLIMATE, FEBRUARY, Teller, dates, tell_everything, used
from tests.queries.seen import answered

CLIMATE_ONLY = Scope(0, everything=False, allocations=(1,))
NOBODY = Scope(0, everything=False)


@pytest.fixture
def climate(connection: Connection) -> Of:
    """The project climate, after all that can happen to one."""
    tell_everything(connection)
    return of_climate(connection)


def of_climate(connection: Connection) -> Of:
    """The project that is or was called climate."""
    ((project,),) = connection.execute(
        """
        select uuid from projects join project_names on project_id = projects.id
        where project_names.identifier = 'climate.brics'
        """
    )
    return Of(project=project)


def told(url: str, of: Of, scope: Scope | None = None, limit: int = 99) -> list[RestatedFigure]:
    return answered(url, scope or operator_scope(), partial(restated, of=of, limit=limit))


def test_each_change_of_a_complete_month_is_told_newest_first(
    database_url: str, climate: Of
) -> None:
    """February 9th was corrected; then the month was closed, and February 10th accepted."""
    found = told(database_url, climate)

    whole = sum(3600 + 1800 + n for n in range(28))
    corrected = whole - (3600 + 1800 + 8) + 1
    accepted = corrected - (3600 + 1800 + 9) + 3000 + 2
    assert [(one.month, one.kind, one.former, one.node_seconds) for one in found] == [
        (FEBRUARY, "acceptance", corrected, accepted),
        (FEBRUARY, "posting", whole, corrected),
    ]
    assert {one.resource for one in found} == {"isca"}
    assert all(one.recorded.tzinfo for one in found)
    assert all(one.reason for one in found)
    assert told(database_url, climate, limit=1) == found[:1]


def test_only_who_sees_the_statement_whole_is_told(
    database_url: str, connection: Connection, climate: Of
) -> None:
    ((alice,),) = connection.execute(
        "select user_id from identities where identity = 'alice.brics'"
    )

    assert told(database_url, climate, CLIMATE_ONLY) == told(database_url, climate)
    assert told(database_url, climate, NOBODY) == []
    assert told(database_url, climate, Scope(alice, everything=False)) == []
    assert told(database_url, Of(project=UUID(int=0))) == []


def test_a_new_name_is_no_restatement(database_url: str, connection: Connection) -> None:
    """Though all statements are told anew by it: the users of the project are called otherwise."""
    days = dates(date(2026, 2, 1), 28)
    Teller(connection).tells(CLIMATE, {day: used(al=10) for day in days}, al="alice")
    rename_project(connection, CLIMATE, ProjectIdentifier.parse("weather.brics"), Origin())

    ((postings,),) = connection.execute("select count(*) from postings")
    assert postings == 2
    assert told(database_url, of_climate(connection)) == []


def test_shares_that_change_are_told_though_the_total_stays(
    database_url: str, connection: Connection
) -> None:
    teller = Teller(connection)
    days = dates(date(2026, 2, 1), 28)
    teller.tells(CLIMATE, {day: used(al=10, bo=20) for day in days}, al="alice", bo="bob")
    of = of_climate(connection)
    assert told(database_url, of) == []
    teller.tells(CLIMATE, {date(2026, 2, 3): used(al=20, bo=10)})

    (one,) = told(database_url, of)

    assert (one.former, one.node_seconds) == (840, 840)


def test_what_came_before_the_month_was_complete_is_not_told(
    database_url: str, connection: Connection
) -> None:
    teller = Teller(connection)
    for day in dates(date(2026, 2, 1), 28):
        teller.tells(CLIMATE, {day: used(al=10)}, al="alice")

    assert told(database_url, of_climate(connection)) == []
