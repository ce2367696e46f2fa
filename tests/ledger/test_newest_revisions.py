"""What is kept of the newest changes, where it is not plain; the laws are in tests/queries/test_sight_laws.py."""

from __future__ import annotations

from datetime import date

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection
from nodehours.ledger.verify import verify
from nodehours.terms.identifiers import ProjectIdentifier
from tests.reported import Reported, fill

OCEAN, SEA = ProjectIdentifier.parse("ocean.brics"), ProjectIdentifier.parse("sea.brics")
USED = Reported("isca", "ocean.brics", {"alice": "al"}, {date(2024, 2, 1): {"al": 60}})
IDLE = Reported("tigris", "ocean.brics", {"alice": "al"}, {})


def newest(connection: Connection) -> list[int]:
    found = connection.execute("select newest_revision from allocations order by id")
    return [revision for (revision,) in found]


@pytest.mark.parametrize("is_idle_before", [True, False])
def test_of_an_allocation_without_usage_nothing_is_told_whatever_its_project_is_called(
    connection: Connection, database_url: str, is_idle_before: bool
) -> None:
    """Whether it was known before its project got another name or came to be after that."""
    idle_after = IDLE._replace(project="sea.brics", users={})
    fill(database_url, [USED, IDLE] if is_idle_before else [USED])
    rename_project(connection, OCEAN, SEA, Origin())
    fill(database_url, [] if is_idle_before else [idle_after])

    assert newest(connection) == [2, 0]
    assert verify(connection).differences == ()

    fill(database_url, [idle_after._replace(days={date(2024, 2, 1): {"al": 7}})])

    assert newest(connection) == [2, 3]
    assert verify(connection).differences == ()
