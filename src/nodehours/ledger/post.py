"""Posting: writing what a source says of one project's allocation, months as statements, in one transaction.

The transaction begins by locking the ledger's clock, so postings come one after the other: two runs at once
give what one after the other would. It ends with the database's own check that every sum holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import psycopg

from nodehours.ledger.days import known_days, months_using, replace_days
from nodehours.ledger.directory import (
    add_claims,
    associations,
    ensure_allocation,
    locked_revision,
)
from nodehours.ledger.errors import UnavailableError, UnpostableError
from nodehours.ledger.rows import StatementRows, known_rows, write_rows
from nodehours.ledger.store import Connection
from nodehours.terms.days import Settled, settle
from nodehours.terms.identifiers import UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.statement import Statement, summed
from nodehours.terms.usage import Claim, Day, ProjectUsage

_MOVE = "update ledger set revision = %s"
# Deferred again afterwards: the transaction may be part of a longer one, that of a dry run.
_CHECK = "set constraints all immediate; set constraints all deferred"
_FIND_STATEMENT = """
select node_seconds, complete_days from statements where allocation_id = %s and year = %s and month = %s
"""
_ADD_POSTING = """
insert into postings (revision, allocation_id, year, month, source, document, document_sha256,
                      former_node_seconds, node_seconds)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_WRITE_STATEMENT = """
insert into statements (allocation_id, year, month, node_seconds, complete_days, revision)
values (%s, %s, %s, %s, %s, %s)
on conflict (allocation_id, year, month) do update
set node_seconds = excluded.node_seconds, complete_days = excluded.complete_days, revision = excluded.revision
"""


_REVISION = "select revision from ledger"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where usage comes from: the source's name, the document's name and SHA-256."""

    source: str
    document: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class MonthPosted:
    """What a report did to one month: days posted, unchanged and kept; figures in node-seconds.

    ``revision`` is None when nothing changed; ``former`` is None for a month not seen before.
    """

    month: Month
    posted: int
    unchanged: int
    kept: int
    unattributed: int
    former: int | None
    total: int
    complete_days: int
    revision: int | None


@dataclass(frozen=True, slots=True)
class _Posting:
    connection: Connection
    allocation: int
    origin: Origin
    claims: frozenset[Claim]
    user_ids: Mapping[UserIdentifier, int]


def current_revision(connection: Connection) -> int:
    """Return the ledger's revision: how many postings have changed anything so far."""
    ((revision,),) = connection.execute(_REVISION)
    return int(revision)


def post(
    connection: Connection, usage: ProjectUsage, resource: str, origin: Origin
) -> list[MonthPosted]:
    """Post *usage* to its project's allocation on *resource*, all of it or nothing.

    Months that *usage* does not name are posted again when it tells who a local user in them is. Raises
    ``UnpostableError`` when a total is beyond what the ledger can keep, ``UnavailableError`` when the database
    cannot be reached any more; the ledger is then as it was.
    """
    try:
        return _post(connection, usage, resource, origin)
    except psycopg.OperationalError as error:
        message = f"the database failed while {usage.project} was posted: {error}"
        raise UnavailableError(message) from error
    except psycopg.Error as error:
        message = f"the database refused it: {error}"
        raise UnpostableError(message) from error


def _post(
    connection: Connection, usage: ProjectUsage, resource: str, origin: Origin
) -> list[MonthPosted]:
    with connection.transaction():
        revision = locked_revision(connection)
        allocation = ensure_allocation(connection, usage.project, resource)
        known = associations(connection, allocation)
        new = usage.claims - known.claims
        if new:
            add_claims(connection, allocation, new)
            known = associations(connection, allocation)
        posting = _Posting(connection, allocation, origin, known.claims, known.user_ids)
        posted = _post_months(posting, _months(posting, usage, new), revision)
        connection.execute(_CHECK)
    return posted


def _months(
    posting: _Posting, usage: ProjectUsage, new: frozenset[Claim]
) -> dict[Month, dict[date, Day]]:
    months: dict[Month, dict[date, Day]] = defaultdict(dict)
    for day in sorted(usage.days):
        months[Month.of(day)][day] = usage.days[day]
    for month in months_using(
        posting.connection, posting.allocation, {claim.local_user for claim in new}
    ):
        months.setdefault(month, {})
    return months


def _post_months(
    posting: _Posting, months: dict[Month, dict[date, Day]], revision: int
) -> list[MonthPosted]:
    posted = []
    before = revision
    for month in sorted(months):
        done = _post_month(posting, month, months[month], revision + 1)
        revision = done.revision or revision
        posted.append(done)
    if revision != before:
        posting.connection.execute(_MOVE, [revision])
    return posted


def _post_month(
    posting: _Posting, month: Month, reported: Mapping[date, Day], revision: int
) -> MonthPosted:
    known = known_days(posting.connection, posting.allocation, month)
    settled = {day: settle(known.get(day), reported[day]) for day in reported}
    changed = {day: reported[day] for day in reported if settled[day] is Settled.POSTED}
    statement = summed((known | changed).values(), posting.claims)
    _refuse_overflow(month, statement)
    former = known_rows(posting.connection, posting.allocation, month)
    rows = StatementRows.of(statement, posting.user_ids, former)
    key = (posting.allocation, month.year, month.month)
    total = posting.connection.execute(_FIND_STATEMENT, key).fetchone()
    if changed or rows.has_changes:
        _write(posting, key, statement, total, revision)
        replace_days(posting.connection, posting.allocation, changed, known, revision)
        write_rows(posting.connection, key, rows, revision)
    counts = Counter(settled.values())
    return MonthPosted(
        month=month,
        posted=counts[Settled.POSTED],
        unchanged=counts[Settled.UNCHANGED],
        kept=counts[Settled.KEPT],
        unattributed=statement.unattributed,
        former=None if total is None else int(total[0]),
        total=statement.total,
        complete_days=statement.complete_days,
        revision=revision if changed or rows.has_changes else None,
    )


def _refuse_overflow(month: Month, statement: Statement) -> None:
    if statement.total > MAX_NODE_SECONDS:
        message = (
            f"the total of {month} is {statement.total} node-seconds, more than the ledger can keep"
        )
        raise UnpostableError(message)


def _write(
    posting: _Posting,
    key: tuple[int, int, int],
    statement: Statement,
    total: tuple[object, ...] | None,
    revision: int,
) -> None:
    origin = posting.origin
    former = None if total is None else total[0]
    execute = posting.connection.execute
    execute(
        _ADD_POSTING,
        [revision, *key, origin.source, origin.document, origin.sha256, former, statement.total],
    )
    execute(_WRITE_STATEMENT, [*key, statement.total, statement.complete_days, revision])
