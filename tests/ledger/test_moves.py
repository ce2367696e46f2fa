"""Projects that get another name or another organisation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.errors import LedgerError, TakenNameError, UnchangeableError, UnknownNameError
from nodehours.ledger.inventory import add_organisation
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from tests.ledger.moving import (
    CLIMATE,
    MARCH,
    OCEAN,
    STAFF,
    WEATHER,
    assert_still_told,
    places,
    report,
    revisions,
    rows,
    told,
    totals,
    whole_month,
)
from tests.ledger.written import assert_holds, everything


def test_the_rows_of_a_renamed_project_are_called_after_it_and_no_figure_changes(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "old": 5}, "2026-04-01": {"al": 1}}, alice="al")
    before = told(connection)

    moved = rename_project(connection, CLIMATE, WEATHER, STAFF)

    assert rows(connection) == [
        ("weather.brics", "2026-03", "alice.weather.brics", 60),
        ("weather.brics", "2026-03", "unknown", 5),
        ("weather.brics", "2026-04", "alice.weather.brics", 1),
        ("weather.brics", "2026-04", "unknown", 0),
    ]
    assert (moved.revision, len(moved.told), moved.waiting) == (3, 2, [])
    assert totals(told(connection)) == totals(before)
    assert places(told(connection)) == places(before)
    assert_holds(connection)
    assert_still_told(connection, before)


def test_a_renaming_is_one_revision_of_all_its_allocations_and_months(
    connection: Connection,
) -> None:
    for resource in ("isca", "tamar"):
        used = {"2026-03-01": {"al": 60}, "2026-04-01": {"al": 60}}
        report(connection, used, resource=resource, alice="al")
    before = current_revision(connection)

    rename_project(connection, CLIMATE, WEATHER, Origin(None, "as at the portal", "carol"))

    assert current_revision(connection) == before + 1
    assert revisions(connection) == [(before + 1, "renaming", "as at the portal", "carol")]
    statements = connection.execute("select revision from statements").fetchall()
    assert statements == [(before + 1,)] * 4


def test_without_a_reason_the_history_says_what_was_done(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    add_organisation(connection, "uk", "")

    rename_project(connection, CLIMATE, WEATHER, STAFF)
    move_project(connection, WEATHER, "uk", STAFF)

    assert revisions(connection) == [
        (2, "renaming", "climate.brics is now weather.brics", "carol"),
        (3, "moving", "weather.brics moved to uk", "carol"),
    ]


def test_a_complete_month_is_not_restated_by_another_name(connection: Connection) -> None:
    report(connection, whole_month(MARCH, al=60), alice="al")

    rename_project(connection, CLIMATE, WEATHER, STAFF)

    assert connection.execute("select is_restated from statements").fetchall() == [(False,)]


def test_a_late_report_under_the_old_name_is_posted_to_the_same_project(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    report(connection, {"2026-03-02": {"al": 1, "bo": 2}}, CLIMATE, alice="al", bob="bo")
    report(connection, {"2026-03-03": {"al": 10}}, WEATHER, alice="al")

    assert rows(connection) == [
        ("weather.brics", "2026-03", "alice.weather.brics", 71),
        ("weather.brics", "2026-03", "bob.weather.brics", 2),
        ("weather.brics", "2026-03", "unknown", 0),
    ]
    assert_holds(connection)


def test_renaming_back_and_forth_leaves_what_was_and_each_name_at_its_time(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    first = told(connection)
    rename_project(connection, CLIMATE, WEATHER, STAFF)
    second = told(connection)

    rename_project(connection, WEATHER, CLIMATE, STAFF)
    third = told(connection)
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    assert third.rows == first.rows
    assert third.projects == first.projects
    for then in (first, second, third):
        assert_still_told(connection, then)
    assert_holds(connection)
    held = connection.execute("select count(*) from associations where retired_revision is null")
    assert held.fetchone() == (1,)


def test_a_project_is_renamed_by_any_name_it_had(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    rename_project(connection, CLIMATE, OCEAN, STAFF)

    assert [row[2] for row in rows(connection)] == ["alice.ocean.brics", "unknown"]


def test_a_closed_month_keeps_its_names_until_staff_accept_the_new_ones(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}, "2026-04-01": {"al": 1}}, alice="al")
    close_month(connection, "climate.brics", MARCH, STAFF)

    moved = rename_project(connection, CLIMATE, WEATHER, STAFF)

    assert rows(connection) == [
        ("weather.brics", "2026-03", "alice.climate.brics", 60),
        ("weather.brics", "2026-03", "unknown", 0),
        ("weather.brics", "2026-04", "alice.weather.brics", 1),
        ("weather.brics", "2026-04", "unknown", 0),
    ]
    assert [month.month for month in moved.waiting] == [MARCH]
    assert [month.month for month in moved.told] == [MARCH.of(MARCH.end)]
    assert_holds(connection)


def test_renamed_back_a_closed_month_has_nothing_to_wait_for(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    close_month(connection, "climate.brics", MARCH, STAFF)
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    rename_project(connection, WEATHER, CLIMATE, STAFF)

    assert connection.execute("select status from pending").fetchall() == [("superseded",)]


def test_a_name_that_cannot_be_given_is_refused_with_a_sentence_and_changes_nothing(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    report(connection, {"2026-03-01": {"al": 60}}, OCEAN, alice="al")
    rename_project(connection, OCEAN, WEATHER, STAFF)
    add_organisation(connection, "uk", "")
    before = everything(connection)

    def rename(old: str, new: str) -> Callable[[], object]:
        present, wanted = ProjectIdentifier.parse(old), ProjectIdentifier.parse(new)
        return lambda: rename_project(connection, present, wanted, STAFF)

    attempts: dict[str, tuple[type[LedgerError], Callable[[], object]]] = {
        "the project is climate.brics already": (
            UnchangeableError, rename("climate.brics", "climate.brics")
        ),
        "climate.brics cannot become climate.gw4: at another portal its users would be other people": (
            UnchangeableError, rename("climate.brics", "climate.gw4")
        ),
        "climate.brics cannot become weather.brics, which exists": (
            TakenNameError, rename("climate.brics", "weather.brics")
        ),
        "climate.brics cannot become ocean.brics, which was the name of weather.brics, and still leads there": (
            TakenNameError, rename("climate.brics", "ocean.brics")
        ),
        "there is no project genome.brics: see `nodehours project list`": (
            UnknownNameError, rename("genome.brics", "genes.brics")
        ),
        "there is no organisation eu: `nodehours organisation add` makes one": (
            UnknownNameError, lambda: move_project(connection, CLIMATE, "eu", STAFF)
        ),
    }  # fmt: skip
    for sentence, (kind, attempt) in attempts.items():
        with pytest.raises(kind) as refused:
            attempt()
        assert str(refused.value) == sentence

    assert everything(connection) == before


def test_a_project_that_moves_keeps_every_statement_and_is_remembered_where_it_was(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    add_organisation(connection, "uk", "United Kingdom")
    before = told(connection)

    moved = move_project(connection, CLIMATE, "uk", STAFF)
    again = move_project(connection, CLIMATE, "uk", STAFF)

    after = told(connection)
    assert (moved.revision, moved.months, again.revision) == (2, (), None)
    assert (after.rows, after.statements) == (before.rows, before.statements)
    ((project, *was),) = before.projects
    ((same, *now),) = after.projects
    assert same == project
    assert was != now
    assert_still_told(connection, before)
    assert_holds(connection)


def test_a_month_closed_for_the_former_organisation_stays_closed_and_is_the_projects_to_reopen(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    add_organisation(connection, "uk", "")
    close_month(connection, "brics", MARCH, STAFF)

    move_project(connection, CLIMATE, "uk", STAFF)
    (late,) = report(connection, {"2026-03-02": {"al": 1}}, alice="al")
    (first,) = report(connection, {"2026-03-02": {"al": 1}}, resource="tamar", alice="al")
    assert (late.revision, late.waiting) == (None, 1)
    assert (first.revision, first.waiting) == (None, 1)

    reopen_month(connection, "climate.brics", MARCH, STAFF)
    report(connection, {"2026-03-03": {"al": 5}}, alice="al")

    assert [row[3] for row in rows(connection)] == [65, 0]
    assert_holds(connection)


def test_the_rows_of_0_of_a_renamed_project_are_called_after_it_as_well(
    connection: Connection,
) -> None:
    """alice signed up twice; her former row says nothing any more, and stays."""
    used = {"2026-03-01": {"al": 60, "al2": 5}}
    report(connection, used, alice="al", alicia="al2")
    merge_users(connection, "alicia.brics", "alice.brics", STAFF)
    before = told(connection)

    rename_project(connection, CLIMATE, WEATHER, STAFF)

    assert rows(connection) == [
        ("weather.brics", "2026-03", "alice.weather.brics", 65),
        ("weather.brics", "2026-03", "alicia.weather.brics", 0),
        ("weather.brics", "2026-03", "unknown", 0),
    ]
    assert_still_told(connection, before)
