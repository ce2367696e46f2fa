"""Names that people may have, and some that nobody should: they are shown as they are, and nothing of them runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from playwright.sync_api import Browser

from nodehours.ledger import inventory, people
from nodehours.ledger.store import Connection, connected
from nodehours.terms.month import Month
from tests.databases import database
from tests.faces.web.browsing import watching
from tests.faces.web.reading import read_page
from tests.faces.web.world import World, begun
from tests.reported import Reported, fill
from tests.serving import served

NAMES = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\u202eright to left\u202c", "עברית Ångström",
    "n" * 64, "👩‍🚀 e\u0301", "=1+1", "@SUM(A1)", "+44 20", "-2+3", "' or 1=1 --", "{{ 7 * 7 }} {% raw %}",
    "</title></svg>",
    "javascript:alert(1)", "&amp; &lt;b&gt;", "\\u003cb\\u003e ${1}",
)  # fmt: skip
RESOURCE = "<svg onload=alert(1)>=1+1"
ORGANISATION = '=HYPERLINK("http://elsewhere.example")<script>alert(2)</script>'
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def hostile(server_url: str, template: str) -> Iterator[World]:
    """A ledger whose people, resource, local users and organisation are called so, with usage in the running month."""
    with database(server_url, template) as url:
        fill(url, [reported()])
        with connected(url) as connection:
            secret = named(connection)
        with served(url) as address:
            yield World(url, address, {"staff": secret}, {})


def reported() -> Reported:
    """Each uses a little more than the one before; the last local user is nobody's."""
    # A local user has characters that are printed.
    mine = {
        f"user{number}": name if name.isprintable() else str(number)
        for number, name in enumerate(NAMES)
    }
    local_users = [*mine.values(), "<b>nobody</b>"]
    used = {name: 3600 * (number + 1) for number, name in enumerate(local_users)}
    return Reported(RESOURCE, "sharp.edge", mine, dict.fromkeys(days(), used))


def days() -> list[date]:
    """A day of each of the last three months, and yesterday or today."""
    first = Month.of(TODAY).start
    return sorted({first - timedelta(days=back) for back in (70, 40, 10)} | {first})


def named(connection: Connection) -> str:
    inventory.name_organisation(connection, "edge", ORGANISATION)
    for number, name in enumerate(NAMES):
        identity = f"user{number}.edge"
        user = people.User(f"login{number}", name, "", False, False, True, [identity])
        people.add_user(connection, user)
    name = "<script>alert(3)</script>"
    people.add_user(connection, people.User("<i>boss</i>", name, "", True, False, True, []))
    return begun(connection, "<i>boss</i>")


def paths(world: World) -> list[str]:
    (allocation,) = world.ask("select replace(uuid::text, '-', '') from allocations")[0]
    (user,) = world.ask(
        "select replace(uuid::text, '-', '') from users where full_name like '<script>alert(1%%'"
    )[0]
    month = Month.of(TODAY)
    return [
        "/", "/?by=project", "/?by=resource", "/projects/", "/projects/sharp.edge/",
        "/projects/sharp.edge/?split=user",
        "/projects/sharp.edge/?split=user&per=day", f"/allocations/{allocation}/", f"/users/{user}/", "/months/",
        f"/months/{month}/", f"/months/{month}/sharp.edge/", "/runs/", "/runs/1/", "/people/", "/account/",
    ]  # fmt: skip


@pytest.mark.browser
def test_nothing_of_a_name_runs_and_it_is_shown_as_it_is(browser: Browser, hostile: World) -> None:
    """No dialog, no error, no request that a name asks for."""
    texts: dict[str, str] = {}
    with watching(browser, hostile.address, hostile.secrets["staff"]) as watched:
        for path in paths(hostile):
            page = watched.open(path)
            page.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true; })"
            )
            texts[path] = page.locator("body").inner_text()
            assert (
                page.locator("main script, main img[src=x], main [onload], main [onerror]").count()
                == 0
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280, path
        assert watched.dialogs == []

    for name in NAMES:
        assert name in texts["/projects/sharp.edge/"]
        assert name in texts["/people/"]
    assert ORGANISATION in texts["/"]
    assert RESOURCE in texts["/?by=resource"]
    assert "<script>alert(3)</script>" in texts["/account/"]


@pytest.mark.browser
def test_on_a_telephone_no_name_is_in_the_way(browser: Browser, hostile: World) -> None:
    small = {"width": 390, "height": 844}
    with watching(browser, hostile.address, hostile.secrets["staff"], viewport=small) as watched:
        for path in paths(hostile):
            page = watched.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_pages_stay_well_formed_whatever_people_are_called(hostile: World) -> None:
    with hostile.client("staff") as client:
        for path in paths(hostile):
            reply = client.get(path)
            assert reply.status_code == 200
            assert read_page(reply.text).text
            assert "<script>alert" not in reply.text


def test_tables_with_such_names_are_inert(hostile: World) -> None:
    """In a spreadsheet no cell is a formula; without the apostrophe before it every name is as it was."""
    with hostile.client("staff") as client:
        address = "/projects/sharp.edge/"
        text = client.get(address, params={"table": "by-user.csv"}).content.decode("utf-8-sig")
        book = client.get(address, params={"table": "by-user.xlsx"}).content
        readme = client.get("/?table=largest.readme").text
    told = [row["user"] for row in csv.DictReader(io.StringIO(text))]
    cells = [
        cell
        for sheet in openpyxl.load_workbook(io.BytesIO(book))
        for row in sheet.iter_rows()
        for cell in row
    ]

    assert not [one for one in told if one[:1] in "=+-@\t\r" and one]
    assert {one.removeprefix("'") for one in told} >= set(NAMES)
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n", "d", "b"}
    assert {str(cell.value) for cell in cells} >= set(NAMES)
    assert readme


@pytest.mark.parametrize("form", ["svg", "png", "json"])
def test_figures_with_such_names_are_drawn(hostile: World, form: str) -> None:
    with hostile.client("staff") as client:
        for address, figure in (
            ("/projects/sharp.edge/", "users"),
            ("/projects/sharp.edge/?split=user", "use"),
            ("/", "monthly"),
        ):
            params = {"figure": f"{figure}.{form}"}
            split = {"split": "user"} if "?" in address else {}
            reply = client.get(address.partition("?")[0], params=split | params)
            assert reply.status_code == 200
            for tag in (b"<script", b"<img", b"onload=", b"<svg on"):
                assert tag not in reply.content.replace(b"&lt;svg onload=", b"").replace(
                    b"\\u003csvg onload=", b""
                )


def test_the_running_month_is_drawn_as_running_and_left_out_of_averages(hostile: World) -> None:
    with hostile.client("staff") as client:
        page = read_page(client.get("/").text)
        spec = client.get("/", params={"figure": "monthly.json"}).json()
    (rows,) = spec["datasets"].values()
    running = {row["month"]: row["is_open"] for row in rows}
    whole = 3600 * sum(range(1, len(NAMES) + 2))

    assert [is_open for is_open in running.values() if is_open] == [True]
    assert f"{whole // 3600:,}" in page.text
    assert "still runs" in page.text
