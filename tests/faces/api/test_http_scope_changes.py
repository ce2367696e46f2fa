"""What is granted or taken away shows at the next request: nothing is kept from one to the other."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from nodehours.ledger import people
from nodehours.ledger.store import Connection, connected
from tests.centre import REPORTS, Centre, centre
from tests.reported import Told


@pytest.fixture(name="centre")
def own_centre(database_url: str) -> Iterator[Centre]:
    """A centre that this test may change."""
    with centre(database_url, REPORTS) as found:
        yield found


@pytest.fixture
def ledger(centre: Centre) -> Iterator[Connection]:
    with connected(centre.database_url) as connection:
        yield connection


def listed(client: httpx.Client) -> object:
    return client.get("", params={"page_size": 300}).json()


def of(centre: Centre, *projects: str, identity: str | None = None) -> object:
    def is_seen(row: Told) -> bool:
        return row.project in projects or (identity is not None and row.identity == identity)

    return centre.wire([row for row in centre.rows if is_seen(row.told)])


def test_roles_come_and_go(centre: Centre, ledger: Connection) -> None:
    with centre.client("nobody") as client:
        assert listed(client) == []

        people.grant_role(ledger, "nobody", "member", "ice.brics")
        assert listed(client) == of(centre, "ice.brics")

        people.grant_role(ledger, "nobody", "reader", "gw4")
        gw4 = ("maths.gw4", "physics.gw4", "stars.gw4")
        assert listed(client) == of(centre, "ice.brics", *gw4)

        people.revoke_role(ledger, "nobody", "member", "ice.brics")
        assert listed(client) == of(centre, *gw4)

        people.revoke_role(ledger, "nobody", "reader", "gw4")
        assert listed(client) == []


def test_one_of_two_roles_that_show_the_same_is_enough(centre: Centre, ledger: Connection) -> None:
    with centre.client("busy") as client:
        people.revoke_role(ledger, "busy", "member", "climate.brics")
        assert listed(client) == of(
            centre, "climate.brics", "ocean.brics", "ice.brics", "crowd.brics", "stars.gw4"
        )

        people.revoke_role(ledger, "busy", "reader", "brics")
        assert listed(client) == of(centre, "stars.gw4")


def test_who_loses_a_role_keeps_their_own_rows(centre: Centre, ledger: Connection) -> None:
    with centre.client("bob") as client:
        people.revoke_role(ledger, "bob", "member", "climate.brics")

        assert listed(client) == of(centre, identity="bob.brics")


def test_who_is_said_to_be_a_person_sees_their_rows(centre: Centre, ledger: Connection) -> None:
    with centre.client("nobody") as client:
        people.identify_user(ledger, "nobody", "grace.gw4")

        usernames = {row["username"] for row in client.get("").json()}
        assert usernames == {"grace.maths.gw4", "grace.physics.gw4"}


def test_a_token_is_shut_at_once(centre: Centre, ledger: Connection) -> None:
    with centre.client("member") as member, centre.client("manager") as manager:
        assert [client.get("").status_code for client in (member, manager)] == [200, 200]

        people.deactivate_user(ledger, "member")
        (token,) = [t.id for t in people.list_tokens(ledger) if t.username == "manager"]
        people.revoke_token(ledger, token)

        assert member.get("").json() == {"detail": "User inactive or deleted."}
        assert manager.get("").json() == {"detail": "Invalid token."}


def test_a_user_can_have_many_tokens(centre: Centre, ledger: Connection) -> None:
    another, _ = people.create_token(ledger, "alice", None)
    headers = {"Authorization": f"Bearer {another}"}
    with centre.client("alice") as first, centre.client(None) as second:
        assert first.get("").json() == second.get("", headers=headers).json() != []
