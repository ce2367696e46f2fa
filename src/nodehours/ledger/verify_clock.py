"""The clock checked, and what is kept beside the months: counts, closings, names, what waits and what is held.

Each query of ``_CHECKS`` finds differences: of what, at which revision, what it is, what is expected, what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple

from nodehours.ledger.pending import read_days
from nodehours.ledger.store import Connection
from nodehours.ledger.verify_months import count_differences
from nodehours.ledger.versions import CountVersion
from nodehours.terms.content import proposal_sha256
from nodehours.terms.difference import Difference, Place
from nodehours.terms.month import Month

RecordHash = Callable[[bytes], bytes]
"""Gives the SHA-256 of what a record in quarantine says, as its source tells it."""

_CLOCK = """
select 'the ledger', null::bigint, 'the revision', newest || ', the newest there is,', revision::text
from ledger, (select coalesce(max(revision), 0) as newest from revisions) as known
where revision <> newest
"""
_GAPS = """
select 'the ledger', revision, 'the number of this revision', place::text, revision::text
from (select revision, row_number() over (order by revision) as place from revisions) as counted
where revision <> place order by counted.revision
"""
_TIMES = """
select 'the ledger', revision, 'the time of this revision', before || ' or later', recorded::text
from (select revision, recorded, lag(recorded) over (order by revision) as before from revisions) as timed
where recorded < before order by revision
"""
_MEMORY = """
select 'the ledger', null::bigint, 'the first revision it remembers', '0, or that of its first count of rows,',
       first_remembered::text
from ledger
where first_remembered > 0 and (
    first_remembered is distinct from (
        select min(revision) from (
            select revision from month_counts union all select revision from former_month_counts) as counted)
    or exists (
        select from revisions where revision <= first_remembered
        and not exists (select from postings where postings.revision = revisions.revision)))
"""
# What a revision of a kind must have changed; merging may change names only.
_CHANGES = """
select 'the ledger', revision, 'what this ' || kind || ' changed', 'there', 'missing'
from revisions as one
where case
    when kind in ('posting', 'acceptance') then not exists (select from postings where revision = one.revision)
    when kind in ('renaming', 'moving') then not exists (
        select from former_projects where until_revision = one.revision)
    when kind = 'naming' then not exists (select from former_users where until_revision = one.revision)
    when kind = 'mapping' then not exists (select from mappings where revision = one.revision)
    when kind = 'closing' then not exists (select from closings where closed_revision = one.revision)
    when kind = 'reopening' then not exists (select from closings where reopened_revision = one.revision)
end
order by revision
"""
_KINDS = """
select of, at, 'the kind of the revision of ' || what, array_to_string(kinds, ' or '), coalesce(kind, 'missing')
from (
    select 'the ledger' as of, revision as at, 'a posting' as what,
           array['posting', 'acceptance', 'renaming', 'merging', 'mapping'] as kinds from postings
    union all
    select 'closing ' || id, closed_revision, 'a closing', array['closing', 'moving'] from closings
    union all
    select 'closing ' || id, reopened_revision, 'an opening', array['reopening'] from closings
    where reopened_revision is not null
    union all
    select 'project ' || identifier, until_revision, 'another name or organisation', array['renaming', 'moving']
    from former_projects
    union all
    select 'mapping ' || id, revision, 'a mapping', array['mapping'] from mappings
    union all
    select 'association ' || id, retired_revision, 'a retirement', array['renaming', 'merging', 'mapping']
    from associations where retired_revision is not null
    union all
    select 'pending restatement ' || id, revision, 'an acceptance', array['acceptance'] from pending
    where revision is not null
) as used
left join revisions on revisions.revision = at
where kind is null or kind <> all(kinds)
order by at
"""
_NAMES = """
select 'project ' || identifier, until_revision, 'what leads to this name', 'its project', 'another or nothing'
from (
    select id, identifier, null::bigint as until_revision from projects
    union all
    select project_id, identifier, until_revision from former_projects
) as named
where not exists (
    select from project_names
    where project_names.identifier = named.identifier and project_id = named.id)
"""
# A renamed project stays where it is, and one that moves keeps its name.
_MOVES = """
select 'project ' || identifier, until_revision, 'what this ' || kind || ' changed',
       case kind when 'moving' then 'the organisation' else 'the name' end, 'something else'
from (
    select project_id, identifier, organisation_id, until_revision,
           lead(identifier) over following as new_identifier, lead(organisation_id) over following as new_organisation
    from (
        select project_id, identifier, organisation_id, until_revision from former_projects
        union all
        select id, identifier, organisation_id, null from projects
    ) as named
    window following as (partition by project_id order by until_revision nulls last)
) as changed
join revisions on revision = until_revision
where (identifier <> new_identifier) is distinct from (kind = 'renaming')
or (organisation_id <> new_organisation) is distinct from (kind = 'moving')
"""
_ACCEPTED = """
select 'pending restatement ' || id, pending.revision, 'the posting it was accepted with', 'there', 'missing'
from pending
where pending.revision is not null and not exists (
    select from postings where (postings.revision, postings.allocation_id, postings.year, postings.month)
        = (pending.revision, pending.allocation_id, pending.year, pending.month))
"""
_WAITED_FOR = """
select 'pending restatement ' || id, base_revision, 'the former node-seconds',
       coalesce(known.node_seconds::text, 'none') || ', the statement''s,',
       coalesce(former_node_seconds::text, 'none')
from pending
left join lateral statement_at(allocation_id, year, month, base_revision) as known on true
where former_node_seconds is distinct from known.node_seconds
"""
# Nothing waits for a month that is open.
_OPEN_THEN = """
select 'pending restatement ' || id, base_revision, 'the statement it waited for', 'closed', 'open'
from pending
join lateral statement_at(allocation_id, year, month, base_revision) as known on true
where not is_closed
"""
# A project that is moved takes along what was closed for it, as closings of its own.
_LEFT_OPEN = """
select 'project ' || identifier, until_revision, 'the closing of ' || year || '-' || month || ' taken along',
       'there', 'missing'
from former_projects as moved
join revisions on revision = until_revision and kind = 'moving'
join closings as left_behind using (organisation_id)
where left_behind.closed_revision <= until_revision
and coalesce(left_behind.reopened_revision > until_revision, true)
and not exists (
    select from closings as taken where taken.project_id = moved.project_id
    and (taken.year, taken.month) = (left_behind.year, left_behind.month)
    and taken.closed_revision <= until_revision and coalesce(taken.reopened_revision > until_revision, true))
"""
_TAKEN_ALONG = """
select 'closing ' || taken.id, closed_revision, 'the closing of ' || year || '-' || month || ' it was taken from',
       'there', 'missing'
from closings as taken
join revisions on revision = closed_revision and kind = 'moving'
where not exists (
    select from former_projects as moved
    join closings as left_behind using (organisation_id)
    where moved.project_id = taken.project_id and until_revision = taken.closed_revision
    and (left_behind.year, left_behind.month) = (taken.year, taken.month)
    and left_behind.closed_revision <= until_revision
    and coalesce(left_behind.reopened_revision > until_revision, true))
"""
# By it answers are told to be unchanged, so it must not be older than what it is of.
_SEEN = """
select 'allocation ' || uuid, null::bigint, 'the newest revision of it',
       known.revision || ', by its history,', newest_revision::text
from allocations, allocation_revision(id) as known (revision)
where newest_revision <> known.revision
union all
select 'user ' || uuid, null::bigint, 'the newest revision of their rows and name',
       known.revision || ', by their history,', newest_revision::text
from users, user_revision(id) as known (revision)
where newest_revision <> known.revision
"""
_CHECKS = (
    _CLOCK, _GAPS, _TIMES, _CHANGES, _KINDS, _MEMORY, _NAMES, _MOVES, _ACCEPTED, _WAITED_FOR,
    _OPEN_THEN, _LEFT_OPEN, _TAKEN_ALONG, _SEEN,
)  # fmt: skip

_HELD = "select id, record, sha256 from quarantine order by id"
_PENDING = "select id, days, figures, node_seconds, sha256 from pending order by id"
_MONTH_COUNTS = """
select year::int, month::int, row_count, revision, until
from (
    select year, month, row_count, revision, null::bigint as until from month_counts
    union all
    select year, month, row_count, revision, until_revision from former_month_counts
) as versions
order by year, month, revision
"""
_MONTH_ROWS = """
select year::int, month::int, first_revision, count(*) from usage_rows group by 1, 2, 3
"""
_FIRST_REMEMBERED = "select first_remembered from ledger"


def clock_differences(connection: Connection) -> Iterator[Difference]:
    """Yield what is not as it should be in the clock and in what is kept beside the months. Inside a transaction."""
    for check in _CHECKS:
        yield from _found(connection, check)
    yield from _pending(connection)
    yield from _month_counts(connection)


def _found(connection: Connection, check: LiteralString) -> Iterator[Difference]:
    with connection.cursor("nodehours_check") as cursor:
        for of, revision, what, expected, found in cursor.execute(check):
            yield Difference(Place(of, revision=revision), what, expected, found)


def record_differences(connection: Connection, record_sha256: RecordHash) -> Iterator[Difference]:
    """Yield which of the records in quarantine do not say what they said when they were held."""
    with connection.cursor("nodehours_held") as cursor:
        cursor.itersize = 1
        for record_id, record, kept in cursor.execute(_HELD, binary=True):
            sha256 = record_sha256(record)
            if sha256 != kept:
                expected = f"{sha256.hex()}, by what it says,"
                place = Place(f"quarantine record {record_id}")
                yield Difference(place, "the SHA-256", expected, kept.hex())


class _Proposed(NamedTuple):
    id: int
    days: dict[str, Any]
    figures: list[tuple[str, int]] | None
    node_seconds: int
    sha256: bytes


def _pending(connection: Connection) -> Iterator[Difference]:
    with connection.cursor("nodehours_pending") as cursor:
        for one in map(_Proposed._make, cursor.execute(_PENDING, binary=True)):
            yield from _proposed(one)


def _proposed(one: _Proposed) -> Iterator[Difference]:
    place = Place(f"pending restatement {one.id}")
    figures = [(username, figure) for username, figure in one.figures or ()]
    try:
        sha256 = proposal_sha256(read_days(one.days), figures, one.node_seconds)
    except (KeyError, TypeError, ValueError) as error:
        yield Difference(place, "what it would post", "days as they are kept", f"not: {error}")
        return
    total = sum(figure for _, figure in figures)
    if total != one.node_seconds:
        expected = f"{total}, the sum over its rows,"
        yield Difference(place, "the node-seconds", expected, str(one.node_seconds))
    if sha256 != one.sha256:
        expected = f"{sha256.hex()}, by its days and rows,"
        yield Difference(place, "the SHA-256", expected, one.sha256.hex())


def _month_counts(connection: Connection) -> Iterator[Difference]:
    ((first_remembered,),) = connection.execute(_FIRST_REMEMBERED)
    firsts: dict[tuple[int, int], dict[int, int]] = {}
    for year, month, first, count in connection.execute(_MONTH_ROWS):
        firsts.setdefault((year, month), {})[first] = count
    counts = {
        of: [CountVersion(*row[2:]) for row in rows]
        for of, rows in groupby(connection.execute(_MONTH_COUNTS), key=itemgetter(0, 1))
    }
    for year, month in sorted({*firsts, *counts}):
        began = firsts.get((year, month), {})
        since = max(min(began), first_remembered) if began else first_remembered
        name = str(Month(year, month)) if 0 < month < 13 else f"{year}-{month}"
        yield from count_differences(
            counts.get((year, month), []), began, since, "the number of rows", Place(f"all of {name}")
        )  # fmt: skip
