"""What Waldur never had: an order, what changed since, what was ignored; who asks for none of it sees none of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.centre import REPORTS, Centre, centre
from tests.databases import database
from tests.reported import fill
from tests.serving import USAGE, asked_as_is

CLIMATE = REPORTS[0]
IDS = "field=id&page_size=300"


def get(centre: Centre, name: str, query: str = "", **headers: str) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    with centre.client(name) as client:
        return client.get(f"?{query}", headers=named)


def ids(reply: httpx.Response) -> list[int]:
    return [row["id"] for row in reply.json()]


@pytest.fixture(scope="module")
def changed(server_url: str, template: str) -> Iterator[tuple[Centre, datetime]]:
    """A centre that reports again, later: alice used more on the first of March, and zoe came."""
    with database(server_url, template) as url, centre(url, REPORTS) as found:
        with found.client("staff") as client:
            rows = client.get("?field=modified&page_size=300").json()
        last = max(datetime.fromisoformat(row["modified"]) for row in rows)
        day = date(2024, 3, 1)
        used = {**CLIMATE.days[day], "alice_cl": 7_182, "zoe_cl": 3_600}
        users = {**CLIMATE.users, "zoe": "zoe_cl"}
        fill(url, [CLIMATE._replace(users=users, days={day: used})])
        yield found, last


# ------------------------------------------------------------------------------------------ order


@pytest.mark.parametrize("name", ["staff", "owner", "alice"])
@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("o=username", ["username"]),
        ("o=-node_usage", ["-node_seconds"]),
        ("o=-year&o=month", ["-year", "month"]),
        ("o=full_name,-id", ["full_name", "-id"]),
        ("o=allocation", ["allocation_uuid"]),
    ],
)
def test_rows_come_in_the_order_asked_for(
    centre: Centre, name: str, query: str, keys: list[str]
) -> None:
    fields = ["id", "year", "month", "username", "full_name", "node_seconds", "allocation_uuid"]
    chosen = "&".join(f"field={field}" for field in fields)
    own = get(centre, name, f"{chosen}&page_size=300").json()
    found = get(centre, name, f"{chosen}&page_size=300&{query}").json()

    for key in reversed(keys):
        own.sort(key=lambda row: row[key.removeprefix("-")], reverse=key.startswith("-"))
    assert found == own


def test_a_walk_in_another_order_gives_every_row_once(crowded_centre: Centre) -> None:
    seen = [row.id for row in crowded_centre.seen_by("owner")]
    with crowded_centre.client("owner") as client:
        reply = client.get("?field=id&o=-node_usage&page_size=100")
        walked = ids(reply)
        while "next" in reply.links:
            reply = client.get(reply.links["next"]["url"])
            walked += ids(reply)
            assert reply.headers["X-Result-Count"] == str(len(seen))

    assert sorted(walked) == sorted(seen)
    assert walked != seen


def test_an_order_by_nothing_is_ignored_and_told(centre: Centre) -> None:
    plain = get(centre, "staff", IDS)
    odd = get(centre, "staff", f"{IDS}&o=created,nonsense")

    assert odd.content == plain.content
    assert odd.headers["X-Ignored-Parameters"] == "o"
    assert get(centre, "staff", "o=nonsense", prefer="handling=strict").json() == {
        "o": ["Select a valid choice. nonsense is not one of the available choices."]
    }


# ------------------------------------------------------------------------------- what changed since


def test_what_changed_since_an_instant_a_day_or_a_revision(
    changed: tuple[Centre, datetime],
) -> None:
    kept, last = changed
    keys = "field=id&field=username&field=modified&field=revision&page_size=300"
    whole = get(kept, "staff", keys).json()
    new = [row for row in whole if datetime.fromisoformat(row["modified"]) > last]
    (revision,) = {row["revision"] for row in new}
    stamp = last.isoformat().replace("+", "%2B")

    assert {row["username"] for row in new} == {"alice.climate.brics", "zoe.climate.brics"}
    for since in (stamp, str(revision - 1), new[0]["modified"][:-1] + "Z"):
        found = get(kept, "staff", f"{keys}&modified_after={since}")
        expected = [] if since == new[0]["modified"] else new
        assert found.json() == expected
        assert found.headers["X-Result-Count"] == str(len(expected))
    today = datetime.now(UTC).date()
    assert get(kept, "staff", f"{keys}&modified_after={today - timedelta(days=1)}").json() == whole
    for never in (
        str(revision),
        "10000000",
        str(today + timedelta(days=1)),
        "2100-01-01T00:00:00Z",
    ):
        assert get(kept, "staff", f"modified_after={never}").json() == []
    for always in ("0", "2000-01-01", "", "1970-01-01T00:00:00Z", "0001-01-01"):
        assert get(kept, "staff", f"{keys}&modified_after={always}").json() == whole


def test_it_is_a_filter_like_the_others(changed: tuple[Centre, datetime]) -> None:
    kept, last = changed
    stamp = last.isoformat().replace("+", "%2B")
    for name, names in (
        ("owner", {"alice.climate.brics", "zoe.climate.brics"}),
        ("manager", {"alice.climate.brics", "zoe.climate.brics"}),
        ("alice", {"alice.climate.brics"}),
        ("reader", set()),
        ("nobody", set()),
    ):
        reply = get(kept, name, f"modified_after={stamp}")
        assert {row["username"] for row in reply.json()} == names
        assert get(kept, name, f"modified_after={stamp}&month=2").json() == []
    with kept.client("staff") as client:
        (row_id, *_) = ids(client.get(f"?{IDS}&modified_after={stamp}"))
        assert client.get(f"{row_id}/?modified_after={stamp}").status_code == 200
        assert client.get(f"1/?modified_after={stamp}").status_code == 404
        assert client.head(f"?modified_after={stamp}").headers["X-Result-Count"] == "2"


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "-1", "2026-03-31T12:00:00", "1e3"])
def test_what_is_no_time_is_said_to_be_none(centre: Centre, text: str) -> None:
    reply = get(centre, "staff", f"modified_after={text}&month=abc")

    assert reply.status_code == 400
    assert list(reply.json()) == ["month", "modified_after"]


# ------------------------------------------------------------------------------------ what is in vain


def test_what_is_ignored_is_told_and_nothing_else_changes(centre: Centre) -> None:
    plain = get(centre, "staff")
    odd = get(centre, "staff", "foo=1&month__gte=2&ordering=id&%C3%A9=x&a%2Cb=")

    assert odd.content == plain.content
    assert odd.headers["X-Ignored-Parameters"] == "foo, month__gte, ordering, %C3%A9, a%2Cb"
    assert "X-Ignored-Parameters" not in plain.headers
    assert "Preference-Applied" not in plain.headers


@pytest.mark.parametrize(
    ("query", "size"), [("", 10), ("page_size=7", 7), ("page_size=301", 300), ("page_size=x", 10)]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_size_that_was_used_is_told(centre: Centre, query: str, size: int, method: str) -> None:
    with centre.client("staff") as client:
        reply = client.request(method, f"?{query}")

    assert reply.headers["X-Page-Size"] == str(size)
    assert "X-Ignored-Parameters" not in reply.headers


def test_who_wants_to_hear_of_it_is_refused_with_the_names(centre: Centre) -> None:
    query = "month=x&foo=1&page_size=301&field=nope&o=nope&Month=2"
    reply = get(centre, "staff", query, prefer="handling=strict")

    assert reply.status_code == 400
    assert list(reply.json()) == ["month", "page_size", "o", "field", "foo", "Month"]
    assert reply.json()["foo"] == ["Unknown parameter."]
    assert reply.json()["page_size"] == ["Ensure this value is less than or equal to 300."]


def test_nothing_in_vain_is_answered_as_ever_and_says_that_it_was_strict(centre: Centre) -> None:
    reply = get(centre, "staff", "month=2&page_size=300&field=id", prefer="handling=strict")

    assert reply.status_code == 200
    assert reply.headers["Preference-Applied"] == "handling=strict"


def test_pages_and_orders_of_one_row_are_in_vain(centre: Centre) -> None:
    with centre.client("staff") as client:
        reply = client.get("1/?page=0&page_size=5&o=id&year=2023")
        strict = client.get("1/?page=2", headers={"Prefer": "handling=strict"})

    assert reply.status_code == 200
    assert reply.headers["X-Ignored-Parameters"] == "page, page_size, o"
    assert strict.json() == {"page": ["Unknown parameter."]}


def test_ranges_are_not_invented(centre: Centre) -> None:
    """Commas and repeated values mean what they mean to Waldur: nothing, and the last."""
    assert get(centre, "staff", "month=1,2").status_code == 400
    last = get(centre, "staff", f"{IDS}&month=1&month=2")
    assert ids(last) == ids(get(centre, "staff", f"{IDS}&month=2"))


# ------------------------------------------------------------------------------------------- fields


def test_a_list_says_what_it_is_asked_for_and_each_reader_of_their_own(centre: Centre) -> None:
    keys = (
        "id url allocation_uuid user_uuid project_uuid project_identifier customer_uuid resource_uuid"
        " resource_name node_seconds state is_complete is_closed modified revision history"
    ).split()
    query = "&".join(f"field={key}" for key in keys)
    for name in ("staff", "owner", "alice", "nobody"):
        found = get(centre, name, f"{query}&page_size=300").json()
        seen = centre.seen_by(name)
        assert [row["id"] for row in found] == [row.id for row in seen]
        for told, row in zip(found, seen, strict=True):
            assert list(told) == keys
            check(told, row, centre)


def check(told: dict[str, Any], row: Any, centre: Centre) -> None:
    assert told["url"] == f"{centre.address}{USAGE}{row.id}/"
    assert told["allocation_uuid"] == row.allocation.hex
    assert told["user_uuid"] == (row.user and row.user.hex)
    assert told["node_seconds"] == row.told.node_seconds
    assert told["project_identifier"] == row.told.project
    assert told["resource_name"] == row.told.resource
    assert (told["state"], told["is_complete"], told["is_closed"]) == ("provisional", False, False)
    assert [version["node_seconds"] for version in told["history"]] == [row.told.node_seconds]
    assert told["history"][-1]["revision"] == told["revision"]


# ------------------------------------------------------------------------------------ other origins


def preflight(centre: Centre, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    asked = {"Origin": "https://portal.example.org", "Access-Control-Request-Method": "GET"}
    reply, body = asked_as_is(centre.address, "OPTIONS", path, asked | headers)
    return reply.status, {name.title(): value for name, value in reply.headers.items()}, body


@pytest.mark.parametrize(
    "path", [USAGE, f"{USAGE}1/", f"{USAGE}1", "/api/users/me/", "/api/schema/", "/api/nothing/"]
)
def test_a_preflight_is_answered_before_anybody_signs_in(centre: Centre, path: str) -> None:
    for more in ({}, {"Authorization": "Token wrong"}, {"Accept": "text/html"}):
        status, headers, body = preflight(centre, path, **more)

        assert (status, body, headers["Content-Length"]) == (200, b"", "0")
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        allowed = {name.lower() for name in headers["Access-Control-Allow-Headers"].split(", ")}
        assert {"authorization", "content-type", "if-none-match", "prefer"} <= allowed


@pytest.mark.parametrize("path", ["", "1/", "1000000/", "?month=abc", "?page=99"])
@pytest.mark.parametrize("name", ["staff", "unknown", None])
def test_every_answer_may_be_read_by_pages_of_other_origins(
    centre: Centre, path: str, name: str | None
) -> None:
    with centre.client(name) as client:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            reply = client.request(method, path, headers={"Origin": "https://portal.example.org"})
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            assert reply.headers["Access-Control-Expose-Headers"] == (
                "Link, X-Result-Count, X-Page-Size, X-Ignored-Parameters, ETag, Last-Modified"
            )
            assert "Access-Control-Allow-Credentials" not in reply.headers


def test_an_options_that_is_no_preflight_is_waldurs(centre: Centre) -> None:
    reply, _ = asked_as_is(centre.address, "OPTIONS", USAGE, {"Origin": "https://x.example"})

    assert reply.status == 401
