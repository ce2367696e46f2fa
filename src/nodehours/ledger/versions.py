"""Every version of every figure, read day by day and month by month in bounded memory.

A version holds from its ``revision`` until (not including) ``until``; None: it holds now. Days are numbers, counted
from 1970-01-01, since what is kept need not be a day that there can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple, Protocol, TypeVar
from uuid import UUID

from nodehours.ledger.store import Connection

Row = tuple[Any, ...]
Key = tuple[Any, ...]

_FETCHED_ROWS = 5000

_DAYS = """
select allocation_id, day - date '1970-01-01', is_complete, jobs, wait_seconds, node_seconds, sha256, rule, revision,
       until
from (
    select allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule, revision,
           null::bigint as until
    from usage_days
    union all
    select allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule, revision, until_revision
    from former_days
) as versions
order by allocation_id, day
"""
_CELLS = """
select allocation_id, day - date '1970-01-01', local_user, node_seconds, jobs, wait_seconds, revision, until
from (
    select allocation_id, day, local_user, node_seconds, jobs, wait_seconds, revision, null::bigint as until
    from daily_usage
    union all
    select allocation_id, day, local_user, node_seconds, jobs, wait_seconds, revision, until_revision
    from former_daily_usage
) as versions
order by allocation_id, day
"""
_COMPONENTS = """
select allocation_id, day - date '1970-01-01', local_user, component, component_seconds, revision, until
from (
    select allocation_id, day, local_user, component, component_seconds, revision, null::bigint as until
    from daily_components
    union all
    select allocation_id, day, local_user, component, component_seconds, revision, until_revision
    from former_daily_components
) as versions
order by allocation_id, day
"""
_STATEMENTS = """
select allocation_id, year::int, month::int, node_seconds, complete_days::int, row_count, is_closed, is_restated,
       sha256, versions.revision, until, kind, recorded
from (
    select allocation_id, year, month, node_seconds, complete_days, row_count, is_closed, is_restated, sha256,
           revision, null::bigint as until
    from statements
    union all
    select allocation_id, year, month, node_seconds, complete_days, row_count, is_closed, is_restated, sha256,
           revision, until_revision
    from former_statements
) as versions
left join revisions on revisions.revision = versions.revision
order by allocation_id, year, month, versions.revision
"""
_POSTINGS = """
select allocation_id, year::int, month::int, former_node_seconds, node_seconds, revision from postings
order by allocation_id, year, month, revision
"""
_COUNTS = """
select allocation_id, year::int, month::int, row_count, revision, until
from (
    select allocation_id, year, month, row_count, count_revision as revision, null::bigint as until from statements
    union all
    select allocation_id, year, month, row_count, revision, until_revision from former_statement_counts
) as versions
order by allocation_id, year, month, revision
"""
_DAYS_BY_MONTH = """
select allocation_id, year::int, month::int, day - date '1970-01-01', is_complete, node_seconds, sha256,
       revision, until
from (
    select allocation_id, year, month, day, is_complete, node_seconds, sha256, revision, null::bigint as until
    from usage_days
    union all
    select allocation_id, extract(year from day), extract(month from day), day, is_complete, node_seconds, sha256,
           revision, until_revision
    from former_days
) as versions
order by allocation_id, year, month, day, revision
"""
_ROWS = """
select allocation_id, year::int, month::int, versions.id, user_id, users.uuid, first_revision, versions.username,
       node_seconds, revision, until
from (
    select id, allocation_id, year, month, user_id, first_revision, username, node_seconds, revision,
           null::bigint as until
    from usage_rows
    union all
    select id, allocation_id, year, month, user_id, first_revision, former.username, former.node_seconds,
           former.revision, until_revision
    from former_rows as former left join usage_rows on id = usage_row_id
) as versions
left join users on users.id = user_id
order by allocation_id, year, month, versions.id, revision
"""


class Version(Protocol):
    """What holds for a time."""

    @property
    def revision(self) -> int:
        """The revision from which it holds."""

    @property
    def until(self) -> int | None:
        """The revision at which it no longer holds."""


class DayVersion(NamedTuple):
    """A day as a whole."""

    allocation: int
    day: int
    is_complete: bool
    jobs: int
    wait_seconds: int
    node_seconds: int
    sha256: bytes
    rule: str
    revision: int
    until: int | None


class Cell(NamedTuple):
    """What a local user used in a day."""

    allocation: int
    day: int
    local_user: str
    node_seconds: int
    jobs: int
    wait_seconds: int
    revision: int
    until: int | None


class ComponentCell(NamedTuple):
    """What a local user used of a component in a day."""

    allocation: int
    day: int
    local_user: str
    component: str
    component_seconds: int
    revision: int
    until: int | None


class KeptDay(NamedTuple):
    """All versions of all that is kept of one day of an allocation (its internal id)."""

    allocation: int
    day: int
    versions: list[DayVersion]
    cells: list[Cell]
    components: list[ComponentCell]


class StatementVersion(NamedTuple):
    """A statement; ``kind`` and ``recorded`` are of its revision, None if there is no such revision."""

    node_seconds: int
    complete_days: int
    row_count: int
    is_closed: bool
    is_restated: bool
    sha256: bytes
    revision: int
    until: int | None
    kind: str | None
    recorded: datetime | None


class Posting(NamedTuple):
    """A posting: the statement's node-seconds before it (None: there was no statement) and after it."""

    former_node_seconds: int | None
    node_seconds: int
    revision: int


class CountVersion(NamedTuple):
    """How many usage rows a statement has."""

    row_count: int
    revision: int
    until: int | None


class MonthDayVersion(NamedTuple):
    """A day as its statement knows it."""

    day: int
    is_complete: bool
    node_seconds: int
    sha256: bytes
    revision: int
    until: int | None


class RowVersion(NamedTuple):
    """A usage row; ``user`` is None on the unattributed row."""

    id: int
    user_id: int | None
    user: UUID | None
    first_revision: int
    username: str
    node_seconds: int
    revision: int
    until: int | None


class KeptMonth(NamedTuple):
    """All versions of all that is kept of one month of an allocation (its internal id) but the days' figures.

    What it is of is None where a former row is of no usage row there is.
    """

    allocation: int | None
    year: int | None
    month: int | None
    statements: list[StatementVersion]
    postings: list[Posting]
    counts: list[CountVersion]
    days: list[MonthDayVersion]
    rows: list[RowVersion]


V = TypeVar("V", bound=Version)


def held(versions: Sequence[V], revisions: Iterable[int]) -> Iterator[Iterable[V]]:
    """Yield for each of *revisions*, which ascend, the *versions* that hold then; they are gone with the next ones."""
    places = range(len(versions))
    coming = sorted(places, key=lambda place: versions[place].revision, reverse=True)
    going = sorted(
        ((until, place) for place in places if (until := versions[place].until) is not None),
        reverse=True,
    )
    holding: dict[int, V] = {}
    for revision in revisions:
        while coming and versions[coming[-1]].revision <= revision:
            place = coming.pop()
            holding[place] = versions[place]
        while going and going[-1][0] <= revision:
            holding.pop(going.pop()[1], None)
        yield holding.values()


def kept_days(connection: Connection) -> Iterator[KeptDay]:
    """Yield every day of every allocation of which anything is kept. Inside a transaction."""
    queries = (_DAYS, _CELLS, _COMPONENTS)
    streams = [_rows(connection, query, f"day_{n}") for n, query in enumerate(queries)]
    for (allocation, day), (versions, cells, components) in _gathered(streams, 2):
        yield KeptDay(
            allocation,
            day,
            list(map(DayVersion._make, versions)),
            list(map(Cell._make, cells)),
            list(map(ComponentCell._make, components)),
        )


def kept_months(connection: Connection) -> Iterator[KeptMonth]:
    """Yield every month of every allocation of which anything is kept. Inside a transaction."""
    queries = (_STATEMENTS, _POSTINGS, _COUNTS, _DAYS_BY_MONTH, _ROWS)
    streams = [_rows(connection, query, f"month_{n}") for n, query in enumerate(queries)]
    for (allocation, year, month), (statements, postings, counts, days, rows) in _gathered(
        streams, 3
    ):
        yield KeptMonth(
            allocation,
            year,
            month,
            _made(StatementVersion._make, statements),
            _made(Posting._make, postings),
            _made(CountVersion._make, counts),
            _made(MonthDayVersion._make, days),
            _made(RowVersion._make, rows),
        )


Made = TypeVar("Made")


def _made(make: Callable[[Row], Made], rows: Iterable[Row]) -> list[Made]:
    """Make values of *rows* without what they are of: allocation, year and month."""
    return [make(row[3:]) for row in rows]


def _rows(connection: Connection, query: LiteralString, name: str) -> Iterator[Row]:
    """Yield the rows of *query*, a few thousand of which are here at a time."""
    with connection.cursor(f"nodehours_{name}") as cursor:
        cursor.itersize = _FETCHED_ROWS
        cursor.execute(query, binary=True)
        yield from cursor


def _gathered(
    streams: Iterable[Iterator[Row]], width: int
) -> Iterator[tuple[Key, list[Iterable[Row]]]]:
    """Bring together the rows of *streams* that have the same first *width* columns, by which each is ordered."""
    groups = [groupby(stream, key=itemgetter(*range(width))) for stream in streams]
    heads = [next(group, None) for group in groups]
    while keys := [head[0] for head in heads if head is not None]:
        least = min(keys, key=_placed)
        yield (
            least,
            [list(head[1]) if head is not None and head[0] == least else [] for head in heads],
        )
        heads = [
            next(group, None) if head is not None and head[0] == least else head
            for group, head in zip(groups, heads, strict=True)
        ]


def _placed(key: Key) -> tuple[tuple[bool, Any], ...]:
    """Order keys as the database does: what is missing comes last."""
    return tuple((part is None, part) for part in key)
