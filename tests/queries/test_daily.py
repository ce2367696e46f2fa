"""Projects and allocations by day and month: what is seen whole, and elsewhere one's own usage alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

import pytest

from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.daily import (
    ComponentMonth,
    DayTold,
    MonthUse,
    component_months,
    days,
    use_by_month,
)
from nodehours.queries.of import Of
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State
from tests.centre import READERS, REPORTS, Centre
from tests.ledger.eventful import FEBRUARY, MARCH, tell_everything
from tests.queries.seen import answered
from tests.queries.summed import ALWAYS, Eyes, everything_of, month_of, readers, total, unserved

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SPRING = Period(FEBRUARY, Month(2026, 5))
LONG_AGO, LATER = date(2000, 1, 1), date(2100, 1, 1)


@pytest.fixture(scope="module", name="centre")
def kept_centre(server_url: str, template: str) -> Iterator[Centre]:
    with unserved(server_url, template) as centre:
        yield centre


def days_seen(eyes: Eyes, projects: set[tuple[str, str]]) -> dict[date, int]:
    """The days of the reports of (project, resource), as far as the reader sees them."""
    seen: Counter[date] = Counter()
    whole = {(row.told.project, row.told.resource) for row in eyes.whole_rows()}
    identity = READERS[eyes.name].identity or ""
    for report in REPORTS:
        place = report.project, report.resource
        user, _, portal = identity.partition(".")
        mine = report.users.get(user, "") if report.project.endswith(f".{portal}") else ""
        for day, used in report.days.items():
            if place in projects and place in whole:
                seen[day] += sum(used.values())
            elif place in projects and mine in used:
                seen[day] += used[mine]
    return dict(sorted(seen.items()))


@readers
def test_every_reader_is_told_of_the_days_they_see(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)

    for of, rows in everything_of(centre):
        places = {(row.told.project, row.told.resource) for row in rows}
        found = eyes.ask(partial(days, of=of, since=LONG_AGO, before=LATER))
        assert {one.day: one.node_seconds for one in found} == days_seen(eyes, places)
        assert all(one.is_complete for one in found)


@readers
def test_months_are_the_sums_of_the_rows_that_are_seen(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)
    seen, whole = eyes.rows(), eyes.whole_rows()

    for of, rows in everything_of(centre):
        told = eyes.ask(partial(use_by_month, of=of, period=ALWAYS, now=NOW))
        mine = [row for row in rows if row in seen]
        assert [(one.month, one.node_seconds) for one in told] == [
            (month, total(row for row in mine if month_of(row) == month))
            for month in sorted(set(map(month_of, mine)))
        ]
        for one in told:
            of_month = [row for row in mine if month_of(row) == one.month]
            nobody = total(row for row in of_month if row.user is None)
            is_whole = all(row in whole for row in of_month)
            assert one[2:5] == ((nobody, 0, 0) if is_whole else (None, None, None))
            assert one[5:] == (State.PROVISIONAL, False, 0)


def test_the_first_day_is_asked_for_and_the_last_is_not(centre: Centre) -> None:
    eyes = Eyes.of(centre, "staff")
    (climate, _), *_ = everything_of(centre)

    found = eyes.ask(partial(days, of=climate, since=date(2024, 1, 1), before=date(2024, 2, 15)))

    assert [one.day for one in found] == [date(2024, 1, 1), date(2024, 1, 15), date(2024, 2, 1)]


def eventful(connection: Connection) -> tuple[UUID, UUID]:
    """Fill the ledger with all that can happen to one; return the project climate, and its allocation."""
    tell_everything(connection)
    ((project, allocation),) = connection.execute(
        """
        select projects.uuid, allocations.uuid from allocations join projects on projects.id = project_id
        where projects.identifier = 'climate.brics'
        """
    )
    return project, allocation


def test_a_day_has_its_jobs_waits_and_whether_it_is_known_completely(
    database_url: str, connection: Connection
) -> None:
    project, allocation = eventful(connection)
    ask = partial(days, since=date(2026, 2, 9), before=date(2026, 3, 4))
    kept = connection.execute(
        """
        select day, node_seconds, jobs, wait_seconds, is_complete from usage_days
        join allocations on allocations.id = allocation_id
        where allocations.uuid = %s and day >= '2026-02-09' and day < '2026-03-04' order by day
        """,
        [allocation],
    ).fetchall()

    for of in (Of(project=project), Of(allocation=allocation)):
        assert answered(database_url, operator_scope(), partial(ask, of=of)) == [
            DayTold(*day) for day in kept
        ]
    assert len(kept) == 21


def test_a_month_says_how_certain_it_is_and_what_waits(
    database_url: str, connection: Connection
) -> None:
    project, _ = eventful(connection)
    ask = partial(use_by_month, of=Of(project=project), period=SPRING, now=NOW)

    february, march, april = answered(database_url, operator_scope(), ask)

    ((used, jobs, waits),) = connection.execute(
        """
        select sum(d.node_seconds), sum(jobs), sum(wait_seconds) from usage_days d
        join allocations a on a.id = allocation_id join projects p on p.id = project_id
        where p.uuid = %s and year = 2026 and month = 2
        """,
        [project],
    )
    assert february == MonthUse(FEBRUARY, used, 0, jobs, waits, State.RESTATED, True, 1)
    assert (march.month, march.state, march.is_closed) == (MARCH, State.PROVISIONAL, False)
    assert april.unattributed == 5
    of_climate = Scope(0, everything=False, allocations=(1,))
    assert [one.waiting for one in answered(database_url, of_climate, ask)] == [0, 0, 0]


def test_components_are_summed_by_month(database_url: str, connection: Connection) -> None:
    """Each local user has 64 cpu-seconds for a node-second, and nothing of it is anybody's but alice's and bob's."""
    project, _ = eventful(connection)
    ask = partial(component_months, of=Of(project=project), period=SPRING)
    expected = connection.execute(
        """
        select extract(month from day)::int, component, sum(component_seconds)::bigint from daily_components
        join allocations a on a.id = allocation_id join projects p on p.id = project_id
        where p.uuid = %s group by 1, 2 order by 1, 2
        """,
        [project],
    )

    assert answered(database_url, operator_scope(), ask) == [
        ComponentMonth(Month(2026, month), *told) for month, *told in expected
    ]


def test_of_what_is_not_seen_whole_one_is_told_of_ones_own_components(
    database_url: str, connection: Connection
) -> None:
    project, allocation = eventful(connection)
    ((alice,),) = connection.execute(
        "select user_id from identities where identity = 'alice.brics'"
    )
    ((expected,),) = connection.execute(
        """
        select sum(component_seconds) from daily_components join allocations on allocations.id = allocation_id
        where uuid = %s and local_user = 'al'
        """,
        [allocation],
    )
    me = Scope(alice, everything=False)
    stranger = Scope(10**9, everything=False)

    told = answered(database_url, me, partial(component_months, of=Of(project), period=SPRING))

    assert sum(one.component_seconds for one in told) == expected > 0
    for ask in (component_months, partial(use_by_month, now=NOW)):
        of_climate = partial(ask, of=Of(project), period=SPRING)
        assert answered(database_url, stranger, of_climate) == []
