"""The lists beside that of usage, as tests ask for them: their addresses, their filters, and who may see what of them.

A place is a served ledger with its readers; what each of them may see is worked out from its tables by the ``Eyes``
of ``tests/queries/seen.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from waldur_api_client.client import AuthenticatedClient

from nodehours.ledger import people
from nodehours.ledger.store import connected
from nodehours.terms.month import Month
from nodehours.terms.project_report import report_id
from tests import centre
from tests.queries import seen
from tests.queries.seen import Eyes, Tables
from tests.serving import served

Member = dict[str, Any]

NOBODYS = UUID(int=0)
"""A UUID that nothing has."""
NO_NUMBER = 2**40
"""A number that no report has."""
ALLOW = "GET, HEAD, OPTIONS"
MAP, VERSION = "/api/", "/api/version/"
NO_HEADERS: Mapping[str, str] = {}
STRICT = {"Prefer": "handling=strict"}


class Statement(NamedTuple):
    """Of which allocation, by its internal id, and month there is a statement."""

    allocation: int
    year: int
    month: int


@dataclass(frozen=True)
class Place:
    """A served ledger, a token of each reader, and what is in its tables."""

    address: str
    tokens: Mapping[str, str]
    readers: Mapping[str, centre.Reader]
    tables: Tables
    statements: list[Statement]

    def client(
        self, name: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> httpx.Client:
        """Return a client signed in as the reader *name*, which sends *headers* as well."""
        signed = {"Authorization": f"Token {self.tokens[name]}"} if name else {}
        return httpx.Client(base_url=self.address, headers={**signed, **headers}, timeout=60)

    def waldur_client(self, name: str) -> AuthenticatedClient:
        """Return Waldur's own client, signed in as the reader *name*."""
        return AuthenticatedClient(base_url=self.address, token=self.tokens[name])

    def eyes(self, name: str) -> Eyes:
        reader = self.readers[name]
        me = self.tables.usernames[name]
        return Eyes(self.tables, me, reader.is_staff or reader.is_support)

    def seen(self, name: str, of: Neighbour) -> set[str]:
        """Return by which keys the members of a list are known that the reader *name* may see."""
        return of.seen(self, self.eyes(name))

    def every(self, of: Neighbour) -> set[str]:
        """Return by which keys all members of a list are known."""
        return of.seen(self, Eyes(self.tables, 0, everything=True))


@dataclass(frozen=True)
class Neighbour:
    """A list: its name in the map, what one of its *kind* is called, who sees what, and its filters by what they take.

    *known_by* is the key of a member that stands in its address, *missing* one that no member has.
    """

    name: str
    kind: str
    seen: Callable[[Place, Eyes], set[str]]
    uuids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    known_by: str = "uuid"
    missing: str = NOBODYS.hex

    @property
    def path(self) -> str:
        return f"/api/{self.name}/"

    @property
    def filters(self) -> tuple[str, ...]:
        """All filters, those on what the ledger does not know too."""
        kinds = (self.uuids, self.texts, self.numbers, self.truths, self.links, self.choices)
        return (*(name for kind in kinds for name in kind), *self.unknown)

    def address(self, member: str | Member) -> str:
        """Return the address of a *member*, or of that which is known by a key."""
        key = member if isinstance(member, str) else str(member[self.known_by])
        return f"{self.path}{key}/"


# ------------------------------------------------------------------------------ who sees what


def _allocations(place: Place, eyes: Eyes) -> set[str]:
    found = place.tables.allocations.items()
    return {one.uuid.hex for key, one in found if eyes.sees_allocation(key)}


def _associations(place: Place, eyes: Eyes) -> set[str]:
    return {one.uuid.hex for one in place.tables.held if eyes.sees_association(one)}


def _users(place: Place, eyes: Eyes) -> set[str]:
    return {uuid.hex for key, uuid in place.tables.users.items() if eyes.sees_user(key)}


def _customers(place: Place, eyes: Eyes) -> set[str]:
    found = place.tables.organisations.items()
    return {uuid.hex for key, uuid in found if eyes.sees_organisation(key)}


def _projects(place: Place, eyes: Eyes) -> set[str]:
    return {one.uuid.hex for key, one in place.tables.projects.items() if eyes.sees_project(key)}


def _reports(place: Place, eyes: Eyes) -> set[str]:
    return {
        str(report_id(allocation, Month(year, month)))
        for allocation, year, month in place.statements
        if eyes.sees_whole(allocation)
    }


def _accounts(place: Place, eyes: Eyes) -> set[str]:
    return {
        one.uuid.hex
        for key, one in place.tables.projects.items()
        if eyes.sees_project(key) and all(map(eyes.sees_whole, eyes.allocations_of(key)))
    }


# ---------------------------------------------------------------------------------- the lists

ALLOCATIONS = Neighbour(
    "openportal-allocations",
    "Allocation",
    _allocations,
    uuids=("customer", "customer_uuid", "project", "project_uuid", "service_settings_uuid"),
    texts=(
        *("backend_id", "customer_name", "name", "name_exact", "project_name"),
        "service_settings_name",
    ),
    truths=("is_active",),
    choices=("can_manage", "state"),
    unknown=("customer_abbreviation", "customer_native_name", "description", "external_ip"),
)
ASSOCIATIONS = Neighbour(
    "openportal-associations",
    "Association",
    _associations,
    uuids=("allocation_uuid",),
    links=("allocation",),
)
USERS = Neighbour(
    "users",
    "User",
    _users,
    uuids=("customer_uuid", "project_uuid"),
    texts=("email", "full_name", "query", "user_keyword", "username", "username_list"),
    truths=("is_active", "is_staff", "is_support"),
    unknown=(
        *("civil_number", "description", "job_title", "native_name", "organization"),
        *("phone_number", "registration_method"),
    ),
)
CUSTOMERS = Neighbour(
    "customers",
    "Customer",
    _customers,
    texts=("name", "name_exact", "query"),
    unknown=("abbreviation", "description", "native_name"),
)
PROJECTS = Neighbour(
    "projects",
    "Project",
    _projects,
    uuids=("customer", "customer_uuid"),
    texts=("customer_name", "name", "name_exact", "query"),
    unknown=("customer_abbreviation", "customer_native_name", "description"),
)
REPORTS = Neighbour(
    "openportal-project-usage-reports",
    "CachedProjectUsageReport",
    _reports,
    uuids=("project_uuid",),
    texts=("project_identifier", "resource"),
    numbers=("month", "year"),
    truths=("is_complete",),
    known_by="id",
    missing=str(NO_NUMBER),
)
ACCOUNTS = Neighbour(
    "openportal-accounting-summary",
    "Project",
    _accounts,
    uuids=("customer_uuid", "project_uuid"),
    truths=("is_active",),
    known_by="project_uuid",
)
NEIGHBOURS = {
    of.name: of for of in (ALLOCATIONS, ASSOCIATIONS, USERS, CUSTOMERS, PROJECTS, REPORTS, ACCOUNTS)
}

# --------------------------------------------------------------------------------- the places


def place_of(served_centre: centre.Centre) -> Place:
    """Return the centre of ``tests/centre.py`` as a place."""
    tables, statements = _read(served_centre.database_url)
    tokens = served_centre.tokens
    return Place(served_centre.address, tokens, centre.READERS, tables, statements)


@contextmanager
def served_world(server_url: str, template: str) -> Iterator[Place]:
    """Serve the centre with more around it, of ``tests/queries/seen.py``."""
    with seen.world(server_url, template) as world, served(world.url) as address:
        with connected(world.url) as connection:
            tokens = {name: people.create_token(connection, name, None)[0] for name in seen.READERS}
        yield Place(address, tokens, seen.READERS, *_read(world.url))


def _read(url: str) -> tuple[Tables, list[Statement]]:
    with connected(url) as connection:
        found = connection.execute("select allocation_id, year, month from statements").fetchall()
        return Tables.read(connection), [Statement(*row) for row in found]


# --------------------------------------------------------------------------------- the answers


def said(reply: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return all that a reply says, but for the time of day."""
    headers = [header for header in reply.headers.multi_items() if header[0] != "date"]
    return reply.status_code, sorted(headers), reply.content


def whole(client: httpx.Client, of: Neighbour, **params: Any) -> list[Member]:
    """Return the whole list as the reader is told it; it must have as many members as it is said to have."""
    reply = client.get(of.path, params={"page_size": 300, **params})
    assert reply.status_code == 200, reply.text
    members: list[Member] = reply.json()
    assert reply.headers["X-Result-Count"] == str(len(members))
    return members


def no_such(of: Neighbour) -> Member:
    """Return the body that says that there is no such member."""
    return {"detail": f"No {of.kind} matches the given query."}


# --------------------------------------------------------------------------- Waldur's own client


def operation(of: Neighbour, name: str) -> ModuleType:
    """Return the client's operation ``list``, ``count`` or ``retrieve``: a module with functions of its own."""
    tag = of.name.replace("-", "_")
    return import_module(f"waldur_api_client.api.{tag}.{tag}_{name}")


def by_key(of: Neighbour, member: Member) -> dict[str, Any]:
    """Return what the client's ``retrieve`` is told of a member."""
    key = member[of.known_by]
    return {"id": int(key)} if of is REPORTS else {"uuid": UUID(key)}


def same(value: Any) -> Any:
    """Return what clients read, with one spelling of UUIDs and of times.

    Empty lists are left out: the client writes one for each that was not sent.
    """
    if isinstance(value, Mapping):
        return {name: same(one) for name, one in value.items() if one != []}
    if isinstance(value, list):
        return [same(one) for one in value]
    for read in (UUID, datetime.fromisoformat):
        try:
            return read(value)
        except (ValueError, TypeError, AttributeError):
            continue
    return value


def plain(items: Iterable[Any]) -> list[Any]:
    """Return what the client's models write again."""
    return [same(item.to_dict()) for item in items]
