"""Signing in: what a token opens, and how far its owner sees."""

from __future__ import annotations

from datetime import date, timedelta

import anyio
import psycopg
import pytest

from nodehours.ledger import people
from nodehours.ledger.store import Connection
from nodehours.queries.access import Reader, SignInRefusal, sign_in
from nodehours.terms.token import token_sha256
from tests.reported import Reported, fill

REPORTS = [
    Reported(resource, project, {"alice": "a", "bob": "b"}, {date(2024, 2, 1): {"a": 1, "b": 2}})
    for resource, project in (
        ("isca", "climate.brics"),
        ("tigris", "climate.brics"),
        ("isca", "ocean.brics"),
        ("isca", "maths.gw4"),
    )
]


@pytest.fixture(autouse=True)
def _filled(database_url: str) -> None:
    fill(database_url, REPORTS)


def add_user(
    connection: Connection, *, staff: bool = False, support: bool = False, identity: str = ""
) -> str:
    """Make carol, and return her token."""
    identities = [identity] if identity else []
    people.add_user(connection, people.User("carol", "", "", staff, support, True, identities))
    return people.create_token(connection, "carol", None)[0]


def signed_in(url: str, token: str) -> Reader | SignInRefusal:
    async def ask() -> Reader | SignInRefusal:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reading:
            return await sign_in(reading, token_sha256(token))

    return anyio.run(ask)


def allocations(connection: Connection, reader: Reader | SignInRefusal) -> list[str]:
    assert isinstance(reader, Reader)
    found = connection.execute(
        "select projects.identifier || ' ' || resources.name from allocations"
        " join projects on projects.id = project_id join resources on resources.id = resource_id"
        " where allocations.id = any(%s) order by 1",
        [list(reader.scope.allocations)],
    )
    return [name for (name,) in found]


@pytest.mark.parametrize(("staff", "support"), [(True, False), (False, True), (True, True)])
def test_staff_and_support_see_everything(
    database_url: str, connection: Connection, staff: bool, support: bool
) -> None:
    reader = signed_in(database_url, add_user(connection, staff=staff, support=support))

    assert isinstance(reader, Reader)
    assert (reader.scope.everything, reader.is_staff) == (True, staff)


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        ({}, []),
        ({"climate.brics": "member"}, ["climate.brics isca", "climate.brics tigris"]),
        ({"maths.gw4": "manager"}, ["maths.gw4 isca"]),
        ({"gw4": "reader"}, ["maths.gw4 isca"]),
        ({"brics": "owner"}, ["climate.brics isca", "climate.brics tigris", "ocean.brics isca"]),
        ({"gw4": "owner", "ocean.brics": "member"}, ["maths.gw4 isca", "ocean.brics isca"]),
        (
            {"brics": "reader", "ocean.brics": "manager"},
            ["climate.brics isca", "climate.brics tigris", "ocean.brics isca"],
        ),
    ],
    ids=str,
)
def test_roles_open_the_allocations_they_are_of(
    database_url: str, connection: Connection, roles: dict[str, str], seen: list[str]
) -> None:
    token = add_user(connection)
    for identifier, role in roles.items():
        people.grant_role(connection, "carol", role, identifier)

    reader = signed_in(database_url, token)

    assert allocations(connection, reader) == seen
    assert isinstance(reader, Reader)
    assert (reader.scope.everything, reader.is_staff) == (False, False)
    assert len(set(reader.scope.allocations)) == len(reader.scope.allocations)


def test_the_roles_and_rows_of_others_open_nothing(
    database_url: str, connection: Connection
) -> None:
    people.add_user(connection, people.User("dave", "", "", True, True, True, ["bob.brics"]))
    people.grant_role(connection, "dave", "owner", "brics")
    people.grant_role(connection, "dave", "member", "maths.gw4")
    token = add_user(connection, identity="alice.brics")

    reader = signed_in(database_url, token)

    ((alice,),) = connection.execute(
        "select user_id from identities where identity = 'alice.brics'"
    )
    assert isinstance(reader, Reader)
    assert (reader.scope.reader, reader.scope.allocations) == (alice, ())


def test_the_refusals(database_url: str, connection: Connection) -> None:
    """Inactive is said before expired, and a revoked token is as good as none."""
    valid = add_user(connection, staff=True)
    expired, _ = people.create_token(connection, "carol", timedelta(0))
    living, _ = people.create_token(connection, "carol", timedelta(days=1))
    revoked, _ = people.create_token(connection, "carol", None)
    people.revoke_token(connection, people.list_tokens(connection)[-1].id)

    assert signed_in(database_url, "deadbeef") is SignInRefusal.UNKNOWN
    assert signed_in(database_url, "") is SignInRefusal.UNKNOWN
    assert signed_in(database_url, valid.upper()) is SignInRefusal.UNKNOWN
    assert signed_in(database_url, revoked) is SignInRefusal.UNKNOWN
    assert signed_in(database_url, expired) is SignInRefusal.EXPIRED
    assert isinstance(signed_in(database_url, living), Reader)

    people.deactivate_user(connection, "carol")
    for token in (valid, expired, living):
        assert signed_in(database_url, token) is SignInRefusal.INACTIVE
    assert signed_in(database_url, revoked) is SignInRefusal.UNKNOWN
