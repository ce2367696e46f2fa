"""What is not a reader's is not there for them: at every address there is, the very answer of one where nothing is."""

from __future__ import annotations

import httpx
import pytest

from nodehours.faces.api.wire import ALLOCATIONS_PATH, USERS_PATH
from tests.faces.web.world import World, addresses

others = pytest.mark.parametrize("who", ["owner", "member", "researcher", "stranger"])
NOWHERE = {
    "projects": "/projects/nowhere.demo/",
    "allocations": "/allocations/00000000000000000000000000000000/",
    "users": "/users/00000000000000000000000000000000/",
    "months": "/months/1999-01/",
    "explained": "/months/2026-03/nowhere.demo/",
    "runs": "/runs/999999999/",
}
TAKING = (
    "figure=use.svg", "figure=use.json", "figure=burn.png", "table=by-user.csv", "table=rows-1.xlsx",
    "table=runs.csv",
)  # fmt: skip
STAFF_PAGES = ("/runs/", "/quarantine/", "/pending/", "/people/")


def visible(world: World, who: str) -> dict[str, set[str]]:
    """The addresses whose things the API tells them of."""
    rows = world.rows(who)
    months = {(f"{row['year']}-{row['month']:02}", row["project_identifier"]) for row in rows}
    allocations = world.listed(who, ALLOCATIONS_PATH)
    users = world.listed(who, USERS_PATH)
    return {
        "projects": {f"/projects/{project}/" for _, project in months},
        "allocations": {f"/allocations/{one['uuid']}/" for one in allocations},
        "users": {f"/users/{one['uuid']}/" for one in users},
        "months": {f"/months/{month}/" for month, _ in months},
        "explained": {f"/months/{month}/{project}/" for month, project in months},
        "runs": set(),
    }


def answer(reply: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but when it was sent, and whether the server had read the form by then."""
    of_the_moment = {"date", "connection"}
    headers = {name: value for name, value in reply.headers.items() if name not in of_the_moment}
    return reply.status_code, headers, reply.content


@others
@pytest.mark.parametrize("kind", NOWHERE)
def test_a_page_of_others_is_like_one_that_there_is_not(world: World, who: str, kind: str) -> None:
    """And each that the API tells of is there."""
    paths, seen = addresses(world.database_url)[kind], visible(world, who)[kind]
    assert seen <= set(paths)
    with world.client(who) as client:
        nothing = answer(client.get("/nowhere/at/all/"))
        assert nothing[0] == 404
        assert answer(client.get(NOWHERE[kind])) == nothing
        for path in paths[:: 7 if kind == "explained" else 1]:
            found = answer(client.get(path))
            assert (found == nothing) == (path not in seen), path
            assert found[0] == (200 if path in seen else 404), path


@others
@pytest.mark.parametrize("kind", NOWHERE)
def test_nothing_can_be_taken_of_a_page_of_others(world: World, who: str, kind: str) -> None:
    paths, seen = addresses(world.database_url)[kind], visible(world, who)[kind]
    hidden = [path for path in paths if path not in seen][:2]
    with world.client(who) as client:
        nothing = answer(client.get("/nowhere/at/all/"))
        for path in hidden:
            for taking in TAKING:
                assert answer(client.get(f"{path}?{taking}")) == nothing, path + taking
            assert answer(client.head(path))[:2] == nothing[:2]


@others
def test_pages_of_staff_are_not_there_for_others(world: World, who: str) -> None:
    with world.client(who) as client:
        nothing = answer(client.get("/nowhere/at/all/"))
        for path in STAFF_PAGES:
            for query in ("", "?table=users.csv", "?table=runs.csv", "?all=yes", "?done=add"):
                assert answer(client.get(path + query)) == nothing, path


DONE = """
select bool_and(is_active), count(*) filter (where username = 'mallory'),
       (select count(*) from roles join organisations on organisations.id = organisation_id
        where identifier = 'matter'),
       (select count(*) from sign_in_links)
from users where username is not null
"""
"""What the forms ask for, as far as it was done."""
FORMS = [
    ("/people/", {"do": "add", "username": "mallory", "rights": "staff"}),
    ("/people/", {"do": "grant", "username": "{me}", "role": "owner", "of": "matter"}),
    ("/people/", {"do": "link", "username": "demo-staff"}),
    ("/people/", {"do": "identify", "username": "{me}", "identity": "nobody.demo"}),
    ("/people/", {"do": "deactivate", "username": "demo-staff"}),
    ("/people/", {"do": "merge", "username": "demo-staff", "into": "{me}"}),
    ("/people/", {"do": "sign-out", "username": "demo-staff"}),
    ("/people/", {"do": "no such thing"}),
    ("/quarantine/1/", {"do": "release"}),
    ("/quarantine/1/", {"do": "drop", "reason": "why"}),
    ("/pending/1/", {"do": "accept"}),
    ("/pending/1/", {"do": "decline"}),
    ("/pending/1/", {"do": "reconsider"}),
    ("/account/", {"do": "no such thing"}),
    ("/projects/fusion.demo/", {}),
    ("/months/2026-03/fusion.demo/", {}),
]  # fmt: skip


@pytest.mark.parametrize("who", ["support", "owner", "member", "researcher", "stranger"])
def test_decisions_of_staff_are_not_there_for_others(world: World, who: str) -> None:
    """Not for support either, who only reads; and nothing was done."""
    with world.client(who) as client:
        nothing = answer(client.get("/nowhere/at/all/"))
        for path, fields in FORMS:
            filled = {name: value.replace("{me}", who) for name, value in fields.items()}
            reply = client.post(path, data={"csrf": world.csrf(who), **filled})
            assert answer(reply) == nothing, (path, fields)

    assert world.ask(DONE) == [(True, 0, 0, 0)]


@others
def test_a_search_finds_nothing_of_others(world: World, who: str) -> None:
    """Whether they look for a project, an organisation or a person."""
    with world.client(who) as client:
        for path in (
            "/projects/?projects.find=fusion",
            "/projects/?largest.find=matter",
            "/?by=project&largest.find=fusion",
            "/months/?matrix.find=fusion",
            "/months/2026-03/?projects.find=fusion",
        ):
            reply = client.get(path)
            # Of a month of which one sees nothing there is no page, whatever one searches for.
            is_there = who != "stranger" or not path.startswith("/months/2")
            assert reply.status_code == (200 if is_there else 404)
            assert "fusion.demo" not in reply.text
