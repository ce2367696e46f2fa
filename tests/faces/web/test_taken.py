"""What is taken of pages: each figure in each form, each table in each form, and all forms of a table say the same."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest

from tests.faces.web.reading import read_page
from tests.faces.web.taking import read_csv, read_parquet, read_xlsx, taken
from tests.faces.web.world import PERIOD, World, addresses

PAGES = [
    f"/?{PERIOD}",
    f"/?{PERIOD}&by=project&unit=share",
    f"/projects/?{PERIOD}",
    f"/projects/climate.demo/?{PERIOD}",
    f"/projects/climate.demo/?{PERIOD}&per=day&split=user&names=identifiers",
    f"/months/?{PERIOD}",
    "/months/2026-03/",
    "/months/2026-03/climate.demo/",
]
STAFF_PAGES = ["/runs/", "/runs/1/", "/quarantine/", "/pending/", "/people/"]
TABLE_FORMS = ("csv", "ndjson", "parquet", "xlsx", "readme")


def offered(world: World, who: str, address: str, word: str) -> list[str]:
    """The names of the figures or tables that a page offers to take."""
    with world.client(who) as client:
        links = read_page(client.get(address).text).links
    return list(dict.fromkeys(re.findall(rf"[?&]{word}=([\w-]+)\.", " ".join(links))))


def pages(world: World) -> list[str]:
    known = addresses(world.database_url)
    return [*PAGES, f"{known['allocations'][0]}?{PERIOD}", f"{known['users'][0]}?{PERIOD}"]


def test_every_table_of_every_page_in_every_form(world: World) -> None:
    """Of tables that are of one kind, the first."""
    seen: set[str] = set()
    for address in [*pages(world), *STAFF_PAGES]:
        names = offered(world, "staff", address, "table")
        assert names or address in {"/quarantine/", "/pending/"}
        for name in names:
            if re.sub(r"-\d$", "", name) not in seen:
                seen.add(re.sub(r"-\d$", "", name))
                check_table(world, address, name)

    assert {"largest", "matrix", "by-day", "by-user", "days", "versions", "runs", "users"} <= seen


def check_table(world: World, address: str, name: str) -> None:
    csv, ndjson, parquet, xlsx, readme = (
        taken(world, "staff", address, table=f"{name}.{form}") for form in TABLE_FORMS
    )
    lines = [json.loads(line) for line in ndjson.decode().splitlines()]
    fields, rows = read_csv(csv)
    book_fields, book_rows, told = read_xlsx(xlsx)

    assert lines
    assert fields == book_fields == read_parquet(parquet)[0] == list(lines[0])
    assert len(rows) == len(book_rows) == len(read_parquet(parquet)[1]) == len(lines)
    for number, field in enumerate(fields):
        if field.endswith("node_seconds"):
            exact = [line[field] for line in lines]
            assert [row[number] for row in rows] == [
                "" if one is None else str(one) for one in exact
            ]
            assert [row[number] for row in read_parquet(parquet)[1]] == exact
            assert [row[number] for row in book_rows] == exact
    for said in ("node_seconds / 3600", address.partition("?")[0]):
        assert said in readme.decode()
        assert said in told


def test_every_figure_of_every_page_in_every_form(world: World) -> None:
    """Of figures that are of one kind, the first."""
    seen: set[str] = set()
    for address in pages(world):
        for name in offered(world, "staff", address, "figure"):
            if re.sub(r"-\d$", "", name) not in seen:
                seen.add(re.sub(r"-\d$", "", name))
                check_drawing(world, address, name)

    assert {"monthly", "use", "users", "components", "burn", "heat"} <= seen


def check_drawing(world: World, address: str, name: str) -> None:
    spec = json.loads(taken(world, "staff", address, figure=f"{name}.json"))
    svg = ET.fromstring(taken(world, "staff", address, figure=f"{name}.svg"))  # noqa: S314  # ours

    assert "vega-lite" in spec["$schema"]
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(svg.attrib["width"]) > 300


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_drawing_in_pixels_has_the_paper_of_its_theme(world: World, theme: str) -> None:
    png = taken(world, "staff", f"/?{PERIOD}", figure="monthly.png", theme=theme)
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))

    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert width > 1000
    assert height > 300
    spec = json.loads(taken(world, "staff", f"/?{PERIOD}", figure="monthly.json", theme=theme))
    assert spec["usermeta"]["page"] == {"light": "#ffffff", "dark": "#14171a"}[theme]


def test_a_file_is_for_keeping_and_a_drawing_is_for_looking(world: World) -> None:
    with world.client("staff") as client:
        for form, media_type in (
            ("csv", "text/csv; header=present; charset=utf-8"),
            ("readme", "text/plain; charset=utf-8"),
            ("parquet", "application/vnd.apache.parquet"),
        ):
            reply = client.get("/", params={"table": f"largest.{form}"})
            suffix = "README.txt" if form == "readme" else form
            assert reply.headers["Content-Type"] == media_type
            assert reply.headers["Content-Disposition"] == (
                f'attachment; filename="nodehours-largest.{suffix}"'
            )
            assert reply.headers["Cache-Control"] == "no-store"
        drawing = client.get("/", params={"figure": "monthly.svg"})
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert "Content-Disposition" not in drawing.headers


def test_a_file_has_every_page_of_its_table_and_what_was_searched_for(world: World) -> None:
    with world.client("staff") as client:
        shown = read_page(client.get("/people/").text).table("Users")
    everybody = taken(world, "staff", "/people/", table="users.ndjson").splitlines()
    found = taken(world, "staff", "/people/?users.find=demo-s", table="users.ndjson").splitlines()

    assert len(shown) - 1 == 25 < len(everybody)
    assert len(found) == 3


@pytest.mark.parametrize(
    "asked",
    [
        "figure=monthly", "figure=monthly.gif", "figure=.svg", "figure=nothing.svg", "figure=monthly.svg.png",
        "table=largest", "table=largest.doc", "table=nothing.csv", "table=.csv", "figure=largest.csv",
        "table=monthly.svg", "figure=..%2Fmonthly.svg",
    ],
)  # fmt: skip
def test_what_a_page_does_not_have_is_missing(world: World, asked: str) -> None:
    with world.client("staff") as client:
        assert client.get(f"/?{asked}").status_code == 404
