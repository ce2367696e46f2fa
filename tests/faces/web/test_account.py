"""One's own account: tokens that are made, shown once, used and revoked, and passwords that are set and changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from nodehours.ledger import people
from nodehours.ledger.people import User
from nodehours.ledger.store import connected
from tests.faces.web.reading import Read, read_page
from tests.faces.web.world import World, begun
from tests.serving import USAGE, served

PASSWORD, ANOTHER = "four words in a row", "and four other words"


def somebody(world: World, username: str) -> httpx.Client:
    """A browser in which a user of the test's own is signed in; what they do concerns nobody else."""
    with connected(world.database_url) as connection:
        if not any(one.username == username for one in people.list_users(connection)):
            user = User(username, "", "", False, False, True, [])
            people.add_user(connection, user)
        secret = begun(connection, username)
    return httpx.Client(base_url=world.address, cookies={"nodehours-session": secret}, timeout=60)


def account(client: httpx.Client) -> Read:
    return read_page(client.get("/account/").text)


def sent(client: httpx.Client, do: str, **fields: str) -> httpx.Response:
    token = account(client).forms[0].fields["csrf"]
    return client.post("/account/", data={"csrf": token, "do": do, **fields})


def made(client: httpx.Client, name: str, lifetime: str = "90d") -> str:
    reply = sent(client, "make-token", name=name, lifetime=lifetime)
    assert reply.status_code == 200
    (token,) = re.findall(r'<pre id="made-token">([0-9a-f]{64})</pre>', reply.text)
    return str(token)


def answered(world: World, token: str) -> int:
    headers = {"Authorization": f"Token {token}"}
    return httpx.get(world.address + USAGE, headers=headers, timeout=60).status_code


def lines(client: httpx.Client) -> dict[str, list[str]]:
    """The tokens of the account page: what stands in each one's line, by its name."""
    _, *rows = account(client).table("Your tokens")
    return {row[0].text: [cell.text for cell in row[1:5]] for row in rows}


def test_a_token_is_shown_once_works_is_listed_and_answers_no_more_when_revoked(
    world: World,
) -> None:
    with somebody(world, "token-maker") as client:
        token = made(client, "notebook")
        assert token not in client.get("/account/").text
        assert lines(client)["notebook"][0] == "valid"
        assert lines(client)["notebook"][3] == "never"
        assert answered(world, token) == 200
        number = account(client).form("revoke-token").fields["token"]
        reply = sent(client, "revoke-token", token=number)
        assert reply.headers["Location"] == "/account/?done=revoked"
        assert answered(world, token) == 401
        assert lines(client)["notebook"][0] == "revoked"


def test_when_a_token_was_used_last_is_told(world: World) -> None:
    """Uses are noted when the server has time for it, at the latest when it stops."""
    with somebody(world, "token-user") as client:
        token = made(client, "portal")
        with served(world.database_url) as address:
            httpx.get(address + USAGE, headers={"Authorization": f"Token {token}"}, timeout=60)
        told = instant(lines(client)["portal"][3])

    assert abs(told - datetime.now(UTC)) < timedelta(minutes=5)


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("lifetime", "days"), [("30d", 30), ("90d", 90), ("365d", 365), ("never", None), ("nonsense", 90), ("", 90)]
)  # fmt: skip
def test_a_token_is_valid_for_as_long_as_was_chosen(
    world: World, lifetime: str, days: int | None
) -> None:
    with somebody(world, f"token-keeper-{lifetime}") as client:
        made(client, "x", lifetime)
        until = lines(client)["x"][2]
        if days is None:
            assert until == "for ever"
        else:
            expected = datetime.now(UTC) + timedelta(days=days)
            assert abs(instant(until) - expected) < timedelta(minutes=5)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "=1+1", "\u202eevil", "x" * 500, "a\nb\0c", "", "👩‍🚀", '"><b>']
)  # fmt: skip
def test_a_token_may_be_called_anything(world: World, name: str) -> None:
    with somebody(world, "token-namer") as client:
        made(client, name)
        text = client.get("/account/").text

    assert "<script>alert" not in text
    assert "<b>" not in text
    assert "x" * 101 not in text


@pytest.mark.parametrize("number", ["", "0", "-1", "1", "x", "9" * 30, "\u0661"])
def test_nobody_revokes_the_tokens_of_others(world: World, number: str) -> None:
    """The first token of the ledger is the staff's."""
    with somebody(world, "token-thief") as client:
        sent(client, "revoke-token", token=number)

    assert answered(world, world.tokens["staff"]) == 200


def test_who_comes_by_a_link_sets_a_password_and_changes_it_by_knowing_it(world: World) -> None:
    with somebody(world, "pass-setter") as client, somebody(world, "pass-setter") as elsewhere:
        assert "current" not in account(client).form("set-password").fields
        reply = sent(client, "set-password", password=PASSWORD, again=PASSWORD)
        assert reply.headers["Location"] == "/account/?done=password"
        assert client.get("/account/").status_code == 200
        assert elsewhere.get("/account/").status_code == 303
        for fields, sentence in (
            ({"password": ANOTHER, "again": ANOTHER}, "not your current password"),
            ({"password": ANOTHER, "again": ANOTHER, "current": "x"}, "not your current password"),
            ({"password": ANOTHER, "again": PASSWORD, "current": PASSWORD}, "passwords differ"),
            ({"password": "short", "again": "short", "current": PASSWORD}, "12 characters or more"),
            ({"password": "x" * 1001, "again": "x" * 1001, "current": PASSWORD}, "at most 1000"),
        ):
            refused = sent(client, "set-password", **fields)
            assert (refused.status_code, sentence in refused.text) == (400, True), fields
        reply = sent(client, "set-password", password=ANOTHER, again=ANOTHER, current=PASSWORD)
        assert reply.status_code == 303


def test_guessing_the_current_password_is_slowed_down_too(world: World) -> None:
    """Whoever finds a browser open could try as many as they like otherwise."""
    with somebody(world, "pass-guessed") as client:
        sent(client, "set-password", password=PASSWORD, again=PASSWORD)
        statuses = [
            sent(
                client, "set-password", password=ANOTHER, again=ANOTHER, current=f"wrong {number}"
            ).status_code
            for number in range(12)
        ]

    assert statuses[-1] == 429


def test_where_one_is_signed_in_is_told_and_nobody_elses(world: World) -> None:
    with somebody(world, "session-owner") as client, somebody(world, "session-other"):
        rows = account(client).table("Your sessions")[1:]

    assert len(rows) == 1
    assert rows[0][2].text == "sign-in link"
    assert rows[0][3].text == "A browser (this one)"
