"""A small computing centre: its reports, the people who read its ledger, and what each of them may see.

    organisation brics:  climate (isca, tigris) · ocean (isca) · ice (isca)
    organisation gw4:    maths (isca) · physics (tigris) · stars (tigris)

What a reader may see is said here in words of the centre, and compared with what the server answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

import httpx

from nodehours.ledger import people
from nodehours.ledger.store import Connection, connected
from tests.reported import Reported, Told, fill, told
from tests.serving import USAGE, served


def _report(resource: str, project: str, users: str, *months: tuple[int, int]) -> Reported:
    """Each user has a local user; ``old`` is nobody's any more, and some usage is of nobody at all."""
    local_users = {user: f"{user}_{project[:2]}" for user in users.split()}
    spenders = [*local_users.values(), "old", "unknown"]
    days = {
        date(year, month, day): {
            local_user: 18 * (1 + 2 * number) + 7_919 * month * day * (number % 3)
            for number, local_user in enumerate(spenders)
        }
        for year, month in months
        for day in (1, 15)
    }
    return Reported(resource, project, local_users, days)


REPORTS = [
    _report(
        "isca", "climate.brics", "alice bob carol", (2023, 12), (2024, 1), (2024, 2), (2024, 3)
    ),
    _report("tigris", "climate.brics", "alice bob", (2024, 2), (2024, 3)),
    _report("isca", "ocean.brics", "alice dave", (2024, 1), (2024, 2)),
    _report("isca", "ice.brics", "erin ivan", (2024, 2), (2024, 4)),
    _report("isca", "maths.gw4", "frank grace", (2024, 2), (2024, 5)),
    # This alice is another person, known at another portal.
    _report("tigris", "physics.gw4", "alice grace", (2024, 2)),
    _report("tigris", "stars.gw4", "heidi", (2023, 11), (2024, 2)),
]

CROWD = _report(
    "isca",
    "crowd.brics",
    " ".join(f"user{number:02}" for number in range(60)),
    *((2024, month) for month in range(1, 13)),
)
"""Enough rows for several pages of the largest size."""


@dataclass(frozen=True)
class Reader:
    """Somebody with a login: their roles, as in ``{"climate.brics": "member"}``, and who they are in the reports."""

    roles: dict[str, str] = field(default_factory=dict)
    identity: str | None = None
    is_staff: bool = False
    is_support: bool = False

    def sees(self, row: Told) -> bool:
        """Tell whether they may see *row*."""
        organisation = row.project.partition(".")[2]
        return (
            self.is_staff
            or self.is_support
            or organisation in self.roles
            or row.project in self.roles
            or (self.identity is not None and row.identity == self.identity)
        )


READERS = {
    "staff": Reader(is_staff=True),
    "support": Reader(is_support=True),
    "owner": Reader({"brics": "owner"}, identity="carol.brics"),
    "reader": Reader({"gw4": "reader"}),
    "manager": Reader({"climate.brics": "manager"}),
    "member": Reader({"ocean.brics": "member"}),
    "alice": Reader(identity="alice.brics"),
    "bob": Reader({"climate.brics": "member"}, identity="bob.brics"),
    "dave": Reader({"maths.gw4": "manager"}, identity="dave.brics"),
    "busy": Reader({"brics": "reader", "climate.brics": "member", "stars.gw4": "manager"}),
    "nobody": Reader(),
}


@dataclass(frozen=True)
class Row:
    """A usage row of the served ledger: its id and its addresses, as the ledger has them."""

    id: int
    told: Told
    allocation: UUID
    user: UUID | None
    full_name: str

    def wire(self, address: str) -> dict[str, Any]:
        """Return what the API at *address* must say of it."""
        hours = Decimal(self.told.node_seconds) / 3600
        user = self.user and f"{address}/api/users/{self.user.hex}/"
        return {
            "node_usage": str(hours.quantize(Decimal("0.01"), ROUND_HALF_EVEN)),
            "month": self.told.month,
            "year": self.told.year,
            "allocation": f"{address}/api/openportal-allocations/{self.allocation.hex}/",
            "user": user,
            "username": self.told.username,
            "full_name": self.full_name,
        }


@dataclass(frozen=True)
class Centre:
    """The centre's ledger behind a real server: all its rows in order, and a token for each reader."""

    database_url: str
    address: str
    rows: list[Row]
    tokens: dict[str, str]

    def seen_by(self, name: str) -> list[Row]:
        """Return the rows that the reader *name* may see, in order."""
        return [row for row in self.rows if READERS[name].sees(row.told)]

    def wire(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Return *rows* as the list must have them."""
        return [row.wire(self.address) for row in rows]

    def client(self, name: str | None = None, **options: Any) -> httpx.Client:
        """Return a client of the list, signed in as the reader *name*."""
        headers = {"Authorization": f"Token {self.tokens[name]}"} if name else {}
        return httpx.Client(base_url=self.address + USAGE, headers=headers, timeout=60, **options)


@contextmanager
def centre(database_url: str, reports: list[Reported]) -> Iterator[Centre]:
    """Fill the empty ledger at *database_url* with *reports* and serve it."""
    fill(database_url, reports)
    with connected(database_url) as connection:
        tokens = {name: _sign_up(connection, name, reader) for name, reader in READERS.items()}
        tokens |= _refused(connection)
        rows = _rows(connection, told(reports))
    with served(database_url) as address:
        yield Centre(database_url, address, rows, tokens)


def _sign_up(connection: Connection, name: str, reader: Reader) -> str:
    identities = [reader.identity] if reader.identity else []
    full_name = f"{name.title()} Ångström"
    flags = (reader.is_staff, reader.is_support, True)
    people.add_user(connection, people.User(name, full_name, "", *flags, identities))
    for identifier, role in reader.roles.items():
        people.grant_role(connection, name, role, identifier)
    return people.create_token(connection, name, None)[0]


def _refused(connection: Connection) -> dict[str, str]:
    """Three tokens of people who would see much, and a word that is no token."""
    tokens = {
        name: _sign_up(connection, name, Reader(is_staff=True, identity=identity))
        for name, identity in (("inactive", "ivan.brics"), ("revoked", None), ("expiring", None))
    }
    people.deactivate_user(connection, "inactive")
    (listed,) = [t for t in people.list_tokens(connection) if t.username == "revoked"]
    people.revoke_token(connection, listed.id)
    expired, _ = people.create_token(connection, "expiring", timedelta(0))
    return tokens | {"expired": expired, "unknown": "deadbeef"}


_LIST_ROWS = """
select usage_rows.id, year, month, projects.identifier, resources.name, usage_rows.username,
       allocations.uuid, users.uuid, coalesce(users.full_name, '')
from usage_rows
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
join resources on resources.id = resource_id
left join users on users.id = user_id
"""


def _rows(connection: Connection, expected: list[Told]) -> list[Row]:
    found = {tuple(row[1:6]): row for row in connection.execute(_LIST_ROWS)}
    assert len(found) == len(expected)
    keys = [(*row[:4], row.username) for row in expected]
    return [
        Row(found[key][0], row, *found[key][6:]) for key, row in zip(keys, expected, strict=True)
    ]
