"""What the operator keeps of organisations, projects, resources and allocations, beside what reports tell of them.

None of it is a figure: it changes without a revision. How large a resource is and from when to when an allocation
is granted decides what postings are believed from then on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TypedDict, Unpack

from nodehours.ledger.clock import locked_revision
from nodehours.ledger.errors import TakenNameError, UnchangeableError, UnknownNameError
from nodehours.ledger.mapping import find_allocation
from nodehours.ledger.moves import find_project
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.reckoned import RuleSince, read_rules

_LIST_ORGANISATIONS = """
select identifier, name, (select count(*) from projects where organisation_id = organisations.id)
from organisations order by identifier
"""
_ADD_ORGANISATION = """
insert into organisations (identifier, name) values (%s, %s) on conflict (identifier) do nothing returning id
"""
_NAME_ORGANISATION = (
    "update organisations set name = %(name)s where identifier = %(identifier)s returning id"
)
_LIST_PROJECTS = """
select projects.identifier, organisations.identifier,
       array(select identifier from project_names
             where project_id = projects.id and identifier <> projects.identifier order by identifier),
       array(select resources.name from allocations join resources on resources.id = resource_id
             where project_id = projects.id order by resources.name)
from projects join organisations on organisations.id = organisation_id
order by projects.identifier
"""
_LIST_RESOURCES = """
select name, nodes, (select count(*) from allocations where resource_id = resources.id), time_zone,
       array(select since from resource_rules where resource_id = resources.id order by since),
       array(select rule from resource_rules where resource_id = resources.id order by since)
from resources order by name
"""
_SET_RESOURCE = "update resources set nodes = %s where name = %s returning id"
_LIST_ALLOCATIONS = """
select projects.identifier, resources.name, starts, ends, node_limit_node_seconds
from allocations
join projects on projects.id = project_id
join resources on resources.id = resource_id
order by projects.identifier, resources.name
"""
_FIND_GRANT = """
select starts, ends, node_limit_node_seconds from allocations where id = %s for no key update
"""
_SET_GRANT = """
update allocations set starts = %s, ends = %s, node_limit_node_seconds = %s where id = %s
"""


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation, and how many projects it has."""

    identifier: str
    name: str
    projects: int


@dataclass(frozen=True, slots=True)
class ListedProject:
    """A project by its name today, with the names it had before and the resources it has allocations on."""

    identifier: str
    organisation: str
    former: list[str]
    resources: list[str]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, how many nodes it has (None: not known), and how many allocations are on it.

    ``rules`` are those by which its jobs become node-seconds, in days of ``time_zone``.
    """

    name: str
    nodes: int | None
    allocations: int
    time_zone: str = "UTC"
    rules: tuple[RuleSince, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What an allocation grants: from its first day to its last one, both included, and its node-seconds."""

    starts: date | None
    ends: date | None
    node_limit: int | None


class GrantChanges(TypedDict, total=False):
    """What of a grant is to change; what is not named stays."""

    starts: date | None
    ends: date | None
    node_limit: int | None


@dataclass(frozen=True, slots=True)
class ListedAllocation:
    """A project's allocation on a resource, and what it grants."""

    project: str
    resource: str
    grant: Grant


def list_organisations(connection: Connection) -> list[Organisation]:
    """Return all organisations by identifier."""
    return [Organisation(*row) for row in connection.execute(_LIST_ORGANISATIONS)]


def add_organisation(connection: Connection, identifier: str, name: str = "") -> None:
    """Make the organisation *identifier*, named *name* or else after it. Raises ``TakenNameError`` if there is one."""
    with connection.transaction():
        locked_revision(connection)
        made = connection.execute(_ADD_ORGANISATION, [identifier, name or identifier])
        if made.fetchone() is None:
            raise TakenNameError(f"there is an organisation {identifier} already")


def name_organisation(connection: Connection, identifier: str, name: str) -> None:
    """Call the organisation *identifier* by *name* wherever it is shown. Raises ``UnknownNameError``."""
    named = connection.execute(_NAME_ORGANISATION, {"identifier": identifier, "name": name})
    if named.fetchone() is None:
        raise UnknownNameError(
            f"there is no organisation {identifier}: see `nodehours organisation list`"
        )


def list_projects(connection: Connection) -> list[ListedProject]:
    """Return all projects by their names today."""
    return [ListedProject(*row) for row in connection.execute(_LIST_PROJECTS)]


def list_resources(connection: Connection) -> list[Resource]:
    """Return all resources by name."""
    return [
        Resource(name, nodes, allocations, time_zone, read_rules(zip(days, rules, strict=True)))
        for name, nodes, allocations, time_zone, days, rules in connection.execute(_LIST_RESOURCES)
    ]


def set_resource(connection: Connection, name: str, nodes: int | None) -> None:
    """Say how many *nodes* the resource has; None: not known. Raises ``UnknownNameError``."""
    if connection.execute(_SET_RESOURCE, [nodes, name]).fetchone() is None:
        raise UnknownNameError(f"there is no resource {name}: see `nodehours resource list`")


def list_allocations(connection: Connection) -> list[ListedAllocation]:
    """Return all allocations by project and resource."""
    return [
        ListedAllocation(project, resource, Grant(*grant))
        for project, resource, *grant in connection.execute(_LIST_ALLOCATIONS)
    ]


def set_allocation(
    connection: Connection,
    project: ProjectIdentifier,
    resource: str,
    **changes: Unpack[GrantChanges],
) -> Grant:
    """Change what *project*'s allocation on *resource* grants, and return all it grants then.

    Raises ``UnknownNameError``, and ``UnchangeableError`` when it would end before it starts.
    """
    with connection.transaction():
        allocation = find_allocation(connection, find_project(connection, project), resource)
        (found,) = connection.execute(_FIND_GRANT, [allocation])
        grant = replace(Grant(*found), **changes)
        if grant.starts and grant.ends and grant.starts > grant.ends:
            raise UnchangeableError(
                f"it would end on {grant.ends}, before its start on {grant.starts}"
            )
        values = [grant.starts, grant.ends, grant.node_limit, allocation]
        connection.execute(_SET_GRANT, values)
    return grant
