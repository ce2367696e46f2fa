"""The whole usage listing as of one revision, streamed as text that the database itself writes.

Rows come in the ledger's order (year, month, allocation, id). One statement of SQL reads them all, so they are of one
moment, whatever is posted meanwhile, and they are handed on as they come: what is in memory at once is a batch.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.asked import ANY, VISIBLE_ALLOCATION, values, visible, when, which, whose
from nodehours.queries.clock import Snapshot
from nodehours.queries.export_text import HOURS, MODIFIED, Text, copied, selected
from nodehours.queries.lent import telling_of_failure
from nodehours.queries.names import Named
from nodehours.queries.pool import Connection, one_moment
from nodehours.queries.relations import FORMER_PROJECT, Relations, relations
from nodehours.terms.month import Month
from nodehours.terms.pseudonym import DIGITS, Pseudonyms
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State

_BATCH_BYTES = 2**16

# The names and the organisation of a project are those it had then.
_STATEMENTS = """
(
    select s.allocation_id, s.year, s.month, held.row_count, held.node_seconds, held.is_closed, case
               when %(today)s::date < make_date(s.year, s.month, 1) + interval '1 month' then 'open'
               when held.is_restated then 'restated'
               when held.complete_days = extract(day from make_date(s.year, s.month, 1) + interval '1 month - 1 day')
               then 'complete'
               else 'provisional'
           end as state,
           coalesce(former.identifier, projects.identifier) as project_identifier,
           organisations.identifier as organisation, resources.name as resource,
           encode(uuid_send(allocations.uuid), 'hex') as allocation_uuid
    from statements as s
    join allocations on allocations.id = s.allocation_id
    join resources on resources.id = resource_id
    join projects on projects.id = project_id
{former}
    join organisations on organisations.id = coalesce(former.organisation_id, projects.organisation_id)
    cross join lateral statement_at(s.allocation_id, s.year, s.month, %(at)s) as held
    where {when} and {which} and {named} and {where} and {somewhere}
    order by s.year, s.month, s.allocation_id
) as statement
"""
_ROWS = """
from {statements}
join usage_rows as row using (year, month, allocation_id)
{users}
{told}
{more}
where {exists} and {visible} and {whose} and {since}
"""
_USERS = sql.SQL("left join users on users.id = row.user_id")
# What users are called is worked out once for each user that comes up, not once for each row.
_CODED_USERS = """
left join lateral (
    select id, uuid, full_name, {code} as code from users where users.id = row.user_id offset 0
) as users on true
"""
_LINE = """
cross join lateral ({person}) as person
{hours} {modified}
"""
_LINES = """
copy (
    select {selected}
    {rows}
    order by row.year, row.month, row.allocation_id, row.id
) to stdout ({copied})
"""
# Of statements that are asked for whole, the sums are known already.
_TALLIES = """
select year, month, state, is_closed, count(*), sum(row_count)::bigint, sum(node_seconds)::numeric
from ({parts}) as part
group by year, month, state, is_closed
order by year, month, array_position(array['open', 'provisional', 'complete', 'restated'], state), is_closed
"""
_WHOLE = "select year, month, state, is_closed, row_count, node_seconds from {statements}"
_PARTS = """
select row.year, row.month, statement.state, statement.is_closed, count(*) as row_count,
       sum(told.node_seconds) as node_seconds
{rows}
group by row.allocation_id, row.year, row.month, statement.state, statement.is_closed
"""

_RULES = """
select year, month, resource, rule, min(day), max(day)
from {statements}
cross join lateral usage_days_at(
    allocation_id, make_date(year, month, 1), (make_date(year, month, 1) + interval '1 month')::date, %(at)s) as days
group by year, month, resource, rule
order by year, month, resource collate "C", min(day), rule collate "C"
"""

_UUID = sql.SQL("encode(uuid_send(uuid), 'hex')")
_PERSON = sql.SQL("select told.username, told.full_name")
# HMAC spelled out, since PostgreSQL has SHA-256 only. The key's pads are settings of the transaction: so they are in no
# statement that takes long, and none of those that a log keeps.
_PSEUDONYM = """
left(encode(sha256((select {outer}) || sha256((select {inner}) || uuid_send(uuid))), 'hex'), {digits})
"""
_NOBODY_KNOWN = sql.SQL("""
select coalesce(users.code, 'unknown') as username, coalesce(users.code, '') as full_name
""")
_PADS = ("nodehours.inner_pad", "nodehours.outer_pad")
_SET_PADS = "select set_config(%s, %s, true), set_config(%s, %s, true)"
_PAD = "decode(current_setting({}), 'hex')"

_SOMEWHERE = """
(s.allocation_id, s.year, s.month) in (select allocation_id, year, month from usage_rows where user_id = {})
"""
_NOTHING = sql.SQL("")
_READER = sql.SQL("%(reader)s")
_USER = sql.SQL("(select id from users where uuid = %(user)s)")
_OF_PROJECT = sql.SQL("projects.id = %(named)s")
_OF_ORGANISATION = sql.SQL("organisations.id = %(named)s")
_ON_RESOURCE = sql.SQL("resources.name = %(resource)s")
_SINCE = sql.SQL("told.revision > %(after)s")
_SET_TIMEOUT = "select set_config('statement_timeout', %s, true)"
_CLOCK = "select revision from ledger"
# The rows are in order already, by an index; to read them otherwise and sort them is quicker by estimate only, and
# would first write all of them to the database's disk.
_UNSORTED = "set local enable_sort = off"


class ExportFilter(NamedTuple):
    """Which rows are asked for: those of the API's filters, of a project or an organisation, on a resource."""

    rows: UsageFilter = UsageFilter()
    named: Named | None = None
    resource: str | None = None

    @property
    def is_of_statements(self) -> bool:
        """Whether of each statement all rows are asked for, or none."""
        return self.rows.user is None and self.rows.after is None


class Tally(NamedTuple):
    """The statements of a month that are in one state: how many, and what the rows asked for come to."""

    month: Month
    state: State
    is_closed: bool
    statements: int
    rows: int
    node_seconds: int


class Reckoned(NamedTuple):
    """That days of a month on a resource are by one rule ('': as reported): the ``first`` and ``last`` of them."""

    month: Month
    resource: str
    rule: str
    first: date
    last: date


class Batch(NamedTuple):
    """Some rows, as whole lines of text."""

    rows: int
    text: bytes


class Export(NamedTuple):
    """A listing that is about to be read: as of when, what is in it, and by which rules it was reckoned."""

    snapshot: Snapshot
    tallies: Sequence[Tally]
    reckoned: Sequence[Reckoned]
    connection: Connection
    asked: ExportFilter
    scope: Scope
    known: Relations
    pseudonyms: Pseudonyms | None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(tally.rows for tally in self.tallies)

    @property
    def node_seconds(self) -> int:
        """Σ of the rows."""
        return sum(tally.node_seconds for tally in self.tallies)

    async def batches(self, text: Text) -> AsyncGenerator[Batch, None]:
        """Yield the rows, in order. Raises ``StoreUnavailableError`` when the database fails on the way."""
        query = _lines(self, text)
        of = _values(self.scope, self.asked, self.snapshot)
        with telling_of_failure():
            await self.connection.execute(_UNSORTED)
            async with self.connection.cursor() as cursor, cursor.copy(query, of) as copy:
                lines: list[bytes] = []
                size = 0
                async for line in copy:
                    lines.append(_line(bytes(line), text))
                    size += len(line)
                    if size >= _BATCH_BYTES:
                        yield Batch(len(lines), b"".join(lines))
                        lines, size = [], 0
                yield Batch(len(lines), b"".join(lines))


@asynccontextmanager
async def export_usage(
    connection: Connection,
    scope: Scope,
    asked: ExportFilter,
    *,
    at: Snapshot,
    pseudonyms: Pseudonyms | None = None,
    timeout_seconds: int | None = None,
) -> AsyncIterator[Export]:
    """Yield the listing of the visible rows asked for, as of *at*; with *pseudonyms*, these instead of people.

    It holds a transaction open meanwhile, in which the database cuts a question off that takes longer than
    *timeout_seconds*, or, without it, than is the connection's way. Where nothing was posted since *at*, the rows are
    read as they are; else as they were, which is the same and takes a little longer.
    """
    async with one_moment(connection):
        if timeout_seconds is not None:
            await connection.execute(_SET_TIMEOUT, [f"{timeout_seconds}s"])
        ((revision,),) = await (await connection.execute(_CLOCK)).fetchall()
        known = relations(None if revision == at.revision else at.revision)
        if pseudonyms:
            pads = [part for pair in zip(_PADS, pseudonyms.pads, strict=True) for part in pair]
            await connection.execute(_SET_PADS, [_hexadecimal(part) for part in pads])
        tallies = await _tallies(connection, scope, asked, known, at)
        reckoned = await _reckoned(connection, scope, asked, at, {one.month for one in tallies})
        yield Export(at, tallies, reckoned, connection, asked, scope, known, pseudonyms)


async def _tallies(
    connection: Connection, scope: Scope, asked: ExportFilter, known: Relations, at: Snapshot
) -> list[Tally]:
    is_whole = scope.everything and asked.is_of_statements
    parts = sql.SQL(_WHOLE if is_whole else _PARTS).format(
        statements=_statements(scope, asked), rows=_rows(scope, asked, known)
    )
    query = sql.SQL(_TALLIES).format(parts=parts)
    found = await (await connection.execute(query, _values(scope, asked, at))).fetchall()
    return [_tally(*row) for row in found]


async def _reckoned(
    connection: Connection,
    scope: Scope,
    asked: ExportFilter,
    at: Snapshot,
    months: Collection[Month],
) -> list[Reckoned]:
    query = sql.SQL(_RULES).format(statements=_statements(scope, asked))
    found = await (await connection.execute(query, _values(scope, asked, at))).fetchall()
    told = [Reckoned(Month(year, month), *rule) for year, month, *rule in found]
    return [one for one in told if one.month in months]


def _tally(year: int, month: int, state: str, *told: Any) -> Tally:
    is_closed, *figures = told
    return Tally(Month(year, month), State(state), is_closed, *map(int, figures))


def _lines(export: Export, text: Text) -> sql.Composed:
    line = sql.SQL(_LINE).format(
        person=_NOBODY_KNOWN if export.pseudonyms else _PERSON, hours=HOURS, modified=MODIFIED
    )
    users = sql.SQL(_CODED_USERS).format(code=_code(export.pseudonyms))
    rows = _rows(export.scope, export.asked, export.known, users, line)
    return sql.SQL(_LINES).format(selected=selected(text), rows=rows, copied=copied(text))


def _rows(
    scope: Scope,
    asked: ExportFilter,
    known: Relations,
    users: sql.Composable = _USERS,
    more: sql.Composable = _NOTHING,
) -> sql.Composed:
    return sql.SQL(_ROWS).format(
        statements=_statements(scope, asked),
        users=users,
        told=known.told,
        more=more,
        exists=known.exists,
        visible=visible(scope),
        whose=whose(asked.rows),
        since=ANY if asked.rows.after is None else _SINCE,
    )


def _statements(scope: Scope, asked: ExportFilter) -> sql.Composed:
    named = ANY
    if asked.named:
        named = _OF_PROJECT if asked.named.is_project else _OF_ORGANISATION
    return sql.SQL(_STATEMENTS).format(
        former=FORMER_PROJECT,
        when=when(asked.rows),
        which=which(asked.rows),
        named=named,
        where=ANY if asked.resource is None else _ON_RESOURCE,
        somewhere=_somewhere(scope, asked.rows),
    )


def _somewhere(scope: Scope, asked: UsageFilter) -> sql.Composable:
    """Only statements in which there may be a row that is visible and asked for."""
    if asked.user is not None:
        return sql.SQL(_SOMEWHERE).format(_USER)
    if scope.everything:
        return ANY
    own = sql.SQL(_SOMEWHERE).format(_READER)
    return sql.SQL("({} or {})").format(VISIBLE_ALLOCATION, own)


def _code(pseudonyms: Pseudonyms | None) -> sql.Composable:
    if pseudonyms is None:
        return _UUID
    inner, outer = (sql.SQL(_PAD).format(sql.Literal(name)) for name in _PADS)
    return sql.SQL(_PSEUDONYM).format(inner=inner, outer=outer, digits=sql.Literal(DIGITS))


def _values(scope: Scope, asked: ExportFilter, at: Snapshot) -> dict[str, object]:
    return {
        **values(scope, asked.rows, at.revision),
        "named": asked.named and Int8(asked.named.id),
        "resource": asked.resource,
        "today": at.instant.astimezone(UTC).date(),
    }


def _line(line: bytes, text: Text) -> bytes:
    """PostgreSQL sends each row by itself, and ends it with a line feed."""
    return line[:-1] + b"\r\n" if text is Text.CSV else line


def _hexadecimal(part: str | bytes) -> str:
    return part if isinstance(part, str) else part.hex()
