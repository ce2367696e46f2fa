"""Where every reported second is: in the ledger, waiting for a decision, or in quarantine; read without our queries.

A *word* is what one report says of one day of one allocation, told by its content hash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from nodehours.ledger.pending import read_days
from nodehours.ledger.store import Connection
from nodehours.sources.document import Document
from nodehours.sources.openportal import Report, record_sha256
from nodehours.terms.content import digest
from nodehours.terms.days import DayDigest
from nodehours.terms.fault import Fault
from tests.ledger.writers import Command

_ALLOCATIONS = """
select project_names.identifier, allocations.id from project_names join allocations using (project_id)
"""
_LEDGER = """
select allocation_id, day, is_complete, node_seconds, sha256, null from usage_days
union all
select allocation_id, day, is_complete, node_seconds, sha256, until_revision from former_days
"""
_PENDING = "select allocation_id, id, status, days from pending"
_QUARANTINE = "select id, status, record from quarantine"
_SHA256S = "select sha256 from quarantine"
_TOTAL = "select coalesce(sum(node_seconds), 0)::bigint from statements"

# Where a word is found, or by whose decision it is not in the ledger.
STANDS = frozenset({"current", "waiting", "held", "declined", "dropped"})


class Of(NamedTuple):
    """What a word is about."""

    allocation: int
    day: date


class Place(NamedTuple):
    """Where a word is or was; ``until`` is the revision by which the ledger said something else."""

    where: str
    until: int | None = None

    def is_at(self, revision: int) -> bool:
        """Whether it may still have been there at *revision*."""
        return self.until is None or self.until > revision


Words = dict[Of, dict[DayDigest, list[Place]]]


@dataclass(frozen=True, slots=True)
class Accounts:
    """All words that are anywhere, by what they are about, and those brought up by a decision, by its words."""

    allocations: dict[str, int]
    words: Words = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    decided: dict[tuple[str, str], set[tuple[Of, DayDigest]]] = field(
        default_factory=lambda: defaultdict(set)
    )

    @classmethod
    def read(cls, connection: Connection) -> Accounts:
        """Read where each word is and was."""
        accounts = cls(dict(connection.execute(_ALLOCATIONS).fetchall()))
        for allocation, day, *told, until in connection.execute(_LEDGER):
            place = Place("current" if until is None else "former", until)
            accounts.words[Of(allocation, day)][DayDigest(*told)].append(place)
        for allocation, pending, status, days in connection.execute(_PENDING):
            for day, whole in read_days(days).items():
                accounts._put(
                    ("pending", str(pending)), Of(allocation, day), digest(day, whole), status
                )
        for record, status, text in connection.execute(_QUARANTINE):
            for of, word in accounts.told(text):
                accounts._put(("quarantine", str(record)), of, word, status)
        return accounts

    def _put(self, where: tuple[str, str], of: Of, word: DayDigest, status: str) -> None:
        self.words[of][word].append(Place(status))
        self.decided[where].add((of, word))

    def told(self, text: bytes) -> Iterator[tuple[Of, DayDigest]]:
        """Yield every word of the report *text*, without those projects that it does not tell understandably."""
        for usage in Report(Document("", text, b"")):
            if not isinstance(usage, Fault):
                allocation = self.allocations[str(usage.project)]
                for day, whole in usage.days.items():
                    yield Of(allocation, day), digest(day, whole)

    def brought(self, command: Command) -> set[tuple[Of, DayDigest]]:
        """Return the words that *command* has brought up, if it was carried out: told, accepted or released."""
        table, verb, *rest = command.words
        if table == "ingest":
            return set(self._told_understandably(Path(rest[-1])))
        if verb in {"accept", "release", "reconsider"}:
            return set().union(*(self.decided[table, one] for one in rest))
        return set()

    def _told_understandably(self, path: Path) -> Iterator[tuple[Of, DayDigest]]:
        # A killed ingest may not have come to make the project of which it tells.
        for usage in Report(Document("", path.read_bytes(), b"")):
            if not isinstance(usage, Fault) and str(usage.project) in self.allocations:
                for day, whole in usage.days.items():
                    yield Of(self.allocations[str(usage.project)], day), digest(day, whole)


def faults(path: Path) -> list[bytes]:
    """Return the hashes of those records of the report at *path* that cannot be understood."""
    report = Report(Document("", path.read_bytes(), b""))
    return [
        record_sha256(record.whole())
        for item, record in report.records()
        if isinstance(item, Fault)
    ]


def assert_accounted(connection: Connection, commands: Iterable[Command]) -> None:
    """What every ingest that succeeded has told is somewhere, or gave way to a later word; and nothing else is."""
    commands = list(commands)
    accounts = Accounts.read(connection)
    brought = [(command, accounts.brought(command)) for command in commands]
    for command, words in brought:
        if command.words[0] == "ingest" and command.succeeded:
            later = set().union(*(told for other, told in brought if other.may_follow(command)))
            lost = [one for one in words if not _is_accounted(accounts, command, *one, later)]
            assert lost == [], command
    _assert_faults_held(connection, commands)
    _assert_only_what_was_told(connection, accounts, brought)


def _is_accounted(
    accounts: Accounts, command: Command, of: Of, word: DayDigest, later: set[tuple[Of, DayDigest]]
) -> bool:
    known = accounts.words[of]
    where = {place.where for place in known.get(word, ()) if place.is_at(command.began)}
    if where & STANDS:
        return True
    if not where:
        return not word.is_complete and any(
            _outranks(other, word) and any(place.is_at(command.began) for place in places)
            for other, places in known.items()
        )
    return any(
        (of, other) in later and STANDS & {place.where for place in places}
        for other, places in known.items()
        if other != word
    )


def _outranks(other: DayDigest, word: DayDigest) -> bool:
    """An incomplete day is kept out by one that is complete, or higher."""
    return other.is_complete or other.node_seconds > word.node_seconds


def _assert_faults_held(connection: Connection, commands: Iterable[Command]) -> None:
    held = {sha256 for (sha256,) in connection.execute(_SHA256S)}
    for command in commands:
        if command.words[0] == "ingest" and command.succeeded:
            assert held.issuperset(faults(Path(command.words[-1]))), command


def _assert_only_what_was_told(
    connection: Connection,
    accounts: Accounts,
    brought: Iterable[tuple[Command, set[tuple[Of, DayDigest]]]],
) -> None:
    """Nothing is anywhere that no report told, and the ledger's total is that of the words that stand in it."""
    told = {one for command, words in brought if command.words[0] == "ingest" for one in words}
    assert told.issuperset((of, word) for of, known in accounts.words.items() for word in known)
    current = [
        word.node_seconds
        for known in accounts.words.values()
        for word, places in known.items()
        if Place("current") in places
    ]
    assert connection.execute(_TOTAL).fetchall() == [(sum(current),)]
