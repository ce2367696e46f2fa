"""Pending restatements: what waits for a decision, what was decided, and what each would change.

They are for the eyes of those only who see everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.ledger.directory import Associations
from nodehours.ledger.pending import PostedDay, read_days, standing_days
from nodehours.ledger.rows import KnownRow, StatementRows
from nodehours.queries.pool import Connection, one_moment
from nodehours.terms.days import DayDigest
from nodehours.terms.identifiers import UNKNOWN, ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from nodehours.terms.statement import summed
from nodehours.terms.usage import Claim, DailyUsage, Day

_LIST = """
select pending.id, status, projects.identifier, resources.name, pending.year, pending.month, made, pending.reason,
       runs.source, runs.id, run_documents.name, (select count(*)::int from jsonb_object_keys(days)),
       former_node_seconds, pending.node_seconds, decided, decided_by, decision_reason, pending.revision
from pending
join allocations on allocations.id = pending.allocation_id
join projects on projects.id = allocations.project_id
join resources on resources.id = allocations.resource_id
left join run_documents on run_documents.id = document_id
left join runs on runs.id = run_id
where {which}
order by pending.id
"""
_ANY = sql.SQL("true")
_WAITING = sql.SQL("status = 'waiting'")
_ONE = sql.SQL("pending.id = %(id)s")
# Before an acceptance, before the proposal, or now.
_KEPT = """
select allocation_id, base_revision, days, case
    when status = 'waiting' then ledger.revision
    when pending.revision is not null then pending.revision - 1
    else base_revision
end
from pending, ledger where id = %(id)s
"""
_DAYS = """
select day, revision, rule <> '', is_complete, node_seconds, sha256
from usage_days_at(%(allocation)s, %(start)s, %(end)s, %(at)s)
"""
_USAGE = """
select day, local_user, node_seconds, jobs, wait_seconds
from daily_usage_at(%(allocation)s, %(start)s, %(end)s, %(at)s)
"""
_ROWS = """
select user_id, id, username, node_seconds from usage_rows_at(%(allocation)s, %(year)s, %(month)s, %(at)s)
"""
_ASSOCIATIONS = """
select local_user, user_identifier, user_id from associations
where allocation_id = %(allocation)s and retired_revision is null
"""


class PendingLine(NamedTuple):
    """A pending restatement; figures in node-seconds, times in UTC.

    ``former`` was the statement's total when it was posted (None: there was no statement), ``node_seconds`` what it
    would have made of it. What it came from is None when that was no document; what was decided is None while it
    waits, and ``revision`` also when the decision wrote nothing.
    """

    id: int
    status: str
    project: str
    resource: str
    month: Month
    made: datetime
    reason: str
    source: str | None
    run: int | None
    document: str | None
    days: int
    former: int | None
    node_seconds: int
    decided: datetime | None
    decided_by: str | None
    decision_reason: str | None
    revision: int | None


class DayChange(NamedTuple):
    """A day of a pending restatement in node-seconds; ``before`` None: it was not known.

    ``is_overtaken``: it was posted anew since, and that newer word stands.
    """

    day: date
    before: int | None
    after: int
    was_complete: bool
    is_complete: bool
    is_overtaken: bool


class UserChange(NamedTuple):
    """A usage row that changes, in node-seconds; ``before`` None: there was none. ``former`` is its name before."""

    username: str
    former: str | None
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class PendingTold:
    """A pending restatement with all that it changes.

    Of one that waits, what it would change in the ledger as it is now; of one that was accepted, what it did
    change. ``users`` is None when it was neither.
    """

    line: PendingLine
    days: list[DayChange]
    users: list[UserChange] | None


async def list_pending(
    connection: Connection, scope: Scope, *, decided: bool = False
) -> list[PendingLine]:
    """Return what waits, oldest first; with *decided*, also what was accepted, declined or superseded."""
    return await _list(connection, scope, _ANY if decided else _WAITING)


async def find_pending(connection: Connection, scope: Scope, pending_id: int) -> PendingTold | None:
    """Return the pending restatement with that id, with what it changes; None when there is none to be seen."""
    async with one_moment(connection):
        for line in await _list(connection, scope, _ONE, pending_id):
            return await _told(connection, line)
    return None


async def _list(
    connection: Connection, scope: Scope, which: sql.SQL, pending_id: int | None = None
) -> list[PendingLine]:
    if not scope.everything:
        return []
    query = sql.SQL(_LIST).format(which=which)
    values = {"id": None if pending_id is None else Int8(pending_id)}
    found = await (await connection.execute(query, values)).fetchall()
    return [_line(row) for row in found]


def _line(row: tuple[Any, ...]) -> PendingLine:
    year, month, made = row[4:7]
    decided: datetime | None = row[14]
    of = (Month(year, month), made.astimezone(UTC))
    return PendingLine._make(
        [*row[:4], *of, *row[7:14], decided and decided.astimezone(UTC), *row[15:]]
    )


async def _told(connection: Connection, line: PendingLine) -> PendingTold:
    found = await connection.execute(_KEPT, {"id": Int8(line.id)})
    ((allocation, base, days, at),) = await found.fetchall()
    asking = _Asking(connection, line.month, allocation, at)
    posted = await asking.posted()
    standing = standing_days(days, base, posted)
    changes = _day_changes(read_days(days), posted, standing)
    if line.status == "waiting":
        project = ProjectIdentifier.parse(line.project)
        return PendingTold(line, changes, await asking.would_change(standing, project))
    if line.status == "accepted":
        return PendingTold(line, changes, await asking.changed(line.revision))
    return PendingTold(line, changes, None)


def _day_changes(
    days: Mapping[date, Day], posted: Mapping[date, PostedDay], standing: Mapping[date, Day]
) -> list[DayChange]:
    return [
        DayChange(
            day,
            posted[day].told.node_seconds if day in posted else None,
            days[day].node_seconds,
            day in posted and posted[day].told.is_complete,
            days[day].is_complete,
            day not in standing,
        )
        for day in sorted(days)
    ]


@dataclass(frozen=True, slots=True)
class _Asking:
    """Questions about the statement of one allocation and month at one revision."""

    connection: Connection
    month: Month
    allocation: int
    at: int

    async def posted(self) -> dict[date, PostedDay]:
        """The days, by what they are told by."""
        return {
            day: PostedDay(revision, is_last_word, DayDigest(*told))
            for day, revision, is_last_word, *told in await self.ask(_DAYS)
        }

    async def would_change(
        self, days: Mapping[date, Day], project: ProjectIdentifier
    ) -> list[UserChange]:
        """What the rows of *project* would be if *days* were written now."""
        associations = await self.associations()
        known: dict[date, dict[str, DailyUsage]] = {}
        for day, local_user, *figures in await self.ask(_USAGE):
            known.setdefault(day, {})[local_user] = DailyUsage(*figures)
        whole = {day: Day(usage=usage) for day, usage in known.items()} | dict(days)
        statement = summed(whole.values(), associations.by_person())
        rows = await self.rows(self.at)
        told = StatementRows.of(statement, associations.user_ids, rows, project)
        before = {row.id: row for row in rows.values()}
        added = [UserChange(row.username, None, None, row.node_seconds) for row in told.added]
        return sorted(
            [*added, *(_user_change(before[row.id], row) for row in told.changed)], key=_place
        )

    async def changed(self, revision: int | None) -> list[UserChange]:
        """What became of the rows at *revision*."""
        if revision is None:
            return []
        before, after = await self.rows(self.at), await self.rows(revision)
        found = [(before.get(user), row) for user, row in after.items()]
        return sorted((_user_change(old, new) for old, new in found if old != new), key=_place)

    async def rows(self, at: int) -> dict[int | None, KnownRow]:
        """The rows at a revision, by internal user id."""
        return {user: KnownRow(*row) for user, *row in await self.ask(_ROWS, at=Int8(at))}

    async def associations(self) -> Associations:
        """Who has which local user now."""
        claims, user_ids = set(), {}
        for local_user, name, user_id in await self.ask(_ASSOCIATIONS):
            user = UserIdentifier.parse(name)
            claims.add(Claim(local_user, user))
            user_ids[user] = user_id
        return Associations(frozenset(claims), user_ids, frozenset())

    async def ask(self, query: str, **more: object) -> list[tuple[Any, ...]]:
        """Return what *query* finds about the statement."""
        values = {
            "allocation": Int8(self.allocation),
            "year": self.month.year,
            "month": self.month.month,
            "start": self.month.start,
            "end": self.month.end,
            "at": Int8(self.at),
        }
        return await (await self.connection.execute(query, values | more)).fetchall()


def _user_change(before: KnownRow | None, after: KnownRow) -> UserChange:
    if before is None:
        return UserChange(after.username, None, None, after.node_seconds)
    former = before.username if before.username != after.username else None
    return UserChange(after.username, former, before.node_seconds, after.node_seconds)


def _place(change: UserChange) -> tuple[bool, str]:
    """By user identifier, nobody last."""
    return change.username == UNKNOWN, change.username
