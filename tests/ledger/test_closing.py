"""Closing a month and opening it again, of an organisation or of a project."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from nodehours.ledger.closing import Closed, close_month, reopen_month
from nodehours.ledger.errors import UnchangeableError, UnknownNameError
from nodehours.ledger.inventory import add_organisation
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.post import MonthPosted, current_revision, post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.statement import State
from nodehours.terms.usage import DailyUsage, Day, ProjectUsage
from tests.ledger.months import CLIMATE, STAFF, figures, waiting
from tests.ledger.reports import ORIGIN
from tests.ledger.written import assert_holds, everything

MARCH, APRIL = Month(2026, 3), Month(2026, 4)
OCEAN = "ocean.brics"


def report(
    connection: Connection,
    project: str = CLIMATE,
    month: Month = MARCH,
    *,
    seconds: int = 60,
    days: int = 1,
    resource: str = "isca",
) -> MonthPosted:
    """Post complete days of a month, each with so many node-seconds of nobody."""
    told = {
        date(month.year, month.month, number): Day(True, usage={"al": DailyUsage(seconds)})
        for number in range(1, days + 1)
    }
    usage = ProjectUsage(ProjectIdentifier.parse(project), told)
    return post(connection, usage, resource, ORIGIN)[0]


def closed(connection: Connection) -> list[tuple[str, str, str]]:
    """The statements that are closed: project, resource, month."""
    return connection.execute(
        "select projects.identifier, resources.name, year || '-' || lpad(month::text, 2, '0')"
        " from statements join allocations on allocations.id = allocation_id"
        " join projects on projects.id = project_id join resources on resources.id = resource_id"
        " where is_closed order by 1, 2, 3"
    ).fetchall()


def names(done: Closed) -> list[tuple[str, str]]:
    return [(one.project, one.resource) for one in done.statements]


@pytest.fixture
def centre(connection: Connection) -> Connection:
    """climate on two resources and ocean on one, in March and in April."""
    for month in (MARCH, APRIL):
        report(connection, month=month)
        report(connection, month=month, resource="tigris")
        report(connection, OCEAN, month)
    report(connection, "stars.gw4")
    return connection


def test_a_project_s_month_is_closed_on_all_its_resources_and_nothing_else_is(
    centre: Connection,
) -> None:
    done = close_month(centre, CLIMATE, MARCH, STAFF)

    assert (done.of, done.month, names(done)) == (
        CLIMATE,
        MARCH,
        [(CLIMATE, "isca"), (CLIMATE, "tigris")],
    )
    assert closed(centre) == [(CLIMATE, "isca", "2026-03"), (CLIMATE, "tigris", "2026-03")]


def test_an_organisation_s_month_is_closed_for_all_its_projects(centre: Connection) -> None:
    done = close_month(centre, "brics", MARCH, STAFF)

    assert names(done) == [(CLIMATE, "isca"), (CLIMATE, "tigris"), (OCEAN, "isca")]
    assert "stars.gw4" not in {project for project, *_ in closed(centre)}


def test_a_closing_is_one_revision_that_says_who_and_why_and_every_statement_keeps_its_hash(
    centre: Connection,
) -> None:
    before, known = current_revision(centre), figures(centre, MARCH)

    done = close_month(centre, "brics", MARCH, STAFF)

    assert done.revision == before + 1 == current_revision(centre)
    assert centre.execute(
        "select kind, by_whom, reason from revisions where revision = %s", [done.revision]
    ).fetchall() == [("closing", "carol", "2026-03 of brics closed")]
    assert figures(centre, MARCH) == known
    assert_holds(centre)


def test_that_a_statement_was_open_before_is_remembered(centre: Connection) -> None:
    done = close_month(centre, CLIMATE, MARCH, STAFF)
    again = reopen_month(centre, CLIMATE, MARCH, STAFF)

    told = [
        centre.execute("select is_closed from statement_at(1, 2026, 3, %s)", [revision]).fetchone()
        for revision in (done.revision - 1, done.revision, again.revision)
    ]
    assert told == [(False,), (True,), (False,)]


def test_what_is_provisional_is_closed_as_it_is_and_named(connection: Connection) -> None:
    report(connection, days=31)
    report(connection, OCEAN, days=30)

    done = close_month(connection, "brics", MARCH, STAFF)

    assert [(one.project, one.state, one.node_seconds) for one in done.statements] == [
        (CLIMATE, State.COMPLETE, 31 * 60),
        (OCEAN, State.PROVISIONAL, 30 * 60),
    ]
    assert [one.project for one in done.provisional] == [OCEAN]


def test_a_closing_holds_for_statements_that_are_not_there_yet(centre: Connection) -> None:
    """A project that is new, and a resource that is."""
    close_month(centre, "brics", MARCH, STAFF)

    for project, resource in (("genome.brics", "isca"), (OCEAN, "tigris")):
        assert report(centre, project, resource=resource).waiting == 1
    assert report(centre, "genome.brics", APRIL).posted == 1
    assert len(waiting(centre)) == 2


def test_closing_and_opening_again_changes_no_figure(centre: Connection) -> None:
    known = figures(centre, MARCH)

    close_month(centre, "brics", MARCH, STAFF)
    done = reopen_month(centre, "brics", MARCH, STAFF)

    assert names(done) == [(CLIMATE, "isca"), (CLIMATE, "tigris"), (OCEAN, "isca")]
    assert (closed(centre), figures(centre, MARCH)) == ([], known)
    assert report(centre, seconds=90).posted == 1
    assert_holds(centre)


def test_a_month_can_be_closed_again_after_it_was_opened(centre: Connection) -> None:
    for _ in range(2):
        close_month(centre, CLIMATE, MARCH, STAFF)
        reopen_month(centre, CLIMATE, MARCH, STAFF)
    close_month(centre, CLIMATE, MARCH, STAFF)

    assert len(closed(centre)) == 2


def test_a_project_closed_by_itself_stays_closed_when_its_organisation_is_opened(
    centre: Connection,
) -> None:
    close_month(centre, CLIMATE, MARCH, STAFF)
    assert names(close_month(centre, "brics", MARCH, STAFF)) == [(OCEAN, "isca")]

    assert names(reopen_month(centre, "brics", MARCH, STAFF)) == [(OCEAN, "isca")]
    assert names(reopen_month(centre, CLIMATE, MARCH, STAFF)) == [
        (CLIMATE, "isca"),
        (CLIMATE, "tigris"),
    ]


def test_a_project_is_told_by_any_name_it_had(centre: Connection) -> None:
    new = ProjectIdentifier.parse("weather.brics")
    rename_project(centre, ProjectIdentifier.parse(CLIMATE), new, STAFF)

    done = close_month(centre, CLIMATE, MARCH, STAFF)

    assert (done.of, names(done)[0]) == ("weather.brics", ("weather.brics", "isca"))


def test_a_project_that_moved_away_keeps_its_closed_months_and_is_opened_by_itself(
    centre: Connection,
) -> None:
    close_month(centre, "brics", MARCH, STAFF)
    move_project(centre, ProjectIdentifier.parse(CLIMATE), "gw4", STAFF)

    reopen_month(centre, "brics", MARCH, STAFF)
    assert [project for project, *_ in closed(centre)] == [CLIMATE, CLIMATE]
    assert report(centre, seconds=90).waiting == 1
    reopen_month(centre, CLIMATE, MARCH, STAFF)

    assert closed(centre) == []


def test_a_project_that_moved_to_where_the_month_is_closed_can_be_closed_by_itself(
    centre: Connection,
) -> None:
    """Its statements were open, and no move changes a statement."""
    close_month(centre, "gw4", MARCH, STAFF)
    move_project(centre, ProjectIdentifier.parse(CLIMATE), "gw4", STAFF)
    assert [project for project, *_ in closed(centre)] == ["stars.gw4"]

    close_month(centre, CLIMATE, MARCH, STAFF)

    assert [project for project, *_ in closed(centre)] == [CLIMATE, CLIMATE, "stars.gw4"]


def this_month() -> Month:
    return Month.of(datetime.now(UTC).date())


@pytest.mark.parametrize(
    ("of", "month", "error", "sentence"),
    [
        ("nowhere", MARCH, UnknownNameError, "there is no organisation nowhere"),
        ("nobody.brics", MARCH, UnknownNameError, "there is no project nobody.brics"),
        ("a.b.c", MARCH, UnknownNameError, "'a.b.c' is not of the form project.portal"),
        (CLIMATE, None, UnchangeableError, "is not over: it can be closed from"),
        ("gw4", MARCH, UnchangeableError, "2026-03 of gw4 is closed already, since revision 8"),
        (OCEAN, MARCH, UnchangeableError, "2026-03 of ocean.brics is closed already, since revision 9"),
        (
            "stars.gw4", MARCH, UnchangeableError,
            "2026-03 of stars.gw4 is closed already, with its organisation gw4 since revision 8",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_closed_is_said_and_changes_nothing(
    centre: Connection, of: str, month: Month | None, error: type[Exception], sentence: str
) -> None:
    close_month(centre, "gw4", MARCH, STAFF)
    close_month(centre, OCEAN, MARCH, STAFF)
    before = everything(centre)

    with pytest.raises(error, match=sentence):
        close_month(centre, of, month or this_month(), STAFF)

    assert everything(centre) == before


@pytest.mark.parametrize(
    ("of", "error", "sentence"),
    [
        ("nowhere", UnknownNameError, "there is no organisation nowhere"),
        ("nobody.brics", UnknownNameError, "there is no project nobody.brics"),
        ("brics", UnchangeableError, "2026-03 of brics is not closed"),
        (CLIMATE, UnchangeableError, "2026-03 of climate.brics is not closed"),
        (
            "stars.gw4", UnchangeableError,
            "2026-03 of stars.gw4 is closed with its organisation gw4: `nodehours month reopen gw4 2026-03` opens",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_again_is_said_and_changes_nothing(
    centre: Connection, of: str, error: type[Exception], sentence: str
) -> None:
    close_month(centre, "gw4", MARCH, STAFF)
    close_month(centre, OCEAN, MARCH, STAFF)
    before = everything(centre)

    with pytest.raises(error, match=sentence):
        reopen_month(centre, of, MARCH, STAFF)

    assert everything(centre) == before


def test_an_organisation_without_projects_can_be_closed(connection: Connection) -> None:
    add_organisation(connection, "empty", "Empty")

    assert close_month(connection, "empty", MARCH, STAFF).statements == ()
