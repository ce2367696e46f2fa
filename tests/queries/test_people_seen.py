"""Users: who sees whom, whose email address, and whose roles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from uuid import UUID

import pytest

from nodehours.queries.access import operator_scope
from nodehours.queries.people import (
    RoleRow,
    UserFilter,
    UserRow,
    find_reader,
    find_user,
    list_users,
    roles_of,
)
from nodehours.queries.usage import list_usage
from nodehours.terms.row import UsageFilter
from tests.queries.seen import READERS, World, answered, readers, walked, world

ALL = UserFilter()
NOTHING = UUID(int=0)
MERGED = "select uuid from users where merged_into is not null"


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[World]:
    with world(server_url, template) as kept:
        yield kept


def listed(kept: World, name: str, asked: UserFilter = ALL) -> list[UserRow]:
    return kept.ask(
        name,
        lambda c, scope: walked(
            lambda offset, limit: list_users(c, scope, asked, offset=offset, limit=limit)
        ),
    )


def names(kept: World, name: str, asked: UserFilter = ALL) -> set[str]:
    return {row.username for row in listed(kept, name, asked)}


def find(kept: World, name: str, uuid: UUID) -> UserRow | None:
    return kept.ask(name, lambda c, scope: find_user(c, scope, uuid))


def uuid_of(kept: World, name: str) -> UUID:
    return kept.tables.users[kept.tables.usernames[name]]


def roles(kept: World, name: str, of: str) -> list[RoleRow]:
    return kept.ask(name, lambda c, scope: roles_of(c, scope, uuid_of(kept, of)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alice", {"alice"}),
        ("nobody", {"nobody"}),
        ("newcomer", {"newcomer"}),
        ("member", {"member", "alice", "dave"}),
        ("manager", {"manager", "alice", "bob", "owner", "busy"}),
        ("dave", {"dave", "frank", "grace.gw4"}),
        (
            "owner",
            {
                "owner",
                "alice",
                "associate",
                "bob",
                "busy",
                "dave",
                "erin.brics",
                "manager",
                "member",
                "",
            },
        ),
        ("reader", {"reader", "alice.gw4", "busy", "dave", "frank", "grace.gw4", "heidi.gw4"}),
    ],
)
def test_who_sees_whom(kept: World, name: str, expected: set[str]) -> None:
    """The owner is carol.brics and has usage in climate, where busy and bob are members. Ivan was merged and has no
    name any more, but a row. Managers and members of their projects are seen by those who have a role on the
    organisation; the manager of maths does not see the reader of gw4, who has a role elsewhere.
    """
    assert names(kept, name) == expected


@readers
def test_everybody_sees_what_the_rule_says_and_finds_just_that(kept: World, name: str) -> None:
    eyes, users = kept.eyes(name), kept.tables.users

    rows = {row.uuid: row for row in listed(kept, name)}

    assert set(rows) == {uuid for key, uuid in users.items() if eyes.sees_user(key)}
    for uuid in users.values():
        assert find(kept, name, uuid) == rows.get(uuid)
    assert find(kept, name, NOTHING) is None


@readers
def test_whoever_reads_a_usage_row_can_follow_it_to_its_user(kept: World, name: str) -> None:
    page = kept.ask(name, lambda c, scope: list_usage(c, scope, UsageFilter(), offset=0, limit=300))

    assert {row.user for row in page.rows if row.user} <= {row.uuid for row in listed(kept, name)}


def test_a_merged_user_is_there_as_long_as_their_rows_are(kept: World) -> None:
    ((ivan,),) = kept.read(MERGED)

    for name in ("staff", "owner", "busy"):
        row = find(kept, name, ivan)
        assert row
        assert row in listed(kept, name)
        assert (row.username, row.identities, row.is_active, row.has_login) == (
            "",
            [],
            False,
            False,
        )
    for name in ("alice", "member", "nobody"):
        assert find(kept, name, ivan) is None


def test_users_come_by_full_name_then_as_they_were_made(kept: World) -> None:
    rows = listed(kept, "staff")
    ids = {uuid: key for key, uuid in kept.tables.users.items()}

    assert rows == sorted(rows, key=lambda row: (row.full_name, ids[row.uuid]))
    assert rows[0].full_name == ""


def test_a_row_says_who_it_is(kept: World) -> None:
    bob = find(kept, "staff", uuid_of(kept, "bob"))
    (grace,) = listed(kept, "staff", UserFilter(username="grace.gw4"))
    support = find(kept, "staff", uuid_of(kept, "support"))

    assert bob
    assert bob[1:4] == ("bob", "Bob Ångström", "bob@example.net")
    assert (bob.is_staff, bob.is_support, bob.is_active, bob.has_login) == (
        False,
        False,
        True,
        True,
    )
    assert bob.identities == ["bob.brics"]
    assert bob.created.tzinfo is UTC
    assert (grace.full_name, grace.has_login, grace.identities) == ("", False, ["grace.gw4"])
    assert support
    assert (support.is_staff, support.is_support) == (False, True)


@readers
def test_an_email_address_is_for_its_owner_and_for_staff_and_support(
    kept: World, name: str
) -> None:
    eyes = kept.eyes(name)

    for row in listed(kept, name):
        assert (row.email is not None) == (eyes.everything or row.username == name)
    found = names(kept, name, UserFilter(email="@EXAMPLE"))
    assert found == (set(READERS) if eyes.everything else {name})


def test_the_reader_finds_themselves(kept: World) -> None:
    for name in READERS:
        row = kept.ask(name, find_reader)
        assert row
        assert (row.username, row.email) == (name, f"{name}@example.net")
        assert row == find(kept, name, row.uuid)
    assert answered(kept.url, operator_scope(), find_reader) is None


def test_a_role_says_what_it_is_of_and_since_when(kept: World) -> None:
    brics = kept.organisation("brics")

    whole, climate, stars = roles(kept, "busy", "busy")

    assert whole[:6] == ("reader", "organisation", brics, "Bristol Centre", brics, "Bristol Centre")
    project = kept.project("climate.brics")
    assert climate[:6] == ("member", "project", project, "climate.brics", brics, "Bristol Centre")
    assert stars[:6] == (
        "manager",
        "project",
        kept.project("stars.gw4"),
        "stars.gw4",
        kept.organisation("gw4"),
        "ÉCOLE GW4",
    )
    assert whole.granted.tzinfo is UTC


def test_roles_are_for_their_owner_and_for_staff_and_support(kept: World) -> None:
    assert (
        roles(kept, "staff", "busy")
        == roles(kept, "support", "busy")
        == roles(kept, "busy", "busy")
    )
    assert [role.role for role in roles(kept, "owner", "owner")] == ["owner"]
    for name in ("manager", "owner", "nobody"):
        assert roles(kept, name, "busy") == []
    assert roles(kept, "staff", "staff") == []
    assert kept.ask("staff", lambda c, scope: roles_of(c, scope, NOTHING)) == []


def test_each_filter_alone(kept: World) -> None:
    ((ivan,),) = kept.read(MERGED)
    every = names(kept, "staff")
    some: list[tuple[UserFilter, set[str]]] = [
        (UserFilter(uuid=uuid_of(kept, "bob")), {"bob"}),
        (UserFilter(uuid=ivan), {""}),
        (UserFilter(username="bob"), {"bob"}),
        (UserFilter(username="Bob"), set()),
        (UserFilter(username="bob.brics"), set()),
        (UserFilter(username="heidi.gw4"), {"heidi.gw4"}),
        (UserFilter(usernames=("bob", "grace.gw4", "none")), {"bob", "grace.gw4"}),
        (UserFilter(usernames=()), set()),
        (UserFilter(full_name="aLICE ång"), {"alice"}),
        (UserFilter(full_name="%"), set()),
        (UserFilter(email="BOB@"), {"bob"}),
        (UserFilter(email="bob_example"), set()),
        (UserFilter(is_active=False), {""}),
        (UserFilter(is_active=True), every - {""}),
        (UserFilter(is_staff=True), {"staff"}),
        (UserFilter(is_support=True), {"support"}),
        (UserFilter(is_staff=False), every - {"staff"}),
        (UserFilter(query="BOB.B"), {"bob"}),
        (UserFilter(query="judy"), {"associate"}),
        (UserFilter(query="nob"), {"nobody"}),
        (UserFilter(query="example.net"), set()),
        (UserFilter(query="_"), set()),
        (UserFilter(user_keyword="grace"), {"grace.gw4"}),
        (UserFilter(user_keyword="alice", query="gw4"), {"alice.gw4"}),
        (UserFilter(project=NOTHING), set()),
        (UserFilter(organisation=NOTHING), set()),
    ]

    for asked_for, expected in some:
        assert names(kept, "staff", asked_for) == expected, asked_for
        seen = expected & names(kept, "owner")
        if asked_for.email is None:
            assert names(kept, "owner", asked_for) == seen, asked_for


@readers
def test_those_of_a_project_or_organisation_are_found_as_far_as_the_reader_sees_that(
    kept: World, name: str
) -> None:
    tables, eyes = kept.tables, kept.eyes(name)
    asked_for: list[tuple[UserFilter, dict[str, Any]]] = [
        (UserFilter(project=one.uuid), {"project": key}) for key, one in tables.projects.items()
    ]
    asked_for += [
        (UserFilter(organisation=uuid), {"organisation": key})
        for key, uuid in tables.organisations.items()
    ]

    for wanted, of in asked_for:
        expected = {uuid for key, uuid in tables.users.items() if eyes.sees_tie(key, **of)}
        assert {row.uuid for row in listed(kept, name, wanted)} == expected, wanted


def test_a_filter_does_not_tell_where_else_somebody_works(kept: World) -> None:
    """The member of ocean sees Alice there, and is not told that she is in climate; nor who has a role there."""
    elsewhere = UserFilter(project=kept.project("climate.brics"))
    whole = UserFilter(organisation=kept.organisation("brics"))

    assert names(kept, "member", elsewhere) == set()
    assert names(kept, "member", whole) == {"member", "alice", "dave"}
    assert names(kept, "alice", elsewhere) == {"alice"}
    assert names(kept, "staff", elsewhere) == {"alice", "bob", "owner", "busy", "manager"}


def test_both_filters_hold(kept: World) -> None:
    climate, ocean = kept.project("climate.brics"), kept.project("ocean.brics")
    brics, gw4 = kept.organisation("brics"), kept.organisation("gw4")

    assert names(kept, "staff", UserFilter(project=ocean, organisation=gw4)) == {"dave"}
    assert names(kept, "dave", UserFilter(project=ocean, organisation=gw4)) == {"dave"}
    assert names(kept, "member", UserFilter(project=ocean, organisation=gw4)) == set()
    assert names(kept, "manager", UserFilter(project=climate, organisation=brics)) == names(
        kept, "manager"
    )
