"""A run of OpenPortal reports into the ledger: each project in a transaction of its own.

What is not believed, and what is not understood, goes into quarantine in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from nodehours.intake.aside import SetAside, held_days
from nodehours.intake.run import ProjectPosted, Refused, Run
from nodehours.ledger.clock import Origin, locked_revision
from nodehours.ledger.errors import LedgerError, UnpostableError
from nodehours.ledger.post import MonthPosted, post, refusals
from nodehours.ledger.quarantine import (
    MAX_RECORD_BYTES,
    Held,
    decide,
    hold,
    projects_in_quarantine,
)
from nodehours.ledger.quarantine import Record as Quarantined
from nodehours.ledger.runs import add_document, begin_run, end_failed_run, end_run
from nodehours.ledger.store import Connection
from nodehours.sources.document import Document, UnreadableError, opened
from nodehours.sources.openportal import Record, Report, record_sha256
from nodehours.terms.doubt import OF_DAYS, Doubt, DoubtReason
from nodehours.terms.fault import Fault
from nodehours.terms.usage import ProjectUsage

__all__ = ["SOURCE", "ProjectPosted", "Refused", "Run", "Watch", "ingest", "unwatched"]

SOURCE = "openportal"
BELIEVED = "believed when it came again"
_REASONS = [reason.value for reason in OF_DAYS]

Watch = Callable[[str, int, int], None]
"""Called before each project with the document's name, how many projects are done, and how many it has."""


def unwatched(document: str, done: int, count: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A run under way: where it writes, what it is of, who had it run and why.

    ``set_aside`` names the projects of which days are in quarantine; ``day`` is today, if the clock is not asked.
    """

    connection: Connection
    id: int
    resource: str
    reason: str
    by_whom: str
    day: date | None
    set_aside: set[str] = field(default_factory=set)

    @property
    def today(self) -> date:
        """The day it is, UTC."""
        return self.day or datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class _Told:
    """One project of a document: the document's name and internal id, the project, and its own text."""

    running: _Running
    document: str
    document_id: int
    project: str | None
    record: Record

    @property
    def origin(self) -> Origin:
        """Where what is posted comes from."""
        return Origin(self.document_id, self.running.reason, self.running.by_whom)

    def held_days(self) -> SetAside:
        """Return which days of the project are in quarantine already."""
        if self.project not in self.running.set_aside:
            return SetAside({}, [])
        running = self.running
        return held_days(running.connection, SOURCE, running.resource, self.project)


def ingest(
    connection: Connection,
    names: Iterable[str],
    resource: str,
    *,
    dry_run: bool = False,
    reason: str = "",
    by_whom: str = "",
    today: date | None = None,
    watch: Watch = unwatched,
) -> Run:
    """Post the reports in the files *names* (``-`` for standard input) to the allocations on *resource*.

    A fault stops its project, or its document, and nothing else; days that cannot be true stop nothing else of their
    project. A dry run does all the same work in one transaction and takes it back. *today* is the day it is (UTC), if
    it is not the clock's. Raises ``UnavailableError`` when the database fails; what was posted stands.
    """
    whole: AbstractContextManager[object] = nullcontext()
    if dry_run:
        whole = connection.transaction(force_rollback=True)
    with whole:
        begun = begin_run(connection, SOURCE, resource, reason, by_whom)
        aside = projects_in_quarantine(connection, SOURCE, resource, _REASONS)
        running = _Running(connection, begun, resource, reason, by_whom, today, aside)
        run = Run(begun, is_dry=dry_run)
        try:
            for name in names:
                for item in _ingest_file(running, name, watch):
                    run.add(item)
        except LedgerError as error:
            end_failed_run(connection, begun, run.failed(str(error)))
            raise
        end_run(connection, begun, run.outcome)
    return run


def _ingest_file(running: _Running, name: str, watch: Watch) -> Iterator[ProjectPosted | Refused]:
    try:
        with opened(name) as found:
            yield from _ingest_document(running, replace(found, name=_legible(found.name)), watch)
    except UnreadableError as error:
        yield Refused(Fault(_legible(name), str(error)))


def _ingest_document(
    running: _Running, document: Document, watch: Watch
) -> Iterator[ProjectPosted | Refused]:
    report, size = Report(document), len(document.content)
    kept = add_document(running.connection, running.id, document.name, document.sha256, size)
    for done, (item, record) in enumerate(report.records()):
        watch(document.name, done, len(report))
        if isinstance(item, Fault):
            told = _Told(running, document.name, kept, item.project, record)
            yield _refuse(told, item, DoubtReason.SHAPE, record.whole)
        else:
            yield from _post(_Told(running, document.name, kept, str(item.project), record), item)


def _legible(name: str) -> str:
    """Escape what is no text in the name of a file, where any bytes can be: neither JSON nor the ledger takes them."""
    return name.encode(errors="backslashreplace").decode()


def _post(told: _Told, usage: ProjectUsage) -> Iterator[ProjectPosted | Refused]:
    running = told.running
    try:
        with refusals(f"{told.project} was posted"), running.connection.transaction():
            # Before it looks at the project's records: whoever releases one holds the clock as well.
            locked_revision(running.connection)
            aside = told.held_days()
            months = post(
                running.connection,
                usage,
                running.resource,
                told.origin,
                today=running.today,
                aside=aside.halving,
            )
            refused = list(_doubted(told, usage, months, aside))
            for record in aside.believed(usage, months):
                decide(running.connection, record, "released", running.by_whom, BELIEVED)
    except UnpostableError as error:
        fault = Fault(told.document, str(error), told.project)
        yield _refuse(told, fault, DoubtReason.UNPOSTABLE, told.record.whole)
        return
    yield ProjectPosted(told.document, str(usage.project), months)
    yield from refused


def _doubted(
    told: _Told, usage: ProjectUsage, months: Iterable[MonthPosted], aside: SetAside
) -> Iterator[Refused]:
    """Hold the days that are not believed, but for those that are held, or were dropped, already."""
    known: dict[int, Refused] = {}
    for doubt in (doubt for month in months for doubt in month.doubts):
        new = set(doubt.days)
        for day in sorted(doubt.days):
            if record := aside.find(day, usage.days[day]):
                fault = Fault(told.document, record.sentence, told.project, record.place)
                known[record.id] = Refused(fault, DoubtReason(record.reason), record.held)
                new.remove(day)
        if new:
            yield _doubt(told, replace(doubt, days=frozenset(new)))
    yield from known.values()


def _doubt(told: _Told, doubt: Doubt) -> Refused:
    fault = Fault(told.document, doubt.sentence, told.project, doubt.place)
    return _refuse(told, fault, doubt.reason, lambda: told.record.of_days(doubt.days))


def _refuse(told: _Told, fault: Fault, reason: DoubtReason, record: Callable[[], bytes]) -> Refused:
    """Hold what was not taken in, unless it is too large to be held."""
    if reason not in OF_DAYS and len(told.record) > MAX_RECORD_BYTES:
        return _too_large(fault, reason, len(told.record))
    text = record()
    if len(text) > MAX_RECORD_BYTES:
        return _too_large(fault, reason, len(text))
    return Refused(fault, reason, _hold(told, fault, reason, text))


def _too_large(fault: Fault, reason: DoubtReason, size: int) -> Refused:
    sentence = f"{fault.sentence} (too large to be kept in quarantine: {size} bytes)"
    return Refused(replace(fault, sentence=sentence), reason)


def _hold(told: _Told, fault: Fault, reason: DoubtReason, record: bytes) -> Held:
    running, project = told.running, told.project or ""
    if reason in OF_DAYS:
        running.set_aside.add(project)
    return hold(
        running.connection,
        Quarantined(
            told.document_id,
            SOURCE,
            running.resource,
            project,
            fault.place or "",
            reason.value,
            fault.sentence,
            record,
            record_sha256(record),
        ),
    )
