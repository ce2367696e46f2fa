"""Closing months: what is reported of them stays as it is until they are opened again.

A closing is of an organisation or of a project, and holds for statements that are not there yet as well. What is
posted meanwhile waits (see ``pending``). A statement is open again when no closing of its project, or of its
project's present organisation, holds any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple

from nodehours.ledger.clock import Kind, Origin
from nodehours.ledger.errors import UnchangeableError, UnknownNameError
from nodehours.ledger.moves import changing, find_project
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.statement import State, state_of

_FIND_ORGANISATION = "select id from organisations where identifier = %s"
_FIND_CLOSING = """
select closed_revision from closings
where (project_id = %(project)s or organisation_id = %(organisation)s)
and year = %(year)s and month = %(month)s and reopened_revision is null
"""
_ADD_CLOSING = """
insert into closings (organisation_id, project_id, year, month, closed_revision)
values (%(organisation)s, %(project)s, %(year)s, %(month)s, %(revision)s)
"""
_END_CLOSING = """
update closings set reopened_revision = %(revision)s
where (project_id = %(project)s or organisation_id = %(organisation)s)
and year = %(year)s and month = %(month)s and reopened_revision is null
"""
_LIST_ALLOCATIONS = """
select allocations.id, projects.identifier, resources.name
from allocations
join projects on projects.id = allocations.project_id
join resources on resources.id = allocations.resource_id
where projects.id = %(project)s or projects.organisation_id = %(organisation)s
"""
_HAS_OPEN = """
select exists (
    select from statements join allocations on allocations.id = allocation_id
    where project_id = %(project)s and year = %(year)s and month = %(month)s and not is_closed
)
"""
_CLOSE = """
update statements set is_closed = true, revision = %(revision)s
where allocation_id = any(%(allocations)s) and year = %(year)s and month = %(month)s and not is_closed
returning allocation_id, node_seconds, complete_days, is_restated
"""
_REOPEN = """
update statements set is_closed = false, revision = %(revision)s
where allocation_id = any(%(allocations)s) and year = %(year)s and month = %(month)s and is_closed
and not exists (
    select from allocations
    join projects on projects.id = allocations.project_id
    join closings on closings.project_id = projects.id or closings.organisation_id = projects.organisation_id
    where allocations.id = statements.allocation_id and reopened_revision is null
    and closings.year = statements.year and closings.month = statements.month
)
returning allocation_id, node_seconds, complete_days, is_restated
"""
_COUNT_WAITING = """
select count(*) from pending
where allocation_id = any(%(allocations)s) and year = %(year)s and month = %(month)s and status = 'waiting'
"""


class StatementKept(NamedTuple):
    """A statement as it was when its month was closed or opened again."""

    project: str
    resource: str
    state: State
    node_seconds: int


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of closing a month or opening it again: of what (its name today), and under which revision.

    ``statements`` are those that were closed, or opened again, by it. ``waiting`` counts the pending restatements
    of the month.
    """

    of: str
    month: Month
    revision: int
    statements: tuple[StatementKept, ...]
    waiting: int

    @property
    def provisional(self) -> list[StatementKept]:
        """The statements of which not every day is known completely."""
        return [one for one in self.statements if one.state is State.PROVISIONAL]


@dataclass(frozen=True, slots=True)
class _Target:
    """What is closed: an organisation or a project, by internal id, and the organisation that a project is of."""

    name: str
    project: int | None = None
    organisation: int | None = None
    of: _Target | None = None

    def key(self, month: Month) -> dict[str, int | None]:
        """Name it with *month* as the queries do."""
        return {
            "project": self.project,
            "organisation": self.organisation,
            "year": month.year,
            "month": month.month,
        }

    def closed_revision(self, connection: Connection, month: Month) -> int | None:
        """Return the revision of the closing of just this that holds, or None."""
        found = connection.execute(_FIND_CLOSING, self.key(month)).fetchone()
        return found[0] if found else None


def close_month(connection: Connection, of: str, month: Month, origin: Origin) -> Closed:
    """Close *month* of the organisation or project *of*: no figure of it changes any more unless staff accept it.

    A project may be told by any name it had. What is provisional is closed as it is. Raises ``UnknownNameError``,
    and ``UnchangeableError`` when the month is not over or closed already.
    """
    with changing(connection, Kind.CLOSING, origin, f"{month} of {of} closed") as change:
        target = _target(connection, of)
        _refuse_to_close(connection, target, month)
        revision = change.next_revision()
        connection.execute(_ADD_CLOSING, target.key(month) | {"revision": revision})
        return _told(connection, target, month, revision, _CLOSE)


def reopen_month(connection: Connection, of: str, month: Month, origin: Origin) -> Closed:
    """Open *month* of the organisation or project *of* again. What is posted from then on is written straight in.

    What waits goes on waiting. Raises ``UnknownNameError``, and ``UnchangeableError`` when it is not closed, or
    closed with its organisation.
    """
    with changing(connection, Kind.REOPENING, origin, f"{month} of {of} opened again") as change:
        target = _target(connection, of)
        _refuse_to_reopen(connection, target, month)
        revision = change.next_revision()
        connection.execute(_END_CLOSING, target.key(month) | {"revision": revision})
        return _told(connection, target, month, revision, _REOPEN)


def _target(connection: Connection, of: str) -> _Target:
    if "." not in of:
        return _organisation(connection, of)
    try:
        name = ProjectIdentifier.parse(of)
    except ValueError as error:
        raise UnknownNameError(f"there is no such project: {error}") from None
    project = find_project(connection, name)
    organisation = _Target(project.organisation, organisation=project.organisation_id)
    return _Target(str(project.identifier), project=project.id, of=organisation)


def _organisation(connection: Connection, name: str) -> _Target:
    found = connection.execute(_FIND_ORGANISATION, [name]).fetchone()
    if found is None:
        raise UnknownNameError(
            f"there is no organisation {name}: see `nodehours organisation list` (a project is told as project.portal)"
        )
    return _Target(name, organisation=found[0])


def _refuse_to_close(connection: Connection, target: _Target, month: Month) -> None:
    if not month.is_over(datetime.now(UTC)):
        raise UnchangeableError(f"{month} is not over: it can be closed from {month.end} on (UTC)")
    if revision := target.closed_revision(connection, month):
        raise UnchangeableError(
            f"{month} of {target.name} is closed already, since revision {revision}"
        )
    if target.of and (revision := target.of.closed_revision(connection, month)):
        # A project that moved there may have statements that are open all the same.
        ((has_open,),) = connection.execute(_HAS_OPEN, target.key(month))
        if not has_open:
            raise UnchangeableError(
                f"{month} of {target.name} is closed already, with its organisation {target.of.name}"
                f" since revision {revision}"
            )


def _refuse_to_reopen(connection: Connection, target: _Target, month: Month) -> None:
    if target.of and target.of.closed_revision(connection, month):
        raise UnchangeableError(
            f"{month} of {target.name} is closed with its organisation {target.of.name}:"
            f" `nodehours month reopen {target.of.name} {month}` opens it again"
        )
    if target.closed_revision(connection, month) is None:
        raise UnchangeableError(f"{month} of {target.name} is not closed")


def _told(
    connection: Connection, target: _Target, month: Month, revision: int, update: str
) -> Closed:
    """Have *update* close the statements, or open them again, and tell which those were."""
    key = target.key(month)
    places = {
        allocation: (project, resource)
        for allocation, project, resource in connection.execute(_LIST_ALLOCATIONS, key)
    }
    values = key | {"allocations": list(places), "revision": revision}
    now = datetime.now(UTC)
    kept = [
        StatementKept(
            *places[allocation], state_of(month, complete, now, is_restated=restated), node_seconds
        )
        for allocation, node_seconds, complete, restated in connection.execute(update, values)
    ]
    ((waiting,),) = connection.execute(_COUNT_WAITING, values)
    return Closed(target.name, month, revision, tuple(sorted(kept, key=itemgetter(0, 1))), waiting)
