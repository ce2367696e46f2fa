"""Who may see what of all that usage is of, and how a page of what they see is found.

Staff and support see everything. Of others:

- An *allocation* they see whole through their roles. They see it in part when they have a usage row of their own in
  it, or an association that holds: then they see that it is there, but none of its totals.
- A *project* they see when they see one of its allocations, or have a role on it or on its organisation.
- An *organisation* they see when they see one of its projects, or have a role on it.
- A *user* they see when that is themselves, or when they see a tie of theirs: a usage row, or an association that
  holds, in an allocation that they see whole; or a role on a project or organisation on which they have one too,
  or on a project of such an organisation.

So whoever may read a usage row may follow its links. That somebody was merged with another changes nothing: their
rows are still there, and so are they. Filters look at nothing that is not visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

Row = TypeVar("Row")

# What is not asked of these relations is not read at all.
_EVERYTHING = """
seen_allocations as (select id as allocation_id, true as is_whole from allocations),
seen_projects as (select id as project_id from projects),
seen_organisations as (select id as organisation_id, true as is_whole from organisations)
"""
_IN_SCOPE = """
seen_allocations as materialized (
    select unnest(%(allocations)s::bigint[]) as allocation_id, true as is_whole
    union
    select allocation_id, false from usage_rows
    where user_id = %(reader)s and not allocation_id = any(%(allocations)s)
    union
    select allocation_id, false from associations
    where user_id = %(reader)s and retired_revision is null and not allocation_id = any(%(allocations)s)
),
seen_projects as materialized (
    select project_id from allocations where id in (select allocation_id from seen_allocations)
    union
    select project_id from roles where user_id = %(reader)s and project_id is not null
    union
    select id from projects where organisation_id in (select organisation_id from roles where user_id = %(reader)s)
),
seen_organisations as materialized (
    select organisation_id, bool_or(is_whole) as is_whole
    from (
        select organisation_id, false as is_whole from projects
        where id in (select project_id from seen_projects)
        union all
        select organisation_id, true from roles where user_id = %(reader)s and organisation_id is not null
    ) as seen
    group by organisation_id
)
"""

# The ids are gathered first, so that no statistics can lead the planner to go through the rows of everybody. Of an
# allocation that the reader does not see whole they see their own tie alone.
_TIED_USERS = """
select user_id from {rows} where allocation_id = any(array({whole}))
union
select user_id from associations where allocation_id = any(array({whole})) and retired_revision is null and {whose}
union
select user_id from roles where {common} and {role} and {whose}
union
select %(reader)s where exists ({partly})
"""
# Those of one user are few, and looked up first, however many allocations there are.
_ROWS = sql.SQL("usage_rows")
_ROWS_OF_USER = """
(with told as materialized (select user_id, allocation_id from usage_rows where {whose}) select * from told) as told
"""
_ALLOCATIONS = """
select allocation_id
from seen_allocations
join allocations on allocations.id = allocation_id
join projects on projects.id = allocations.project_id
where {allocation} and {how}
"""
_COMMON_ROLE = """
(project_id = any(array(
    select project_id from roles where user_id = %(reader)s
    union
    select projects.id from projects join roles using (organisation_id) where user_id = %(reader)s))
 or organisation_id = any(array(select organisation_id from roles where user_id = %(reader)s)))
"""

# The order is told once, by the place. Both the count and the page are of one moment.
_PAGE = """
with {seen},
found as materialized ({found}),
page as materialized (select * from found where place - %(offset)s between 1 and %(limit)s)
select total.n, told.*
from (select count(*) as n from found) as total
left join ({told}) as told on true
order by told.place
"""

ANY = sql.SQL("true")


class Found(NamedTuple, Generic[Row]):
    """Some of the rows that are visible and asked for, in order, and how many there are in all."""

    total: int
    rows: list[Row]

    @property
    def first(self) -> Row | None:
        """The first row: the one that was asked for, or None."""
        return self.rows[0] if self.rows else None


class Listing(NamedTuple, Generic[Row]):
    """How something is listed.

    ``found`` selects what there is, (``place``, ``id``, …) with places from 1 on, from the relations ``seen_…``;
    ``told`` what is said of it, (``place``, the columns of a row …), from ``page``, which is some of ``found``.
    """

    found: sql.Composable
    told: sql.Composable
    row: Callable[[Iterable[Any]], Row]


class Tie(NamedTuple):
    """To what users are tied, as conditions on ``allocations`` with their ``projects``, and on ``roles``."""

    allocation: sql.SQL
    role: sql.SQL


async def find_page(
    connection: Connection,
    scope: Scope,
    listing: Listing[Row],
    asked: Mapping[str, object],
    *,
    offset: int,
    limit: int,
) -> Found[Row]:
    """Return up to *limit* of the rows listed after the first *offset*; times are in UTC. *asked* are values."""
    query = sql.SQL(_PAGE).format(
        seen=seen_relations(scope), found=listing.found, told=listing.told
    )
    page = {"offset": Int8(offset), "limit": Int8(limit)}
    cursor = await connection.execute(query, values(scope, asked) | page, binary=True)
    found = await cursor.fetchall()
    rows = [listing.row(map(in_utc, row[2:])) for row in found if row[1] is not None]
    return Found(found[0][0], rows)


def seen_relations(scope: Scope) -> sql.SQL:
    """The relations ``seen_allocations``, ``seen_projects`` and ``seen_organisations``, to stand behind ``with``."""
    return sql.SQL(_EVERYTHING if scope.everything else _IN_SCOPE)


def values(scope: Scope, asked: Mapping[str, object]) -> dict[str, object]:
    """Return what the conditions of *scope*, and those of what is *asked*, are bound to."""
    texts = {name: value for name, value in asked.items() if isinstance(value, str)}
    lower = {name: _each(str.lower, text) for name, text in texts.items()}
    return {
        **asked,
        **{f"{name}_lower": text for name, text in lower.items()},
        **{f"{name}_upper": _each(str.upper, text) for name, text in lower.items()},
        "everything": scope.everything,
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }


def contains(text: str, asked: str) -> sql.Composed:
    """Whether the SQL expression *text* contains what is *asked* (the name of a value), upper case or lower.

    The letters of what is asked are made lower case in the text: no locale of the database has a say in what those
    of a name are, and no character in it has a meaning.
    """
    lower, upper = sql.Placeholder(f"{asked}_lower"), sql.Placeholder(f"{asked}_upper")
    return sql.SQL("strpos(translate({}, {}, {}), {}) > 0").format(
        sql.SQL(text), upper, lower, lower
    )


def any_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    """Whether one of the *conditions* holds."""
    return sql.SQL("({})").format(sql.SQL(" or ").join(conditions))


def wanted(asked: Mapping[str, object], conditions: Mapping[str, sql.Composable]) -> sql.Composed:
    """Whether all *conditions* hold that are of something *asked*, and not None."""
    named = [conditions[name] for name, value in asked.items() if value is not None]
    return sql.SQL(" and ").join([ANY, *named])


def tied_users(tie: Tie, scope: Scope, whose: sql.Composable | None = None) -> sql.Composed:
    """Select the internal ids of the users of whom the reader sees such a *tie*; *whose* says which ``user_id``."""
    allocations = sql.SQL(_ALLOCATIONS)
    return sql.SQL(_TIED_USERS).format(
        rows=sql.SQL(_ROWS_OF_USER).format(whose=whose) if whose else _ROWS,
        whole=allocations.format(allocation=tie.allocation, how=sql.SQL("is_whole")),
        partly=allocations.format(allocation=tie.allocation, how=sql.SQL("not is_whole")),
        common=ANY if scope.everything else sql.SQL(_COMMON_ROLE),
        role=tie.role,
        whose=whose or ANY,
    )


def in_utc(value: object) -> object:
    """Return an instant in UTC, and anything else as it is."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _each(change: Callable[[str], str], text: str) -> str:
    """Change every letter of *text* that becomes one letter."""
    return "".join(new if len(new := change(letter)) == 1 else letter for letter in text)
