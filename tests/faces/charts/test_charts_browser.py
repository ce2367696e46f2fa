"""Charts in Debian's Chromium, under a policy that forbids code made of text, styles in the page and other hosts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from nodehours.faces.charts import forms, monthly
from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.theme import LIGHT
from tests.faces.charts.examples import BARS, CHARTS, JANUARY
from tests.faces.export.hostile import NAMES

CHROMIUM: Final = Path("/usr/bin/chromium")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'"
)
PAGE: Final = """<!doctype html>
<html lang="en">
<title>Charts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<div id="room"></div>
<script src="/bundle.js"></script>
<script src="/page.js"></script>
</html>
"""
STYLE: Final = """
#room { width: 640px }
#vg-tooltip-element { position: fixed; visibility: hidden }
#vg-tooltip-element.visible { visibility: visible }
"""
SCRIPT: Final = """
const room = document.getElementById("room");
window.draw = async (name) => nodehoursDraw(room, await (await fetch(name)).json()).then(() => null);
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's Chromium is not installed"),
]

Files = dict[str, tuple[str, bytes]]


@pytest.fixture(scope="module")
def files() -> Files:
    """What the server has; a test may add a chart to it."""
    return {
        "/": ("text/html", PAGE.encode()),
        "/style.css": ("text/css", STYLE.encode()),
        "/page.js": ("text/javascript", SCRIPT.encode()),
        "/bundle.js": ("text/javascript", forms.browser_bundle()),
    }


@pytest.fixture(scope="module")
def address(files: Files) -> Iterator[str]:
    """Where the page is served, with the policy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            media_type, body = files.get(self.path, ("text/plain", b"nothing here"))
            self.send_response(200)
            self.send_header("Content-Type", f"{media_type}; charset=utf-8")
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that must not complain, nor ask another host."""
    complaints: list[str] = []
    asked: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((address, "data:,"))] == []


def draw(page: Page, files: Files, chart: Chart) -> None:
    files["/chart.json"] = ("application/json", forms.vega_lite(chart))
    page.evaluate("draw('/chart.json')")


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_drawn_as_wide_as_its_room_under_the_policy(
    page: Page, files: Files, name: str
) -> None:
    draw(page, files, CHARTS[name](theme=LIGHT))

    assert page.locator("#room svg").count() == 1
    assert page.locator("#room svg path").count() > 3
    width = page.locator("#room svg").bounding_box()
    assert width
    assert width["width"] == pytest.approx(640, abs=30)
    assert page.locator("style, [style*=url]").count() == 0


def test_a_screen_reader_is_told_what_the_chart_shows(page: Page, files: Files) -> None:
    draw(page, files, CHARTS["monthly"](theme=LIGHT))

    assert page.get_by_label(monthly.summary(BARS)).get_attribute("role") == "graphics-document"


def test_who_points_at_a_bar_is_told_its_figures(page: Page, files: Files) -> None:
    draw(page, files, CHARTS["monthly"](theme=LIGHT))

    page.locator("#room svg [aria-label^='January 2026, Climate']").hover()

    told = page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert told.locator("tr").all_inner_texts() == [
        "month\tJanuary 2026",
        "of\tClimate",
        "node-hours\t30.00",
        "share of the month\t75.0 %",
    ]


def test_a_bar_leads_to_its_month(page: Page, files: Files, address: str) -> None:
    draw(
        page,
        files,
        monthly.chart(BARS, theme=LIGHT, hrefs={JANUARY: "/months/2026-01/?by=project"}),
    )

    page.locator("#room svg [aria-label^='January 2026, Climate']").click()

    page.wait_for_url(f"{address}/months/2026-01/?by=project")


def test_no_bar_leads_to_a_script(page: Page, files: Files) -> None:
    draw(
        page,
        files,
        monthly.chart(BARS, theme=LIGHT, hrefs={JANUARY: "javascript:document.title='stolen'"}),
    )
    page.evaluate("window.addEventListener('unhandledrejection', event => event.preventDefault())")

    page.locator("#room svg [aria-label^='January 2026, Climate']").click()

    page.wait_for_timeout(200)
    assert page.title() == "Charts"


def test_a_chart_is_drawn_in_the_place_of_the_one_before(page: Page, files: Files) -> None:
    for name in ("monthly", "daily", "monthly"):
        draw(page, files, CHARTS[name](theme=LIGHT))

    assert page.locator("#room svg").count() == 1


def test_where_there_is_little_room_panels_and_legends_stand_below_each_other(
    page: Page, files: Files
) -> None:
    page.locator("#room").evaluate("room => { room.style.width = '350px' }")

    for name in ("components", "monthly"):
        draw(page, files, CHARTS[name](theme=LIGHT))

        box = page.locator("#room svg").bounding_box()
        assert box
        assert box["width"] <= 351


def test_hostile_names_do_nothing_in_a_page(page: Page, files: Files) -> None:
    for first in range(0, len(NAMES), 7):
        bars = [
            monthly.Bar(JANUARY, str(place), name, 1000 - place)
            for place, name in enumerate(NAMES[first : first + 7])
        ]
        draw(page, files, monthly.chart(bars, theme=LIGHT))

        for bar in page.locator("#room svg .mark-rect path").all():
            bar.hover()
        assert (
            page.locator(
                "#room script, #room img, #vg-tooltip-element script, #vg-tooltip-element img"
            ).count()
            == 0
        )
