"""How a session on the dashboard ends, and how one begins at an OpenID provider, by the dashboard's own pages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from nodehours.ledger import people
from nodehours.ledger.store import connected
from tests.clients.openid import gone_through
from tests.faces.web.door import PASSWORD, Door, csrf, filled, is_in
from tests.faces.web.reading import read_page
from tests.serving import served

# ------------------------------------------------------------------------------ the end of a session


def test_who_signs_out_is_out_and_their_secret_opens_nothing(door: Door) -> None:
    door.user("tom")
    with door.browser() as browser:
        filled(browser, "tom", PASSWORD)
        secret = browser.cookies["nodehours-session"]
        assert browser.post("/sign-out/", data={"csrf": "0" * 64}).headers["Location"] == "/"
        assert is_in(browser)
        reply = browser.post("/sign-out/", data={"csrf": csrf(browser)})
        assert reply.headers["Location"] == "/sign-in/"
        assert "nodehours-session=; Path=/; Max-Age=0" in reply.headers["Set-Cookie"]
        assert (
            browser.get("/", headers={"Cookie": f"nodehours-session={secret}"}).status_code == 303
        )


def test_who_signs_out_everywhere_is_out_everywhere_and_nobody_else_is(door: Door) -> None:
    door.user("una")
    door.user("val")
    with door.browser() as here, door.browser() as there, door.browser() as other:
        for browser, username in ((here, "una"), (there, "una"), (other, "val")):
            filled(browser, username, PASSWORD)
        assert len(read_page(here.get("/account/").text).table("Your sessions")) == 3
        here.post("/account/", data={"csrf": csrf(here), "do": "sign-out-everywhere"})
        assert [is_in(browser) for browser in (here, there, other)] == [False, False, True]


@pytest.mark.parametrize(
    "ended",
    [
        "update sessions set ended = now() where user_id = (select id from users where username = %s)",
        """
        update sessions set started = started - interval '1 day', expires = now()
        where user_id = (select id from users where username = %s)
        """,
        "update users set is_active = false where username = %s",
    ],
    ids=["ended", "expired", "shut-out"],
)
def test_a_session_that_is_over_leads_to_sign_in_and_back(door: Door, ended: str) -> None:
    username = door.user(f"wim-{len(ended)}")
    with door.browser() as browser:
        filled(browser, username, PASSWORD)
        token = csrf(browser)
        door.act(ended, username)
        reply = browser.get("/months/?by=x")
        assert reply.headers["Location"] == "/sign-in/?next=%2Fmonths%2F%3Fby%3Dx"
        assert "nodehours-session=; Path=/; Max-Age=0" in reply.headers["Set-Cookie"]
        acted = browser.post("/account/", data={"csrf": token, "do": "make-token", "name": "x"})
        assert acted.status_code in {303, 403}
    with connected(door.url) as connection:
        assert not [one for one in people.list_tokens(connection) if one.username == username]


def test_in_a_browser_that_somebody_else_signs_in_with_nothing_is_left_of_the_first(
    door: Door,
) -> None:
    door.user("xia")
    door.user("yan")
    with door.browser() as browser:
        filled(browser, "xia", PASSWORD)
        token = csrf(browser)
        filled(browser, "yan", PASSWORD)
        account = browser.get("/account/").text
        assert "<dd><bdi>yan</bdi></dd>" in account
        assert "xia" not in account
        reply = browser.post("/account/", data={"csrf": token, "do": "make-token", "name": "x"})
        assert reply.status_code == 403


# ------------------------------------------------------------------------------ through a provider


def through(
    browser: httpx.Client, door: Door, login: str, path: str = "/sign-in/oidc/"
) -> httpx.Response:
    """Go to the provider from our page, sign in there as *login*, and come back."""
    begun = browser.get(path)
    assert begun.status_code == 303
    back = f"{door.address}/sign-in/oidc/back/"
    with httpx.Client(timeout=60) as outside:
        address = gone_through(outside, begun.headers["Location"], login, back)
    return browser.get(address)


def test_who_signs_in_at_the_provider_comes_to_where_they_wanted_to_go(door: Door) -> None:
    door.user("zoe", password=None)
    with door.browser() as browser:
        page = browser.get("/sign-in/?next=%2Fmonths%2F")
        (way,) = [link for link in read_page(page.text).links if "oidc" in link]
        assert "Sign in with the &lt;Centre&gt;" in page.text
        reply = through(browser, door, "17/zoe", way)
        assert (reply.status_code, reply.headers["Location"]) == (303, "/months/")
        assert "single sign-on" in browser.get("/account/").text


def test_whom_the_provider_names_and_the_ledger_does_not_know_does_not_come_in(door: Door) -> None:
    door.user("abe", password=None)
    with door.browser() as browser:
        unknown = through(browser, door, "18/stranger")
        assert (unknown.status_code, is_in(browser)) == (403, False)
        assert "stranger" in unknown.text
        assert through(browser, door, "19/abe").status_code == 303
    with door.browser() as browser:
        assert through(browser, door, "20/abe").status_code == 403
        assert not is_in(browser)


def test_what_comes_back_from_the_provider_opens_in_the_browser_that_asked_only(door: Door) -> None:
    door.user("bea", password=None)
    with door.browser() as browser, door.browser() as other, httpx.Client(timeout=60) as outside:
        begun = browser.get("/sign-in/oidc/")
        back = f"{door.address}/sign-in/oidc/back/"
        address = gone_through(outside, begun.headers["Location"], "21/bea", back)
        assert other.get(address).status_code == 403
        assert browser.get(address).status_code == 303
        assert browser.get(address).status_code == 403
        assert not is_in(other)
    assert "HttpOnly" in begun.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "query", ["", "?code=x&state=y", "?error=access_denied", "?state=%FF", "?" + "x" * 5000]
)
def test_an_answer_that_nobody_asked_for_signs_nobody_in(door: Door, query: str) -> None:
    with door.browser() as browser:
        reply = browser.get(f"/sign-in/oidc/back/{query}")
        assert reply.status_code == 403
        assert 'role="alert"' in reply.text
        assert not is_in(browser)


def test_where_no_provider_is_set_up_there_is_no_way_to_one(world_address: str) -> None:
    with httpx.Client(base_url=world_address, timeout=60) as browser:
        assert "oidc" not in browser.get("/sign-in/").text
        for path in ("/sign-in/oidc/", "/sign-in/oidc/back/?code=x&state=y"):
            assert browser.get(path).status_code == 404


@pytest.fixture
def world_address(database_url: str) -> Iterator[str]:
    with served(database_url) as address:
        yield address
