"""A run of Slurm's job logs into the ledger: records into the archive, and the archive's months into statements.

A statement is reckoned from all jobs that the archive has, so it does not matter in which files or windows they came.
Months are marked in the archive until they are posted: what a killed run left is posted by the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nodehours.intake.reckoned import projects_of
from nodehours.intake.run import ProjectPosted, Refused, Run
from nodehours.ledger.clock import Origin
from nodehours.ledger.errors import LedgerError, UnpostableError
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.moment import Watch, unwatched
from nodehours.ledger.post import post, refusals
from nodehours.ledger.quarantine import Record, hold
from nodehours.ledger.reckoned_days import has_reckoned_days, misclaimed, reckoned_days
from nodehours.ledger.reckoning import rules_of, set_rule
from nodehours.ledger.runs import add_document, begin_run, end_failed_run, end_run
from nodehours.ledger.store import Connection
from nodehours.sources.document import STDIN, Document, UnreadableError, opened
from nodehours.sources.slurm.accounts import Accounts
from nodehours.sources.slurm.archive import Archive, copied_archive, is_archive, opened_archive
from nodehours.sources.slurm.attempt import Told
from nodehours.sources.slurm.engines import Asked, Engine, opened_engine
from nodehours.sources.slurm.far import far_archive
from nodehours.sources.slurm.kept import Kept, MappedBy
from nodehours.sources.slurm.months import RuleFrom, Setting, month_usage, reopened_months
from nodehours.sources.slurm.reading import BadRecord, JobRecords
from nodehours.terms.calendar import Calendar, read_zone
from nodehours.terms.doubt import DoubtReason
from nodehours.terms.fault import Fault
from nodehours.terms.month import Month
from nodehours.terms.rule import Kind, Rule
from nodehours.terms.usage import Claim, ProjectUsage

SOURCE = "slurm"
MAX_HELD = 1000
"""How many bad records of a document are held one by one; the others are held together."""

MAX_DOCUMENT_BYTES = 64 * 2**30
"""The largest job log that is read, unpacked."""

_MB = 10**6
_FIRST = date(1, 1, 1)
DEFAULT_RULE = Rule(Kind.ALLOCATED_NODES)


class RuleError(LedgerError):
    """The resource has another rule than the one that was asked for."""


@dataclass(frozen=True, slots=True)
class JobLog:
    """What is said of job logs: ``cluster`` where records name none, ``zone`` of local times, ``names`` of fields.

    Without a ``cluster`` they are of the only one that the archive has, or it is called as the resource.

    ``known`` is the span of seconds since 1970 of which everything was asked for, if that was said.
    """

    cluster: str | None = None
    zone: ZoneInfo | None = None
    names: Sequence[str] = ()
    known: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What usage is made of: of which ``resource``, from which archive, for whom, by which rule (None: as is set).

    ``only_last`` says whether the rule is to count only last attempts (None: as it says itself), ``mapped_by`` names
    the files that ``accounts`` are of. The archive is a directory, or the URL of a copy that is only read; with
    ``begins_anew`` it may be a new one, though usage was reckoned from another. ``engine`` is what reckons with it.
    """

    resource: str
    archive: Path | str
    accounts: Accounts = field(default_factory=Accounts)
    rule: Rule | None = None
    only_last: bool | None = None
    engine: Asked = field(default_factory=Asked)
    mapped_by: MappedBy = field(default_factory=MappedBy)
    begins_anew: bool = False


class LogRead(NamedTuple):
    """What a document held: its records, the attempts among them, how many were new or changed, and bad records."""

    document: str
    records: int
    attempts: int
    changed: int
    bad: int


@dataclass(frozen=True, slots=True)
class JobRun:
    """What came of a run: what was read, and what was posted."""

    run: Run
    read: list[LogRead] = field(default_factory=list)


def ingest(
    connection: Connection,
    names: Iterable[str],
    log: JobLog,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    reason: str = "",
    by_whom: str = "",
    watch: Watch = unwatched,
) -> JobRun:
    """Take in the job logs in the files *names* (``-`` for standard input), and post what the archive then comes to.

    A bad record is held in quarantine and stops nothing. A dry run does all the same and takes it back. Raises
    ``RuleError``, ``UnreadableError`` when the archive cannot be used, ``UnavailableError`` when the database fails.
    """
    with running(connection, wanted, dry_run=dry_run, reason=reason, by_whom=by_whom) as run:
        for name in names:
            run.read(name, log, watch)
        run.post_months(watch)
        run.posted()
    return run.told


def rebuild(
    connection: Connection,
    months: Iterable[Month],
    wanted: Wanted,
    *,
    dry_run: bool = False,
    reason: str = "",
    by_whom: str = "",
    watch: Watch = unwatched,
) -> JobRun:
    """Post *months* again from the archive: by the rules, the time zone and the accounts of now.

    Raises as ``ingest`` does.
    """
    place = wanted.archive
    if isinstance(place, Path) and not is_archive(place):
        raise UnreadableError(
            f"there is no archive of jobs in {place}: `nodehours ingest slurm` begins one,"
            " --archive or NODEHOURS_ARCHIVE names another"
        )
    with running(connection, wanted, dry_run=dry_run, reason=reason, by_whom=by_whom) as run:
        run.archive.mark(months)
        run.post_months(watch)
        run.posted()
    return run.told


@contextmanager
def running(
    connection: Connection, wanted: Wanted, *, dry_run: bool, reason: str, by_whom: str
) -> Iterator[Running]:
    """Begin a run, and end it with its verdict."""
    whole: AbstractContextManager[object] = (
        connection.transaction(force_rollback=True) if dry_run else nullcontext()
    )
    with (
        opened_engine(wanted.engine) as engine,
        _archive(wanted, engine, is_dry=dry_run) as archive,
        whole,
    ):
        _refuse_a_loss(connection, wanted, archive)
        setting = _setting(connection, wanted)
        archive.map_by(wanted.mapped_by)
        begun = begin_run(connection, SOURCE, wanted.resource, reason, by_whom)
        run = Running(
            connection,
            archive,
            engine,
            wanted,
            setting,
            JobRun(Run(begun, is_dry=dry_run)),
            Origin(None, reason, by_whom),
        )
        try:
            yield run
        except (LedgerError, UnreadableError) as error:
            end_failed_run(connection, begun, run.told.run.failed(str(error)))
            raise
        end_run(connection, begun, run.told.run.outcome)


@contextmanager
def _archive(wanted: Wanted, engine: Engine, *, is_dry: bool) -> Iterator[Kept]:
    """Open the archive; for a dry run, a copy of it that is thrown away. One that is elsewhere is not written to."""
    place, memory = wanted.archive, wanted.engine.memory
    if isinstance(place, str):
        yield far_archive(place, engine)
        return
    if not is_dry:
        with opened_archive(place, memory) as archive:
            yield archive
        return
    with TemporaryDirectory(prefix="nodehours-") as copy:
        copied_archive(place, Path(copy))
        with opened_archive(Path(copy), memory) as archive:
            yield archive


def _refuse_a_loss(connection: Connection, wanted: Wanted, archive: Kept) -> None:
    """Refuse an archive of nothing where there was one: what it does not know would be taken back."""
    if (
        not archive.clusters
        and not wanted.begins_anew
        and has_reckoned_days(connection, wanted.resource)
    ):
        raise UnreadableError(
            f"there are no jobs in the archive {wanted.archive}, but usage of {wanted.resource} was reckoned from one:"
            " name that one with --archive or NODEHOURS_ARCHIVE; or take in all jobs again, with --new-archive"
        )


def _setting(connection: Connection, wanted: Wanted) -> Setting:
    """Return the rules that hold; the first time, the one that was asked for is kept."""
    known = rules_of(connection, wanted.resource)
    if not known.rules:
        rule = _asked_rule(wanted, DEFAULT_RULE)
        set_rule(connection, wanted.resource, _FIRST, str(rule))
        rules = [RuleFrom(_FIRST, rule)]
    else:
        rules = [RuleFrom(since, Rule.parse(text)) for since, text in known.rules]
    if (rule := _asked_rule(wanted, rules[-1].rule)) != rules[-1].rule:
        raise RuleError(
            f"{wanted.resource} has the rule {rules[-1].rule}: `nodehours resource set {wanted.resource}"
            f" --rule {rule} --from YYYY-MM-DD` says from when it is another"
        )
    return Setting(rules, Calendar(read_zone(known.time_zone)))


def _asked_rule(wanted: Wanted, otherwise: Rule) -> Rule:
    rule = wanted.rule or otherwise
    return rule if wanted.only_last is None else replace(rule, only_last=wanted.only_last)


@dataclass(slots=True)
class Running:
    """A run under way."""

    connection: Connection
    archive: Kept
    engine: Engine
    wanted: Wanted
    setting: Setting
    told: JobRun
    origin: Origin
    documents: int = 0
    refused: set[Month] = field(default_factory=set)

    def read(self, name: str, log: JobLog, watch: Watch) -> None:
        """Take the records of the file *name* into the archive."""
        called = "<stdin>" if name == STDIN else name.encode(errors="backslashreplace").decode()
        self.read_as(name, called, log, watch)

    def read_as(self, name: str, called: str, log: JobLog, watch: Watch = unwatched) -> None:
        """Take the records of the file *name*, that is *called* otherwise, into the archive."""
        try:
            with opened(name, MAX_DOCUMENT_BYTES) as found:
                self._read(replace(found, name=called), log, watch)
        except UnreadableError as error:
            self.told.run.add(Refused(Fault(called, str(error))))

    def _read(self, document: Document, log: JobLog, watch: Watch) -> None:
        run, archive = self.told.run, self.archive
        if not isinstance(archive, Archive):
            raise UnreadableError(f"the archive {self.wanted.archive} is only read")
        kept = add_document(
            self.connection, run.id, document.name, document.sha256, len(document.content)
        )
        self.documents += 1
        self.origin = replace(self.origin, document=kept)
        now = int(datetime.now(UTC).timestamp())
        known = list(self.archive.clusters)
        cluster = log.cluster or (known[0] if len(known) == 1 else self.wanted.resource)
        cluster = cluster.lower()  # as Slurm has it, however it is written
        counts = {tres for one in self.setting.rules for tres in one.rule.counts}
        records = JobRecords(document, Told(cluster, log.zone, now), log.names, counts)

        def tell(done: int) -> None:
            watch(f"{document.name}: MB", -(-done // _MB), -(-len(document.content) // _MB))

        added = archive.add(records.batches(tell), "" if log.cluster or known else cluster)
        # What was not understood may be of any of these days.
        if log.known and not records.bad:
            since, until = log.known
            for name in added.clusters or {cluster}:
                archive.cover(name, since, min(until, now))
        self._hold(document, kept, records)
        self.told.read.append(
            LogRead(document.name, records.records, added.attempts, added.changed, len(records.bad))
        )

    def _hold(self, document: Document, kept: int, records: JobRecords) -> None:
        bad, rest = records.bad[:MAX_HELD], records.bad[MAX_HELD:]
        for one in [*bad, *_together(rest)]:
            text = one.text.encode()
            record = Record(
                kept, SOURCE, self.wanted.resource, "", one.place, DoubtReason.SHAPE.value,
                one.sentence, text, hashlib.sha256(text).digest(),
            )  # fmt: skip
            fault = Fault(document.name, one.sentence, place=one.place)
            self.told.run.add(Refused(fault, DoubtReason.SHAPE, hold(self.connection, record)))

    def post_months(self, watch: Watch) -> None:
        """Post all months that were changed since they were posted. The archive is still to be told."""
        if self.documents != 1:
            self.origin = replace(self.origin, document=self._archive_document())
        months = self._unposted()
        for done, month in enumerate(months):
            watch("months", done, len(months))
            self._post_month(month)
        watch("months", len(months), len(months))

    def _unposted(self) -> list[Month]:
        months = {Month(*map(int, month.split("-"))) for month in self.archive.unposted}
        if self.setting.may_count_last and months:
            months |= reopened_months(self.archive, self.engine, months)
        return sorted(months)

    def _archive_document(self) -> int:
        """Name the archive as what is posted from."""
        content = self.archive.written
        return add_document(
            self.connection, self.told.run.id, f"archive {self.wanted.archive}",
            hashlib.sha256(content).digest(), len(content),
        )  # fmt: skip

    def _post_month(self, month: Month) -> None:
        now = int(datetime.now(UTC).timestamp())
        usage = month_usage(self.archive, month, self.setting, now, self.engine)
        known = reckoned_days(self.connection, self.wanted.resource, month)
        for told, people in projects_of(usage, self.setting, self.wanted.accounts, known):
            if not self._post(told, people):
                self.refused.add(month)

    def posted(self) -> None:
        """Tell the archive what was posted. Months of which something was refused are tried again."""
        self.archive.posted(self.refused)

    def _post(self, usage: ProjectUsage, people: dict[str, Claim | None]) -> bool:
        connection, resource = self.connection, self.wanted.resource
        name = str(usage.project)
        try:
            with refusals(f"{name} was posted"), connection.transaction():
                months = post(connection, usage, resource, self.origin, last_word=True)
                for local_user in misclaimed(connection, usage.project, resource, people):
                    claim = people[local_user]
                    user = claim and claim.user_identifier
                    map_local_user(
                        connection, usage.project, resource, local_user, user, self.origin
                    )
        except UnpostableError as error:
            self.told.run.add(Refused(Fault("", str(error), name), DoubtReason.UNPOSTABLE))
            return False
        self.told.run.add(ProjectPosted(str(self.wanted.archive), name, months))
        return True


def _together(bad: Sequence[BadRecord]) -> list[BadRecord]:
    """Make one record of many."""
    if not bad:
        return []
    text = "".join(f"{one.place}: {one.sentence}: {one.text}\n" for one in bad)
    return [BadRecord(f"{bad[0].place} and {len(bad) - 1} more", bad[0].sentence, text)]
