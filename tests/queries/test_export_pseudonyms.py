"""Exports with keyed hashes in the place of people: the same for the same key, and nothing else changed."""

from __future__ import annotations

import hmac
from uuid import UUID

import pytest

from nodehours.ledger.store import Connection as Writing
from nodehours.terms.pseudonym import Pseudonyms
from tests.ledger.moving import MARCH, OCEAN, report, whole_month
from tests.queries.test_export import export

KEY = Pseudonyms(b"a key that is long enough")


@pytest.fixture
def march(connection: Writing) -> Writing:
    """Alice and somebody unknown worked in March, Bob in another project on another resource."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    return connection


def test_pseudonyms_are_in_the_place_of_people_and_nobody_stays_nobody(
    march: Writing, database_url: str
) -> None:
    report(march, {"2026-03-03": {"al": 1}}, OCEAN, "tigris", alice="al")
    plain = export(database_url)

    rows = export(database_url, pseudonyms=KEY)

    people = {"user_uuid", "username", "full_name"}
    for row, known in zip(rows, plain, strict=True):
        uuid = known["user_uuid"]
        name = KEY.name(UUID(uuid)) if uuid else None
        assert {key: row[key] for key in row.keys() - people} == {
            key: known[key] for key in known.keys() - people
        }
        assert [row[key] for key in ("user_uuid", "username", "full_name")] == [
            name, name or "unknown", name or "",
        ]  # fmt: skip
    assert len({row["user_uuid"] for row in rows}) == 3
    assert len({row["username"] for row in rows if row["node_seconds"] == 1}) == 1


@pytest.mark.usefixtures("march")
@pytest.mark.parametrize("length", [16, 63, 64, 65, 500])
def test_a_key_of_any_length_makes_the_pseudonyms_of_hmac(database_url: str, length: int) -> None:
    key = "kéy\\'" * length
    plain = export(database_url)

    rows = export(database_url, pseudonyms=Pseudonyms.of(key[:length]))

    uuids = [UUID(row["user_uuid"]) for row in plain if row["user_uuid"]]
    made = [hmac.new(key[:length].encode(), uuid.bytes, "sha256").hexdigest() for uuid in uuids]
    assert [row["user_uuid"] for row in rows if row["user_uuid"]] == [name[:32] for name in made]


def test_pseudonyms_are_asked_for_by_the_key_and_the_key_is_in_no_statement(
    march: Writing, database_url: str
) -> None:
    """Whoever looks at what the database is doing sees no key."""
    doing = "select query from pg_stat_activity where datname = current_database()"
    seen: list[str] = []

    async def look() -> None:
        seen.extend(query for (query,) in march.execute(doing))

    export(database_url, pseudonyms=KEY, meanwhile=look)
    assert not [query for query in seen for pad in KEY.pads if pad.hex() in query]
