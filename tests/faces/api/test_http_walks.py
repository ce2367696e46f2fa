"""A walk by somebody slow, while others post: what each kind of client gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from waldur_api_client import AuthenticatedClient
from waldur_api_client.api.openportal_allocation_user_usage import (
    openportal_allocation_user_usage_list as usage_list,
)

from nodehours.ledger import people
from nodehours.ledger.store import connected
from tests.databases import database
from tests.reported import Reported, fill
from tests.serving import USAGE, served

PROJECTS = 10
POSTINGS = 200
_NEXT = re.compile(r'<([^<>]*)>; rel="next"')
Wire = dict[str, Any]


def report(number: int, more: int = 0) -> Reported:
    """A posting that restates what there is, or makes rows in the middle of the order, or a month before all."""
    project = f"project{number % PROJECTS}.brics"
    users = {f"user{n}": f"u{n}" for n in range(4 + number // 60 % 4)}
    # So much that no report is less than half of another, which would be doubted.
    least = 2_000_000 + 3600 * (number % 97) + more
    used = {local: least + n for n, local in enumerate([*users.values(), "unknown"])}
    month = [6, 6, 3, 9, 1 + number % 12][number % 5]
    return Reported("isca", project, users, {date(2024, month, 1 + number % 3): used})


@contextmanager
def posting(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A server of a ledger into which 200 reports are posted while the block runs; yields address and tokens."""
    fill(url, [report(number) for number in range(2 * PROJECTS)])
    tokens = {}
    with connected(url) as connection:
        for name, identities in (("staff", []), ("owner", []), ("own", ["user1.brics"])):
            user = people.User(name, "", "", name == "staff", False, True, identities)
            people.add_user(connection, user)
            tokens[name] = people.create_token(connection, name, None)[0]
        people.grant_role(connection, "owner", "owner", "brics")
    with served(url, workers=2) as address:
        yield address, tokens


@pytest.fixture(scope="module")
def begun(server_url: str, template: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    with database(server_url, template) as url, posting(url) as (address, tokens):
        yield url, address, tokens


def client(begun: tuple[str, str, dict[str, str]], name: str) -> httpx.Client:
    _, address, tokens = begun
    headers = {"Authorization": f"Token {tokens[name]}"}
    return httpx.Client(base_url=address + USAGE, headers=headers, timeout=60)


def following(reply: httpx.Response) -> str | None:
    found = _NEXT.search(reply.headers["Link"])
    return found and found[1]


def moment(asking: httpx.Client, query: str = "") -> list[Wire]:
    """Everything as it is now, with its ids."""
    fields = "&".join(f"field={key}" for key in ("id", "username", "node_usage", "month", "year"))
    rows: list[Wire] = []
    address: str | None = f"?{fields}&page_size=300&{query}"
    while address:
        reply = asking.get(address)
        rows += reply.json()
        address = following(reply)
    return rows


@pytest.mark.parametrize(("name", "postings"), [("staff", POSTINGS), ("owner", 61), ("own", 62)])
def test_a_walk_by_the_links_is_of_the_moment_at_which_it_began(
    begun: tuple[str, str, dict[str, str]], name: str, postings: int
) -> None:
    """Every row of then exactly once with the value that it had, whatever is posted between any two pages."""
    url, *_ = begun
    with client(begun, name) as slow:
        then = moment(slow)
        fields = "&".join(
            f"field={key}" for key in ("id", "username", "node_usage", "month", "year")
        )
        reply = slow.get(f"?{fields}&page_size=2")
        walked = list(reply.json())
        posted, between = 0, -(-postings // ((len(then) - 1) // 2))
        while address := following(reply):
            numbers = range(postings)[posted : posted + between]
            fill(url, [report(number, postings) for number in numbers])
            posted += between
            reply = slow.get(address)
            walked += reply.json()
            assert reply.headers["X-Result-Count"] == str(len(then))
        now = moment(slow)

    assert posted >= postings
    assert walked == then
    assert now != then


def test_a_walk_by_page_numbers_misses_nothing_of_the_first_moment(
    begun: tuple[str, str, dict[str, str]],
) -> None:
    """A row is seen again only when new rows came before it: as many places further on as there are such rows."""
    url, *_ = begun
    keys = "&".join(f"field={key}" for key in ("id", "year", "month"))
    with client(begun, "staff") as slow:
        then = [row["id"] for row in moment(slow)]
        pages: list[list[int]] = []
        while (reply := slow.get(f"?{keys}&page_size=20&page={len(pages) + 1}")).status_code == 200:
            pages.append([row["id"] for row in reply.json()])
            fill(url, [report(POSTINGS + 7 * len(pages))])
        now = [row["id"] for row in moment(slow)]

    walked = [row_id for page in pages for row_id in page]
    assert set(then) <= set(walked) <= set(now)
    again = [row_id for row_id in set(walked) if walked.count(row_id) > 1]
    came = [row_id for row_id in now if row_id not in then]
    assert all(any(now.index(new) < now.index(row_id) for new in came) for row_id in again)


def test_the_official_python_client_misses_nothing_while_others_post(
    begun: tuple[str, str, dict[str, str]],
) -> None:
    """It reads nothing but ``page`` out of ``next``."""
    url, address, tokens = begun
    with client(begun, "staff") as asking:
        then = {(row["year"], row["month"], row["username"]) for row in moment(asking)}
    with (
        ThreadPoolExecutor(1) as pool,
        AuthenticatedClient(base_url=address, token=tokens["staff"]) as official,
    ):
        posted = pool.submit(fill, url, [report(3 * number) for number in range(40)])
        while not posted.done():
            found = usage_list.sync_all(client=official)
            assert then <= {(row.year, row.month, row.username) for row in found}
        posted.result()


def test_a_walk_since_a_revision_brings_all_that_changed_after_it(
    begun: tuple[str, str, dict[str, str]],
) -> None:
    """What a copy of the ledger is kept up to date by: the changes of each round, put over what was there."""
    url, *_ = begun
    keys = "&".join(f"field={key}" for key in ("id", "node_usage", "revision"))
    with client(begun, "staff") as asking:
        copy: dict[int, Wire] = {}
        for round_ in range(6):
            since = max((row["revision"] for row in copy.values()), default=0)
            reply = asking.get(f"?{keys}&modified_after={since}&o=revision&page_size=7")
            changed = list(reply.json())
            while address := following(reply):
                fill(url, [report(11 * round_ + len(changed))])
                reply = asking.get(address)
                changed += reply.json()
            copy |= {row["id"]: row for row in changed}
            seen = httpx.URL(following(asking.get("?page_size=1")) or "").params["as_of"]
            assert [row["revision"] for row in changed] == sorted(
                row["revision"] for row in changed
            )
        fill(url, [report(1)])
        last = max(row["revision"] for row in copy.values())
        rest = asking.get(f"?{keys}&modified_after={last}&page_size=300").json()
        copy |= {row["id"]: row for row in rest}
        now = asking.get(f"?{keys}&page_size=300&page=1")
        whole = list(now.json())
        while address := following(now):
            now = asking.get(address)
            whole += now.json()

    assert int(seen) >= since
    assert sorted(copy) == [row["id"] for row in sorted(whole, key=lambda row: row["id"])]
    assert [copy[row["id"]] for row in whole] == whole


def test_the_links_of_an_instant_tell_how_far_the_ledger_came_to_nobody(
    begun: tuple[str, str, dict[str, str]],
) -> None:
    """As of today they carry the newest revision that the reader sees; as of before, what was asked."""
    url, *_ = begun
    fill(url, [report(5, 3)._replace(project="elsewhere.gw4", users={})])
    with client(begun, "owner") as owner, client(begun, "staff") as staff:
        now = httpx.URL(following(owner.get("?page_size=1")) or "").params["as_of"]
        last = httpx.URL(following(staff.get("?page_size=1")) or "").params["as_of"]
        today = owner.get("?page_size=1", params={"as_of": f"{datetime.now(UTC):%Y-%m-%d}"})
        before = owner.get("?page_size=1&as_of=2020-01-01")
        then = owner.get("?page_size=1&as_of=3")

    assert int(now) < int(last)
    assert httpx.URL(following(today) or "").params["as_of"] == now
    assert before.json() == []
    assert httpx.URL(following(then) or "").params["as_of"] == "3"
