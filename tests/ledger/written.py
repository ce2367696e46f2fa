"""What stands in a ledger, read table by table and without the program's own queries."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg import sql

from nodehours.ledger.store import Connection

Lines = list[tuple[Any, ...]]

_TABLES = """
select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname
"""
_EMPTY = """
set session_replication_role = replica;
do $$
begin
    execute (select 'truncate ' || string_agg(quote_ident(relname), ', ') || ' restart identity'
             from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
             and relname not in ('ledger', 'alembic_version'));
end
$$;
update ledger set revision = 0, first_remembered = 0;
reset session_replication_role;
"""
_BROKEN_SUMS = """
select allocation_id, year, month from statements s
where node_seconds is distinct from (
        select sum(node_seconds) from usage_rows r
        where (r.allocation_id, r.year, r.month) = (s.allocation_id, s.year, s.month))
   or node_seconds is distinct from (
        select coalesce(sum(u.node_seconds), 0) from usage_days d
        left join daily_usage u using (allocation_id, day)
        where (d.allocation_id, d.year, d.month) = (s.allocation_id, s.year, s.month))
   or 1 is distinct from (
        select count(*) from usage_rows r
        where (r.allocation_id, r.year, r.month) = (s.allocation_id, s.year, s.month) and user_id is null)
   or row_count is distinct from (
        select count(*) from usage_rows r
        where (r.allocation_id, r.year, r.month) = (s.allocation_id, s.year, s.month))
   or complete_days is distinct from (
        select count(*) from usage_days d
        where (d.allocation_id, d.year, d.month) = (s.allocation_id, s.year, s.month) and is_complete)
   or sha256 is distinct from statement_sha256(allocation_id, year, month, revision)
"""
_BROKEN_DAYS = """
select allocation_id, day from usage_days d
where sha256 is distinct from day_sha256(allocation_id, day, revision)
   or node_seconds is distinct from (
        select coalesce(sum(u.node_seconds), 0) from daily_usage u
        where (u.allocation_id, u.day) = (d.allocation_id, d.day))
"""
_BROKEN_COUNTS = """
select * from month_counts
full join (select year, month, count(*) from usage_rows group by 1, 2) as counted using (year, month)
where row_count is distinct from counted.count
"""
_BROKEN_REVISIONS = """
select revision from ledger
where revision <> (select count(*) from revisions)
   or revision <> (select coalesce(max(revision), 0) from revisions)
"""
_STATEMENTS = """
select year, month, node_seconds, complete_days, row_count from statements
where allocation_id = %s order by 1, 2
"""
_ROWS = """
select year, month, username, node_seconds from usage_rows where allocation_id = %s order by 1, 2, 3
"""
_DAYS = "select day, is_complete, jobs, wait_seconds, rule from usage_days where allocation_id = %s order by 1"
_USAGE = """
select day, local_user, node_seconds, jobs, wait_seconds from daily_usage where allocation_id = %s order by 1, 2
"""
_COMPONENTS = """
select day, local_user, component, component_seconds from daily_components
where allocation_id = %s order by 1, 2, 3
"""
_ASSOCIATIONS = """
select user_identifier, local_user from associations where allocation_id = %s order by 1, 2
"""
_ALLOCATIONS = """
select projects.identifier, resources.name, allocations.id from allocations
join projects on projects.id = project_id join resources on resources.id = resource_id
"""
_IDS = "select allocation_id, year, month, user_id, id from usage_rows"


class Account(NamedTuple):
    """All that a ledger says of one allocation, without ids, revisions and times."""

    statements: Lines
    rows: Lines
    days: Lines
    usage: Lines
    components: Lines
    associations: Lines


def account(connection: Connection, allocation: int) -> Account:
    """What the ledger says of *allocation* (its internal id)."""
    queries = (_STATEMENTS, _ROWS, _DAYS, _USAGE, _COMPONENTS, _ASSOCIATIONS)
    return Account(*(connection.execute(query, [allocation]).fetchall() for query in queries))


def accounts(connection: Connection) -> dict[tuple[str, str], Account]:
    """What the ledger says of each (project, resource)."""
    return {
        (project, resource): account(connection, allocation)
        for project, resource, allocation in connection.execute(_ALLOCATIONS).fetchall()
    }


def everything(connection: Connection) -> dict[str, Lines]:
    """Every row of every table, and the transaction that wrote it."""
    names = [name for (name,) in connection.execute(_TABLES).fetchall()]
    each = sql.SQL("select xmin::text, one.* from {} as one order by one::text")
    return {
        name: connection.execute(each.format(sql.Identifier(name))).fetchall() for name in names
    }


def empty(connection: Connection) -> None:
    """Make the ledger as it was when it was new, past the rule that no usage row ever vanishes."""
    connection.execute(_EMPTY)


def assert_holds(connection: Connection) -> None:
    """Every sum, every count and the clock are right."""
    assert connection.execute(_BROKEN_SUMS).fetchall() == []
    assert connection.execute(_BROKEN_DAYS).fetchall() == []
    assert connection.execute(_BROKEN_COUNTS).fetchall() == []
    assert connection.execute(_BROKEN_REVISIONS).fetchall() == []


def row_ids(connection: Connection) -> dict[tuple[Any, ...], int]:
    """The id of each usage row, by what it is of."""
    return {tuple(key): row_id for *key, row_id in connection.execute(_IDS).fetchall()}
