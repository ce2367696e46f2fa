"""The ledger's clock, read: which revision was the newest at a time, and as of which instant that is told.

What a reader may see is decided by their roles of today, as of whichever revision they ask: a role that was
granted opens the past as well, and one that was taken away shuts it. The clock itself is the same for everybody.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.terms.as_of import AsOf, AtDay, AtInstant, AtRevision
from nodehours.terms.scope import Scope

# Revisions are recorded in their order, so the last one by its time is the greatest.
_READ_CLOCK = """
select now(), ledger.revision, ledger.first_remembered,
       (select recorded from revisions where revision = ledger.first_remembered),
       (select recorded from revisions where revision = %(revision)s),
       (select revision from revisions where recorded <= least(%(instant)s::timestamptz, now())
        order by recorded desc, revision desc limit 1)
from ledger
"""


_LAST_BY = """
select revision from revisions where recorded <= %s order by recorded desc, revision desc limit 1
"""


class NoSnapshotError(Exception):
    """The ledger cannot be read as of then; the text is the sentence that says why."""


class Snapshot(NamedTuple):
    """The ledger at a revision; ``instant`` is that at which the states of its months are judged, UTC."""

    revision: int
    instant: datetime


class _Clock(NamedTuple):
    """What the ledger's clock shows, and what it showed: when the revision asked for was recorded, or the
    latest one at the instant asked for.
    """

    now: datetime
    revision: int
    first_remembered: int
    remembers_since: datetime | None
    recorded: datetime | None
    latest: int | None


async def find_snapshot(
    connection: Connection,
    scope: Scope,
    as_of: AsOf,
) -> Snapshot:
    """Return what the ledger was *as_of* then; before its first posting that is revision 0, an empty ledger.

    Raises ``NoSnapshotError`` for what has not happened yet by the database's own clock, and for what was before
    the ledger had a memory.
    """
    asked = {
        "revision": Int8(as_of.revision) if isinstance(as_of, AtRevision) else None,
        "instant": _last_instant(as_of),
    }
    (clock,) = map(_Clock._make, await (await connection.execute(_READ_CLOCK, asked)).fetchall())
    if sentence := _refusal(clock, scope, as_of):
        raise NoSnapshotError(sentence)
    found = _snapshot(clock, as_of)
    if 0 < found.revision < clock.first_remembered:
        raise NoSnapshotError(_forgotten(clock))
    return found


async def revision_by(
    connection: Connection,
    scope: Scope,  # noqa: ARG001  # every question has one, though this one's answer is the same for all
    instant: datetime,
) -> int:
    """Return the newest revision that was recorded by *instant*, which may be to come; 0 when none was."""
    found = await (await connection.execute(_LAST_BY, [instant])).fetchone()
    return found[0] if found else 0


def _last_instant(as_of: AsOf) -> datetime | None:
    match as_of:
        case AtRevision():
            return None
        case AtInstant():
            return as_of.instant
        case AtDay():
            return as_of.last_instant


def _refusal(clock: _Clock, scope: Scope, as_of: AsOf) -> str | None:
    """Say that it has not happened yet, if so; how far the ledger has come, only to who sees all of it."""
    match as_of:
        case AtRevision(revision):
            is_future = revision > clock.revision
        case AtInstant(instant):
            is_future = instant > clock.now
        case AtDay(day):
            is_future = day > clock.now.astimezone(UTC).date()
    if not is_future:
        return None
    if isinstance(as_of, AtRevision):
        told = f": the ledger is at revision {clock.revision}" if scope.everything else ""
        return f"there is no {as_of} yet{told}"
    return f"{as_of} is in the future"


def _snapshot(clock: _Clock, as_of: AsOf) -> Snapshot:
    if isinstance(as_of, AtRevision):
        return Snapshot(as_of.revision, (clock.recorded or clock.now).astimezone(UTC))
    instant = min(_last_instant(as_of) or clock.now, clock.now)
    return Snapshot(clock.latest or 0, instant.astimezone(UTC))


def _forgotten(clock: _Clock) -> str:
    since = f" ({clock.remembers_since.astimezone(UTC):%Y-%m-%d})" if clock.remembers_since else ""
    return f"the ledger remembers what it said from revision {clock.first_remembered}{since} on"
