"""What is asked for by names, and how a readme says it."""

from __future__ import annotations

import anyio
import pytest

from nodehours.faces.export.found import Found, Names, NobodyFoundError, find
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.scope import Scope
from tests.exported import connect
from tests.ledger.moving import MARCH, OCEAN, STAFF, WEATHER, report, whole_month

KEY = Pseudonyms.of("a key that is long enough")
STRANGER = Scope(10**6, everything=False)


@pytest.fixture(autouse=True)
def march(connection: Connection) -> Connection:
    """Alice worked for climate in March, Bob for ocean, which is called weather now."""
    report(connection, whole_month(MARCH, al=3600), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    rename_project(connection, OCEAN, WEATHER, STAFF)
    return connection


def found(url: str, names: Names, scope: Scope | None = None) -> Found:
    async def ask() -> Found:
        async with await connect(url) as reading:
            return await find(reading, scope or operator_scope(), names)

    return anyio.run(ask)


def test_nothing_asked_for_is_no_filter(database_url: str) -> None:
    assert found(database_url, Names()).told(None) == {}


def test_a_filter_is_said_by_the_names_of_today(database_url: str) -> None:
    asked = Names(
        project="ocean.brics", resource="tigris", user="bob.ocean.brics", year=2026, month=3
    )

    assert found(database_url, asked).told(None) == {
        "project": "weather.brics",
        "resource": "tigris",
        "user": "bob.ocean.brics",
        "year": "2026",
        "month": "3",
    }
    assert found(database_url, Names(organisation="brics")).told(None) == {"organisation": "brics"}


def test_with_pseudonyms_a_user_is_said_by_theirs(database_url: str) -> None:
    bob = found(database_url, Names(user="bob.brics"))

    assert bob.user is not None
    assert bob.told(KEY) == {"user": KEY.name(bob.user.uuid)}


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (Names(project="ice.brics"), "project"),
        (Names(project="brics"), "project"),
        (Names(organisation="climate.brics"), "organisation"),
        (Names(user="zoe"), "user"),
    ],
)
def test_what_there_is_not_is_named(database_url: str, names: Names, kind: str) -> None:
    with pytest.raises(NobodyFoundError, match=f"there is no {kind} '") as refused:
        found(database_url, names)

    assert refused.value.kind == kind


@pytest.mark.parametrize(
    "names",
    [Names(project="climate.brics"), Names(organisation="brics"), Names(user="alice.brics")],
)
def test_what_a_stranger_may_not_see_is_missing_to_them(database_url: str, names: Names) -> None:
    with pytest.raises(NobodyFoundError):
        found(database_url, names, STRANGER)


def test_who_has_usage_of_their_own_in_a_project_may_name_it(
    connection: Connection, database_url: str
) -> None:
    ((alice,),) = connection.execute(
        "select user_id from usage_rows where username = 'alice.climate.brics'"
    )
    own = Scope(alice, everything=False)

    assert found(database_url, Names(project="climate.brics"), own).named is not None
    assert found(database_url, Names(organisation="brics"), own).named is not None
    with pytest.raises(NobodyFoundError):
        found(database_url, Names(project="weather.brics"), own)
