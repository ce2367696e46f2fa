"""Local users of whom staff say whose they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nodehours.ledger.closing import close_month
from nodehours.ledger.errors import LedgerError, UnchangeableError, UnknownNameError
from nodehours.ledger.mapping import list_local_users, map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import Moved, rename_project
from nodehours.ledger.people import User, list_users
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from tests.ledger.moving import (
    CLIMATE,
    MARCH,
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


def map_(
    connection: Connection,
    local_user: str,
    user: str | None,
    project: ProjectIdentifier = CLIMATE,
) -> Moved:
    whose = UserIdentifier.parse(user) if user else None
    return map_local_user(connection, project, "isca", local_user, whose, STAFF)


def figures(connection: Connection) -> dict[str, int]:
    """Node-seconds by username, all months together."""
    found: dict[str, int] = {}
    for *_, username, node_seconds in rows(connection):
        found[username] = found.get(username, 0) + node_seconds
    return found


def test_unattributed_usage_finds_its_owner_in_all_months(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"old": 60, "al": 1}, "2026-04-01": {"old": 7}}, alice="al")
    report(connection, {"2026-05-01": {"al": 1}}, alice="al")
    before = told(connection)

    moved = map_(connection, "old", "bob.climate.brics")

    after = told(connection)
    assert figures(connection) == {"alice.climate.brics": 2, "bob.climate.brics": 67, "unknown": 0}
    assert (moved.revision, len(moved.told), len(moved.months)) == (4, 2, 2)
    assert totals(after) == totals(before)
    assert places(before).items() <= places(after).items()
    assert revisions(connection) == [(4, "mapping", "old is bob.climate.brics", "carol")]
    assert_still_told(connection, before)
    assert_holds(connection)


def test_a_user_nobody_reported_is_made_known(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"old": 60}})

    map_(connection, "old", "bob.climate.brics")

    assert list_users(connection) == [User(None, "", "", False, False, True, ["bob.brics"])]


def test_a_local_user_can_be_decided_before_it_has_usage(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")

    moved = map_(connection, "new", "bob.climate.brics")
    report(connection, {"2026-03-02": {"new": 5}}, eve="new")

    assert moved.months == ()
    assert figures(connection)["bob.climate.brics"] == 5
    assert "eve.climate.brics" not in figures(connection)


def test_a_disputed_local_user_is_whose_staff_say(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"shared": 60}}, alice="shared", bob="shared")
    assert figures(connection)["unknown"] == 60

    map_(connection, "shared", "bob.climate.brics")

    assert figures(connection) == {"alice.climate.brics": 0, "bob.climate.brics": 60, "unknown": 0}
    assert_holds(connection)


def test_a_claim_against_a_decision_changes_nothing(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"shared": 60}}, alice="shared")
    map_(connection, "shared", "bob.climate.brics")
    before = everything(connection)

    report(connection, {"2026-03-01": {"shared": 60}}, alice="shared", eve="shared")

    assert everything(connection) == before


def test_mapped_to_nobody_and_back_the_rows_are_the_same_ones(connection: Connection) -> None:
    report(connection, whole_month(MARCH, al=60), alice="al")
    moments = [told(connection)]

    map_(connection, "al", None)
    moments.append(told(connection))
    assert figures(connection) == {"alice.climate.brics": 0, "unknown": 60}
    map_(connection, "al", "alice.climate.brics")

    assert told(connection).rows == moments[0].rows
    assert connection.execute("select is_restated from statements").fetchall() == [(True,)]
    for then in moments:
        assert_still_told(connection, then)
    assert_holds(connection)


def test_saying_it_twice_is_the_same_as_once(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60, "old": 1}}, alice="al")
    map_(connection, "old", "bob.climate.brics")
    map_(connection, "al", None)
    before = everything(connection)

    again = [map_(connection, "old", "bob.climate.brics"), map_(connection, "al", None)]

    assert again == [Moved(None), Moved(None)]
    assert everything(connection) == before


def test_a_decision_that_agrees_with_the_reports_holds_against_later_ones(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")

    moved = map_(connection, "al", "alice.climate.brics")
    report(connection, {"2026-03-02": {"al": 5}}, bob="al")

    assert (moved.revision, moved.told) == (2, [])
    assert figures(connection) == {"alice.climate.brics": 65, "unknown": 0}


def test_a_decision_outlives_the_projects_name(connection: Connection) -> None:
    """It may be said by a former name of the project, which leads to the same local user."""
    report(connection, {"2026-03-01": {"shared": 60}}, alice="shared")
    map_(connection, "shared", "bob.climate.brics")
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    report(connection, {"2026-03-02": {"shared": 1}}, CLIMATE, alice="shared")
    again = map_(connection, "shared", "bob.climate.brics", CLIMATE)

    assert again == Moved(None)
    assert figures(connection)["bob.weather.brics"] == 61
    assert_holds(connection)


def test_a_decision_for_somebody_merged_since_is_the_others(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"shared": 60, "al": 1}}, alice="al")
    map_(connection, "shared", "alicia.climate.brics")

    merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    assert figures(connection) == {
        "alice.climate.brics": 61,
        "alicia.climate.brics": 0,
        "unknown": 0,
    }


def test_a_closed_month_waits_for_staff(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"old": 60}, "2026-04-01": {"old": 1}})
    close_month(connection, "climate.brics", MARCH, STAFF)

    moved = map_(connection, "old", "bob.climate.brics")

    assert [month.month for month in moved.waiting] == [MARCH]
    assert figures(connection) == {"bob.climate.brics": 1, "unknown": 60}
    assert_holds(connection)


def test_local_users_are_listed_with_how_it_is_known_whose_they_are(
    connection: Connection,
) -> None:
    used = {"2026-03-01": {"al": 1, "old": 1, "shared": 1, "unknown": 1}}
    report(connection, used, alice="al", bob="shared", eve="shared", dave="idle")
    map_(connection, "idle", None)
    map_(connection, "new", "bob.climate.brics")

    found = [(one.name, one.word, one.user_identifiers) for one in list_local_users(connection)]

    assert found == [
        ("al", "reported", ["alice.climate.brics"]),
        ("idle", "decided", []),
        ("new", "decided", ["bob.climate.brics"]),
        ("old", "unclaimed", []),
        ("shared", "disputed", ["bob.climate.brics", "eve.climate.brics"]),
    ]


def test_local_users_of_one_project_are_listed_by_any_name_it_had(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 1}}, alice="al")
    report(connection, {"2026-03-01": {"bo": 1}}, ProjectIdentifier("ocean", "brics"), bob="bo")
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    found = list_local_users(connection, CLIMATE)

    assert [(one.project, one.resource, one.name) for one in found] == [
        ("weather.brics", "isca", "al")
    ]


def test_what_cannot_be_mapped_is_refused_with_a_sentence_and_nothing_changes(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    before = everything(connection)
    alice = UserIdentifier.parse("alice.climate.brics")

    attempts: dict[str, tuple[type[LedgerError], Callable[[], object]]] = {
        "there is no project ocean.brics: see `nodehours project list`": (
            UnknownNameError, lambda: map_(connection, "al", None, ProjectIdentifier("ocean", "brics"))
        ),
        "climate.brics has no allocation on tamar: see `nodehours allocation list`": (
            UnknownNameError,
            lambda: map_local_user(connection, CLIMATE, "tamar", "al", alice, STAFF),
        ),
        "alice.ocean.brics is not a user of climate.brics": (
            UnknownNameError, lambda: map_(connection, "al", "alice.ocean.brics")
        ),
        "alice.climate.gw4 is not a user of climate.brics": (
            UnknownNameError, lambda: map_(connection, "al", "alice.climate.gw4")
        ),
        "unknown is no local user: its usage stays unattributed": (
            UnchangeableError, lambda: map_(connection, "unknown", "alice.climate.brics")
        ),
    }  # fmt: skip
    for sentence, (kind, attempt) in attempts.items():
        with pytest.raises(kind) as refused:
            attempt()
        assert str(refused.value) == sentence

    assert everything(connection) == before
