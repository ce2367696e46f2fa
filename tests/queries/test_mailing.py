"""Whom mail about projects goes to, how their grants stand, and what was mailed before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from nodehours.ledger import people
from nodehours.ledger.inventory import set_allocation
from nodehours.ledger.mails import claim_mail, mark_sent
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.daily import days
from nodehours.queries.mailing import MailedProject, mailed_projects
from nodehours.queries.of import Of
from nodehours.queries.pool import read, reading_pool
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.mailing import Told
from nodehours.terms.pace import Grant
from nodehours.terms.scope import Scope
from tests.centre import REPORTS
from tests.reported import fill

pytestmark = pytest.mark.anyio
STARTS, ENDS, TODAY = date(2024, 1, 2), date(2024, 12, 31), date(2024, 3, 20)
ROLES = {
    "manager": {"climate.brics": "manager"},
    "owner": {"brics": "owner"},
    "both": {"brics": "owner", "climate.brics": "manager"},
    "reader": {"brics": "reader"},
    "member": {"climate.brics": "member"},
}


@pytest.fixture(autouse=True)
def centre(database_url: str, connection: Connection) -> None:
    """Two projects; climate has grants on two machines, and ocean has none yet."""
    fill(database_url, REPORTS[:3])
    for resource in ("isca", "tigris"):
        grant(connection, "climate.brics", resource)
    for name, roles in ROLES.items():
        email = f"{name}@example.org"
        people.add_user(connection, people.User(name, "", email, False, False, True, []))
        for identifier, role in roles.items():
            people.grant_role(connection, name, role, identifier)


def grant(connection: Connection, project: str, resource: str, node_limit: int = 10**9) -> None:
    identifier = ProjectIdentifier.parse(project)
    set_allocation(
        connection, identifier, resource, starts=STARTS, ends=ENDS, node_limit=node_limit
    )


async def asked(
    url: str, today: date = TODAY, scope: Scope | None = None
) -> Sequence[MailedProject]:
    async with reading_pool(url, 1) as pool:
        return await read(
            pool, lambda connection: mailed_projects(connection, scope or operator_scope(), today)
        )


async def test_managers_and_owners_are_mailed_each_once_about_grants_that_run(
    database_url: str,
) -> None:
    (climate,) = await asked(database_url)

    assert climate.identifier == "climate.brics"
    assert [(one.username, one.email, one.role, one.of) for one in climate.recipients] == [
        ("both", "both@example.org", "manager", "climate.brics"),
        ("manager", "manager@example.org", "manager", "climate.brics"),
        ("owner", "owner@example.org", "owner", "brics"),
    ]
    assert [(one.resource, one.grant) for one in climate.grants] == [
        ("isca", Grant(STARTS, ENDS, 10**9)),
        ("tigris", Grant(STARTS, ENDS, 10**9)),
    ]


async def test_what_is_used_is_what_was_used_on_the_days_of_the_grant(database_url: str) -> None:
    (climate,) = await asked(database_url)

    async with reading_pool(database_url, 1) as pool:
        for one in climate.grants:
            of, before = Of(allocation=one.uuid), ENDS + timedelta(days=1)
            found = await read(
                pool,
                lambda connection, of=of, before=before: days(  # type: ignore[misc]
                    connection, operator_scope(), of, STARTS, before
                ),
            )
            assert one.used == sum(each.node_seconds for each in found) > 0
            assert type(one.used) is int


@pytest.mark.parametrize("today", [STARTS - timedelta(days=1), ENDS + timedelta(days=1)])
async def test_before_its_first_day_and_after_its_last_a_grant_is_not_mailed_about(
    database_url: str, today: date
) -> None:
    assert await asked(database_url, today) == []
    assert len(await asked(database_url, STARTS)) == len(await asked(database_url, ENDS)) == 1


async def test_a_grant_without_a_limit_is_not_mailed_about(
    database_url: str, connection: Connection
) -> None:
    connection.execute("update allocations set node_limit_node_seconds = null where id = 1")
    grant(connection, "climate.brics", "tigris", 0)

    assert await asked(database_url) == []


async def test_who_does_not_see_everything_is_told_nothing(database_url: str) -> None:
    assert await asked(database_url, scope=_some_scope((1, 2, 3))) == []


def _some_scope(allocations: tuple[int, ...]) -> Scope:
    return Scope(reader=1, everything=False, allocations=allocations)


async def test_who_is_not_to_be_mailed_is_no_recipient(
    database_url: str, connection: Connection
) -> None:
    people.deactivate_user(connection, "both")
    connection.execute("update users set email = '' where username = 'manager'")
    connection.execute("update users set wants_mail = false where username = 'owner'")

    (climate,) = await asked(database_url)
    assert climate.recipients == []


async def test_what_was_mailed_since_the_grant_began_is_told(
    database_url: str, connection: Connection
) -> None:
    ((owner,),) = connection.execute("select id from users where username = 'owner'")
    told = [Told(1, 5, 10**9), Told(2, 6, 10**9)]
    for day in (date(2024, 1, 1), date(2024, 3, 1), date(2024, 3, 20)):
        at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
        claim = claim_mail(connection, owner, 1, told, is_report=day.month == 3, at=at)
        assert claim
        if day != TODAY:
            mark_sent(connection, claim, at)

    (climate,) = await asked(database_url)

    mailed = {one.username: one.mailed for one in climate.recipients}
    march, today = (datetime(2024, 3, day, 10, tzinfo=UTC) for day in (1, 20))
    assert (mailed["both"], mailed["manager"]) == ([], [])
    assert [tuple(one) for one in mailed["owner"]] == [
        (True, 1, march, march, told),
        (True, 1, today, None, told),
    ]
