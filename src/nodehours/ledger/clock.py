"""The ledger's clock: whoever changes anything locks it first, and leaves a revision that says why.

A transaction moves the clock when it begins to write, so that former values know until when they held, and
records its revisions last, so that their time is that of the moment from which they can be read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from nodehours.ledger.store import Connection

_READ = "select revision from ledger"
_LOCK = "select revision from ledger for update"
_MOVE = "update ledger set revision = revision + 1 returning revision"
# All revisions of a transaction have one time, that of the moment from which they can be read: no instant is
# between them. The machine's clock may be set back; the ledger's is not.
_RECORD = """
with moment as materialized (
    select greatest(clock_timestamp(), (select recorded from revisions order by revision desc limit 1)) as recorded
)
insert into revisions (revision, kind, document_id, by_whom, reason, recorded)
select new.revision, %s, %s, %s, new.reason, moment.recorded
from moment, unnest(%s::bigint[], %s::text[]) as new (revision, reason)
"""
# The sums take longest to check, so they are checked before the time is taken; that revisions are recorded can only
# be checked after. Deferred again at last: the transaction may be part of a longer one, that of a dry run.
_CHECK_SUMS = "set constraints statement_holds immediate"
_CHECK = "set constraints all immediate; set constraints all deferred"


class Kind(Enum):
    """What kind of change a revision is."""

    POSTING = "posting"
    ACCEPTANCE = "acceptance"
    CLOSING = "closing"
    REOPENING = "reopening"
    RENAMING = "renaming"
    MOVING = "moving"
    MERGING = "merging"
    MAPPING = "mapping"
    NAMING = "naming"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from: a document of a run (its internal id), why, and by whom; any may be unknown."""

    document: int | None = None
    reason: str = ""
    by_whom: str = ""


def current_revision(connection: Connection) -> int:
    """Return the ledger's revision: how many times anything in it has changed so far."""
    ((revision,),) = connection.execute(_READ)
    return int(revision)


def locked_revision(connection: Connection) -> int:
    """Lock the ledger's clock for the rest of the transaction and return its revision.

    Whoever posts, or says who somebody is, begins with it: one waits for the other, and never both.
    """
    ((revision,),) = connection.execute(_LOCK)
    return int(revision)


@dataclass(slots=True)
class Change:
    """One transaction's change of the ledger, under one revision or several, and where it comes from."""

    connection: Connection
    kind: Kind
    origin: Origin
    reasons: dict[int, str] = field(default_factory=dict)

    def next_revision(self, reason: str = "") -> int:
        """Move the clock; the new revision's reason is the origin's, or else *reason*."""
        ((revision,),) = self.connection.execute(_MOVE)
        self.reasons[revision] = self.origin.reason or reason
        return int(revision)

    def record(self) -> None:
        """Write down the revisions and have the database check every sum, before the transaction ends."""
        self.connection.execute(_CHECK_SUMS)
        if self.reasons:
            of = [self.kind.value, self.origin.document, self.origin.by_whom]
            columns = [list(self.reasons), list(self.reasons.values())]
            self.connection.execute(_RECORD, [*of, *columns])
        self.connection.execute(_CHECK)
