"""Verifying: every sum and every hash reckoned again, from the days to the statements, and all of the history.

A figure is checked in every version it ever had. What is found to differ is named with its place; the first
differences are those of the days, since all else follows from them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

from nodehours.ledger.closed_times import Closing, History, Membership
from nodehours.ledger.moment import Watch, one_moment, unwatched
from nodehours.ledger.store import Connection
from nodehours.ledger.verify_clock import RecordHash, clock_differences, record_differences
from nodehours.ledger.verify_days import day_differences
from nodehours.ledger.verify_months import AllocationKnown, Known, month_differences
from nodehours.ledger.versions import KeptDay, KeptMonth, Version, kept_days, kept_months
from nodehours.terms.difference import Difference

MAX_DIFFERENCES = 1000
"""How many differences are told at most."""

_LEDGER = "select revision, first_remembered from ledger"
_HOW_MANY = "select (select count(*) from usage_days), (select count(*) from statements)"
_ALLOCATIONS = """
select allocations.id, allocations.uuid, coalesce(projects.identifier, 'project ' || project_id),
       coalesce(resources.name, 'resource ' || resource_id), project_id,
       array(select identifier from project_names where project_names.project_id = allocations.project_id)
from allocations
left join projects on projects.id = project_id
left join resources on resources.id = resource_id
"""
_ORGANISATIONS = """
select id, organisation_id, until_revision
from (
    select id, organisation_id, null::bigint as until_revision from projects
    union all
    select project_id, organisation_id, until_revision from former_projects
) as known
order by id, until_revision nulls last
"""
_CLOSINGS = """
select id, organisation_id, project_id, year::int, month::int, closed_revision, reopened_revision, kind = 'moving'
from closings left join revisions on revision = closed_revision
order by id
"""
_WATCHED = 128


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, at which revision, and the first differences; ``is_all`` when there are no more.

    ``daily_figures`` are those of a local user, or of a component of theirs, in one day. Former ones are counted
    apart. Counts are of what had been checked when enough was found.
    """

    revision: int
    statements: int
    former_statements: int
    rows: int
    former_rows: int
    days: int
    former_days: int
    daily_figures: int
    former_daily_figures: int
    differences: tuple[Difference, ...]
    is_all: bool


def verify(
    connection: Connection,
    watch: Watch = unwatched,
    *,
    limit: int = 1,
    record_sha256: RecordHash | None = None,
) -> Verified:
    """Check the whole ledger as it is at one moment; up to *limit* differences are told.

    Postings go on meanwhile, and are not in it. Records in quarantine are checked by *record_sha256*, which tells
    them as their source does.
    """
    with one_moment(connection):
        return verified(connection, watch, limit=limit, record_sha256=record_sha256)


def verified(
    connection: Connection,
    watch: Watch = unwatched,
    *,
    limit: int = 1,
    record_sha256: RecordHash | None = None,
) -> Verified:
    """Check the whole ledger as the transaction, in which the caller is, sees it."""
    checking = _Checking.begun(connection, watch, record_sha256)
    with closing(checking.differences(connection)) as differences:
        found = tuple(islice(differences, limit + 1))
    return checking.told(found[:limit], is_all=len(found) <= limit)


@dataclass(frozen=True, slots=True)
class _Checking:
    """A check under way: what is known beforehand, who watches, and what was counted."""

    revision: int
    first_remembered: int
    allocations: Mapping[int, AllocationKnown]
    closings: Mapping[tuple[int, int], list[Closing]]
    watch: Watch
    record_sha256: RecordHash | None
    how_many: tuple[int, int]
    counts: Counter[str]

    @classmethod
    def begun(
        cls, connection: Connection, watch: Watch, record_sha256: RecordHash | None
    ) -> _Checking:
        """Read what every check needs to know."""
        ((revision, first_remembered),) = connection.execute(_LEDGER)
        ((days, statements),) = connection.execute(_HOW_MANY)
        closings: dict[tuple[int, int], list[Closing]] = defaultdict(list)
        for one in map(Closing._make, connection.execute(_CLOSINGS)):
            closings[one.year, one.month].append(one)
        known = _allocations(connection)
        how_many = (days, statements)
        return cls(
            revision, first_remembered, known, closings, watch, record_sha256, how_many, Counter()
        )

    def differences(self, connection: Connection) -> Generator[Difference]:
        """Yield every difference: those of the days, of the statements, and of what is kept beside them."""
        for done, day in enumerate(kept_days(connection)):
            if done % _WATCHED == 0:
                self.watch("days", done, self.how_many[0])
            self._count_day(day)
            yield from day_differences(day, self._name(day.allocation))
        for done, month in enumerate(kept_months(connection)):
            if done % _WATCHED == 0:
                self.watch("statements", done, self.how_many[1])
            self._count_month(month)
            yield from month_differences(month, self._known(month))
        self.watch("revisions", 0, None)
        yield from clock_differences(connection)
        if self.record_sha256:
            self.watch("quarantine", 0, None)
            yield from record_differences(connection, self.record_sha256)

    def _name(self, allocation: int) -> str:
        known = self.allocations.get(allocation)
        return known.name if known else f"allocation {allocation}"

    def _known(self, kept: KeptMonth) -> Known | None:
        if kept.allocation is None or kept.year is None or kept.month is None:
            return None
        allocation = self.allocations.get(kept.allocation)
        closings = self.closings.get((kept.year, kept.month), [])
        return Known(allocation, closings, self.first_remembered) if allocation else None

    def _count(self, what: str, versions: Sequence[Version]) -> None:
        current = sum(version.until is None for version in versions)
        self.counts[what] += current
        self.counts[f"former_{what}"] += len(versions) - current

    def _count_day(self, day: KeptDay) -> None:
        self._count("days", [*day.versions])
        self._count("daily_figures", [*day.cells, *day.components])

    def _count_month(self, month: KeptMonth) -> None:
        self._count("statements", [*month.statements])
        self._count("rows", [*month.rows])

    def told(self, found: tuple[Difference, ...], *, is_all: bool) -> Verified:
        """Say what was checked and found."""
        names = ("statements", "rows", "days", "daily_figures")
        counts = {name: self.counts[name] for one in names for name in (one, f"former_{one}")}
        return Verified(revision=self.revision, differences=found, is_all=is_all, **counts)


def _allocations(connection: Connection) -> dict[int, AllocationKnown]:
    histories = {
        project: History(project, [Membership(*row[1:]) for row in rows])
        for project, rows in groupby(connection.execute(_ORGANISATIONS), key=itemgetter(0))
    }
    return {
        allocation: AllocationKnown(
            uuid,
            f"{name} on {resource}",
            histories.get(project, History(project, ())),
            frozenset(names),
        )
        for allocation, uuid, name, resource, project, names in connection.execute(_ALLOCATIONS)
    }
