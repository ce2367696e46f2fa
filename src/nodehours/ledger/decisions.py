"""Decisions on pending restatements: staff accept one, decline it, or have one that was declined wait again.

Whoever decides holds the ledger's clock, so nothing is posted and nothing else decided meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nodehours.ledger.clock import Change, Kind, Origin, locked_revision
from nodehours.ledger.directory import Allocation, associations
from nodehours.ledger.errors import DecidedError, UnchangeableError, UnknownNameError
from nodehours.ledger.pending import posted_days, standing_days
from nodehours.ledger.statements import MonthPosted, Telling, accept_month
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month

_FIND = """
select pending.id, status, allocation_id, projects.identifier, resources.name, year, month, document_id,
       pending.reason, base_revision, days
from pending
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
join resources on resources.id = resource_id
where pending.id = %s
"""
_DECIDE = """
update pending
set status = %s, decided = clock_timestamp(), decided_by = %s, decision_reason = %s, revision = %s
where id = %s
"""
_FIND_WAITING = """
select id from pending where allocation_id = %s and year = %s and month = %s and status = 'waiting'
"""
# The base stays: a day that was posted anew since is still the newer word.
_WAIT_AGAIN = """
insert into pending (allocation_id, year, month, document_id, reason, base_revision, days, figures,
                     former_node_seconds, node_seconds, sha256)
select allocation_id, year, month, document_id, reason, base_revision, days, figures,
       former_node_seconds, node_seconds, sha256
from pending where id = %s
returning id
"""


class PendingRestatement(NamedTuple):
    """A pending restatement to decide on: its id and status, what it is of, and the days that it would post."""

    id: int
    status: str
    allocation: int
    project: str
    resource: str
    year: int
    month: int
    document: int | None
    reason: str
    base_revision: int
    days: dict[str, Any]

    @property
    def of(self) -> Month:
        """The month of its statement."""
        return Month(self.year, self.month)

    def __str__(self) -> str:
        """Say what it is of."""
        return f"{self.of} of {self.project} on {self.resource}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of accepting: what it was of, and what was written of it.

    ``overtaken`` counts the days that were posted anew since, whose newer word stands.
    """

    pending: PendingRestatement
    month: MonthPosted
    overtaken: int


def accept(connection: Connection, pending_id: int, origin: Origin) -> Accepted:
    """Write what waits under *pending_id* to its statement, which stays closed if it is.

    The reason is *origin*'s, or else the one it was posted with; the document is the one it came from. Raises
    ``UnknownNameError``, ``DecidedError`` when it waits no more, and ``UnpostableError`` when the ledger cannot
    keep the total; nothing is changed then.
    """
    with connection.transaction():
        locked_revision(connection)
        pending = _waiting(connection, pending_id)
        source = replace(origin, document=pending.document, reason=origin.reason or pending.reason)
        change = Change(connection, Kind.ACCEPTANCE, source)
        posted = posted_days(connection, pending.allocation, pending.of)
        days = standing_days(pending.days, pending.base_revision, posted)
        month = accept_month(_telling(change, pending), pending.of, days)
        _decide(connection, pending, "accepted", origin, month.revision)
        change.record()
    return Accepted(pending, month, len(pending.days) - len(days))


def accept_each(
    connection: Connection, pending_ids: Iterable[int], origin: Origin
) -> list[Accepted]:
    """Accept all of *pending_ids*, as ``accept`` does, or none of them."""
    with connection.transaction():
        return [accept(connection, one, origin) for one in dict.fromkeys(pending_ids)]


def decline(
    connection: Connection, pending_id: int, by_whom: str, reason: str
) -> PendingRestatement:
    """Decide that what waits under *pending_id* is not to be written. It stays listed with the decision.

    Raises ``UnknownNameError``, and ``DecidedError`` when it waits no more.
    """
    with connection.transaction():
        locked_revision(connection)
        pending = _waiting(connection, pending_id)
        _decide(connection, pending, "declined", Origin(None, reason, by_whom), None)
    return pending


def decline_each(
    connection: Connection, pending_ids: Iterable[int], by_whom: str, reason: str
) -> list[PendingRestatement]:
    """Decline all of *pending_ids*, as ``decline`` does, or none of them."""
    with connection.transaction():
        return [decline(connection, one, by_whom, reason) for one in dict.fromkeys(pending_ids)]


def reconsider(connection: Connection, pending_id: int) -> int:
    """Have what was declined wait again, under a new id, which is returned; the former decision stays written.

    Raises ``UnknownNameError``, and ``UnchangeableError`` when it was not declined, or when something else waits
    for the same statement.
    """
    with connection.transaction():
        locked_revision(connection)
        pending = _find(connection, pending_id)
        if pending.status != "declined":
            raise UnchangeableError(f"pending restatement {pending_id} was not declined")
        key = [pending.allocation, pending.year, pending.month]
        if found := connection.execute(_FIND_WAITING, key).fetchone():
            raise UnchangeableError(
                f"pending restatement {found[0]} waits for {pending} already: decide on that first"
            )
        ((made,),) = connection.execute(_WAIT_AGAIN, [pending_id])
    return int(made)


def _find(connection: Connection, pending_id: int) -> PendingRestatement:
    found = connection.execute(_FIND, [pending_id]).fetchone()
    if found is None:
        raise UnknownNameError(
            f"there is no pending restatement {pending_id}: see `nodehours pending list`"
        )
    return PendingRestatement(*found)


def _waiting(connection: Connection, pending_id: int) -> PendingRestatement:
    pending = _find(connection, pending_id)
    if pending.status == "waiting":
        return pending
    sentence = f"pending restatement {pending_id} was {pending.status} already"
    if pending.status == "declined":
        sentence += f": `nodehours pending reconsider {pending_id}` has it wait again"
    raise DecidedError(sentence)


def _telling(change: Change, pending: PendingRestatement) -> Telling:
    allocation = Allocation(pending.allocation, ProjectIdentifier.parse(pending.project))
    known = associations(change.connection, allocation.id)
    return Telling(change, allocation, known, accepted=True)


def _decide(
    connection: Connection,
    pending: PendingRestatement,
    status: str,
    origin: Origin,
    revision: int | None,
) -> None:
    values = [status, origin.by_whom, origin.reason, revision, pending.id]
    connection.execute(_DECIDE, values)
