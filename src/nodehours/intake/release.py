"""Releasing a record from quarantine: it is read as if it had just come, and believed."""

from __future__ import annotations

from typing import NamedTuple

from nodehours.intake.openportal import SOURCE
from nodehours.ledger.clock import Origin, locked_revision
from nodehours.ledger.errors import UnpostableError
from nodehours.ledger.post import MonthPosted, post
from nodehours.ledger.quarantine import decide, held_record
from nodehours.ledger.store import Connection
from nodehours.sources.document import Document
from nodehours.sources.openportal import Report
from nodehours.terms.fault import Fault


class Released(NamedTuple):
    """What a released record did to one project's allocation."""

    project: str
    months: list[MonthPosted]


def release_record(
    connection: Connection, record_id: int, by_whom: str, reason: str
) -> list[Released]:
    """Post what the record *record_id* says, whatever was doubted of it, and write down the decision.

    Raises ``UnknownNameError``, ``DecidedError``, and ``UnpostableError`` when it is still not understood, or cannot
    be posted; it then stays as it was.
    """
    with connection.transaction():
        # First the clock, as whoever changes anything: a run holds it while it looks at its project's records.
        locked_revision(connection)
        record = held_record(connection, record_id)
        if record.source != SOURCE:
            raise UnpostableError(
                f"it is a record of a {record.source} job log, of which alone no statement can be told: mend the log"
                f" and take it in again, then drop this (`nodehours quarantine drop {record_id}`)"
            )
        origin = Origin(record.document, reason, by_whom)
        released = []
        for item in Report(Document(f"record {record_id}", bytes(record.record), b"")):
            if isinstance(item, Fault):
                raise UnpostableError(f"it is still not understood: {item}")
            months = post(connection, item, record.resource, origin)
            released.append(Released(str(item.project), months))
        decide(connection, record_id, "released", by_whom, reason)
    return released
