"""Runs: each reading of a source into the ledger, with its documents, and what came of it.

A run is written down before its first posting and again at its end. One that was killed has no end; while it
lives, its session holds a lock by which it can be told from one that does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int8

from nodehours.ledger.store import Connection

LOCK_CLASS = 0x6E6F6465
"""The bytes of "node": with a run's id it makes the advisory lock that says that the run lives."""

_BEGIN = """
insert into runs (source, resource, reason, by_whom) values (%s, %s, %s, %s)
returning id, pg_advisory_lock(%s, (id %% 2147483648)::int)
"""
_ADD_DOCUMENT = """
insert into run_documents (run_id, name, sha256, size_bytes) values (%s, %s, %s, %s) returning id
"""
_END = """
update runs set ended = clock_timestamp(), verdict = %s, counts = %s, messages = %s where id = %s
"""
# Not together with its end: the lock must be held for as long as others see no end.
_UNLOCK = "select pg_advisory_unlock(%s, (%s %% 2147483648)::int)"


class Verdict(Enum):
    """What came of a run: all was taken in, some was not, or it could not go on."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's verdict, its counts by name, and its messages."""

    verdict: Verdict
    counts: Mapping[str, int]
    messages: Iterable[str] = ()


def begin_run(
    connection: Connection, source: str, resource: str | None, reason: str, by_whom: str
) -> int:
    """Write down that a run has begun; return its id."""
    values = [source, resource, reason, by_whom, LOCK_CLASS]
    ((run, _),) = connection.execute(_BEGIN, values)
    return int(run)


def add_document(
    connection: Connection, run: int, name: str, sha256: bytes, size_bytes: int
) -> int:
    """Write down that the run reads a document; return the id by which its postings name it."""
    ((document,),) = connection.execute(_ADD_DOCUMENT, [run, name, sha256, size_bytes])
    return int(document)


def end_run(connection: Connection, run: int, outcome: Outcome) -> None:
    """Write down what came of the run."""
    told = [outcome.verdict.value, Jsonb(dict(outcome.counts)), list(outcome.messages)]
    connection.execute(_END, [*told, run])
    connection.execute(_UNLOCK, [LOCK_CLASS, Int8(run)])


def end_failed_run(connection: Connection, run: int, outcome: Outcome) -> None:
    """Write down what came of a run that could not go on, if the database still takes it."""
    with suppress(psycopg.Error):
        end_run(connection, run, outcome)
