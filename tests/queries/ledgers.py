"""Any ledger, any reader and any question, with the answer worked out by going through all rows.

Ledgers are posted, not inserted: months have gaps, people work in several allocations, a statement may be
posted twice and get rows later, and an allocation's rows are not made in the order of its months. What a ledger
said after each step is remembered, to be asked for again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import anyio
import psycopg
from hypothesis import strategies as st

from nodehours.ledger.clock import Change, Kind, Origin, current_revision, locked_revision
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection as Writing
from nodehours.ledger.store import connected
from nodehours.queries.pool import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.row import UsageFilter, UsageRow
from nodehours.terms.scope import Scope
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage
from tests.databases import database

Answer = TypeVar("Answer")

ALLOCATIONS = [
    ("climate.brics", "isca"),
    ("climate.brics", "tigris"),
    ("ocean.brics", "isca"),
    ("maths.gw4", "isca"),
    ("physics.gw4", "tigris"),
]
MONTHS = [(2023, 11), (2023, 12), (2024, 1), (2024, 2), (2024, 5), (2025, 2)]
ORIGIN = Origin()


class Posting(NamedTuple):
    """One day of one allocation, on which some neighbours in a row of forty people used something."""

    allocation: int
    year_month: tuple[int, int]
    day: int
    first: int
    people: int
    unattributed: int
    is_complete: bool = False

    def usage(self) -> ProjectUsage:
        project = ProjectIdentifier.parse(ALLOCATIONS[self.allocation][0])
        used = {f"l{n}": DailyUsage(100 * n + self.day) for n in self.numbers}
        used["unknown"] = DailyUsage(self.unattributed)
        claims = {
            Claim(f"l{n}", UserIdentifier(f"user{n}", project.project, project.portal))
            for n in self.numbers
        }
        return ProjectUsage(
            project,
            {date(*self.year_month, self.day): Day(self.is_complete, usage=used)},
            frozenset(claims),
        )

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.people)

    def take(self, connection: Writing) -> None:
        post(connection, self.usage(), ALLOCATIONS[self.allocation][1], ORIGIN)


class Naming(NamedTuple):
    """Somebody gets another name, if there is anybody. Numbers go round those there are."""

    user: int
    full_name: str

    def take(self, connection: Writing) -> None:
        with connection.transaction():
            users = connection.execute(_EVERY_USER).fetchall()
            locked_revision(connection)
            change = Change(connection, Kind.NAMING, ORIGIN)
            for user, _ in users[self.user % (len(users) + 1) :][:1]:
                change.next_revision()
                connection.execute(_NAME_USER, [self.full_name, user])
            change.record()


_posting = st.builds(
    Posting,
    st.integers(0, len(ALLOCATIONS) - 1),
    st.sampled_from(MONTHS),
    st.integers(1, 2),
    st.integers(0, 10),
    st.integers(0, 30),
    st.integers(0, 10**6),
    st.booleans(),
)
# Few people in few months, so that the same figure changes many times.
_again = st.builds(
    Posting,
    st.integers(0, 1),
    st.sampled_from(MONTHS[2:4]),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(0, 4),
    st.integers(0, 3),
    st.booleans(),
)
_naming = st.builds(Naming, st.integers(0, 40), st.sampled_from(["", "Ann", "Böb", "Cy"]))
postings = st.lists(_posting, max_size=15)
steps = st.lists(_posting | _again | _again | _naming, max_size=12)


class Question(NamedTuple):
    """Who asks for what. Numbers go round what there is; one more than that is of nothing that exists."""

    everything: bool
    reader: int
    allocations: frozenset[int]
    filters: frozenset[str]
    allocation: int
    user: int
    year: int
    month: int


def of_themselves(question: Question) -> Question:
    """Have the reader ask for their own rows by name."""
    return question._replace(user=question.reader, filters=question.filters | {"user"})


_questions = st.builds(
    Question,
    st.booleans(),
    st.integers(0, 40),
    st.frozensets(st.integers(0, len(ALLOCATIONS) - 1)),
    st.frozensets(st.sampled_from(["allocation", "user", "year", "month"]), max_size=2),
    st.integers(0, len(ALLOCATIONS)),
    st.integers(0, 40),
    st.sampled_from([2024, 2023, 2025, 1999, 0, 32767]),
    st.sampled_from([1, 2, 5, 11, 12, 7]),
)
questions = _questions | _questions.map(of_themselves)


class Kept(NamedTuple):
    """A usage row with the internal ids that scopes are made of."""

    allocation_id: int
    user_id: int | None
    row: UsageRow


@dataclass(frozen=True)
class Ledger:
    """A filled ledger and all its rows, in order, read without any of our queries.

    ``newest`` has what it keeps of the newest changes, by ("allocation" or "user", internal id); ``names`` what users
    are called, by their internal ids, also those of whom nothing was believed yet.
    """

    url: str
    rows: list[Kept]
    users: list[tuple[int, UUID]]
    newest: Mapping[tuple[str, int], int] = field(default_factory=dict)
    names: Mapping[int, str | None] = field(default_factory=dict)

    def ask(self, question: Question) -> tuple[Scope, UsageFilter, list[UsageRow]]:
        """Put *question* as the queries take it, with the rows that must be found."""
        scope = Scope(
            self._user(question.reader)[0],
            question.everything,
            tuple(1 + number for number in question.allocations),
        )
        values: dict[str, Any] = {
            "allocation": self._allocation(question.allocation),
            "user": self._user(question.user)[1],
            "year": question.year,
            "month": question.month,
        }
        asked = UsageFilter(**{name: values[name] for name in question.filters})
        return scope, asked, [kept.row for kept in self.rows if _is_found(kept, scope, asked)]

    def answer(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """Return what *work* answers over a connection like the server's."""

        async def connect_and_work() -> Answer:
            async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as reading:
                return await work(reading)

        return anyio.run(connect_and_work)

    def _user(self, number: int) -> tuple[int, UUID]:
        return [*self.users, (10**9, UUID(int=0))][number % (len(self.users) + 1)]

    def _allocation(self, number: int) -> UUID:
        uuids = dict.fromkeys(kept.row.allocation for kept in self.rows)
        return [*uuids, UUID(int=0)][number % (len(uuids) + 1)]


def _is_found(kept: Kept, scope: Scope, asked: UsageFilter) -> bool:
    row = kept.row
    is_visible = (
        scope.everything or kept.allocation_id in scope.allocations or kept.user_id == scope.reader
    )
    return (
        is_visible
        and asked.allocation in {None, row.allocation}
        and asked.user in {None, row.user}
        and asked.year in {None, row.year}
        and asked.month in {None, row.month}
    )


_EVERY_ROW = """
select allocation_id, user_id, r.id, year, month, a.uuid, u.uuid, r.username, coalesce(full_name, ''), node_seconds,
       revision
from usage_rows r join allocations a on a.id = allocation_id left join users u on u.id = user_id
order by year, month, allocation_id, r.id
"""
_EVERY_USER = "select id, uuid from users order by id"
_NEWEST = """
select 'allocation', id, newest_revision from allocations union all select 'user', id, newest_revision from users
"""
_NAMES = "select id, full_name from users"
_NAME_USER = "update users set full_name = %s where id = %s"


@contextmanager
def ledger(server_url: str, template: str, posted: list[Posting]) -> Iterator[Ledger]:
    """A new ledger in which *posted* was posted, one after the other."""
    with remembered(server_url, template, posted) as states:
        yield states[max(states)]


@contextmanager
def remembered(
    server_url: str, template: str, taken: Sequence[Posting | Naming]
) -> Iterator[dict[int, Ledger]]:
    """A new ledger in which the steps were *taken*, as it was at the revision after each; 0 is the empty one."""
    with database(server_url, template) as url:
        states = {0: Ledger(url, [], [])}
        with connected(url) as connection:
            for step in taken:
                step.take(connection)
                states[current_revision(connection)] = _read(connection, url)
        yield states


def _read(connection: Writing, url: str) -> Ledger:
    rows = [
        Kept(allocation, user, UsageRow(*row))
        for allocation, user, *row in connection.execute(_EVERY_ROW)
    ]
    newest = {(kind, key): newest for kind, key, newest in connection.execute(_NEWEST)}
    users = [(user, uuid) for user, uuid in connection.execute(_EVERY_USER)]
    return Ledger(url, rows, users, newest, dict(connection.execute(_NAMES).fetchall()))
