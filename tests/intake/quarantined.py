"""What stands in quarantine, read without the program's own queries, and what staff say of an allocation."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, NamedTuple

from nodehours.ledger.store import Connection


class Kept(NamedTuple):
    """A record: its id, its status, what it is of, why it is there, and its bytes."""

    id: int
    status: str
    project: str
    place: str
    reason: str
    sentence: str
    record: bytes

    @property
    def days(self) -> dict[str, Any]:
        """The days that it tells of."""
        found: dict[str, Any] = json.loads(self.record)["reports"]
        return found


def kept(connection: Connection) -> list[Kept]:
    """All records, oldest first."""
    query = (
        "select id, status, project, place, reason, sentence, record from quarantine order by id"
    )
    return [Kept(*row) for row in connection.execute(query, binary=True)]


def know(connection: Connection, *, starts: date | None = None, nodes: int | None = None) -> None:
    """Say when all allocations start, and how large their resources are."""
    connection.execute("update allocations set starts = %s", [starts])
    connection.execute("update resources set nodes = %s", [nodes])


def total(connection: Connection, project: str = "climate.brics") -> int:
    """The node-seconds of all statements of *project*."""
    ((found,),) = connection.execute(
        "select coalesce(sum(node_seconds), 0)::bigint from statements"
        " join allocations on allocations.id = allocation_id join projects on projects.id = project_id"
        " where identifier = %s",
        [project],
    )
    return int(found)
