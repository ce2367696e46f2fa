"""From names on the command line to what they lead to, or a sentence with the nearest thing to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeVar

import click

from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.store import asked
from nodehours.ledger.errors import UnknownNameError
from nodehours.queries import names
from nodehours.queries.access import operator_scope
from nodehours.queries.clock import NoSnapshotError
from nodehours.queries.names import Named, NamedAllocation, RowKey
from nodehours.queries.pool import Connection
from nodehours.sources.figure_lines import read_allocation
from nodehours.terms.as_of import read_as_of
from nodehours.terms.fault import shown
from nodehours.terms.identifiers import read_resource
from nodehours.terms.month import Month, read_month
from nodehours.terms.scope import Scope

Answer = TypeVar("Answer")

_MAX_NAMED = 8
_MAX_ROW_ID = 2**63 - 1

MONTH = Parsed("month", read_month)
resource_option = click.option(
    "--resource",
    metavar="NAME",
    type=Parsed("name", read_resource),
    help="Only this resource (machine).",
)
as_of_option = click.option(
    "--as-of",
    metavar="REVISION|INSTANT|DATE",
    type=Parsed("as-of", read_as_of),
    help="As it stood then: a revision, an instant (2026-04-01T09:00:00Z) or the end of a day (2026-04-01), UTC.",
)


class Where(NamedTuple):
    """What the command line names: a row by its id, or a project's month and, in it, a user (None: the statement)."""

    subject: str
    month: Month | None
    user: str | None
    resource: str | None

    @property
    def row_id(self) -> int | None:
        """The usage row's id, if the subject is one."""
        if self.month is not None or not (self.subject.isascii() and self.subject.isdigit()):
            return None
        return min(int(self.subject), _MAX_ROW_ID)


class Target(NamedTuple):
    """What is asked about: a statement, by its allocation's internal id and its month, or a usage row of it."""

    allocation: int
    month: Month
    row: RowKey | None


def answered(work: Callable[[Connection, Scope], Awaitable[Answer]]) -> Answer:
    """Return what *work* answers to whoever runs commands; a time the ledger cannot be read at is a wrong usage."""
    try:
        return asked(lambda connection: work(connection, operator_scope()))
    except NoSnapshotError as error:
        raise click.BadParameter(str(error), param_hint="'--as-of'") from None


async def find_name(connection: Connection, scope: Scope, name: str) -> Named:
    """Return the project or organisation of that *name*. Raises ``UnknownNameError``."""
    found = await names.find_named(connection, scope, name)
    if found is None:
        raise UnknownNameError(await _unknown(connection, scope, name, "project or organisation"))
    return found


async def find_target(connection: Connection, scope: Scope, where: Where) -> Target:
    """Return what is meant. Raises ``UnknownNameError``, and click's errors when too little was said."""
    if where.row_id is not None:
        row = await names.find_row(connection, scope, where.row_id)
        if row is None:
            raise UnknownNameError(
                f"there is no usage row {shown(where.subject)}: `nodehours report PROJECT YYYY-MM --users` lists them"
            )
        return Target(row.allocation, row.month, row)
    if where.month is None:
        raise click.UsageError(
            f"{shown(where.subject)} is no row's id, so say which month too: PROJECT YYYY-MM [USER]"
        )
    allocation = await _find_allocation(connection, scope, where)
    await _expect_statement(connection, scope, allocation, where.month)
    if where.user is None:
        return Target(allocation.id, where.month, None)
    return await _find_row(connection, scope, allocation, where.month, where.user)


async def _find_allocation(connection: Connection, scope: Scope, where: Where) -> NamedAllocation:
    uuid = read_allocation(where.subject)
    found = await names.allocations_of(connection, scope, where.subject, uuid)
    if not found:
        raise UnknownNameError(await _unknown(connection, scope, where.subject, "project"))
    resources = [one.resource for one in found]
    if where.resource is None and len(found) > 1:
        raise click.UsageError(
            f"{found[0].project} has allocations on {_listed(resources)}: say which with --resource"
        )
    for one in found:
        if where.resource in {None, one.resource}:
            return one
    raise UnknownNameError(
        f"{found[0].project} has no allocation on {shown(where.resource or '')}, only on {_listed(resources)}"
    )


async def _expect_statement(
    connection: Connection, scope: Scope, allocation: NamedAllocation, month: Month
) -> None:
    """Raise ``UnknownNameError`` when the ledger has no statement of that month."""
    months = await names.months_of(connection, scope, allocation.id)
    if month not in months:
        known = f"it has {_listed([str(one) for one in months[-_MAX_NAMED:]])}" if months else ""
        raise UnknownNameError(
            f"{allocation.project} has no usage on {allocation.resource} in {month}:"
            f" {known or 'it has none at all; `nodehours ingest` takes usage in'}"
        )


async def _find_row(
    connection: Connection, scope: Scope, allocation: NamedAllocation, month: Month, user: str
) -> Target:
    row = await names.find_row_of(connection, scope, allocation.id, month, user)
    if row is None:
        users = await names.users_of(connection, scope, allocation.id, month)
        near = get_close_matches(user, users, n=3) or users
        raise UnknownNameError(
            f"nobody called {shown(user)} has usage of {allocation.project} in {month}; there is {_listed(near)}"
        )
    return Target(row.allocation, row.month, row)


async def _unknown(connection: Connection, scope: Scope, name: str, what: str) -> str:
    known = await names.known_names(connection, scope)
    if not known:
        return f"there is no {what} {shown(name)}: the ledger is empty, and `nodehours ingest` takes usage in"
    near = get_close_matches(name, known, n=3)
    done = f"is it {_listed(near, 'or')}?" if near else "`nodehours report` lists those there are"
    return f"there is no {what} {shown(name)}: {done}"


def _listed(found: Sequence[str], conjunction: str = "and") -> str:
    """Write *found* as a sentence does, cut when there are many."""
    if len(found) > _MAX_NAMED:
        return f"{', '.join(found[:_MAX_NAMED])} and {len(found) - _MAX_NAMED} more"
    *first, last = found
    return f"{', '.join(first)} {conjunction} {last}" if first else last
