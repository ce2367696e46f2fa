"""Every page, for everybody who comes: what it has, and that nothing of others is in it."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faces.web.reading import Read, read_page
from tests.faces.web.world import VISITORS, World, addresses

everyone = pytest.mark.parametrize("who", VISITORS)
FOR_STAFF = ("/runs/", "/quarantine/", "/pending/", "/people/")
OF_A_KIND = 3
"""So many pages of a kind, such as those of users, are enough."""


def kind(path: str) -> str:
    return re.sub(r"\bme\b|[0-9a-f]{32}|\d{4}-\d{2}|\b\d+\b|[a-z]+\.demo", "*", path)


@cache
def walked(world: World, who: str) -> dict[str, str]:
    """Follow the links of every page from the overview on; return the pages by their paths, empty where none is."""
    pages: dict[str, str] = {}
    waiting, met = ["/"], {kind("/"): 1}
    with world.client(who) as client:
        while waiting:
            path = waiting.pop(0)
            reply = client.get(path)
            pages[path] = reply.text if reply.status_code == 200 else ""
            for found in sorted({urlsplit(link).path for link in read_page(reply.text).links}):
                of = kind(found)
                is_new = found not in pages and found not in waiting
                if is_new and is_page(found) and met.setdefault(of, 0) < OF_A_KIND:
                    met[of] += 1
                    waiting.append(found)
    return pages


def is_page(path: str) -> bool:
    """Tell a page of the dashboard from a place in the same page, and from other faces."""
    return path.startswith("/") and not path.startswith("/api/")


@everyone
def test_every_link_leads_to_a_page(world: World, who: str) -> None:
    """To none that is missing, and to each that the reader can have."""
    pages = walked(world, who)
    kinds = {kind(path) for path in pages}

    assert [path for path, html in pages.items() if not html] == []
    assert {"/", "/projects/", "/months/", "/account/", "/export/", "/users/*/"} <= kinds
    assert kinds & set(FOR_STAFF) == (set(FOR_STAFF) if who in {"staff", "support"} else set())
    if who != "stranger":
        assert {"/projects/*/", "/allocations/*/", "/months/*/", "/months/*/*/"} <= kinds


@everyone
def test_a_page_has_one_title_and_one_heading_and_every_id_once(world: World, who: str) -> None:
    for path, html in ((path, html) for path, html in walked(world, who).items() if html):
        ids = re.findall(r' id="([^"]*)"', html)
        assert sorted(ids) == sorted(set(ids)), path
        head, _, body = html.partition("</head>")
        assert head.count("<title>") == body.count("<h1") == 1, path


@everyone
def test_nobody_reads_of_what_is_not_theirs(world: World, who: str) -> None:
    """No project, no organisation, no resource and no user that the API does not tell them of."""
    names = hidden_names(world, who)
    assert bool(names) == (who not in {"staff", "support"})

    told = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, names))})(?![\w-])")

    found = {path: told.findall(html) for path, html in walked(world, who).items()}

    assert {path: those for path, those in found.items() if those and names} == {}


@cache
def hidden_names(world: World, who: str) -> frozenset[str]:
    seen, known = told_names(world, who), told_names(world, "staff")
    return known - seen - {VISITORS[who]}


def told_names(world: World, who: str) -> frozenset[str]:
    """The projects, organisations and user identifiers of the usage that the API tells them."""
    rows = world.rows(who)
    projects = {row["project_identifier"] for row in rows}
    organisations = {
        name
        for identifier, name in world.ask(
            "select projects.identifier, organisations.name from projects"
            " join organisations on organisations.id = organisation_id"
        )
        if identifier in projects
    }
    return frozenset(projects | organisations | {row["username"] for row in rows} - {"unknown"})


@pytest.mark.parametrize("who", [None])
def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(
    world: World, who: str | None
) -> None:
    paths = [path for of in addresses(world.database_url).values() for path in of[:2]]
    with world.client(who) as client:
        for path in [*paths, *FOR_STAFF, "/projects/", "/account/", "/months/?from=2026-01&by=x"]:
            reply = client.get(path)
            assert reply.status_code == 303
            assert reply.headers["Location"] == f"/sign-in/?next={quoted(path)}"
        assert client.get("/").headers["Location"] == "/sign-in/"


def quoted(path: str) -> str:
    return str(httpx.QueryParams({"next": path})).removeprefix("next=")


def page(world: World, who: str, path: str) -> Read:
    with world.client(who) as client:
        reply = client.get(path)
    assert reply.status_code == 200
    return read_page(reply.text)


def test_a_stranger_reads_what_to_do(world: World) -> None:
    overview, own = page(world, "stranger", "/"), walked(world, "stranger")

    assert "no usage of your own in the ledger, and no role" in overview.text
    assert overview.tables == {}
    (mine,) = [html for path, html in own.items() if path.startswith("/users/")]
    assert "nodehours user identify demo-stranger USER.PORTAL" in mine
    assert "You see no projects yet." in own["/projects/"]


def test_who_sees_their_own_usage_alone_is_told_so(world: World) -> None:
    read = page(world, "researcher", "/projects/genome.demo/")

    assert "your own usage: the rest is not yours to see" in read.text
    assert len(read.table("Usage by user")) == 2
    assert all(
        "known" in row[2].text or row[2].text == "\N{EN DASH}"
        for row in read.table("Usage by month")[1:]
    )


def test_only_staff_are_offered_decisions(world: World) -> None:
    staff, support = (page(world, who, "/people/") for who in ("staff", "support"))

    assert {"add", "link", "identify", "deactivate"} <= {
        form.fields.get("do", "") for form in staff.forms
    }
    assert [form.action for form in support.forms if form.method == "post"] == ["/sign-out/"]


@pytest.mark.parametrize("who", ["staff", "member"])
def test_the_page_of_a_figure_says_by_which_rule_jobs_became_node_hours(
    world: World, who: str
) -> None:
    with world.client(who) as client:
        page = client.get("/months/2026-03/climate.demo/").text

    assert "How jobs became node-hours: as reported." in page
