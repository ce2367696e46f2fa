"""The centre of tests/centre.py with more around it, and what each reader may see, worked out from the tables alone.

    organisation void, named "100%_\\void": project empty.void, without allocations
    idle.brics on isca: used by judy today; alice has an association there, and no usage
    idle.brics on tigris: used by judy alone
    quiet.gw4 on tigris: used by grace; frank had an association there until staff said otherwise
    ice.brics is called frost.brics now, and ivan there turned out to be erin
    climate.brics on isca has a limit, and usage today; maths.gw4 ended long ago

Whoever signs in here has an email address, ``name@example.net``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import anyio
import psycopg
import pytest

from nodehours.ledger import inventory, people
from nodehours.ledger.clock import Origin
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection as Writing
from nodehours.ledger.store import connected
from nodehours.queries.access import Reader as SignedIn
from nodehours.queries.access import sign_in
from nodehours.queries.pool import Connection
from nodehours.queries.visibility import Found
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.scope import Scope
from nodehours.terms.token import token_sha256
from tests import centre
from tests.centre import Reader
from tests.databases import database
from tests.reported import Reported, fill

Answer = TypeVar("Answer")
Row = TypeVar("Row")
Ask = Callable[[Connection, Scope], Awaitable[Answer]]

READERS = centre.READERS | {
    "newcomer": Reader({"empty.void": "member"}),
    "associate": Reader(identity="judy.brics"),
    "frank": Reader(identity="frank.gw4"),
}
readers = pytest.mark.parametrize("name", READERS)

STAFF = Origin(by_whom="staff")
CLIMATE, ICE, MATHS, QUIET = map(
    ProjectIdentifier.parse, ("climate.brics", "ice.brics", "maths.gw4", "quiet.gw4")
)
TODAY = datetime.now(UTC).date()
LONG_AGO, LAST_DAY, FAR_DAY = date(2023, 11, 1), date(2024, 12, 31), date(2199, 12, 31)
LIMIT = 50 * 3600

# A server's session, but that everything is planned for any values at once.
_OPTIONS = "-c default_transaction_read_only=on -c plan_cache_mode=force_generic_plan"

_REPORTS = [
    *centre.REPORTS,
    Reported("isca", "climate.brics", {"alice": "alice_cl"}, {TODAY: {"alice_cl": 3600, "old": 5}}),
    Reported(
        "isca", "idle.brics", {"judy": "judy_id", "alice": "alice_id"}, {TODAY: {"judy_id": 7200}}
    ),
    Reported("tigris", "idle.brics", {"judy": "judy_id"}, {LAST_DAY: {"judy_id": 1}}),
    Reported(
        "tigris",
        "quiet.gw4",
        {"grace": "grace_qu", "frank": "frank_qu"},
        {LAST_DAY: {"grace_qu": 9}},
    ),
]
_EMPTY = """
with made as (
    insert into projects (identifier, organisation_id)
    select 'empty.void', id from organisations where identifier = 'void' returning identifier, id
)
insert into project_names (identifier, project_id) select identifier, id from made
"""


class Project(NamedTuple):
    uuid: UUID
    identifier: str
    organisation: int


class Allocation(NamedTuple):
    uuid: UUID
    project: int
    resource: str


class Held(NamedTuple):
    """An association that holds."""

    uuid: UUID
    user: int
    allocation: int


class Role(NamedTuple):
    user: int
    organisation: int | None
    project: int | None


@dataclass(frozen=True)
class Tables:
    """What there is, by internal ids; ``used`` has (user, allocation) of all usage rows."""

    organisations: dict[int, UUID]
    projects: dict[int, Project]
    allocations: dict[int, Allocation]
    users: dict[int, UUID]
    usernames: dict[str, int]
    roles: list[Role]
    held: list[Held]
    used: set[tuple[int, int]]

    @classmethod
    def read(cls, connection: Writing) -> Tables:
        def table(query: str) -> list[Any]:
            return connection.execute(query).fetchall()

        projects = table("select id, uuid, identifier, organisation_id from projects")
        allocations = table(
            "select a.id, a.uuid, project_id, name from allocations a join resources r on r.id = resource_id"
        )
        held = (
            "select uuid, user_id, allocation_id from associations where retired_revision is null"
        )
        return cls(
            dict(table("select id, uuid from organisations")),
            {key: Project(*row) for key, *row in projects},
            {key: Allocation(*row) for key, *row in allocations},
            dict(table("select id, uuid from users")),
            dict(table("select username, id from users where username is not null")),
            [Role(*row) for row in table("select user_id, organisation_id, project_id from roles")],
            [Held(*row) for row in table(held)],
            set(table("select distinct user_id, allocation_id from usage_rows where user_id > 0")),
        )


@dataclass(frozen=True)
class Eyes:
    """What one reader may see, by internal ids."""

    tables: Tables
    me: int
    everything: bool
    mine: list[Role] = field(init=False)

    def __post_init__(self) -> None:
        mine = [role for role in self.tables.roles if role.user == self.me]
        object.__setattr__(self, "mine", mine)

    def has_role(self, *, organisation: int | None = None, project: int | None = None) -> bool:
        return any(
            (organisation and role.organisation == organisation)
            or (project and role.project == project)
            for role in self.mine
        )

    def sees_whole(self, allocation: int) -> bool:
        project = self.tables.allocations[allocation].project
        organisation = self.tables.projects[project].organisation
        return self.everything or self.has_role(organisation=organisation, project=project)

    def sees_allocation(self, allocation: int) -> bool:
        mine = {(held.user, held.allocation) for held in self.tables.held} | self.tables.used
        return self.sees_whole(allocation) or (self.me, allocation) in mine

    def sees_association(self, held: Held) -> bool:
        return self.sees_whole(held.allocation) or held.user == self.me

    def sees_project(self, project: int) -> bool:
        organisation = self.tables.projects[project].organisation
        return (
            self.everything
            or self.has_role(organisation=organisation, project=project)
            or any(map(self.sees_allocation, self.allocations_of(project)))
        )

    def sees_organisation(self, organisation: int) -> bool:
        return (
            self.everything
            or self.has_role(organisation=organisation)
            or any(map(self.sees_project, self.projects_of(organisation)))
        )

    def sees_user(self, user: int) -> bool:
        return self.everything or user == self.me or self.sees_tie(user)

    def sees_tie(self, user: int, *, organisation: int = 0, project: int = 0) -> bool:
        """Whether they see that *user* has to do with what is named, or else with anything."""
        tables = self.tables
        used = [allocation for owner, allocation in tables.used if owner == user]
        used += [held.allocation for held in tables.held if held.user == user]
        return any(
            (self.sees_whole(allocation) or user == self.me)
            and self._is_of(tables.allocations[allocation].project, organisation, project)
            for allocation in used
        ) or any(
            (self.everything or self._shares(role))
            and self._role_is_of(role, organisation, project)
            for role in tables.roles
            if role.user == user
        )

    def _shares(self, role: Role) -> bool:
        """Whether they have a role on the same, or on the organisation of the same."""
        project = self.tables.projects.get(role.project or 0)
        organisation = project.organisation if project else role.organisation
        return self.has_role(organisation=organisation, project=role.project)

    def _role_is_of(self, role: Role, organisation: int, project: int) -> bool:
        if role.project is not None:
            return self._is_of(role.project, organisation, project)
        return not project and organisation in {0, role.organisation}

    def _is_of(self, found: int, organisation: int, project: int) -> bool:
        of = self.tables.projects[found].organisation
        return organisation in {0, of} and project in {0, found}

    def allocations_of(self, project: int) -> list[int]:
        return [key for key, one in self.tables.allocations.items() if one.project == project]

    def projects_of(self, organisation: int) -> list[int]:
        return [
            key for key, one in self.tables.projects.items() if one.organisation == organisation
        ]


@dataclass(frozen=True)
class World:
    """A filled ledger, everybody's scope, and what is in its tables."""

    url: str
    scopes: dict[str, Scope]
    tables: Tables

    def eyes(self, name: str) -> Eyes:
        reader = READERS[name]
        return Eyes(self.tables, self.tables.usernames[name], reader.is_staff or reader.is_support)

    def project(self, identifier: str) -> UUID:
        return next(
            one.uuid for one in self.tables.projects.values() if one.identifier == identifier
        )

    def organisation(self, identifier: str) -> UUID:
        """The organisation of the portal *identifier*, by one of its projects."""
        return next(
            self.tables.organisations[one.organisation]
            for one in self.tables.projects.values()
            if one.identifier.endswith(f".{identifier}")
        )

    def ask(self, name: str, question: Ask[Answer]) -> Answer:
        """Return what the reader *name* is answered."""
        return answered(self.url, self.scopes[name], question)

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what the tables say."""
        with connected(self.url) as connection:
            return connection.execute(query, values).fetchall()


def answered(url: str, scope: Scope, question: Ask[Answer]) -> Answer:
    """Return what whoever has *scope* is answered over a connection like the server's."""

    async def connect_and_ask() -> Answer:
        async with await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=0, options=_OPTIONS
        ) as reading:
            return await question(reading, scope)

    return anyio.run(connect_and_ask)


async def walked(page: Callable[[int, int], Awaitable[Found[Row]]]) -> list[Row]:
    """Return all rows of *page* (offset, limit); pages of any size must come to the same, and say how many."""
    whole = await page(0, 300)
    assert whole.total == len(whole.rows)
    for size in (1, 4, max(1, whole.total)):
        pages = [await page(offset, size) for offset in range(0, whole.total + size, size)]
        assert [row for one in pages for row in one.rows] == whole.rows
        assert {one.total for one in pages} == {whole.total}
        assert all(len(one.rows) == size for one in pages[: whole.total // size])
    beyond = await page(2**62, 300)
    assert beyond == Found(whole.total, [])
    return whole.rows


@contextmanager
def world(server_url: str, template: str) -> Iterator[World]:
    """Fill a ledger of its own, and sign everybody in."""
    with database(server_url, template) as url:
        fill(url, _REPORTS)
        with connected(url) as connection:
            _arrange(connection)
            tokens = {name: _sign_up(connection, name, READERS[name]) for name in READERS}
            merge_users(connection, "ivan.brics", "erin.brics", STAFF)
            map_local_user(connection, QUIET, "tigris", "frank_qu", None, STAFF)
            rename_project(connection, ICE, ProjectIdentifier("frost", "brics"), STAFF)
            tables = Tables.read(connection)
        scopes = {name: _scope(url, token) for name, token in tokens.items()}
        yield World(url, scopes, tables)


def _arrange(connection: Writing) -> None:
    inventory.name_organisation(connection, "brics", "Bristol Centre")
    inventory.name_organisation(connection, "gw4", "ÉCOLE GW4")
    inventory.add_organisation(connection, "void", "100%_\\void")
    connection.execute(_EMPTY)
    inventory.set_allocation(
        connection, CLIMATE, "isca", starts=LONG_AGO, ends=FAR_DAY, node_limit=LIMIT
    )
    inventory.set_allocation(connection, MATHS, "isca", starts=LONG_AGO, ends=LAST_DAY)
    inventory.set_allocation(connection, QUIET, "tigris", ends=TODAY, node_limit=0)


def _sign_up(connection: Writing, name: str, reader: Reader) -> str:
    identities = [reader.identity] if reader.identity else []
    flags = (reader.is_staff, reader.is_support, True)
    user = people.User(name, f"{name.title()} Ångström", f"{name}@example.net", *flags, identities)
    people.add_user(connection, user)
    for identifier, role in reader.roles.items():
        people.grant_role(connection, name, role, identifier)
    return people.create_token(connection, name, None)[0]


def _scope(url: str, token: str) -> Scope:
    async def ask(reading: Connection, _: Scope) -> SignedIn:
        found = await sign_in(reading, token_sha256(token))
        assert isinstance(found, SignedIn)
        return found

    return answered(url, Scope(0, everything=False), ask).scope
