"""How the dashboard answers as a web server: headers, HEAD, slashes, what is missing, and what nobody should ask."""

from __future__ import annotations

import re

import httpx
import pytest

from nodehours.faces.web.answers import POLICY
from tests.faces.web.world import World, addresses
from tests.serving import asked_as_is

PAGES = ("/", "/projects/", "/projects/climate.demo/", "/months/", "/months/2026-03/",
         "/months/2026-03/climate.demo/",
         "/runs/", "/quarantine/", "/pending/", "/people/", "/account/")  # fmt: skip
SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def check_safe(reply: httpx.Response) -> None:
    assert {name: reply.headers.get(name) for name in SAFE} == SAFE
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_every_answer_keeps_browsers_from_loading_and_telling(world: World) -> None:
    """Pages, files, redirects, what is missing, what is refused, and what anybody can have; whoever asks."""
    foreign = {"Origin": "https://elsewhere.example"}
    with world.client("staff", headers=foreign) as staff, world.client(headers=foreign) as nobody:
        style = re.search(r'href="(/static/[^"]*\.css)"', staff.get("/").text)
        assert style
        private = [
            staff.get(path) for path in (*PAGES, "/?table=largest.csv", "/?figure=monthly.json")
        ]
        private += [
            staff.get("/nowhere/"),
            staff.get("/months"),
            nobody.get("/"),
            nobody.get("/sign-in/"),
        ]
        private += [staff.post("/account/", data={"do": "make-token"}), nobody.post("/sign-in/")]
        public = [nobody.get(style[1]), nobody.get("/favicon.ico")]

    for reply in [*private, *public]:
        check_safe(reply)
    assert {reply.headers["Cache-Control"] for reply in private} == {"no-store"}
    assert {reply.headers["Cache-Control"] for reply in public} == {
        "public, max-age=31536000, immutable"
    }


def test_nobody_elsewhere_may_ask_for_pages_by_script(world: World) -> None:
    """The API may be asked from any origin, by its tokens; pages, which go by cookies, from none."""
    preflight = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    with world.client("staff", headers=preflight) as client:
        for path in PAGES:
            reply = client.options(path)
            assert reply.status_code in {204, 404, 405}
            assert not [name for name in reply.headers if name.startswith("access-control")]


def test_head_is_get_without_the_body(world: World) -> None:
    with world.client("staff") as client:
        for path in (*PAGES, "/sign-in/", "/nowhere/", "/projects", "/?table=largest.csv"):
            got, head = client.get(path), client.head(path)
            assert head.content == b""
            assert head.status_code == got.status_code
            varying = {"date", "content-length", "set-cookie", "connection"}
            told = [
                {name: value for name, value in reply.headers.items() if name not in varying}
                for reply in (got, head)
            ]
            assert told[0] == told[1], path


def test_an_address_without_its_slash_leads_to_the_one_with_it(world: World) -> None:
    with world.client("staff") as client:
        for path in PAGES[1:]:
            reply = client.get(path.rstrip("/") + "?by=project&unit=share")
            assert reply.status_code == 303
            assert reply.headers["Location"] == f"{path}?by=project&unit=share"


@pytest.mark.parametrize(
    "target",
    ["//elsewhere.example", "//elsewhere.example/", "/%2F/elsewhere.example", "/projects//elsewhere.example",
     "/\\elsewhere.example",
     "/projects/%0d%0aSet-Cookie:%20a=b", "/sign-in/?next=//elsewhere.example"],
)  # fmt: skip
@pytest.mark.parametrize("who", ["staff", None])
def test_no_address_leads_to_another_host(world: World, target: str, who: str | None) -> None:
    cookie = {"Cookie": f"nodehours-session={world.secrets[who]}"} if who else {}
    reply, _ = asked_as_is(world.address, "GET", target, cookie)

    place = reply.headers.get("Location", "/")
    assert re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", place)
    assert "a=b" not in (reply.headers.get("Set-Cookie") or "")


@pytest.mark.parametrize(
    "path",
    ["/nowhere/", "/projects/nowhere.demo/", "/projects/%00/", "/projects/%FF/", "/projects/" + "x" * 4000 + "/",
     "/users/1/",
     "/users/zz/", "/allocations/''/", "/months/2026-13/", "/months/0/", "/months/99999-01/",
     "/months/2026-03/%2e%2e/",
     "/runs/0/", "/runs/-1/", "/runs/99999999999999999999/", "/runs/1e3/", "/quarantine/1/", "/pending/%C2%BD/",
     "/static/x/nothing.js",
     "/static/x/..%2f..%2fgate.py", "/static/x/../../gate.py", "/apis/", "/%3Cscript%3E/", "/projects/a/b/c/"],
)  # fmt: skip
def test_what_is_not_there_is_missing_and_says_so_to_people(world: World, path: str) -> None:
    cookie = world.headers("staff")
    reply, body = asked_as_is(world.address, "GET", path, cookie)

    assert reply.status == 404
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "There is no such page" in body.decode()
    assert path not in body.decode()


NAMES = ("from", "to", "by", "unit", "per", "split", "names", "largest.sort", "largest.find", "largest.page",
         "months.page", "matrix.find",
         "matrix.page", "projects.find", "users.find", "by-user.find", "by-user.sort", "runs.find", "all", "done",
         "theme", "nonsense")  # fmt: skip
HOSTILE = {
    "nul": "%00",
    "not utf-8": "%FF%FE",
    "half a surrogate": "%ED%A0%80",
    "long": "x" * 1_000,
    "a long number": "9" * 1_000,
    "negative": "-1",
    "zero": "0",
    "arabic digits": "%D9%A1%D9%A2",
    "a script": "%3Cscript%3Ealert(1)%3C/script%3E",
    "quotes": "%22'%5C%60",
    "patterns": "%25_%5C",
    "a statement": "';drop%20table%20users;--",
    "wrong month": "2026-99",
    "a far month": "9999-12",
    "early month": "0000-01",
    "a unit": "nothing",
    "a minus": "-",
    "blank": "%20",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_chosen_a_page_opens(world: World, text: str) -> None:
    """An old bookmark opens; what it says and is not understood counts as not said."""
    cookie = world.headers("staff")
    query = "&".join(f"{name}={text}" for name in NAMES)
    known = addresses(world.database_url)
    for path in (*PAGES, known["allocations"][0], known["users"][0]):
        reply, body = asked_as_is(world.address, "GET", f"{path}?{query}", cookie)
        assert reply.status == 200, path
        assert b"<script>alert" not in body
        assert len(body) < 600_000


@pytest.mark.parametrize(
    "query",
    ["&" * 5000, "=&=&=", "a" * 20_000, "%", "%zz", "by=project&by=resource", ";".join(["a=b"] * 500),
     "&".join(["a=b"] * 500),
     "from=2026-11&to=2020-01", "from=0001-01&to=9999-12", "largest.page=999999999", "%E9=%FF"],
)  # fmt: skip
def test_whatever_the_query_is_made_of_a_page_opens(world: World, query: str) -> None:
    cookie = world.headers("staff")
    for path in ("/", "/projects/climate.demo/", "/months/"):
        reply, body = asked_as_is(world.address, "GET", f"{path}?{query}", cookie)
        assert (reply.status, len(body) > 1000) == (200, True), path


def test_of_a_choice_that_is_made_twice_the_last_holds(world: World) -> None:
    with world.client("staff") as client:
        assert "Largest resources" in client.get("/?by=project&by=resource").text


@pytest.mark.parametrize(
    "cookie",
    ["nodehours-session=", "nodehours-session=deadbeef", "nodehours-session=%00", "nodehours-session=\xff", "=;;=",
     "a" * 4000,
     "nodehours-session=a; nodehours-session=b", 'nodehours-session="\\000"', "nodehours-session=" + "é"],
)  # fmt: skip
def test_a_cookie_that_is_none_signs_nobody_in(world: World, cookie: str) -> None:
    reply, _ = asked_as_is(world.address, "GET", "/months/", {"Cookie": cookie})

    assert (reply.status, reply.headers["Location"]) == (303, "/sign-in/?next=%2Fmonths%2F")


def test_a_form_that_is_too_long_is_refused(world: World) -> None:
    with world.client("staff") as client:
        reply = client.post("/account/", data={"csrf": world.csrf("staff"), "name": "x" * 70_000})

    assert reply.status_code == 413
    assert "That was not done" in reply.text
    check_safe(reply)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_other_methods_do_nothing(world: World, method: str) -> None:
    with world.client("staff") as client:
        for path in PAGES:
            reply = client.request(method, path)
            assert reply.status_code in {404, 405}


@pytest.mark.parametrize("odd", ['a={"x":1}', "a[b]=1", "foo", "x=\xe9", "=", ";;"])
def test_what_others_have_set_for_the_host_hides_no_cookie_of_ours(world: World, odd: str) -> None:
    cookie = f"{odd}; {world.headers('staff')['Cookie']}; {odd}"

    reply = httpx.get(f"{world.address}/account/", headers=[(b"Cookie", cookie.encode("latin-1"))])

    assert reply.status_code == 200


def test_a_period_before_the_ledger_began_is_no_empty_ledger(world: World) -> None:
    with world.client("staff") as client:
        text = client.get("/?from=1990-01&to=1990-12").text

    assert "The ledger is empty" not in text
    assert "Nothing was used in these months" in text
