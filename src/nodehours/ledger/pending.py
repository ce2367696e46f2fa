"""Pending restatements: what was posted into a closed month waits here until staff accept or decline it.

A statement has at most one that waits: a later report's takes its place, with all that waited in it. What was
declined is remembered day by day, so that a report does not ask again every night, until the ledger itself says
something else of that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from nodehours.ledger.clock import Origin
from nodehours.ledger.store import Connection
from nodehours.terms.content import digest, proposal_sha256
from nodehours.terms.days import DayDigest, Settled, settle
from nodehours.terms.month import Month
from nodehours.terms.usage import Component, DailyUsage, Day

_LIST_CURRENT = """
select id, status, document_id, base_revision, days, sha256,
       exists (select from usage_rows as row
               where (row.allocation_id, row.year, row.month) = (pending.allocation_id, pending.year, pending.month)
               and row.revision > base_revision)
from pending
where allocation_id = %s and year = %s and month = %s and status in ('waiting', 'declined')
order by id
"""
_LIST_POSTED = """
select day, revision, rule <> '', is_complete, node_seconds, sha256 from usage_days
where allocation_id = %s and day >= %s and day < %s
"""
_SUPERSEDE = """
update pending set status = 'superseded', decided = clock_timestamp(), decided_by = %s, decision_reason = %s
where id = %s
"""
_ADD = """
insert into pending (allocation_id, year, month, document_id, reason, base_revision, days, figures,
                     former_node_seconds, node_seconds, sha256)
values (%s, %s, %s, %s, %s, (select revision from ledger), %s, %s, %s, %s, %s)
returning id
"""
REPLACED = "a later report takes its place"
WITHDRAWN = "a later report says again what the ledger says"


class Waiting(NamedTuple):
    """What waits for a decision on a statement, and what staff declined of it.

    ``id`` is None when nothing waits. ``days`` are those it would post: a day that was posted anew since is not
    among them, since the newer word stands, and ``sha256``, which tells the proposal, is None then. ``declined`` are
    days, each with its hash, that are not to be proposed again; ``declined_rows`` the hashes of proposals that were
    about nothing but rows. ``document`` is the one that the proposal came from.
    """

    id: int | None
    days: dict[date, Day]
    sha256: bytes | None = None
    declined: frozenset[tuple[date, bytes]] = frozenset()
    declined_rows: frozenset[bytes] = frozenset()
    document: int | None = None

    def is_declined(self, day: date, told: DayDigest) -> bool:
        """Tell whether staff declined just that of *day*."""
        return (day, told.sha256) in self.declined


NOTHING = Waiting(None, {})


class PostedDay(NamedTuple):
    """A day as the ledger has it: the revision it was posted under, and what it is told by.

    One that was reckoned by a rule has the last word over what was said of it before.
    """

    revision: int
    is_last_word: bool
    told: DayDigest


class _Kept(NamedTuple):
    """A proposal as it is kept; ``is_outdated``: rows of its statement were written since."""

    id: int
    status: str
    document: int | None
    base_revision: int
    days: dict[str, Any]
    sha256: bytes
    is_outdated: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a closed statement would be: the days that differ, its figures by user identifier, its total."""

    days: Mapping[date, Day]
    figures: Iterable[tuple[str, int]]
    former: int | None
    total: int
    reason: str

    @property
    def sha256(self) -> bytes:
        """Tell two proposals apart by all that they would change."""
        return proposal_sha256(self.days, self.figures, self.total)


def find_waiting(connection: Connection, allocation: int, month: Month) -> Waiting:
    """Return what waits for the statement of *allocation* in *month*, and what was declined of it."""
    key = [allocation, month.year, month.month]
    kept = [_Kept(*row) for row in connection.execute(_LIST_CURRENT, key)]
    if not kept:
        return NOTHING
    posted = posted_days(connection, allocation, month)
    refused = [one for one in kept if one.status == "declined"]
    rows = frozenset(one.sha256 for one in refused if not one.days and not one.is_outdated)
    found = _waiting([one for one in kept if one.status == "waiting"], posted)
    # What was declined and then had to wait again by staff's own word waits.
    declined = _declined(refused, posted) - set(_told(found.days))
    return found._replace(declined=declined, declined_rows=rows)


def _waiting(kept: list[_Kept], posted: Mapping[date, PostedDay]) -> Waiting:
    if not kept:
        return NOTHING
    (one,) = kept  # the database has it that there is no other
    days = standing_days(one.days, one.base_revision, posted)
    if len(days) < len(one.days):
        return Waiting(one.id, days, document=one.document)
    return Waiting(one.id, days, one.sha256, document=one.document)


def _declined(kept: list[_Kept], posted: Mapping[date, PostedDay]) -> frozenset[tuple[date, bytes]]:
    return frozenset(
        told
        for one in kept
        for told in _told(read_days(one.days))
        if not _is_newer(posted, told[0], one.base_revision)
    )


def _told(days: Mapping[date, Day]) -> list[tuple[date, bytes]]:
    return [(day, digest(day, whole).sha256) for day, whole in days.items()]


def posted_days(connection: Connection, allocation: int, month: Month) -> dict[date, PostedDay]:
    """Return what the ledger says of each day of *month*, and since when."""
    span = (allocation, month.start, month.end)
    return {
        day: PostedDay(revision, is_last_word, DayDigest(*told))
        for day, revision, is_last_word, *told in connection.execute(_LIST_POSTED, span)
    }


def standing_days(
    kept: Mapping[str, Any], base_revision: int, posted: Mapping[date, PostedDay]
) -> dict[date, Day]:
    """Read the days *kept* at *base_revision* without those that were *posted* anew since: a newer word stands.

    It does not stand if it would have been kept out, being incomplete, had the day been posted at once.
    """
    return {
        day: whole
        for day, whole in read_days(kept).items()
        if not _is_newer(posted, day, base_revision)
        or _is_kept_out(posted[day], digest(day, whole))
    }


def _is_kept_out(one: PostedDay, waiting: DayDigest) -> bool:
    return settle(waiting, one.told, last_word=one.is_last_word) is Settled.KEPT


def _is_newer(posted: Mapping[date, PostedDay], day: date, base_revision: int) -> bool:
    return day in posted and posted[day].revision > base_revision


def propose(
    connection: Connection,
    key: tuple[int, int, int],
    proposal: Proposal,
    waiting: Waiting,
    origin: Origin,
) -> int | None:
    """Have *proposal* for the statement *key* (allocation, year, month) wait in place of what is *waiting*.

    Its days are taken to hold what waited, and nothing that was declined. Returns its id; None if it waits
    already, or is about nothing but rows and was declined.
    """
    sha256 = proposal.sha256
    if sha256 == waiting.sha256:
        return None
    if not proposal.days and sha256 in waiting.declined_rows:
        withdraw(connection, waiting, origin)
        return None
    _supersede(connection, waiting, origin, REPLACED)
    document = waiting.document if origin.document is None else origin.document
    ((made,),) = connection.execute(
        _ADD,
        [
            *key,
            document,
            origin.reason or proposal.reason,
            Jsonb(write_days(proposal.days)),
            Jsonb(sorted(proposal.figures)),
            proposal.former,
            proposal.total,
            sha256,
        ],
    )
    return int(made)


def withdraw(connection: Connection, waiting: Waiting, origin: Origin) -> None:
    """Let what is *waiting* wait no more: a later report says again what the ledger says."""
    _supersede(connection, waiting, origin, WITHDRAWN)


def _supersede(connection: Connection, waiting: Waiting, origin: Origin, reason: str) -> None:
    if waiting.id is not None:
        connection.execute(_SUPERSEDE, [origin.by_whom, reason, waiting.id])


def write_days(days: Mapping[date, Day]) -> dict[str, Any]:
    """Write *days* as the JSON that is kept."""
    return {
        str(day): {
            "is_complete": whole.is_complete,
            "jobs": whole.jobs,
            "wait_seconds": whole.wait_seconds,
            "usage": {name: list(used) for name, used in whole.usage.items()},
            "components": [[*component, n] for component, n in whole.components.items()],
        }
        | ({"rule": whole.rule} if whole.rule else {})
        for day, whole in days.items()
    }


def read_days(kept: Mapping[str, Any]) -> dict[date, Day]:
    """Read the *kept* JSON again; what was kept before there were rules has none."""
    return {
        date.fromisoformat(day): Day(
            whole["is_complete"],
            whole["jobs"],
            whole["wait_seconds"],
            {name: DailyUsage(*used) for name, used in whole["usage"].items()},
            {Component(name, component): n for name, component, n in whole["components"]},
            whole.get("rule", ""),
        )
        for day, whole in kept.items()
    }
