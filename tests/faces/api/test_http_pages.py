"""Walking the list by its links, as any client of HTTP may: each row once, there and back."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.centre import READERS, Centre
from tests.serving import USAGE

_LINK = re.compile(r'<([^<>,]*)>; rel="(\w+)"')
names = st.sampled_from([*READERS])


def links(reply: httpx.Response) -> dict[str, str]:
    return {relation: address for address, relation in _LINK.findall(reply.headers["Link"])}


def walk(client: httpx.Client, address: str, relation: str) -> list[httpx.Response]:
    """Return the page at *address* and all that follow it by their links."""
    pages = [client.get(address)]
    while relation in links(pages[-1]):
        pages.append(client.get(links(pages[-1])[relation]))
    assert {page.status_code for page in pages} == {200}
    return pages


def rows(pages: list[httpx.Response]) -> list[dict[str, Any]]:
    return [row for page in pages for row in page.json()]


@pytest.mark.parametrize("name", ["staff", "owner", "busy", "alice", "nobody"])
@pytest.mark.parametrize("size", [7, 100, 300])
def test_next_leads_to_the_end_and_prev_back(crowded_centre: Centre, name: str, size: int) -> None:
    expected = crowded_centre.wire(crowded_centre.seen_by(name))
    with crowded_centre.client(name) as client:
        there = walk(client, f"?page_size={size}", "next")
        back = walk(client, links(there[0])["last"], "prev")

    assert rows(there) == expected
    assert rows(back[::-1]) == expected
    for page in [*there, *back]:
        assert page.headers["X-Result-Count"] == str(len(expected))
        assert unpinned(links(page)["first"]) == str(there[0].url)
        assert links(page)["last"] == str(there[-1].url)


def unpinned(address: str) -> str:
    return re.sub(r"as_of=\d+&?", "", address)


def test_all_links_but_the_first_lead_to_the_moment_at_which_the_walk_began(
    crowded_centre: Centre,
) -> None:
    with crowded_centre.client("staff") as client:
        first = client.get("?page_size=100&page=2&as_of=")
        second = client.get(links(first)["next"])

    revisions = {
        relation: httpx.URL(address).params["as_of"] for relation, address in links(first).items()
    }
    assert revisions.pop("first") == ""
    (pin,) = set(revisions.values())
    assert {httpx.URL(address).params["as_of"] for address in links(second).values()} == {pin}
    assert revisions.keys() == {"prev", "next", "last"}


def test_where_there_is_one_page_only_its_links_are_its_own_address(centre: Centre) -> None:
    with centre.client("alice") as client:
        reply = client.get("?page_size=300")

    assert set(links(reply).values()) == {str(reply.url)}


@settings(max_examples=25)
@given(
    name=names,
    size=st.integers(5, 300),
    filters=st.fixed_dictionaries(
        {}, optional={"year": st.integers(2022, 2025), "month": st.integers(0, 13)}
    ),
)
def test_any_walk_gives_every_row_once_and_in_order(
    crowded_centre: Centre, name: str, size: int, filters: dict[str, int]
) -> None:
    found = [
        row
        for row in crowded_centre.seen_by(name)
        if filters.get("year", row.told.year) == row.told.year
        and filters.get("month", row.told.month) == row.told.month
    ]
    with crowded_centre.client(name) as client:
        query = httpx.QueryParams({**filters, "page_size": size})
        pages = walk(client, f"?{query}", "next")

    assert rows(pages) == crowded_centre.wire(found)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", 1),
        ("page=2", 2),
        ("page=last", 5),
        ("page=5&page_size=10", 5),
        ("page_size=0", 1),
        ("page_size=x", 1),
        ("page=4&page=2", 2),
        ("page=%202", 2),
        ("page=%D9%A2", 2),
    ],
)
def test_the_page_that_is_meant(centre: Centre, query: str, page: int) -> None:
    with centre.client("staff") as client:
        reply = client.get(f"?{query}")

    start = (page - 1) * 10
    assert reply.json() == centre.wire(centre.rows[start : start + 10])


def test_a_page_has_300_rows_at_most(crowded_centre: Centre) -> None:
    with crowded_centre.client("staff") as client:
        pages = [client.get(f"?page_size={size}") for size in ("300", "301", "9" * 100)]

    assert [len(page.json()) for page in pages] == [300, 300, 300]
    assert pages[0].json() == pages[1].json() == pages[2].json()


NO_PAGES = ["0", "-1", "6", "abc", "1.0", "1.5", "1e2", "LAST", "%00", "²"]
BEYOND = ["3277", "214748365", str(2**62), str(2**63), str(10**30), "9" * 4300, "9" * 5000]
"""Around the ends of PostgreSQL's integers, and of what Python reads as a number."""


@pytest.mark.parametrize("page", [*NO_PAGES, *BEYOND], ids=lambda page: page[:12])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_is_not_there_is_said_to_be_invalid(
    centre: Centre, page: str, method: str
) -> None:
    with centre.client("staff") as client:
        reply = client.request(method, f"?page={page}")

    assert reply.status_code == 404
    assert reply.content == (b"" if method == "HEAD" else b'{"detail":"Invalid page."}')
    assert "Link" not in reply.headers


def test_an_empty_list_has_one_page(centre: Centre) -> None:
    with centre.client("nobody") as client:
        first, last, second = (client.get(f"?page={page}") for page in ("1", "last", "2"))

    assert first.json() == last.json() == []
    assert links(first) == dict.fromkeys(["first", "last"], centre.address + USAGE)
    assert first.headers["X-Result-Count"] == "0"
    assert second.status_code == 404


def test_links_carry_the_whole_query_sorted_and_escaped(centre: Centre) -> None:
    """Commas too: clients that split the header at commas would lose what comes after a raw one."""
    with centre.client("staff") as client:
        reply = client.get("?year=2024&page_size=5&page=2&x=a,b&x=%C3%A9+%26;&empty=")

    base = f"{centre.address}{USAGE}?"
    rest = "page_size=5&x=a%2Cb&x=%C3%A9+%26%3B&year=2024"
    pin = links(reply)["next"].removeprefix(base).partition("&")[0]
    assert re.fullmatch(r"as_of=\d+", pin)
    assert links(reply) == {
        "first": f"{base}empty=&{rest}",
        "prev": f"{base}{pin}&empty=&{rest}",
        "next": f"{base}{pin}&empty=&page=3&{rest}",
        "last": f"{base}{pin}&empty=&page=9&{rest}",
    }
    assert reply.headers["Link"].count(",") == 3


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Host": "hpc.example"}, "http://hpc.example"),
        ({"Host": "hpc.example:8443", "X-Forwarded-Proto": "https"}, "https://hpc.example:8443"),
        ({"Host": "[::1]:80", "X-Forwarded-Proto": "HTTPS, http"}, "https://[::1]:80"),
        ({"Host": "hpc.example", "X-Forwarded-Proto": "gopher"}, "http://hpc.example"),
        ({"Host": "hpc.example", "X-Forwarded-Host": "evil.example"}, "http://hpc.example"),
    ],
)
def test_addresses_are_those_the_client_used(
    centre: Centre, headers: dict[str, str], base: str
) -> None:
    with centre.client("staff", follow_redirects=False) as client:
        reply = client.get("", headers=headers)

    assert reply.json() == [row.wire(base) for row in centre.rows[:10]]
    assert all(address.startswith(base + USAGE) for address in links(reply).values())


def test_without_the_last_slash_the_list_and_a_row_are_found_again(centre: Centre) -> None:
    with centre.client("staff", follow_redirects=True) as client:
        listed = client.get(f"{centre.address}{USAGE[:-1]}?year=2023&month=12")
        row = client.get(f"{centre.address}{USAGE}1")

    assert listed.json() == centre.wire([row for row in centre.rows if row.told[:2] == (2023, 12)])
    assert row.json() == next(row for row in centre.rows if row.id == 1).wire(centre.address)


@pytest.mark.parametrize("query", ["?year=2024&month=2", "?x=%2F,%20+;&&=", ""])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_redirect_keeps_the_query_as_it_was_sent(
    centre: Centre, query: str, method: str
) -> None:
    """Before signing in."""
    for path in (USAGE, f"{USAGE}1/"):
        reply = httpx.request(method, f"{centre.address}{path[:-1]}{query}")

        assert (reply.status_code, reply.content) == (301, b"")
        assert reply.headers["Location"] == path + query
