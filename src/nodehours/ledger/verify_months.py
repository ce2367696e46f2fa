"""The statements checked: each version's sums, counts, state and hash against its days and rows then.

A statement's versions begin with its postings and with what closed it or opened it again; its days and rows change
with its postings only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from nodehours.ledger.closed_times import Closing, History, steps
from nodehours.ledger.verify_days import day_of, unchained
from nodehours.ledger.versions import (
    CountVersion,
    KeptMonth,
    MonthDayVersion,
    Posting,
    RowVersion,
    StatementVersion,
    held,
)
from nodehours.terms.content import RowContent, StatementContent, statement_sha256
from nodehours.terms.difference import Difference, Place
from nodehours.terms.fault import shown
from nodehours.terms.month import Month

_WITHOUT_POSTING = {"closing", "reopening"}
_NEAR = timedelta(hours=1)
"""How near to a month's end the clocks of the ledger and of who posts may disagree on whether it is over."""


class AllocationKnown(NamedTuple):
    """An allocation's UUID, its name as in ``climate.brics on isca``, its project's history, and all its names."""

    uuid: UUID
    name: str
    project: History
    project_names: frozenset[str]


class Known(NamedTuple):
    """What is known beside the month: the allocation, the closings of the month, and since when there is a memory."""

    allocation: AllocationKnown
    closings: Sequence[Closing]
    first_remembered: int


class _Page(NamedTuple):
    """A month to check: its versions in their order, and its place."""

    month: Month
    place: Place
    known: Known
    statements: list[StatementVersion]
    postings: dict[int, Posting]
    counts: list[CountVersion]
    days: list[MonthDayVersion]
    rows: list[RowVersion]

    def at(self, revision: int) -> Place:
        """The place of a version."""
        return self.place._replace(revision=revision)


def month_differences(kept: KeptMonth, known: Known | None) -> Iterator[Difference]:
    """Yield what is not as it should be in a month of an allocation, of which None is *known* if there is none."""
    if known is None or kept.year is None or kept.month is None or not _stands(kept):
        name = known.allocation.name if known else f"allocation {kept.allocation}"
        what = f"the statement of {kept.year}-{kept.month}, of which something is kept,"
        yield Difference(Place(name), what, "there", "missing")
        return
    page = _opened(kept, known, Month(kept.year, kept.month))
    for check in _CHECKS:
        yield from check(page)


def _opened(kept: KeptMonth, known: Known, month: Month) -> _Page:
    return _Page(
        month,
        Place(known.allocation.name, month),
        known,
        kept.statements,
        {posting.revision: posting for posting in kept.postings},
        kept.counts,
        kept.days,
        kept.rows,
    )


def _stands(kept: KeptMonth) -> bool:
    return any(version.until is None for version in kept.statements)


def _postings(page: _Page) -> Iterator[Difference]:
    """Every posting made a version and every version has its posting, or is of a closing."""
    yield from unchained(page.statements, "the end of the statement's version", page.place)
    before: int | None = None
    for posting in page.postings.values():
        if posting.former_node_seconds != before:
            yield Difference(
                page.at(posting.revision),
                "the former node-seconds of the posting",
                f"{_said(before)}, as they were before,",
                _said(posting.former_node_seconds),
            )
        before = posting.node_seconds
    versions = {version.revision: version for version in page.statements}
    first = page.statements[0].revision
    for revision, posting in page.postings.items():
        if revision in versions:
            yield from _posted(page, posting, versions[revision])
        elif not revision <= min(page.known.first_remembered, first):
            yield Difference(
                page.at(revision), "the statement's version of the posting", "there", "missing"
            )
    for former, version in pairwise([None, *page.statements]):
        if version is not None and version.revision not in page.postings:
            yield from _unposted(page, former, version)


def _said(figure: int | None) -> str:
    return "none" if figure is None else str(figure)


def _posted(page: _Page, posting: Posting, version: StatementVersion) -> Iterator[Difference]:
    if posting.node_seconds != version.node_seconds:
        yield Difference(
            page.at(posting.revision),
            "the node-seconds of the posting",
            f"{version.node_seconds}, the statement's,",
            str(posting.node_seconds),
        )


def _unposted(
    page: _Page, former: StatementVersion | None, version: StatementVersion
) -> Iterator[Difference]:
    at = page.at(version.revision)
    if version.kind not in _WITHOUT_POSTING or former is None:
        found = "missing" if version.kind is None else f"missing in a {version.kind}"
        yield Difference(at, "the posting of the statement's version", "there", found)
    elif former.node_seconds != version.node_seconds:
        expected = f"{former.node_seconds}, as before,"
        yield Difference(at, "the statement's node-seconds", expected, str(version.node_seconds))


def _day_times(page: _Page) -> Iterator[Difference]:
    for number, days in groupby(page.days, key=attrgetter("day")):
        versions = list(days)
        place = page.place._replace(month=None, day=day_of(number))
        for version in versions:
            if version.revision not in page.postings:
                at = place._replace(revision=version.revision)
                yield Difference(at, "the posting of the day's version", "there", "missing")


def _row_times(page: _Page) -> Iterator[Difference]:
    for row, found in groupby(page.rows, key=attrgetter("id")):
        versions = list(found)
        place = page.place._replace(row=row)
        yield from unchained(versions, "the end of the row's version", place)
        for version in versions:
            if version.revision not in page.postings:
                at = place._replace(revision=version.revision)
                yield Difference(at, "the posting of the row's version", "there", "missing")
        first = versions[0]
        if first.first_revision != first.revision:
            expected = f"{first.revision}, that of its first version,"
            yield Difference(place, "the row's first revision", expected, str(first.first_revision))


def _row_names(page: _Page) -> Iterator[Difference]:
    """A row's user identifier is one in the allocation's project, by a name that it has or had."""
    names = page.known.allocation.project_names
    for row in page.rows:
        if row.user_id is not None and row.username.partition(".")[2] not in names:
            at = page.place._replace(row=row.id, revision=row.revision)
            expected = f"of {' or '.join(sorted(names)) or 'no project'}"
            yield Difference(at, "the row's user identifier", expected, shown(row.username))


def _contents(page: _Page) -> Iterator[Difference]:
    """Compare each version's sums, counts and hash with the days and rows that held then."""
    revisions = [version.revision for version in page.statements]
    then = zip(page.statements, held(page.days, revisions), held(page.rows, revisions), strict=True)
    for version, days, rows in then:
        yield from _sums(page.at(version.revision), version, list(days), list(rows))
        sha256 = statement_sha256(_content(page, version, days, rows))
        if sha256 != version.sha256:
            expected = f"{sha256.hex()}, by its rows and days,"
            found = version.sha256.hex() if version.sha256 else "missing"
            yield Difference(page.at(version.revision), "the statement's SHA-256", expected, found)


def _sums(
    at: Place,
    version: StatementVersion,
    days: Sequence[MonthDayVersion],
    rows: Sequence[RowVersion],
) -> Iterator[Difference]:
    unattributed = sum(row.user_id is None for row in rows)
    by_row, by_day = (sum(one.node_seconds for one in of) for of in (rows, days))
    compared = (
        ("node-seconds", by_row, "the sum over its rows", version.node_seconds),
        ("node-seconds", by_day, "the sum over its days", version.node_seconds),
        ("complete days", sum(day.is_complete for day in days), "by its days", version.complete_days),
        ("number of rows", len(rows), "as many as there are", version.row_count),
        ("number of unattributed rows", 1, "always", unattributed),
    )  # fmt: skip
    for what, expected, by, found in compared:
        if expected != found:
            yield Difference(at, f"the statement's {what}", f"{expected}, {by},", str(found))


def _content(
    page: _Page,
    version: StatementVersion,
    days: Iterable[MonthDayVersion],
    rows: Iterable[RowVersion],
) -> StatementContent:
    hashes: Mapping[date, bytes] = {
        day: one.sha256 for one in days if (day := day_of(one.day)) is not None
    }
    return StatementContent(
        page.known.allocation.uuid,
        page.month,
        version.node_seconds,
        version.complete_days,
        [RowContent(row.id, row.user, row.username, row.node_seconds) for row in rows],
        hashes,
    )


def _counts(page: _Page) -> Iterator[Difference]:
    """Compare the versions of the number of rows with the rows' first revisions."""
    firsts = Counter({row.id: row.first_revision for row in page.rows}.values())
    yield from count_differences(
        page.counts, firsts, page.statements[0].revision, "the statement's number of rows", page.place
    )  # fmt: skip


def count_differences(
    counts: Sequence[CountVersion], firsts: Mapping[int, int], since: int, what: str, place: Place
) -> Iterator[Difference]:
    """Yield what differs between *counts* and the rows, of which *firsts* tells how many began with which revision.

    The first of *counts* is of the revision *since*.
    """
    expected = {since: sum(count for first, count in firsts.items() if first <= since)}
    number = expected[since]
    for first in sorted(firsts):
        if first > since:
            expected[first] = number = number + firsts[first]
    yield from unchained(counts, f"the end of {what}", place)
    found = {version.revision: version.row_count for version in counts}
    for revision in sorted({*expected, *found}):
        if expected.get(revision) != found.get(revision):
            yield Difference(
                place._replace(revision=revision),
                what,
                _newly(expected.get(revision)),
                _newly(found.get(revision)),
            )


def _newly(count: int | None) -> str:
    return "not told anew" if count is None else str(count)


def _restated(page: _Page) -> Iterator[Difference]:
    """A month that was complete is restated from its first changed figure on."""
    first = page.statements[0]
    if first.is_restated:
        yield Difference(
            page.at(first.revision), "the statement's first version", "not restated", "restated"
        )
    revised = _revised(page)
    for former, version in pairwise(page.statements):
        expected = former.is_restated
        if not expected and version.revision in revised:
            if _is_near(page.month, former, version.recorded):
                continue
            expected = _was_complete(page.month, former, version.recorded)
        if version.is_restated != expected:
            named = ("not restated", "restated")
            yield Difference(
                page.at(version.revision), "the statement", named[expected], named[version.is_restated]
            )  # fmt: skip


def _revised(page: _Page) -> set[int]:
    """The revisions under which a day changed, or the figure of a row that was there."""
    rows = {
        version.revision
        for former, version in pairwise(page.rows)
        if former.id == version.id and former.node_seconds != version.node_seconds
    }
    return rows | {version.revision for version in page.days}


def _is_near(month: Month, former: StatementVersion, recorded: datetime | None) -> bool:
    """Tell whether it was too near to the end of a month known whole to say now what was thought then."""
    if recorded is None or former.complete_days < month.day_count:
        return False
    end = datetime(month.end.year, month.end.month, month.end.day, tzinfo=UTC)
    return abs(recorded - end) < _NEAR


def _was_complete(month: Month, former: StatementVersion, now: datetime | None) -> bool:
    return now is not None and month.is_over(now) and former.complete_days == month.day_count


def _closed(page: _Page) -> Iterator[Difference]:
    """A statement is closed when its closings say so, from the very revision on."""
    expected = steps(
        page.known.closings, page.known.allocation.project, page.statements[0].revision
    )
    named = ("open", "closed")
    since = [step.revision for step in expected]
    kept = [version.revision for version in page.statements]
    for revision in sorted({*since, *kept}):
        should = expected[bisect_right(since, revision) - 1].is_closed
        found = page.statements[bisect_right(kept, revision) - 1].is_closed
        if should != found:
            yield Difference(page.at(revision), "the statement", named[should], named[found])


_CHECKS = (
    _postings,
    _day_times,
    _row_times,
    _row_names,
    _contents,
    _counts,
    _restated,
    _closed,
)
