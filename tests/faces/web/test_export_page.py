"""The whole listing from the export page: what the reader sees and no more, in every form, or a sentence."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from nodehours.faces.export.kinds import KINDS
from tests.exported import read_csv
from tests.faces.web.reading import read_page
from tests.faces.web.world import VISITORS, World

EXPORT, FILE = "/export/", "/export/usage/"


def file(world: World, who: str, **asked: str) -> bytes:
    with world.client(who) as client:
        reply = client.get(FILE, params={"form": "csv", **asked})
    assert reply.status_code == 200
    assert reply.headers["content-disposition"].startswith('attachment; filename="nodehours-usage.')
    assert reply.headers["cache-control"] == "no-store"
    return reply.content


@pytest.mark.parametrize("who", VISITORS)
def test_everybody_takes_the_rows_that_the_api_tells_them(world: World, who: str) -> None:
    rows = read_csv(file(world, who))

    assert [(row["id"], row["node_seconds"]) for row in rows] == [
        (row["id"], row["node_seconds"]) for row in _with_ids(world, who)
    ]


def _with_ids(world: World, who: str) -> list[dict[str, Any]]:
    path = "/api/openportal-allocation-user-usage/?page_size=300&field=id&field=node_seconds"
    return world.listed_at(who, path)


@pytest.mark.parametrize("form", KINDS)
def test_every_form_can_be_taken(world: World, form: str) -> None:
    data = file(world, "member", form=form, month="3", year="2026")

    if form.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as whole:
            assert whole.testzip() is None
            assert "README.txt" in whole.namelist()
    assert len(data) > 100


def test_a_project_a_user_and_a_month_can_be_asked_for(world: World) -> None:
    rows = read_csv(file(world, "staff", project="climate.demo", year="2026", month="3"))

    assert rows
    assert {(row["project_identifier"], row["year"], row["month"]) for row in rows} == {
        ("climate.demo", 2026, 3)
    }


def test_pseudonyms_name_nobody(world: World) -> None:
    text = file(world, "owner", pseudonymous="yes").decode()

    assert "Demo Member" not in text
    assert VISITORS["member"].partition(".")[0] not in text


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"project": "nothing.demo"}, "There is no project “nothing.demo”"),
        ({"project": "<b>"}, "There is no project “<b>”"),
        ({"project": "climate.demo", "organisation": "earth"}, "say one of the two"),
        ({"user": "nobody"}, "There is no user “nobody”"),
        ({"month": "13"}, "“13” is no month."),
        ({"year": "MMXXVI"}, "“MMXXVI” is no year."),
        ({"as_of": "2199-01-01"}, "It cannot be read as of then"),
        ({"as_of": "yesterday"}, "It cannot be read as of then"),
        ({"form": "doc"}, "Choose a form."),
    ],
)
def test_what_cannot_be_taken_is_told_on_the_page(
    world: World, asked: dict[str, str], sentence: str
) -> None:
    with world.client("staff") as client:
        reply = client.get(FILE, params={"form": "csv", **asked})

    assert reply.status_code == 400
    assert sentence in read_page(reply.text).text


def test_what_others_may_take_is_not_there_to_be_asked_for(world: World) -> None:
    with world.client("member") as client:
        hidden, missing = (
            client.get(FILE, params={"form": "csv", "project": name}).text.replace(name, "…")
            for name in ("fusion.demo", "nothing.demo")
        )

    assert hidden == missing


def test_who_is_not_signed_in_takes_nothing(world: World) -> None:
    with world.client() as client:
        reply = client.get(FILE, params={"form": "csv"})

    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/sign-in/")


def test_the_page_offers_every_form_and_says_how_much_there_is(world: World) -> None:
    with world.client("staff") as client:
        text = client.get(EXPORT).text

    assert f"({len(world.rows('staff')):,} of them)" in read_page(text).text
    assert all(f"<option>{kind}</option>" in text.replace(" selected", "") for kind in KINDS)
