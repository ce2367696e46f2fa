"""The matrix of projects and months: cells are sums of what is seen, as certain as their least certain statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.matrix import Cell, MatrixFilter, MatrixRow, project_months
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State
from tests.centre import Centre, Row
from tests.ledger.eventful import FEBRUARY, tell_everything
from tests.queries.seen import answered, walked
from tests.queries.summed import ALWAYS, WINTER, Eyes, month_of, readers, unserved

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SPRING = Period(FEBRUARY, Month(2026, 5))
ALL = MatrixFilter()


@pytest.fixture(scope="module", name="centre")
def kept_centre(server_url: str, template: str) -> Iterator[Centre]:
    with unserved(server_url, template) as centre:
        yield centre


def matrix(eyes: Eyes, asked: MatrixFilter, period: Period) -> list[MatrixRow]:
    """Every page of it, however long pages are."""
    return eyes.ask(
        lambda c, scope: walked(
            lambda offset, limit: project_months(
                c, scope, asked, period, NOW, offset=offset, limit=limit
            )
        )
    )


def figures(rows: list[MatrixRow]) -> dict[str, dict[Month, int]]:
    return {
        row.identifier: {month: cell.node_seconds for month, cell in row.cells.items()}
        for row in rows
    }


def summed(rows: list[Row]) -> dict[str, dict[Month, int]]:
    told: dict[str, Counter[Month]] = {}
    for row in rows:
        told.setdefault(row.told.project, Counter())[month_of(row)] += row.told.node_seconds
    return {project: dict(months) for project, months in sorted(told.items())}


@pytest.mark.parametrize("period", [ALWAYS, WINTER])
@readers
def test_every_reader_sees_the_sums_of_their_rows(
    centre: Centre, name: str, period: Period
) -> None:
    eyes = Eyes.of(centre, name)
    rows = matrix(eyes, ALL, period)

    assert figures(rows) == summed(eyes.rows(period))
    assert [row.identifier for row in rows] == sorted(row.identifier for row in rows)
    for row in rows:
        assert list(row.cells) == sorted(row.cells)
        assert row.node_seconds == sum(cell.node_seconds for cell in row.cells.values())
        assert row.organisation == row.identifier.partition(".")[2]
        assert {cell.state for cell in row.cells.values()} == {State.PROVISIONAL}


@pytest.mark.parametrize("name", ["staff", "owner", "alice", "nobody"])
def test_some_projects_or_some_of_their_allocations_can_be_asked_for(
    centre: Centre, name: str
) -> None:
    eyes = Eyes.of(centre, name)
    rows = eyes.rows(WINTER)
    asked = {
        MatrixFilter(search="CE"): [row for row in rows if "ce" in row.told.project],
        MatrixFilter(organisation="gw4"): [r for r in rows if r.told.project.endswith(".gw4")],
        MatrixFilter(organisation="gw"): [],
        MatrixFilter(resource="tigris"): [row for row in rows if row.told.resource == "tigris"],
        MatrixFilter(search="ma", organisation="brics", resource="tigris"): [
            row
            for row in rows
            if (row.told.project, row.told.resource) == ("climate.brics", "tigris")
        ],
    }

    for some, expected in asked.items():
        assert figures(matrix(eyes, some, WINTER)) == summed(expected), some


def cells(
    url: str, scope: Scope, now: datetime = NOW, asked: MatrixFilter = ALL
) -> dict[tuple[str, str], Cell]:
    found = answered(
        url,
        scope,
        partial(project_months, asked=asked, period=SPRING, now=now, offset=0, limit=99),
    )
    return {
        (row.identifier, str(month)): cell
        for row in found.rows
        for month, cell in row.cells.items()
    }


def test_a_cell_says_how_certain_its_month_is(database_url: str, connection: Connection) -> None:
    """February was complete, restated, closed, and something waits for it."""
    tell_everything(connection)

    told = cells(database_url, operator_scope())

    february, march = told["climate.brics", "2026-02"], told["climate.brics", "2026-03"]
    assert february[2:] == (State.RESTATED, True, True, 1)
    assert march[2:] == (State.PROVISIONAL, False, False, 0)
    middle = cells(database_url, operator_scope(), datetime(2026, 3, 5, tzinfo=UTC))
    assert middle["climate.brics", "2026-02"].state is State.RESTATED
    assert middle["climate.brics", "2026-03"].state is State.OPEN


def test_what_waits_is_told_to_those_only_who_see_everything(
    database_url: str, connection: Connection
) -> None:
    tell_everything(connection)
    ((climate,),) = connection.execute("select min(id) from allocations")

    told = cells(database_url, Scope(0, everything=False, allocations=(climate,)))

    assert {key[0] for key in told} == {"climate.brics"}
    assert told["climate.brics", "2026-02"][2:] == (State.RESTATED, True, True, 0)


def test_something_may_wait_for_a_month_without_a_statement(
    database_url: str, connection: Connection
) -> None:
    tell_everything(connection)
    close_month(connection, "lab", Month(2026, 4), Origin(by_whom="boss"))
    before = cells(database_url, operator_scope())
    connection.execute(
        """
        insert into pending (allocation_id, year, month, base_revision, days, node_seconds, sha256, figures)
        select a.id, 2026, 4, 0, '{}', 9, sha256(''), '[]'
        from allocations a join projects p on p.id = project_id where identifier = 'fusion.lab'
        """
    )

    after = cells(database_url, operator_scope())

    assert after.pop(("fusion.lab", "2026-04")) == Cell(
        Month(2026, 4), 0, State.PROVISIONAL, is_closed=True, is_restated=False, waiting=1
    )
    assert after == before


def test_a_project_is_as_certain_as_its_least_certain_allocation(
    database_url: str, connection: Connection
) -> None:
    """Nothing of the other allocation's February is known completely, and it is not closed."""
    tell_everything(connection)
    connection.execute(
        """
        with other as (insert into resources (name) values ('tigris') returning id),
        made as (
            insert into allocations (project_id, resource_id)
            select projects.id, other.id from projects, other where identifier = 'climate.brics' returning id
        ),
        told as (
            insert into statements (allocation_id, year, month, node_seconds, complete_days, revision, count_revision,
                                    sha256)
            select id, 2026, 2, 0, 0, 1, 1, sha256('') from made returning allocation_id
        )
        insert into usage_rows (allocation_id, year, month, username, node_seconds, revision, first_revision)
        select allocation_id, 2026, 2, 'unknown', 0, 1, 1 from told
        """
    )

    told = cells(database_url, operator_scope())["climate.brics", "2026-02"]
    of_isca = cells(database_url, operator_scope(), asked=MatrixFilter(resource="isca"))

    assert told[2:] == (State.PROVISIONAL, False, True, 1)
    assert of_isca["climate.brics", "2026-02"].state is State.RESTATED
