"""Who sees what: each reader exactly their part, and nothing from which the rest could be told.

Staff and support see all, roles the allocations they are of, everybody their own rows. What is hidden is not in
the list, not in the count, in no filter; asked for by its id it is missing like a row that never was.
"""

from __future__ import annotations

import pytest

from tests.centre import READERS, Centre, Row

everyone = pytest.mark.parametrize("name", READERS)
SEEN = {
    "staff": 47,
    "support": 47,
    "owner": 34,
    "reader": 13,
    "manager": 22,
    "member": 6,
    "alice": 8,
    "bob": 22,
    "dave": 8,
    "busy": 38,
    "nobody": 0,
}
MISSING = '{"detail":"No AllocationUserUsage matches the given query."}'


@everyone
def test_the_list_and_the_count_are_exactly_their_part(centre: Centre, name: str) -> None:
    with centre.client(name) as client:
        listed = client.get("", params={"page_size": 300})
        counted = client.head("")

    assert len(centre.seen_by(name)) == SEEN[name]
    assert listed.json() == centre.wire(centre.seen_by(name))
    assert listed.headers["X-Result-Count"] == counted.headers["X-Result-Count"] == str(SEEN[name])


@everyone
def test_they_can_retrieve_exactly_the_rows_of_their_list(centre: Centre, name: str) -> None:
    """Every id of the ledger is tried, and two that are nobody's."""
    seen = centre.seen_by(name)
    with centre.client(name) as client:
        for row in centre.rows:
            reply = client.get(f"{row.id}/")
            counted = client.head(f"{row.id}/")
            if row in seen:
                assert (reply.status_code, reply.json()) == (200, row.wire(centre.address))
            else:
                assert (reply.status_code, reply.text) == (404, MISSING)
            assert counted.status_code == reply.status_code
        for missing in (0, 10**9):
            reply = client.get(f"{missing}/")
            assert (reply.status_code, reply.text) == (404, MISSING)


def test_a_hidden_row_and_a_missing_one_have_the_same_reply(centre: Centre) -> None:
    with centre.client("member") as client:
        hidden = next(row for row in centre.rows if row not in centre.seen_by("member"))
        replies = [client.get(f"{row_id}/") for row_id in (hidden.id, 10**9)]

    for reply in replies:
        del reply.headers["Date"]
    assert replies[0].headers == replies[1].headers
    assert replies[0].content == replies[1].content


@everyone
def test_filters_show_no_more_than_the_list(centre: Centre, name: str) -> None:
    """Each allocation and each user of the ledger, visible or not, by UUID and by address."""
    seen = centre.seen_by(name)
    with centre.client(name) as client:
        for key in ("allocation", "user"):
            for value in {getattr(row, key) for row in centre.rows} - {None}:
                found = [row for row in seen if getattr(row, key) == value]
                collection = {"allocation": "openportal-allocations", "user": "users"}[key]
                address = f"{centre.address}/api/{collection}/{value.hex}/"
                for params in ({f"{key}_uuid": str(value)}, {key: address}):
                    reply = client.get("", params={"page_size": 300, **params})
                    assert reply.json() == centre.wire(found)
                    assert reply.headers["X-Result-Count"] == str(len(found))
                    counted = client.head("", params=params)
                    assert counted.headers["X-Result-Count"] == str(len(found))


@everyone
def test_months_and_years_are_of_their_part_only(centre: Centre, name: str) -> None:
    with centre.client(name) as client:
        for year, month in {row.told[:2] for row in centre.rows}:
            reply = client.get("", params={"year": year, "month": month, "page_size": 300})
            found = [row for row in centre.seen_by(name) if row.told[:2] == (year, month)]
            assert reply.json() == centre.wire(found)


def test_the_filters_of_a_retrieve_do_not_tell_of_a_hidden_row(centre: Centre) -> None:
    """Neither that it has the allocation asked for nor that it has another."""
    hidden = next(row for row in centre.rows if row not in centre.seen_by("member"))
    with centre.client("member") as client:
        for allocation in {row.allocation for row in centre.rows}:
            reply = client.get(f"{hidden.id}/", params={"allocation_uuid": str(allocation)})
            assert (reply.status_code, reply.text) == (404, MISSING)


def test_own_rows_that_a_role_shows_as_well_come_once(centre: Centre) -> None:
    """bob is a member of climate.brics, where he has usage."""
    own = [row for row in centre.rows if row.told.identity == "bob.brics"]
    assert own
    with centre.client("bob") as client:
        listed = client.get("", params={"page_size": 300}).json()

    for row in own:
        assert listed.count(row.wire(centre.address)) == 1


def test_the_namesake_at_another_portal_is_another_person(centre: Centre) -> None:
    with centre.client("alice") as client:
        usernames = {row["username"] for row in client.get("").json()}

    assert usernames == {"alice.climate.brics", "alice.ocean.brics"}


def test_the_row_of_nobody_is_no_ones_own(centre: Centre) -> None:
    """It is seen by those who see the whole allocation."""
    with centre.client("alice") as alice, centre.client("member") as member:
        assert not [row for row in alice.get("").json() if row["user"] is None]
        assert [row for row in member.get("").json() if row["user"] is None]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("unknown", "Invalid token."),
        ("revoked", "Invalid token."),
        ("expired", "Token has expired."),
        ("inactive", "User inactive or deleted."),
    ],
)
@pytest.mark.parametrize("path", ["", "1/", "1000000000/", "?month=abc", "?page=1000", "abc/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
def test_who_is_not_signed_in_learns_why_and_nothing_else(
    centre: Centre, name: str | None, detail: str, path: str, method: str
) -> None:
    with centre.client(name) as client:
        reply = client.request(method, path)

    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Token"
    assert reply.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert "X-Result-Count" not in reply.headers
    assert reply.content == (b"" if method == "HEAD" else b'{"detail":"%s"}' % detail.encode())


def ids(rows: list[Row]) -> set[int]:
    return {row.id for row in rows}


def test_the_parts_are_what_the_centre_means(centre: Centre) -> None:
    """The readers of the two organisations share the ledger between them, and see nothing twice."""
    owner, reader = ids(centre.seen_by("owner")), ids(centre.seen_by("reader"))

    assert owner | reader == ids(centre.rows)
    assert not owner & reader
    assert ids(centre.seen_by("manager")) < owner
