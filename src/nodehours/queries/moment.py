"""The moment a question is asked of: now, or as of then.

What the ledger said at a revision never changes again, so several questions at one revision agree with each other,
whatever is posted between them.
"""

from __future__ import annotations

from datetime import UTC

from nodehours.queries.clock import Snapshot, find_snapshot
from nodehours.queries.pool import Connection
from nodehours.terms.as_of import AsOf
from nodehours.terms.scope import Scope

_NOW = "select revision, clock_timestamp() from ledger"


async def find_moment(connection: Connection, scope: Scope, as_of: AsOf | None) -> Snapshot:
    """Return the ledger's revision and the instant at which it is judged: *as_of* then or, without it, now.

    Raises ``NoSnapshotError`` like ``find_snapshot``.
    """
    if as_of is not None:
        return await find_snapshot(connection, scope, as_of)
    ((revision, instant),) = await (await connection.execute(_NOW)).fetchall()
    return Snapshot(int(revision), instant.astimezone(UTC))
