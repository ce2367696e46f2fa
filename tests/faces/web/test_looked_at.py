"""The dashboard as people look at it, in Chromium: each page for everybody, and what they can click on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page

from tests.faces.web.browsing import Watched, watching
from tests.faces.web.world import PAGES, PERIOD, VISITORS, World

pytestmark = pytest.mark.browser
OF_EVERYBODY = (f"/?{PERIOD}", f"/projects/?{PERIOD}", f"/months/?{PERIOD}", "/account/")
OF_STAFF = ("/runs/", "/runs/1/", "/quarantine/", "/pending/", "/people/")
PROJECTS = {
    "staff": "climate.demo",
    "owner": "ocean.demo",
    "member": "climate.demo",
    "researcher": "genome.demo",
}


def paths(world: World, who: str) -> list[str]:
    """A page of each kind that they can have."""
    (own,) = world.ask(
        "select replace(uuid::text, '-', '') from users where username = %s", VISITORS[who]
    )[0]
    found = [*OF_EVERYBODY, f"/users/{own}/?{PERIOD}"]
    if who in PROJECTS:
        rows = [row for row in world.rows(who) if row["project_identifier"] == PROJECTS[who]]
        found += [
            f"/projects/{PROJECTS[who]}/?{PERIOD}",
            f"/allocations/{rows[0]['allocation_uuid']}/?{PERIOD}",
            "/months/2026-03/",
            f"/months/2026-03/{PROJECTS[who]}/",
        ]
    return [*found, *OF_STAFF] if who in {"staff", "support"} else found


@pytest.fixture
def staff(browser: Browser, world: World) -> Iterator[Watched]:
    with watching(browser, world.address, world.secrets["staff"]) as watched:
        yield watched


@pytest.mark.parametrize("who", ["staff", "owner", "member", "researcher", "stranger"])
def test_every_page_opens_with_its_charts_and_without_a_fault(
    browser: Browser, world: World, who: str
) -> None:
    """No error, no request to another host, no bad answer; and nothing is wider than a telephone."""
    with watching(browser, world.address, world.secrets[who]) as watched:
        for path in paths(world, who):
            page = watched.open(path)
            assert page.locator("main h1").count() == 1
            for box in page.locator(".drawing").all():
                assert box.locator("svg path").count() > 1
            check_width(watched, path)


def check_width(watched: Watched, path: str) -> None:
    page = watched.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(50)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert wide <= 390, f"{path} is {wide} wide"


def node_hours(node_seconds: int) -> str:
    hours = (Decimal(node_seconds) / 3600).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return f"{hours:,}"


@pytest.mark.parametrize("who", ["staff", "owner", "member", "researcher"])
def test_the_figures_on_the_page_are_those_of_the_api(
    browser: Browser, world: World, who: str
) -> None:
    """As people read them: the months of a project, and of an allocation's own page the whole."""
    project = PROJECTS[who]
    sums: dict[str, int] = {}
    for row in world.rows(who):
        if row["project_identifier"] == project:
            of = f"{row['year']}-{row['month']:02}"
            sums[of] = sums.get(of, 0) + row["node_seconds"]
    with watching(browser, world.address, world.secrets[who]) as watched:
        page = watched.open(f"/projects/{project}/?{PERIOD}")
        page.click("#use summary")
        shown = {
            line.locator("time").get_attribute("datetime"): line.locator(
                "td.hours"
            ).first.inner_text()
            for line in page.locator("#by-month tbody tr").all()
        }
        told = page.locator(".glance .much data").first.get_attribute("title")

    expected = {
        of: node_hours(figure) for of, figure in sums.items() if "2025-12" <= of <= "2026-11"
    }
    assert shown == expected
    whole = sum(figure for of, figure in sums.items() if of in expected)
    assert told == f"{node_hours(whole)} node-hours"


def chosen(page: Page, label: str) -> str:
    """What is chosen of one of the page's switches."""
    return page.locator(f".choice[aria-label='{label}'] a[aria-current]").inner_text()


def choose(watched: Watched, label: str, text: str, *, drawn: bool = False) -> None:
    watched.click(f".choice[aria-label='{label}'] a:text-is('{text}')", drawn=drawn)
    assert chosen(watched.page, label) == text


def test_the_switches_of_the_overview(staff: Watched) -> None:
    page = staff.open(f"/?{PERIOD}")
    for by in ("project", "resource", "organisation"):
        choose(staff, "By", by)
        assert page.locator("#monthly h2").inner_text() == f"Node-hours by month and {by}"
        assert page.locator("#largest caption").inner_text() == f"Largest {by}s"
    choose(staff, "Show", "share", drawn=True)
    assert "100" in page.locator("#monthly .drawing").inner_text()
    assert staff.path == f"/?{PERIOD}&unit=share"
    choose(staff, "Show", "node-hours")
    assert staff.path == f"/?{PERIOD}"


def test_the_switches_of_a_project(staff: Watched) -> None:
    page = staff.open(f"/projects/climate.demo/?{PERIOD}")
    assert page.locator(".choice[aria-label='Show']").count() == 0
    choose(staff, "Split", "by user")
    choose(staff, "Show", "share")
    choose(staff, "Show", "node-hours")
    assert page.locator("#use h2").inner_text() == "Node-hours by month and user"
    choose(staff, "By", "day")
    assert page.locator("#use h2").inner_text() == "Node-hours by day and user"
    choose(staff, "People", "identifiers", drawn=True)
    assert page.locator("#users .drawing").inner_text().count(".climate.demo") > 3
    assert "Demo Member" not in page.locator("#users .drawing").inner_text()
    choose(staff, "People", "names", drawn=True)
    assert "Demo Member" in page.locator("#users .drawing").inner_text()
    choose(staff, "Split", "together")
    choose(staff, "By", "month")
    assert staff.path == f"/projects/climate.demo/?{PERIOD}"


def test_the_months_that_are_looked_at(staff: Watched) -> None:
    page = staff.open(f"/?{PERIOD}&by=project")
    page.fill("input[name=from]", "2026-04")
    page.fill("input[name=to]", "2026-06")
    staff.click(".period button")
    page.click("#monthly summary")

    assert page.locator("#months-by tbody tr").count() == 3
    assert "April 2026 to June 2026" in page.locator(".lead").inner_text()
    assert chosen(page, "By") == "project"


def test_a_table_is_sorted_searched_and_turned_over_by_clicking(staff: Watched) -> None:
    page = staff.open("/people/")
    first = page.locator("#users tbody th").first.inner_text()
    assert page.locator("#users tbody tr").count() == 25
    staff.click("#users a[rel=next]")
    assert page.locator("#users tbody th").first.inner_text() != first
    assert "26\N{EN DASH}50 of" in page.locator("#users .pages").inner_text()
    staff.click("#users a[rel=prev]")
    assert page.locator("#users tbody th").first.inner_text() == first
    page.fill("#users input[type=search]", "demo-own")
    staff.click("#users .find button")
    assert page.locator("#users tbody tr").count() == 1
    page.fill("#users input[type=search]", "nobody at all")
    staff.click("#users .find button")
    assert "Nothing here has “nobody at all” in it." in page.locator("#users").inner_text()
    staff.click("#users .find a")
    assert page.locator("#users tbody tr").count() == 25


@pytest.mark.parametrize(
    ("path", "table", "label"),
    [
        (f"/projects/?{PERIOD}", "largest", "Node-hours"),
        (f"/projects/?{PERIOD}", "largest", "Project"),
        (f"/projects/climate.demo/?{PERIOD}", "by-user", "Share"),
        (f"/projects/climate.demo/?{PERIOD}", "by-user", "User identifier"),
        ("/months/2026-03/climate.demo/", "days-1", "Node-hours"),
    ],
)
def test_a_column_is_sorted_by_one_way_and_the_other(
    staff: Watched, path: str, table: str, label: str
) -> None:
    page = staff.open(path, drawn=False)
    ways = set()
    for _ in range(2):
        if page.locator(f"#{table}").evaluate("one => !!one.closest('details:not([open])')"):
            page.locator(f"details:has(#{table}) > summary").click()
        staff.click(f"#{table} thead a:has-text('{label}')", drawn=False)
        head = page.locator(f"#{table} thead th:has(a:has-text('{label}'))").first
        place = head.evaluate("one => one.cellIndex")
        cells = page.locator(f"#{table} tbody tr > :nth-child({place + 1})").all_inner_texts()
        way = head.get_attribute("aria-sort")
        ways.add(way)
        assert cells == sorted(cells, key=sort_key, reverse=way == "descending")
        assert len(set(cells)) > 1

    assert ways == {"ascending", "descending"}


def sort_key(text: str) -> tuple[float, str]:
    number = re.fullmatch(r"[\d,.]+(?= %|$)", text.removesuffix(" %"))
    return (float(number[0].replace(",", "")), "") if number else (0.0, text.casefold())


def test_a_bar_leads_to_its_month(staff: Watched) -> None:
    page = staff.open(f"/?{PERIOD}")
    bar = page.locator("#monthly svg .mark-rect.role-mark path[aria-label*='March 2026']").first
    with page.expect_navigation():
        bar.click()

    assert staff.path == "/months/2026-03/"


def test_a_square_of_the_matrix_leads_to_what_it_is_made_of(staff: Watched) -> None:
    page = staff.open(f"/months/?{PERIOD}")
    figure = page.locator("table.heat tbody td a").first
    told = figure.locator("data").get_attribute("value")
    with page.expect_navigation():
        figure.click()

    assert re.fullmatch(r"/months/2025-12/[a-z]+\.demo/", staff.path)
    assert f"{Decimal(told or 0):,}" in page.locator("main").inner_text()


def test_times_are_the_readers_own_with_utc_beside_them(browser: Browser, world: World) -> None:
    zone = "Asia/Kolkata"
    with watching(browser, world.address, world.secrets["staff"], timezone_id=zone) as watched:
        times = watched.open("/runs/").locator("time.instant")
        assert times.count() > 1
        for time in times.all():
            instant = datetime.fromisoformat(time.get_attribute("datetime") or "")
            local = instant.astimezone(ZoneInfo(zone))
            assert time.inner_text() == f"{local.day} {local:%b %Y, %H:%M}"
            title = time.get_attribute("title") or ""
            assert title.startswith(f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC")


def test_without_script_images_stand_in_and_every_switch_works(
    browser: Browser, world: World
) -> None:
    with watching(
        browser, world.address, world.secrets["staff"], java_script_enabled=False
    ) as watched:
        for path in (f"/?{PERIOD}", f"/projects/climate.demo/?{PERIOD}&split=user"):
            page = watched.open(path, drawn=False)
            images = page.locator(".drawing img")
            assert images.count() == page.locator(".drawing").count() > 0
            for image in images.all():
                size = image.bounding_box()
                assert image.get_attribute("alt")
                assert size
                assert size["width"] > 300
                assert size["height"] > 100
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", page_time(watched))
        watched.open(f"/projects/climate.demo/?{PERIOD}", drawn=False)
        for text, label in (
            ("day", "By"),
            ("by user", "Split"),
            ("month", "By"),
            ("share", "Show"),
        ):
            choose(watched, label, text)


def page_time(watched: Watched) -> str:
    return watched.open("/runs/", drawn=False).locator("time.instant").first.inner_text()


def test_without_script_one_signs_in_and_out_and_makes_a_token(
    browser: Browser, world: World
) -> None:
    with watching(browser, world.address, java_script_enabled=False) as watched:
        page = watched.open("/months/", drawn=False)
        assert watched.path == "/sign-in/?next=%2Fmonths%2F"
        page.fill("input[name=username]", VISITORS["owner"])
        page.fill("input[name=password]", "a few words in a row")
        watched.click("button", drawn=False)
        assert watched.path == "/months/"
        watched.open("/account/", drawn=False)
        page.fill("input[name=name]", "notebook")
        watched.click("button:text-is('Make a token')", drawn=False)
        assert len(page.locator("#made-token").inner_text()) > 40
        watched.click("form:has(input[value=revoke-token]) button", drawn=False)
        assert "it answers no more" in page.locator(".done").inner_text()
        watched.click("button:text-is('Sign out')", drawn=False)
        assert watched.path == "/sign-in/"


def test_what_cannot_be_taken_back_is_asked_for_twice(browser: Browser, world: World) -> None:
    with watching(browser, world.address, world.secrets["member"]) as watched:
        page = watched.open("/account/")
        page.fill("input[name=name]", "portal")
        watched.click("button:text-is('Make a token')")
        watched.click("form:has(input[value=revoke-token]) button")

    assert watched.dialogs == ["Programs that use this token will be shut out. Revoke it?"]


_STOPS = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"
_FOCUS = """stops => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    return {
        place: [...document.querySelectorAll(stops)].filter(each => each.checkVisibility()).indexOf(one),
        outline: parseFloat(style.outlineWidth) * (style.outlineStyle !== "none"),
        width: box.width, left: box.left, text: one.textContent.trim(), tag: one.tagName,
    };
}"""
_REACHABLE = (
    "stops => [...document.querySelectorAll(stops)].filter(each => each.checkVisibility()).length"
)


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    staff: Watched, path: str
) -> None:
    """A month is three stops of one field: its parts."""
    page = staff.open(path)
    count = page.evaluate(_REACHABLE, _STOPS)
    met: list[int] = []
    for _ in range(2 * count):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUS, _STOPS)
        if at["place"] < 0:
            break
        assert at["outline"] >= 1, at
        assert at["width"] > 0
        met.append(at["place"])

    assert met == sorted(met)
    assert set(met) == set(range(count))


def test_the_first_stop_skips_to_the_content(staff: Watched) -> None:
    page = staff.open(f"/?{PERIOD}")
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUS, _STOPS)["text"] == "Skip to the content"
    assert page.evaluate(_FOCUS, _STOPS)["left"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
