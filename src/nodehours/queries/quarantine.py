"""Quarantine, as staff look at it: what is not believed, why, and what was decided of it.

Only who sees everything is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

_LIST = """
select quarantine.id, held, status, source, resource, project, place, reason, sentence, octet_length(record),
       decided, decided_by, decision_reason, document.name
from quarantine left join run_documents as document on document.id = document_id
where {which} order by quarantine.id
"""
_FIND = """
select document.run_id, document.sha256, record
from quarantine left join run_documents as document on document.id = document_id
where quarantine.id = %s
"""
_ANY = sql.SQL("true")
_HELD = sql.SQL("status = 'held'")
_ONE = sql.SQL("quarantine.id = %(id)s")


class RecordLine(NamedTuple):
    """A record in quarantine: since when (UTC), where it stood, why it is not believed, and what was decided.

    ``status`` is ``held``, ``released`` or ``dropped``; ``place`` is the day, or the first and the last of several,
    or the path in the report; ``document`` is the name of the one it came in, if that is known.
    """

    id: int
    held: datetime
    status: str
    source: str
    resource: str
    project: str
    place: str
    reason: str
    sentence: str
    size_bytes: int
    decided: datetime | None
    decided_by: str | None
    decision_reason: str | None
    document: str | None


@dataclass(frozen=True, slots=True)
class RecordTold:
    """One record whole: the run that it came in and its document's SHA-256, if they are known, and its own bytes."""

    line: RecordLine
    run: int | None
    document_sha256: bytes | None
    record: bytes


async def list_quarantine(
    connection: Connection, scope: Scope, *, decided: bool = False
) -> list[RecordLine]:
    """Return the records that wait for a decision, oldest first; *decided*: the others too."""
    return await _lines(connection, scope, _ANY if decided else _HELD, {})


async def find_record(connection: Connection, scope: Scope, record_id: int) -> RecordTold | None:
    """Return the record with that id; None if there is none, or none that may be told."""
    lines = await _lines(connection, scope, _ONE, {"id": Int8(record_id)})
    if not lines:
        return None
    found = await (await connection.execute(_FIND, [Int8(record_id)], binary=True)).fetchall()
    ((run, sha256, record),) = found
    return RecordTold(lines[0], run, sha256, record)


async def _lines(
    connection: Connection, scope: Scope, which: sql.SQL, values: dict[str, Any]
) -> list[RecordLine]:
    if not scope.everything:
        return []
    rows = await connection.execute(sql.SQL(_LIST).format(which=which), values)
    return [_in_utc(RecordLine(*row)) async for row in rows]


def _in_utc(line: RecordLine) -> RecordLine:
    decided = line.decided and line.decided.astimezone(UTC)
    return line._replace(held=line.held.astimezone(UTC), decided=decided)
