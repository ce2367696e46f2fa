"""What waits is decided on pages as by commands: by staff, once, with a reason, and what it changed is seen at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from nodehours.intake.openportal import ingest
from nodehours.ledger import people as ledger_people
from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.people import User
from nodehours.ledger.store import connected
from nodehours.terms.month import Month
from tests.faces.web.reading import read_page
from tests.faces.web.taking import table
from tests.faces.web.world import World, begun
from tests.intake.quarantined import know
from tests.reported import Reported, fill
from tests.serving import served

MARCH = Month(2026, 3)
BEFORE, AFTER = 7_200, 10_800


def reported(seconds: int, day: date = date(2026, 3, 5)) -> Reported:
    return Reported("isca", "climate.brics", {"alice": "al"}, {day: {"al": seconds}})


@pytest.fixture
def waiting(database_url: str, tmp_path: Path) -> Iterator[World]:
    """March is closed, and something else is reported of it since; a day before the allocation's start is held."""
    fill(database_url, [reported(BEFORE)])
    with connected(database_url) as connection:
        close_month(connection, "brics", MARCH, Origin(None, "", "boss"))
        know(connection, starts=date(2026, 1, 1))
    fill(database_url, [reported(AFTER)])
    too_early = tmp_path / "report.json"
    too_early.write_bytes(reported(60, date(2025, 12, 31)).document())
    with connected(database_url) as connection:
        ingest(connection, [str(too_early)], "isca")
        for name, is_staff in (("boss", True), ("helper", False)):
            ledger_people.add_user(connection, User(name, "", "", is_staff, not is_staff, True, []))
        secrets = {"staff": begun(connection, "boss"), "support": begun(connection, "helper")}
    with served(database_url) as address:
        yield World(database_url, address, secrets, {})


def decided(world: World, path: str, do: str, who: str = "staff") -> httpx.Response:
    with world.client(who) as client:
        return client.post(path, data={"csrf": world.csrf(who), "do": do, "reason": "as <agreed>"})


def march(world: World) -> int:
    (row,) = table(world, "staff", "/months/2026-03/", "projects")
    return int(row["node_seconds"])


def only(world: World, address: str) -> str:
    """The address of the one that waits."""
    name = "pending" if "pending" in address else "records"
    (row,) = table(world, "staff", address, name)
    return f"{address}{row['id']}/"


def test_a_pending_restatement_is_accepted(waiting: World) -> None:
    path = only(waiting, "/pending/")
    assert march(waiting) == BEFORE
    assert decided(waiting, path, "accept", who="support").status_code == 404
    with waiting.client("support") as client:
        assert [form.action for form in read_page(client.get(path).text).forms] == ["/sign-out/"]

    reply = decided(waiting, path, "accept")

    assert (reply.status_code, reply.headers["Location"]) == (303, path)
    assert march(waiting) == AFTER
    with waiting.client("staff") as client:
        assert "boss" in client.get(path).text
        assert "as &lt;agreed&gt;" in client.get(path).text
        assert "as &lt;agreed&gt;" in client.get("/months/2026-03/climate.brics/").text
        assert "Nothing waits for a decision." in client.get("/pending/").text
    again = decided(waiting, path, "accept")
    assert (again.status_code, 'role="alert"' in again.text) == (409, True)


def test_one_that_is_declined_may_wait_again(waiting: World) -> None:
    path = only(waiting, "/pending/")

    assert decided(waiting, path, "decline").headers["Location"] == path
    assert march(waiting) == BEFORE
    anew = decided(waiting, path, "reconsider").headers["Location"]
    assert anew == only(waiting, "/pending/") != path
    assert decided(waiting, anew, "no such thing").status_code == 404
    assert decided(waiting, anew, "accept").status_code == 303
    assert march(waiting) == AFTER


@pytest.mark.parametrize(("do", "is_believed"), [("release", True), ("drop", False)])
def test_a_record_is_released_or_dropped(waiting: World, do: str, is_believed: bool) -> None:
    path = only(waiting, "/quarantine/")
    assert decided(waiting, path, do, who="support").status_code == 404

    assert decided(waiting, path, do).headers["Location"] == path

    with waiting.client("staff") as client:
        assert client.get("/months/2025-12/").status_code == (200 if is_believed else 404)
        assert "as &lt;agreed&gt;" in client.get(path).text
        assert "Nothing is held" in client.get("/quarantine/").text
        assert path in client.get("/quarantine/?all=yes").text
    assert decided(waiting, path, do).status_code == 409


def people(world: World, do: str, **fields: str) -> httpx.Response:
    with world.client("staff") as client:
        return client.post("/people/", data={"csrf": world.csrf("staff"), "do": do, **fields})


def test_people_are_added_given_roles_and_shut_out(waiting: World) -> None:
    """Each way of the page, once; what was done is seen on it."""
    for do, fields in (
        ("add", {"username": "cy", "full_name": "Cy", "email": "cy@example.org", "rights": ""}),
        ("grant", {"username": "cy", "role": "member", "of": "climate.brics"}),
        ("identify", {"username": "cy", "identity": "alice.brics"}),
    ):
        reply = people(waiting, do, **fields)
        assert (reply.status_code, reply.headers["Location"]) == (303, f"/people/?done={do}"), do
    (role,) = table(waiting, "staff", "/people/", "roles")
    assert (role["username"], role["role"], role["of"]) == ("cy", "member", "climate.brics")
    cy = next(
        one for one in table(waiting, "staff", "/people/", "users") if one["username"] == "cy"
    )
    assert (cy["full_name"], cy["identities"], cy["login"]) == ("Cy", "alice.brics", "yes")

    assert people(waiting, "revoke", username="cy", role="member", of="climate.brics").is_redirect
    assert people(waiting, "sign-out", username="cy").is_redirect
    assert people(waiting, "deactivate", username="cy").is_redirect
    assert table(waiting, "staff", "/people/", "roles") == []
    cy = next(
        one for one in table(waiting, "staff", "/people/", "users") if one["username"] == "cy"
    )
    assert cy["login"] == "shut out"


def test_two_who_are_one_person_are_merged_with_a_reason(waiting: World) -> None:
    assert people(waiting, "add", username="cy", identity="cy.brics").is_redirect
    assert decided(waiting, only(waiting, "/pending/"), "accept").is_redirect

    done = people(waiting, "merge", username="alice.brics", into="cy", reason="signed up twice")

    assert done.is_redirect
    assert people(waiting, "merge", username="alice.brics", into="cy").status_code == 400
    waits = table(waiting, "staff", "/pending/", "pending")
    assert [one["why"] for one in waits] == ["signed up twice"], "March is closed: it waits"


@pytest.mark.parametrize(
    ("do", "fields", "sentence"),
    [
        ("add", {"username": "boss"}, "there is a user boss already"),
        ("add", {"username": "a b"}, "username"),
        (
            "grant",
            {"username": "nobody", "role": "member", "of": "climate.brics"},
            "no user nobody",
        ),
        ("grant", {"username": "boss", "role": "king", "of": "climate.brics"}, "Choose a role."),
        (
            "grant",
            {"username": "boss", "role": "owner", "of": "nothing"},
            "no organisation nothing",
        ),
        ("identify", {"username": "boss", "identity": "alice"}, "alice"),
        ("deactivate", {"username": "boss"}, "You cannot shut yourself out here."),
        ("merge", {"username": "boss", "into": "boss"}, "one user already"),
        ("link", {"username": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_done_is_told_on_the_page(
    waiting: World, do: str, fields: dict[str, str], sentence: str
) -> None:
    reply = people(waiting, do, **fields)

    assert reply.status_code == 400
    assert sentence in read_page(reply.text).text
