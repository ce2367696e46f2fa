"""Anything that may happen to a project's usage, in any order, and what the ledger said after each step of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import anyio
import psycopg
from hypothesis import strategies as st

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.decisions import accept, decline
from nodehours.ledger.errors import LedgerError
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.post import current_revision, post
from nodehours.ledger.store import Connection
from nodehours.queries import pool
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import ProjectUsage
from tests.ledger.reports import CLIMATE, LOCAL_USERS, reports

Answer = TypeVar("Answer")
STAFF = Origin(by_whom="carol")
RESOURCES = ("isca", "tigris")
MONTHS = (Month(2025, 12), Month(2026, 1), Month(2026, 2))


class Posted(NamedTuple):
    """A report comes in."""

    usage: ProjectUsage
    resource: str

    def take(self, connection: Connection) -> None:
        post(connection, self.usage, self.resource, Origin())


class Closed(NamedTuple):
    """A month is closed, or opened again."""

    month: Month
    for_good: bool

    def take(self, connection: Connection) -> None:
        change = close_month if self.for_good else reopen_month
        change(connection, str(CLIMATE), self.month, STAFF)


class Decided(NamedTuple):
    """Whatever waits is accepted, or declined."""

    is_accepted: bool

    def take(self, connection: Connection) -> None:
        waiting = connection.execute("select id from pending where status = 'waiting'").fetchall()
        for (pending,) in waiting:
            if self.is_accepted:
                accept(connection, pending, STAFF)
            else:
                decline(connection, pending, "carol", "not so")


class Renamed(NamedTuple):
    """The project gets a name, and an organisation."""

    name: str
    organisation: str

    def take(self, connection: Connection) -> None:
        move_project(connection, CLIMATE, self.organisation, STAFF)
        rename_project(connection, CLIMATE, ProjectIdentifier(self.name, "brics"), STAFF)


class Mapped(NamedTuple):
    """Staff say whose a local user is."""

    local_user: str
    user: str | None

    def take(self, connection: Connection) -> None:
        user = UserIdentifier(self.user, CLIMATE.project, CLIMATE.portal) if self.user else None
        map_local_user(connection, CLIMATE, "isca", self.local_user, user, STAFF)


class Merged(NamedTuple):
    """Two users turn out to be one."""

    source: str
    target: str

    def take(self, connection: Connection) -> None:
        merge_users(connection, self.source, self.target, STAFF)


Step = Posted | Closed | Decided | Renamed | Mapped | Merged

_people = st.sampled_from(["alice", "bob", "carol"])
_identities = _people.map(lambda name: f"{name}.brics")
_posted = st.builds(Posted, reports(), st.sampled_from(RESOURCES))
steps = st.lists(
    st.one_of(
        _posted,
        _posted,
        st.builds(Closed, st.sampled_from(MONTHS), st.booleans()),
        st.builds(Decided, st.booleans()),
        st.builds(
            Renamed, st.sampled_from(["climate", "weather"]), st.sampled_from(["brics", "lab"])
        ),
        st.builds(Mapped, st.sampled_from(LOCAL_USERS), st.none() | _people),
        st.builds(Merged, _identities, _identities),
    ),
    min_size=3,
    max_size=9,
)


class Said(NamedTuple):
    """What the ledger said: its statements, and their rows, in order."""

    statements: list[tuple[Any, ...]]
    rows: list[tuple[Any, ...]]


_ENSURE_LAB = """
insert into organisations (identifier, name) values ('lab', 'lab') on conflict do nothing
"""
_STATEMENTS = """
select projects.identifier, resources.name, s.year, s.month, complete_days, is_closed, is_restated, node_seconds,
       (select node_seconds from usage_rows as row where user_id is null
        and (row.allocation_id, row.year, row.month) = (s.allocation_id, s.year, s.month)),
       row_count, revision, sha256
from statements as s
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
join resources on resources.id = resource_id
order by s.year, s.month, projects.identifier, resources.name
"""
_ROWS = """
select row.id, row.username, coalesce(full_name, ''), row.node_seconds, row.revision
from usage_rows as row
left join users on users.id = user_id
join allocations on allocations.id = allocation_id
join resources on resources.id = resource_id
order by row.year, row.month, resources.name, user_id is null, row.username collate "C", row.id
"""


def take(connection: Connection, taken: list[Step]) -> dict[int, Said]:
    """Take each step, one that cannot be taken being none, and return what was said at each revision."""
    connection.execute(_ENSURE_LAB)
    said = {0: Said([], [])}
    for step in taken:
        with suppress(LedgerError):
            step.take(connection)
        statements = connection.execute(_STATEMENTS).fetchall()
        rows = connection.execute(_ROWS).fetchall()
        said[current_revision(connection)] = Said(statements, rows)
    return said


def answer(url: str, work: Callable[[pool.Connection], Awaitable[Answer]]) -> Answer:
    """Return what *work* answers over a connection like the server's."""

    async def connect_and_work() -> Answer:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reading:
            return await work(reading)

    return anyio.run(connect_and_work)
