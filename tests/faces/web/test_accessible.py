"""The dashboard for everybody: what axe finds on each page, in light and dark, and a table and words for each chart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.clients.installed import node_modules
from tests.faces.web.browsing import Watched, watching
from tests.faces.web.world import PAGES, PERIOD, World, addresses

pytestmark = pytest.mark.browser

OWN = {"owner": "climate.demo", "member": "climate.demo", "researcher": "genome.demo"}
"""Those who are not staff, and a project of which each sees something: the researcher their own usage alone."""
_AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => `${one.id}: ${one.help}: ` + one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(" | "))"""
_UNTOLD = """() => [...document.querySelectorAll("figure.chart")]
    .filter(one => !one.querySelector("figcaption p")?.textContent.trim()
        || (one.querySelector(".drawing") && !one.querySelector("table")))
    .map(one => one.id)"""


@cache
def axe() -> str:
    return (node_modules() / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def staff(browser: Browser, world: World) -> Iterator[Watched]:
    with watching(browser, world.address, world.secrets["staff"]) as watched:
        yield watched


@pytest.fixture(scope="module")
def nobody(browser: Browser, world: World) -> Iterator[Watched]:
    with watching(browser, world.address) as watched:
        yield watched


def serious(page: Page, scheme: Any) -> list[str]:
    """What axe finds, with every table unfolded."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.evaluate(axe())
    found: list[str] = page.evaluate(_AXE)
    return found


def check(watched: Watched, path: str) -> None:
    page = watched.open(path)
    assert {scheme: serious(page, scheme) for scheme in ("light", "dark")} == {
        "light": [],
        "dark": [],
    }
    assert page.evaluate(_UNTOLD) == []


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing_serious(staff: Watched, path: str) -> None:
    check(staff, path)


@pytest.mark.parametrize("kind", ["allocations", "users"])
def test_axe_finds_nothing_serious_where_names_are_numbers(
    staff: Watched, world: World, kind: str
) -> None:
    check(staff, f"{addresses(world.database_url)[kind][0]}?{PERIOD}")


@pytest.mark.parametrize(("who", "project"), OWN.items(), ids=OWN)
def test_axe_finds_nothing_serious_on_what_others_see(
    browser: Browser, world: World, who: str, project: str
) -> None:
    paths = ("/", f"/projects/{project}/", f"/months/2026-03/{project}/", "/months/", "/users/me/")
    with watching(browser, world.address, world.secrets[who]) as watched:
        for path in paths:
            check(watched, f"{path}?{PERIOD}")


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/link/unknown/"])
def test_axe_finds_nothing_serious_before_one_has_signed_in(nobody: Watched, path: str) -> None:
    check(nobody, path)


def test_axe_finds_nothing_serious_where_nothing_is(browser: Browser, world: World) -> None:
    """Neither on the page of what is missing nor on a stranger's empty ones."""
    with watching(browser, world.address, world.secrets["stranger"]) as stranger:
        for path in ("/", "/projects/", "/months/"):
            check(stranger, path)
        page = stranger.open("/runs/")
        assert serious(page, "light") == []
        assert [one.partition(":")[0] for one in stranger.wrong] == ["404", "error"]
        stranger.wrong.clear()
