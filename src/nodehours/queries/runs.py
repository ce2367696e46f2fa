"""Runs, as staff look at them: what was read when, and what came of it.

A run without an end goes on for as long as its session holds the run's lock; without it the run was interrupted.
Only who sees everything is told: a run names projects, and files, of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.ledger.runs import LOCK_CLASS
from nodehours.queries.pool import Connection
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

# The locks are read after the runs are, as they were when the statement began: a run that began meanwhile is not
# asked about, and one that ended meanwhile has its end when it is read the next time.
_LIST_INTERRUPTED = """
select id from runs
where ended is null and not exists (
    select from pg_locks
    where locktype = 'advisory' and granted and classid = %s::oid and objid = (runs.id %% 2147483648)::oid
        and objsubid = 2 and database = (select oid from pg_database where datname = current_database())
)
"""
_LIST_RUNS = """
select id, source, resource, started, ended, verdict, counts, reason, by_whom from runs
where {which} order by id desc limit %(limit)s
"""
_LIST_DOCUMENTS = "select name, sha256, size_bytes from run_documents where run_id = %s order by id"
_READ_MESSAGES = "select unnest(messages) from runs where id = %s"
_LIST_POSTINGS = """
select revision, revisions.recorded, revisions.kind, projects.identifier, resources.name, year, month,
       former_node_seconds, postings.node_seconds, revisions.reason, revisions.by_whom
from run_documents
join revisions on revisions.document_id = run_documents.id
join postings using (revision)
join allocations on allocations.id = postings.allocation_id
join projects on projects.id = allocations.project_id
join resources on resources.id = allocations.resource_id
where run_documents.run_id = %s
order by revision, projects.identifier, resources.name, year, month
"""
_ANY = sql.SQL("true")
_BEFORE = sql.SQL("id < %(before)s")
_ONE = sql.SQL("id = %(id)s")


class RunState(Enum):
    """What came of a run, or that nothing did yet."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


class RunLine(NamedTuple):
    """A run: what of, when (UTC), what came of it, and who had it run and why."""

    id: int
    source: str
    resource: str | None
    started: datetime
    ended: datetime | None
    state: RunState
    counts: Mapping[str, int]
    reason: str
    by_whom: str


class RunDocument(NamedTuple):
    """A document that a run read; ``size_bytes`` is None where nobody noted it."""

    name: str
    sha256: bytes
    size_bytes: int | None


class RunPosting(NamedTuple):
    """A statement that was written from a run's documents; figures in node-seconds, ``former`` None for a new one.

    ``kind`` is that of its revision. What staff released or accepted later is there too, by its own time.
    """

    revision: int
    recorded: datetime
    kind: str
    project: str
    resource: str
    month: Month
    former: int | None
    node_seconds: int
    reason: str
    by_whom: str


@dataclass(frozen=True, slots=True)
class RunTold:
    """All that is known of one run."""

    run: RunLine
    documents: list[RunDocument]
    messages: list[str]
    postings: list[RunPosting]


async def list_runs(
    connection: Connection, scope: Scope, *, limit: int, before: int | None = None
) -> list[RunLine]:
    """Return up to *limit* runs, newest first; with *before*, those older than the run of that id."""
    which = _ANY if before is None else _BEFORE
    values = {"limit": Int8(limit), "before": None if before is None else Int8(before)}
    return await _runs(connection, scope, which, values)


async def find_run(connection: Connection, scope: Scope, run_id: int) -> RunTold | None:
    """Return all that is known of the run with that id; None if there is none, or none that may be told."""
    found = await _runs(connection, scope, _ONE, {"id": Int8(run_id), "limit": Int8(1)})
    if not found:
        return None
    of = [Int8(run_id)]
    documents = await (await connection.execute(_LIST_DOCUMENTS, of)).fetchall()
    messages = await (await connection.execute(_READ_MESSAGES, of)).fetchall()
    postings = await (await connection.execute(_LIST_POSTINGS, of)).fetchall()
    return RunTold(
        found[0],
        [RunDocument(name, bytes(sha256), size) for name, sha256, size in documents],
        [message for (message,) in messages],
        [_posting(*row) for row in postings],
    )


async def _runs(
    connection: Connection, scope: Scope, which: sql.SQL, values: Mapping[str, Any]
) -> list[RunLine]:
    if not scope.everything:
        return []
    interrupted = await connection.execute(_LIST_INTERRUPTED, [Int8(LOCK_CLASS)])
    ids = {run async for (run,) in interrupted}
    query = sql.SQL(_LIST_RUNS).format(which=which)
    rows = await connection.execute(query, values)
    return [_line(ids, *row) async for row in rows]


def _line(
    interrupted: set[int],
    run: int,
    source: str,
    resource: str | None,
    started: datetime,
    ended: datetime | None,
    verdict: str | None,
    *rest: Any,
) -> RunLine:
    unended = RunState.INTERRUPTED if run in interrupted else RunState.RUNNING
    state = RunState(verdict) if verdict else unended
    end = ended and ended.astimezone(UTC)
    return RunLine(run, source, resource, started.astimezone(UTC), end, state, *rest)


def _posting(
    revision: int,
    recorded: datetime,
    kind: str,
    project: str,
    resource: str,
    year: int,
    month: int,
    *rest: Any,
) -> RunPosting:
    of = Month(year, month)
    return RunPosting(revision, recorded.astimezone(UTC), kind, project, resource, of, *rest)
