"""Quarantine: records that are not believed, kept as they came until staff release or drop them.

The same record is held once, however often it comes; once it was dropped it is not held again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from nodehours.ledger.errors import DecidedError, UnknownNameError
from nodehours.ledger.store import Connection

MAX_RECORD_BYTES = 2**26
"""The largest record that is kept; a larger one stays in its document."""

_HOLD = """
insert into quarantine (document_id, source, resource, project, place, reason, sentence, record, sha256)
values (%(document)s, %(source)s, %(resource)s, %(project)s, %(place)s, %(reason)s, %(sentence)s,
        %(record)s, %(sha256)s)
on conflict (source, resource, project, place, sha256) where status <> 'released' do nothing
returning id
"""
_FIND_SAME = """
select id, status from quarantine
where (source, resource, project, place, sha256)
    = (%(source)s, %(resource)s, %(project)s, %(place)s, %(sha256)s)
and status <> 'released'
"""
_FIND = """
select id, status, source, resource, project, place, document_id, record from quarantine where id = %s for update
"""
_NAME_PROJECTS = """
select distinct project from quarantine where source = %s and resource = %s and status <> 'released'
and reason = any(%s)
"""
_LIST_KEPT = """
select id, status, place, reason, sentence, record from quarantine
where source = %s and resource = %s and project = %s and status <> 'released' and reason = any(%s) order by id
"""
_DECIDE = """
update quarantine set status = %s, decided = clock_timestamp(), decided_by = %s, decision_reason = %s
where id = %s and status = 'held'
"""


@dataclass(frozen=True, slots=True)
class Record:
    """Something that is not believed: where it is from, its own bytes, and why.

    ``place`` is the day, or the first and the last of several, or the path in the report; ``document`` the internal
    id of a run's document. ``sha256`` tells what the record says: two with the same are the same record.
    """

    document: int | None
    source: str
    resource: str
    project: str
    place: str
    reason: str
    sentence: str
    record: bytes
    sha256: bytes


class Held(NamedTuple):
    """The id under which a record is kept, whether it is ``held`` or was ``dropped``, and whether it was not known."""

    id: int
    status: str
    is_new: bool = False

    @property
    def is_dropped(self) -> bool:
        """Whether staff decided that it is not to be believed."""
        return self.status == "dropped"


class KeptRecord(NamedTuple):
    """A record that was not released: it is ``held``, or was ``dropped``."""

    id: int
    status: str
    place: str
    reason: str
    sentence: str
    record: bytes

    @property
    def held(self) -> Held:
        """Where it is."""
        return Held(self.id, self.status)


class HeldRecord(NamedTuple):
    """A record to decide on."""

    id: int
    status: str
    source: str
    resource: str
    project: str
    place: str
    document: int | None
    record: bytes


def hold(connection: Connection, record: Record) -> Held:
    """Keep *record*, or find it when it is kept already."""
    values = {name: getattr(record, name) for name in Record.__slots__}
    while True:
        if made := connection.execute(_HOLD, values).fetchone():
            return Held(made[0], "held", is_new=True)
        if found := connection.execute(_FIND_SAME, values).fetchone():
            return Held(*found)
        # It was there, and was released in between: then it is held once more.


def projects_in_quarantine(
    connection: Connection, source: str, resource: str, reasons: Collection[str]
) -> set[str]:
    """Name the projects that have records which were not released, for any of *reasons*."""
    found = connection.execute(_NAME_PROJECTS, [source, resource, list(reasons)])
    return {project for (project,) in found}


def kept_records(
    connection: Connection, source: str, resource: str, project: str, reasons: Collection[str]
) -> list[KeptRecord]:
    """Return the *project*'s records that were not released, for any of *reasons*, oldest first."""
    found = connection.execute(_LIST_KEPT, [source, resource, project, list(reasons)])
    return [KeptRecord(*row) for row in found]


def held_record(connection: Connection, record_id: int) -> HeldRecord:
    """Return the record that waits for a decision, locked for the rest of the transaction.

    Raises ``UnknownNameError`` when there is none, ``DecidedError`` when it was decided already.
    """
    found = connection.execute(_FIND, [record_id]).fetchone()
    if found is None:
        raise UnknownNameError(
            f"there is no record {record_id} in quarantine: see `nodehours quarantine list`"
        )
    record = HeldRecord(*found)
    if record.status != "held":
        raise DecidedError(f"record {record_id} was {record.status} already")
    return record


def decide(connection: Connection, record_id: int, status: str, by_whom: str, reason: str) -> None:
    """Write down the decision on a record: ``released`` or ``dropped``. What was decided already stays decided."""
    connection.execute(_DECIDE, [status, by_whom, reason, record_id])


def drop_record(connection: Connection, record_id: int, by_whom: str, reason: str) -> HeldRecord:
    """Decide that a record is not to be believed; it stays where it is, and does not come up again."""
    with connection.transaction():
        record = held_record(connection, record_id)
        decide(connection, record_id, "dropped", by_whom, reason)
    return record
