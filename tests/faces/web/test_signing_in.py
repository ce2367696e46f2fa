"""Signing in on the dashboard's own pages, by password and by link: what opens, and what never does."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from nodehours.ledger import people, sign_in
from nodehours.ledger.people import User
from nodehours.ledger.store import connected
from tests.faces.web.door import PASSWORD, Door, csrf, filled, is_in
from tests.faces.web.reading import read_page

STALE = "This form was too old, or not ours."
WRONG = "That username and password do not belong together."
USED = "This link does not open anything any more"


# ------------------------------------------------------------------------------ by password


def test_who_knows_their_password_comes_to_where_they_wanted_to_go(door: Door) -> None:
    door.user("ada")
    with door.browser() as browser:
        away = browser.get("/months/?from=2026-01")
        form = read_page(browser.get(away.headers["Location"]).text).forms[0]
        reply = browser.post(
            form.action, data={**form.fields, "username": " ada ", "password": PASSWORD}
        )
        assert (reply.status_code, reply.headers["Location"]) == (303, "/months/?from=2026-01")
        assert browser.get("/months/?from=2026-01").status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [("ben", "not their password"), ("ben", ""), ("BEN", PASSWORD), ("nobody", PASSWORD), ("", ""), ("ben\0",
     PASSWORD),
     ("ben", PASSWORD + "\0x"), ("ben' --", PASSWORD), ("x" * 5000, PASSWORD), ("ben", "x" * 5000), ("<b>",
      "\ufffe")],
)  # fmt: skip
def test_a_wrong_password_and_a_wrong_name_are_told_alike(
    door: Door, username: str, password: str
) -> None:
    with connected(door.url) as connection:
        if not any(one.username == "ben" for one in people.list_users(connection)):
            door.user("ben")
        connection.execute("delete from sign_in_attempts")
    with door.browser() as browser:
        reply = filled(browser, username, password)
        if (username, password) == ("ben\0", PASSWORD):
            assert (
                reply.status_code == 303
            )  # nobody can be called so; what cannot be meant is left out
            return
        assert reply.status_code == 403
        assert WRONG in reply.text
        assert not is_in(browser)
        assert password not in reply.text or not password


def test_who_has_no_password_or_is_shut_out_does_not_come_in(door: Door) -> None:
    door.user("cyd", password=None)
    door.user("dee")
    with connected(door.url) as connection:
        people.deactivate_user(connection, "dee")
    with door.browser() as browser:
        assert [filled(browser, one, PASSWORD).status_code for one in ("cyd", "dee")] == [403, 403]


def test_who_tries_too_often_has_to_wait_and_the_right_password_with_them(door: Door) -> None:
    door.user("eve")
    door.act("delete from sign_in_attempts")
    with door.browser() as browser:
        tried = [filled(browser, "eve", "wrong").status_code for _ in range(sign_in.NAME_FAILURES)]
        reply = filled(browser, "eve", PASSWORD)
        others = filled(browser, "fay", "wrong").status_code
        door.act("update sign_in_attempts set tried = tried - interval '16 minutes'")
        later = filled(browser, "eve", PASSWORD).status_code

    assert tried == [403] * sign_in.NAME_FAILURES
    assert reply.status_code == 429
    assert re.search(r"Too many attempts\. Please wait 1[45] minutes\.", reply.text)
    assert (others, later) == (403, 303)


def test_behind_a_proxy_each_reader_is_counted_by_their_own_address(door: Door) -> None:
    door.act("delete from sign_in_attempts")
    door.act(
        "insert into sign_in_attempts (name, address) select 'x' || n, '203.0.113.9' from generate_series(1, 50) as n"
    )
    with door.browser() as browser:
        here, there = (
            httpx.Client(base_url=door.address, headers={"X-Forwarded-For": chain}, timeout=60)
            for chain in ("198.51.100.1, 203.0.113.9", "203.0.113.9, 198.51.100.1")
        )
        with here, there:
            assert filled(here, "gil", "wrong").status_code == 429
            assert filled(there, "gil", "wrong").status_code == 403
        assert filled(browser, "gil", "wrong").status_code == 403
    door.act("delete from sign_in_attempts")


# ------------------------------------------------------------------------------ where one goes on


@pytest.mark.parametrize(
    "goal",
    ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "\\\\elsewhere.example",
     "javascript:alert(1)",
     "/\t/elsewhere.example", "/\n/elsewhere.example", " //elsewhere.example", "elsewhere.example", "/sign-out/",
     "/sign-in/",
     "/%0d%0aSet-Cookie: a=b", "/x\r\nSet-Cookie: a=b", "http:/elsewhere.example", "///elsewhere.example",
     "/..//elsewhere.example",
     "/projects/\u20ac/", "/\u2044/elsewhere.example", "/\xe9"],
)  # fmt: skip
def test_nobody_is_led_to_another_host(door: Door, goal: str) -> None:
    with connected(door.url) as connection:
        if not any(one.username == "hal" for one in people.list_users(connection)):
            door.user("hal")
    with door.browser() as browser:
        page = browser.get("/sign-in/", params={"next": goal})
        reply = filled(browser, "hal", PASSWORD, next=goal)
        place = reply.headers["Location"]
        resolved = reply.url.join(place)

    assert reply.status_code == 303
    assert str(resolved).startswith(door.address + "/")
    assert re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", place)
    assert "a=b" not in str(reply.headers.get_list("set-cookie"))
    assert 'value="https:' not in page.text


# ------------------------------------------------------------------------------ cookies and forms


def test_cookies_are_no_scripts_and_no_other_sites_and_no_other_hosts(door: Door) -> None:
    door.user("ida")
    with door.browser() as browser:
        reply = filled(browser, "ida", PASSWORD)
        session, form = sorted(reply.headers.get_list("set-cookie"), reverse=True)

    assert re.fullmatch(
        r"nodehours-session=[0-9a-f]{64}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax", session
    )
    assert form == "nodehours-form=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"


def test_behind_https_cookies_go_by_https_only(door: Door) -> None:
    door.user("jan")
    with door.browser(headers={"X-Forwarded-Proto": "https"}) as browser:
        page = browser.get("/sign-in/")
        (kept,) = page.headers.get_list("set-cookie")
        form = read_page(page.text).forms[0]
        fields = {**form.fields, "username": "jan", "password": PASSWORD}
        cookie = {"Cookie": kept.partition(";")[0]}
        reply = browser.post("/sign-in/", data=fields, headers=cookie)
        session = max(reply.headers.get_list("set-cookie"))
        name_and_secret = session.partition(";")[0]

        assert kept.startswith("__Host-nodehours-form=")
        assert re.fullmatch(
            r"__Host-nodehours-session=\S+; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure",
            session,
        )
        assert browser.get("/", headers={"Cookie": name_and_secret}).status_code == 200
        plain = name_and_secret.removeprefix("__Host-")
        assert browser.get("/", headers={"Cookie": plain}).status_code == 303


def test_a_form_that_is_not_of_this_browser_signs_nobody_in(door: Door) -> None:
    door.user("kim")
    with door.browser() as browser, door.browser() as other:
        others = read_page(other.get("/sign-in/").text).forms[0].fields["csrf"]
        for token in ("", "0" * 64, others, "é"):
            reply = filled(browser, "kim", PASSWORD, csrf=token)
            assert (reply.status_code, STALE in reply.text) == (403, True)
        for site in ("cross-site", "same-site"):
            form = read_page(browser.get("/sign-in/").text).forms[0]
            data = {**form.fields, "username": "kim", "password": PASSWORD}
            reply = browser.post("/sign-in/", data=data, headers={"Sec-Fetch-Site": site})
            assert (reply.status_code, STALE in reply.text) == (403, True)
        assert not is_in(browser)


ACTS = [
    {"do": "make-token", "name": "x", "lifetime": "30d"},
    {"do": "revoke-token", "token": "1"},
    {"do": "set-password", "password": "another few words", "again": "another few words", "current": PASSWORD},
    {"do": "sign-out-everywhere"},
]  # fmt: skip


@pytest.mark.parametrize("fields", ACTS, ids=lambda fields: fields["do"])
def test_what_is_done_in_ones_account_is_done_from_ones_own_page(
    door: Door, fields: dict[str, str]
) -> None:
    """Not by a form without its token, not by one of another session, and not from another site."""
    mine, other = door.user(f"lea-{fields['do']}"), door.user(f"max-{fields['do']}")
    with door.browser() as browser, door.browser() as others:
        filled(browser, mine, PASSWORD)
        filled(others, other, PASSWORD)
        own = csrf(browser)
        for token, site in (
            ("", None),
            (csrf(others), None),
            (own, "cross-site"),
            (own, "same-site"),
            (own[:-1], None),
        ):
            headers = {"Sec-Fetch-Site": site} if site else {}
            reply = browser.post("/account/", data={"csrf": token, **fields}, headers=headers)
            assert (reply.status_code, "That was not done" in reply.text) == (403, True)
        assert is_in(browser)
        assert "You have no tokens yet" in browser.get("/account/").text
        with door.browser() as again:
            assert filled(again, mine, PASSWORD).status_code == 303


# ------------------------------------------------------------------------------ by a link


def test_a_link_opens_once_and_not_by_being_looked_at(door: Door) -> None:
    link = door.link(door.user("noa", password=None))
    with door.browser() as browser, door.browser() as second:
        for _ in range(3):
            assert "Sign in with this link" in browser.get(link).text
            browser.head(link)
        assert not is_in(browser)
        reply = followed(browser, link)
        assert (reply.status_code, reply.headers["Location"]) == (303, "/account/")
        assert is_in(browser)
        reply = followed(second, link)
        assert (reply.status_code, USED in reply.text) == (403, True)
        assert not is_in(second)


def followed(browser: httpx.Client, link: str) -> httpx.Response:
    form = read_page(browser.get(link).text).forms[0]
    return browser.post(link, data=form.fields)


def test_a_link_that_is_too_old_or_made_up_opens_nothing(door: Door) -> None:
    links = [
        door.link(door.user("ole"), timedelta(0)),
        "/sign-in/link/deadbeef/",
        "/sign-in/link/%00/",
    ]
    shut = door.link(door.user("pia"))
    with connected(door.url) as connection:
        people.deactivate_user(connection, "pia")
    with door.browser() as browser:
        for link in (*links, shut):
            reply = followed(browser, link)
            assert (reply.status_code, USED in reply.text) == (403, True)
        assert not is_in(browser)


def test_a_link_is_followed_from_its_own_page_only(door: Door) -> None:
    link = door.link(door.user("qin"))
    with door.browser() as browser:
        assert STALE in browser.post(link, data={}).text
        assert STALE in browser.post(link, data={"csrf": "0" * 64}).text
        assert followed(browser, link).status_code == 303


def test_staff_make_a_link_for_somebody_and_it_signs_them_in(door: Door) -> None:
    with connected(door.url) as connection:
        people.add_user(connection, User("rex", "", "", True, False, True, []))
    door.user("sue", password=None)
    with door.browser() as staff, door.browser() as theirs:
        followed(staff, door.link("rex"))
        data = {"csrf": csrf(staff, "/people/"), "do": "link", "username": "sue"}
        made = staff.post("/people/", data=data)
        (path,) = re.findall(r"/sign-in/link/[0-9a-f]+/", made.text)
        assert followed(theirs, path).status_code == 303
        assert "sue" in theirs.get("/account/").text
