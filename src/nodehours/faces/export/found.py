"""Which usage rows are asked for by names, and how a readme says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodehours.queries.export import ExportFilter
from nodehours.queries.names import Named, find_named
from nodehours.queries.pool import Connection
from nodehours.queries.user_named import UserNamed, find_user_named
from nodehours.terms.fault import shown
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope


class Names(NamedTuple):
    """What is asked for, by name: a project or an organisation, not both.

    ``month`` is 1 to 12; where ``year`` is None it is that of any year.
    """

    project: str | None = None
    organisation: str | None = None
    resource: str | None = None
    user: str | None = None
    year: int | None = None
    month: int | None = None


class NobodyFoundError(Exception):
    """There is none that the reader sees: ``kind`` is project, organisation or user."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} {shown(name)}")
        self.kind = kind
        self.name = name


class Found(NamedTuple):
    """What that is in the ledger."""

    names: Names
    named: Named | None
    user: UserNamed | None

    @property
    def filter(self) -> ExportFilter:
        """The filter of the query."""
        user = self.user.uuid if self.user else None
        rows = UsageFilter(user=user, year=self.names.year, month=self.names.month)
        return ExportFilter(rows, self.named, self.names.resource)

    def told(self, pseudonyms: Pseudonyms | None) -> Mapping[str, str]:
        """Say what is asked for, by name; a user by their pseudonym, where people have such."""
        kind = "project" if self.named and self.named.is_project else "organisation"
        user = self.user and (pseudonyms.name(self.user.uuid) if pseudonyms else self.user.name)
        told = {
            kind: self.named and self.named.identifier,
            "resource": self.names.resource,
            "user": user,
            "year": self.names.year and str(self.names.year),
            "month": self.names.month and str(self.names.month),
        }
        return {name: value for name, value in told.items() if value}


async def find(connection: Connection, scope: Scope, names: Names) -> Found:
    """Return what is meant. Raises ``NobodyFoundError``."""
    named = await _find_named(connection, scope, names)
    user = None if names.user is None else await _find_user(connection, scope, names.user)
    return Found(names, named, user)


async def _find_named(connection: Connection, scope: Scope, names: Names) -> Named | None:
    kind = "organisation" if names.project is None else "project"
    name = names.organisation if names.project is None else names.project
    if name is None:
        return None
    named = await find_named(connection, scope, name)
    if named is None or named.is_project == (kind == "organisation"):
        raise NobodyFoundError(kind, name)
    return named


async def _find_user(connection: Connection, scope: Scope, name: str) -> UserNamed:
    user = await find_user_named(connection, scope, name)
    if user is None:
        raise NobodyFoundError("user", name)
    return user
