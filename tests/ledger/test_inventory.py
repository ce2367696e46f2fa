"""What the operator keeps of organisations, projects, resources and allocations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from nodehours.ledger.errors import LedgerError, TakenNameError, UnchangeableError, UnknownNameError
from nodehours.ledger.inventory import (
    Grant,
    ListedAllocation,
    ListedProject,
    Organisation,
    Resource,
    add_organisation,
    list_allocations,
    list_organisations,
    list_projects,
    list_resources,
    name_organisation,
    set_allocation,
    set_resource,
)
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.post import current_revision, post
from nodehours.ledger.store import Connection
from nodehours.terms.doubt import DoubtReason
from nodehours.terms.usage import DailyUsage, Day, ProjectUsage
from tests.ledger.moving import CLIMATE, OCEAN, STAFF, WEATHER, report
from tests.ledger.reports import ORIGIN
from tests.ledger.written import everything


def test_everything_is_listed_by_name_with_what_it_has(connection: Connection) -> None:
    for resource in ("tamar", "isca"):
        report(connection, {"2026-03-01": {"al": 60}}, CLIMATE, resource)
    report(connection, {"2026-03-01": {"al": 60}}, OCEAN)
    add_organisation(connection, "uk", "United Kingdom")
    rename_project(connection, CLIMATE, WEATHER, STAFF)
    move_project(connection, OCEAN, "uk", STAFF)

    assert list_organisations(connection) == [
        Organisation("brics", "brics", 1),
        Organisation("uk", "United Kingdom", 1),
    ]
    assert list_projects(connection) == [
        ListedProject("ocean.brics", "uk", [], ["isca"]),
        ListedProject("weather.brics", "brics", ["climate.brics"], ["isca", "tamar"]),
    ]
    assert list_resources(connection) == [Resource("isca", None, 2), Resource("tamar", None, 1)]
    nothing = Grant(None, None, None)
    assert list_allocations(connection) == [
        ListedAllocation("ocean.brics", "isca", nothing),
        ListedAllocation("weather.brics", "isca", nothing),
        ListedAllocation("weather.brics", "tamar", nothing),
    ]


def test_an_organisation_is_named_after_its_identifier_until_it_is_given_a_name(
    connection: Connection,
) -> None:
    add_organisation(connection, "uk")
    assert list_organisations(connection) == [Organisation("uk", "uk", 0)]

    name_organisation(connection, "uk", "United Kingdom")

    assert list_organisations(connection) == [Organisation("uk", "United Kingdom", 0)]


def test_what_is_not_named_of_a_grant_stays_and_nothing_of_it_is_a_revision(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}})
    first, last = date(2026, 3, 1), date(2027, 2, 28)

    set_allocation(connection, CLIMATE, "isca", starts=first, node_limit=3600)
    set_allocation(connection, CLIMATE, "isca", ends=last)
    whole = set_allocation(connection, CLIMATE, "isca", node_limit=None)
    set_resource(connection, "isca", 168)

    assert whole == Grant(first, last, None)
    assert list_allocations(connection) == [ListedAllocation("climate.brics", "isca", whole)]
    assert list_resources(connection) == [Resource("isca", 168, 1)]
    assert current_revision(connection) == 1


def test_what_is_said_of_an_allocation_and_its_resource_is_what_reports_are_doubted_by(
    connection: Connection,
) -> None:
    """A day before the start, and a day of more than two nodes can give."""
    report(connection, {"2026-03-03": {"al": 60}})
    set_allocation(connection, CLIMATE, "isca", starts=date(2026, 3, 2))
    set_resource(connection, "isca", 2)
    days = {
        date(2026, 3, 1): Day(usage={"al": DailyUsage(1)}),
        date(2026, 3, 2): Day(usage={"al": DailyUsage(2 * 86_400)}),
        date(2026, 3, 4): Day(usage={"al": DailyUsage(2 * 86_400 + 1)}),
    }

    today = date(2026, 4, 1)
    (month,) = post(connection, ProjectUsage(CLIMATE, days), "isca", ORIGIN, today=today)

    assert month.posted == 1
    assert [(doubt.days, doubt.reason) for doubt in month.doubts] == [
        (frozenset({date(2026, 3, 1)}), DoubtReason.BEFORE_START),
        (frozenset({date(2026, 3, 4)}), DoubtReason.BEYOND_CAPACITY),
    ]


def test_what_cannot_be_kept_is_refused_with_a_sentence_and_changes_nothing(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}})
    set_allocation(connection, CLIMATE, "isca", starts=date(2026, 3, 1))
    before = everything(connection)

    attempts: dict[str, tuple[type[LedgerError], Callable[[], object]]] = {
        "there is an organisation brics already": (
            TakenNameError, lambda: add_organisation(connection, "brics", "Other")
        ),
        "there is no organisation eu: see `nodehours organisation list`": (
            UnknownNameError, lambda: name_organisation(connection, "eu", "Europe")
        ),
        "there is no resource tamar: see `nodehours resource list`": (
            UnknownNameError, lambda: set_resource(connection, "tamar", 1)
        ),
        "climate.brics has no allocation on tamar: see `nodehours allocation list`": (
            UnknownNameError, lambda: set_allocation(connection, CLIMATE, "tamar", node_limit=1)
        ),
        "it would end on 2026-02-28, before its start on 2026-03-01": (
            UnchangeableError,
            lambda: set_allocation(connection, CLIMATE, "isca", ends=date(2026, 2, 28)),
        ),
    }  # fmt: skip
    for sentence, (kind, attempt) in attempts.items():
        with pytest.raises(kind) as refused:
            attempt()
        assert str(refused.value) == sentence

    assert everything(connection) == before
