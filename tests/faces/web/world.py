"""The demo's ledger as it was on one day, behind a real server, and who visits it, each signed in already."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
from psycopg import sql

from nodehours.faces.demo.arranged import OWNED, arrange
from nodehours.faces.demo.reports import MEMBER, MEMBER_PROJECT, STAFF, demo_reports
from nodehours.faces.web.cookies import SESSION, csrf_token
from nodehours.intake.openportal import ingest
from nodehours.ledger import people, sign_in
from nodehours.ledger.schema import upgrade_schema
from nodehours.ledger.store import Connection, connected
from tests.clients.once import once
from tests.databases import named
from tests.serving import USAGE, served

TODAY = date(2026, 11, 15)
"""The day as of which the demo is told: pages look the same whenever they are tested."""
PERIOD = "from=2025-12&to=2026-11"

PAGES = {
    "overview": f"/?{PERIOD}",
    "projects": f"/projects/?{PERIOD}",
    "project": f"/projects/climate.demo/?{PERIOD}&split=user",
    "months": f"/months/?{PERIOD}",
    "month": "/months/2026-03/",
    "explained": "/months/2026-03/climate.demo/",
    "runs": "/runs/",
    "run": "/runs/1/",
    "quarantine": "/quarantine/",
    "pending": "/pending/",
    "people": "/people/",
    "export": "/export/",
    "account": "/account/",
}
"""Every kind of page that has an address of its own, as staff see it."""

VISITORS = {
    "staff": STAFF,
    "support": "demo-support",
    "owner": "demo-owner",
    "member": MEMBER,
    "researcher": "demo-researcher",
    "stranger": "demo-stranger",
}
"""The researcher has usage of their own and no role; the stranger has neither."""
READS = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""Browsers say that they show pages; programs are answered in their own way."""
_KEYS = (
    "year month node_seconds node_usage project_identifier resource_name allocation_uuid username user_uuid state"
    " is_closed"
).split()
_SOMEBODY = """
select identity from identities
join users on users.id = user_id
join usage_rows on usage_rows.user_id = users.id
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
where projects.identifier = 'genome.demo' and users.username is null
group by identity order by sum(node_seconds) desc, identity limit 1
"""


@dataclass(frozen=True, eq=False)
class World:
    """A ledger behind a server, with a session and a token for each who visits."""

    database_url: str
    address: str
    secrets: Mapping[str, str]
    tokens: Mapping[str, str]

    def client(self, who: str | None = None, **options: Any) -> httpx.Client:
        """Return a client of the pages, with the session of *who*."""
        cookies = {SESSION: self.secrets[who]} if who else {}
        headers = READS | options.pop("headers", {})
        return httpx.Client(
            base_url=self.address, cookies=cookies, headers=headers, timeout=60, **options
        )

    def headers(self, who: str) -> dict[str, str]:
        """Return what a browser in which *who* is signed in sends along."""
        return READS | {"Cookie": f"{SESSION}={self.secrets[who]}"}

    def csrf(self, who: str) -> str:
        """Return what the forms of *who* carry along."""
        return csrf_token(self.secrets[who])

    def rows(self, who: str) -> list[dict[str, Any]]:
        """Return the usage rows that the API tells *who*, whole."""
        return _rows(self, who)

    def listed(self, who: str, path: str) -> list[dict[str, Any]]:
        """Return all that the API lists at *path* for *who*."""
        return self.listed_at(who, f"{path}?page_size=300")

    def listed_at(self, who: str, path: str) -> list[dict[str, Any]]:
        """Return all that the API lists at *path* and the pages after it, its parameters being there already."""
        return list(_walk(self.address + path, self.tokens[who]))

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what the database itself answers."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()


@cache
def _rows(world: World, who: str) -> list[dict[str, Any]]:
    query = urlencode({"page_size": 300, "field": _KEYS}, doseq=True)
    return list(_walk(f"{world.address}{USAGE}?{query}", world.tokens[who]))


def _walk(address: str, token: str) -> Iterator[dict[str, Any]]:
    with httpx.Client(headers={"Authorization": f"Token {token}"}, timeout=60) as client:
        while address:
            reply = client.get(address).raise_for_status()
            yield from reply.json()
            address = reply.links.get("next", {}).get("url", "")


@contextmanager
def demo_world(server_url: str) -> Iterator[World]:
    """Serve the demo's ledger, which one of the run's processes fills for all of them."""
    told = once("demo-ledger", lambda: _filled(server_url))
    url = named(server_url, told["database"])
    with connected(url) as connection:
        given = {who: begun(connection, username) for who, username in VISITORS.items()}
    with served(url) as address:
        yield World(url, address, given, told["tokens"])


def begun(connection: Connection, username: str) -> str:
    """Begin a session of *username*, and return its secret."""
    user = people.find_login(connection, username)
    return sign_in.start_session(connection, user, "link", "A browser")


def _filled(server_url: str) -> dict[str, Any]:
    name = f"demo_{secrets.token_hex(8)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = named(server_url, name)
    upgrade_schema(url)
    with connected(url) as connection:
        _report(connection)
        arrange(connection, TODAY)
        _sign_up(connection)
        tokens = {
            who: people.create_token(connection, username, None)[0]
            for who, username in VISITORS.items()
        }
    return {"database": name, "tokens": tokens}


def _report(connection: Connection) -> None:
    by_resource: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        for report in demo_reports(TODAY):
            path = Path(directory) / report.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(report.document)
            by_resource.setdefault(report.resource, []).append(str(path))
        for resource, names in by_resource.items():
            assert ingest(connection, names, resource).faults == []


def _sign_up(connection: Connection) -> None:
    ((identity,),) = connection.execute(_SOMEBODY)
    identities = {"member": [MEMBER], "researcher": [str(identity)]}
    for who, username in VISITORS.items():
        flags = (who == "staff", who == "support", True)
        user = people.User(
            username, f"Demo {who.title()}", f"{who}@example.org", *flags, identities.get(who, [])
        )
        people.add_user(connection, user)
    people.grant_role(connection, VISITORS["owner"], "owner", OWNED)
    people.grant_role(connection, MEMBER, "member", MEMBER_PROJECT)
    sign_in.set_password(connection, VISITORS["owner"], "a few words in a row")


@cache
def addresses(world_url: str) -> dict[str, list[str]]:
    """Return every address there is in the ledger at *world_url*, by kind, read without the dashboard's own queries."""
    asked = {
        "projects": "select '/projects/' || identifier || '/' from projects order by id",
        "allocations": "select '/allocations/' || replace(uuid::text, '-', '') || '/' from allocations order by id",
        "users": """
            select '/users/' || replace(uuid::text, '-', '') || '/' from users where merged_into is null order by id""",
        "months": """
            select distinct format('/months/%s-%s/', year, lpad(month::text, 2, '0')) from statements order by 1""",
        "explained": """
            select distinct format('/months/%s-%s/%s/', year, lpad(month::text, 2, '0'), identifier) from statements
            join allocations on allocations.id = allocation_id join projects on projects.id = project_id order by 1""",
        "runs": "select '/runs/' || id || '/' from runs order by id",
    }
    with psycopg.connect(world_url) as connection:
        return {
            kind: [one for (one,) in connection.execute(query)] for kind, query in asked.items()
        }
