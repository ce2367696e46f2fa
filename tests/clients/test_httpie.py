"""HTTPie, as somebody types it: every parameter, headers, the count, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.centre import Centre
from tests.clients import asked
from tests.serving import USAGE

HTTP = Path(sys.executable).with_name("http")


class Answer(NamedTuple):
    """What HTTPie printed, and how it ended."""

    exit_status: int
    status: int
    headers: httpx.Headers
    body: Any


class Client:
    """HTTPie with the address filled in."""

    def __init__(self, address: str, directory: Path) -> None:
        self.address = address
        self.directory = directory

    def __call__(self, method: str, path: str, *words: str) -> Answer:
        run = subprocess.run(
            [HTTP, "--print=hb", "--check-status", method, f"{self.address}{path}", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={"PATH": os.defpath, "HTTPIE_CONFIG_DIR": str(self.directory)},
        )
        head, _, body = run.stdout.partition("\n\n")
        first, *lines = head.splitlines()
        headers = httpx.Headers(dict(line.split(": ", 1) for line in lines))
        return Answer(
            run.returncode,
            int(first.split()[1]),
            headers,
            json.loads(body) if body.strip() else None,
        )


@pytest.fixture
def http(crowded_centre: Centre, tmp_path: Path) -> Client:
    return Client(crowded_centre.address, tmp_path)


@pytest.fixture
def staff(crowded_centre: Centre) -> str:
    return f"Authorization:Token {crowded_centre.tokens['staff']}"


@pytest.mark.parametrize("name", asked.PARAMETERS)
def test_every_parameter_alone(crowded_centre: Centre, http: Client, staff: str, name: str) -> None:
    answer = http("GET", USAGE, staff, f"{name}=={asked.values(crowded_centre)[name]}")

    assert answer.body == asked.pages(crowded_centre)[name]["rows"]
    assert answer.headers["X-Result-Count"] == str(len(asked.matching(crowded_centre, (name,))))


def test_all_parameters_at_once(crowded_centre: Centre, http: Client, staff: str) -> None:
    given = asked.values(crowded_centre)
    (climate,) = {row.allocation for row in asked.matching(crowded_centre, ("allocation",))}
    (alice,) = {row.user for row in asked.matching(crowded_centre, ("user",))}
    given |= {"allocation_uuid": climate, "user_uuid": alice, "page": 1}

    answer = http("GET", USAGE, staff, *(f"{name}=={value}" for name, value in given.items()))

    found = asked.matching(crowded_centre, ("allocation", "user", "month", "year"))
    assert found
    assert (answer.exit_status, answer.body) == (0, crowded_centre.wire(found))


def links(answer: Answer) -> dict[str, str]:
    """The addresses in the Link header, in its order."""
    found = httpx.Response(200, headers=answer.headers).links
    return {str(relation): link["url"] for relation, link in found.items()}


def test_the_headers_are_shown(crowded_centre: Centre, http: Client, staff: str) -> None:
    """The links say which pages there are; what else they say belongs to the server."""
    answer = http("GET", USAGE, staff, "page==3", "year==2024")

    total = len(asked.matching(crowded_centre, ("year",)))
    assert (answer.exit_status, answer.status) == (0, 200)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Result-Count"] == str(total)
    found = {relation: httpx.URL(link) for relation, link in links(answer).items()}
    assert all(
        link.copy_with(query=None) == crowded_centre.address + USAGE for link in found.values()
    )
    assert {link.params["year"] for link in found.values()} == {"2024"}
    assert [(relation, link.params.get("page")) for relation, link in found.items()] == [
        ("first", None),
        ("prev", "2"),
        ("next", "4"),
        ("last", str(-(-total // 10))),
    ]


def test_the_next_page_is_the_one_that_is_linked(
    crowded_centre: Centre, http: Client, staff: str
) -> None:
    """A link can be pasted as it is."""
    following = links(http("GET", USAGE, staff, "page_size==300"))["next"]

    answer = http("GET", following.removeprefix(crowded_centre.address), staff)

    assert answer.body == crowded_centre.wire(crowded_centre.rows[300:600])


def test_head_counts(crowded_centre: Centre, http: Client, staff: str) -> None:
    answer = http("HEAD", USAGE, staff, "month==2")

    found = asked.matching(crowded_centre, ("month",))
    assert (answer.exit_status, answer.status, answer.body) == (0, 200, None)
    assert answer.headers["X-Result-Count"] == str(len(found))
    assert 'rel="last"' in answer.headers["Link"]


def test_a_row_can_be_retrieved_if_it_may_be_seen(
    crowded_centre: Centre, http: Client, staff: str
) -> None:
    row = crowded_centre.rows[40]
    path = f"{USAGE}{row.id}/"

    shown = http("GET", path, staff)
    hidden = http("GET", path, f"Authorization:Token {crowded_centre.tokens['nobody']}")

    assert (shown.exit_status, shown.body) == (0, row.wire(crowded_centre.address))
    assert (hidden.exit_status, hidden.status) == (4, 404)
    assert hidden.body == {"detail": asked.NO_ROW}


def test_who_is_not_signed_in_is_told_so(http: Client) -> None:
    """HTTPie ends with 4 for a status of 4xx."""
    nobody = http("GET", USAGE)
    stranger = http("GET", USAGE, f"Authorization:Token {asked.STRANGER}")

    assert (
        (nobody.exit_status, nobody.status) == (stranger.exit_status, stranger.status) == (4, 401)
    )
    assert nobody.headers["WWW-Authenticate"] == "Token"
    assert nobody.body == {"detail": "Authentication credentials were not provided."}
    assert stranger.body == {"detail": asked.NO_TOKEN}


def test_its_own_way_of_sending_a_token_is_taken(crowded_centre: Centre, http: Client) -> None:
    token = crowded_centre.tokens["staff"]

    answer = http("GET", USAGE, "--auth-type=bearer", f"--auth={token}")

    assert answer.body == crowded_centre.wire(crowded_centre.rows[:10])
