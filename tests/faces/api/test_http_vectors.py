"""Every recorded exchange with Waldur, played to a real server with a ledger that has what they ask for."""

from __future__ import annotations

from http.client import HTTPResponse
from uuid import UUID

import msgspec
import pytest

from tests.centre import Centre
from tests.golden import Vector, vectors, words
from tests.serving import asked_as_is

PLACES = {"plain": "alice.brics", "owner": "carol.brics", "inactive": "ivan.brics"}
EVERY = vectors()


@pytest.fixture(scope="module")
def filled(crowded_centre: Centre) -> dict[str, str]:
    """Allocations in the order they were reported, so that row 1 is of allocation 0."""
    rows = sorted(crowded_centre.rows, key=lambda row: row.id)
    used = {row.allocation: None for row in rows if row.told[:2] == (2024, 2)}
    users = {row.told.identity: row.user for row in rows}
    tokens = crowded_centre.tokens
    return words(
        allocations=sorted(used, key=[row.allocation for row in rows].index),
        users={name: known(users[identity]) for name, identity in PLACES.items()},
        tokens={"staff": tokens["staff"], "plain": tokens["alice"], "inactive": tokens["inactive"]},
    )


def known(uuid: UUID | None) -> UUID:
    assert uuid
    return uuid


def sent(centre: Centre, vector: Vector) -> tuple[HTTPResponse, bytes]:
    return asked_as_is(centre.address, vector.method, vector.path, vector.headers)


def test_the_ledger_has_what_the_vectors_ask_for(
    crowded_centre: Centre, filled: dict[str, str]
) -> None:
    by_id = {row.id: row for row in crowded_centre.rows}

    assert set(range(1, 11)) <= set(by_id)
    assert by_id[1].told.year == 2023
    assert by_id[1].allocation.hex == filled["{allocation:0:hex}"]
    assert "{allocation:5:hex}" in filled
    assert len(by_id) > 2 * 300
    assert len(EVERY) == 177


@pytest.mark.parametrize("vector", EVERY, ids=[vector.name for vector in EVERY])
def test_the_server_answers_as_recorded(
    crowded_centre: Centre, filled: dict[str, str], vector: Vector
) -> None:
    reply, body = sent(crowded_centre, vector.filled(filled))

    assert reply.status == vector.expect.status
    for name, value in vector.expect.headers.items():
        assert reply.headers[name] == value
    assert set(vector.expect.headers_present) <= set(map(str.title, reply.headers))
    if vector.method == "HEAD" or reply.status == 301:
        assert body == b""
    else:
        assert reply.headers["Content-Type"] == "application/json"
        assert int(reply.headers["Content-Length"]) == len(body)
        decoded = msgspec.json.decode(body)
        if vector.expect.body is not msgspec.UNSET:
            assert decoded == vector.expect.body


@pytest.mark.parametrize(
    "name",
    [
        "filter/allocation/path-only",
        "filter/allocation/other-host",
        "filter/allocation/upper-uuid-url",
        "filter/allocation_uuid/urn",
        "filter/user/hyphenated-url",
        "filter/user_uuid/braces",
        "filter/user_uuid/inactive",
        "filter/month/dot9",
        "filter/year/dot5",
        "filter/all",
    ],
)
def test_what_a_recorded_filter_finds_is_what_it_names(
    crowded_centre: Centre, filled: dict[str, str], name: str
) -> None:
    """The recorded replies do not hold the rows; these have to be of February, 2024, or whoever is named."""
    (vector,) = [vector for vector in EVERY if vector.name == name]
    _, body = sent(crowded_centre, vector.filled(filled))
    (row, *_) = msgspec.json.decode(body, type=list[dict[str, str | int | None]])

    named = {
        "allocation": filled["{allocation:0:hex}"],
        "user": filled["{user:inactive:hex}" if "inactive" in name else "{user:plain:hex}"],
        "month": 2,
        "year": 2024,
    }
    _, filter_name, *_ = name.replace("_uuid", "").split("/")
    for key in named if filter_name == "all" else [filter_name]:
        assert str(named[key]) in str(row[key])
