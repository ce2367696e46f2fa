"""Mapping local users: staff say whose a local user is, and reports have no say any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nodehours.ledger.clock import Kind, Origin
from nodehours.ledger.days import months_using
from nodehours.ledger.directory import add_claims, associations
from nodehours.ledger.errors import UnchangeableError, UnknownNameError
from nodehours.ledger.moves import Moved, Project, changing, find_project, tell_anew
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import UNKNOWN, ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim

_FIND_ALLOCATION = """
select allocations.id from allocations join resources on resources.id = resource_id
where project_id = %s and resources.name = %s
"""
# The local users with usage, each found by one step in an index, however many days they have.
_LIST = """
with recursive listed as (
    select allocations.id as allocation, projects.identifier as project, resources.name as resource
    from allocations
    join projects on projects.id = project_id
    join resources on resources.id = resource_id
    where %(project)s::bigint is null or projects.id = %(project)s
),
used as (
    select allocation, (select min(local_user) from daily_usage where allocation_id = allocation) as local_user
    from listed
    union all
    select allocation, (
        select min(local_user) from daily_usage where allocation_id = allocation and local_user > used.local_user
    )
    from used where local_user is not null
),
told as (
    select allocation, local_user from used where local_user <> %(unknown)s
    union select allocation_id, local_user from associations where local_user <> %(unknown)s
    union select allocation_id, local_user from mappings
)
select project, resource, local_user,
       array(select user_identifier from associations
             where allocation_id = told.allocation and local_user = told.local_user and retired_revision is null
             order by user_identifier),
       (select count(distinct user_id) from associations
        where allocation_id = told.allocation and local_user = told.local_user and retired_revision is null),
       exists (select from mappings where allocation_id = told.allocation and local_user = told.local_user)
from listed join told using (allocation)
order by project, resource, local_user
"""
_IS_NAME = "select from project_names where project_id = %s and identifier = %s"
_DECIDE = """
insert into mappings (allocation_id, local_user, user_identifier, revision) values (%s, %s, %s, %s)
"""
_RETIRE = """
update associations set retired_revision = %s
where allocation_id = %s and local_user = %s and retired_revision is null and user_identifier is distinct from %s
"""


@dataclass(frozen=True, slots=True)
class LocalUser:
    """A local user of an allocation: the user identifiers that have it, how many users they are, who said so."""

    project: str
    resource: str
    name: str
    user_identifiers: list[str]
    users: int
    is_decided: bool

    @property
    def word(self) -> str:
        """Tell in a word how it is known whose it is: ``decided``, ``reported``, ``disputed`` or ``unclaimed``."""
        if self.is_decided:
            return "decided"
        return "disputed" if self.users > 1 else "reported" if self.users else "unclaimed"


def list_local_users(
    connection: Connection, project: ProjectIdentifier | None = None
) -> list[LocalUser]:
    """Return all local users with usage or claims, of *project* or of all projects. Raises ``UnknownNameError``."""
    of = None if project is None else find_project(connection, project).id
    return [
        LocalUser(*row) for row in connection.execute(_LIST, {"project": of, "unknown": UNKNOWN})
    ]


def find_allocation(connection: Connection, project: Project, resource: str) -> int:
    """Return the internal id of *project*'s allocation on *resource*. Raises ``UnknownNameError``."""
    found = connection.execute(_FIND_ALLOCATION, [project.id, resource]).fetchone()
    if found is None:
        raise UnknownNameError(
            f"{project.identifier} has no allocation on {resource}: see `nodehours allocation list`"
        )
    return int(found[0])


def map_local_user(
    connection: Connection,
    project: ProjectIdentifier,
    resource: str,
    local_user: str,
    user: UserIdentifier | None,
    origin: Origin,
) -> Moved:
    """Decide whose *local_user* of *project*'s allocation on *resource* is: *user*'s, or nobody's (None).

    The user is made known when new, and the local user need not have usage yet. Reports that claim otherwise
    change nothing from then on; the last decision holds. Raises ``UnknownNameError`` when there is no such
    allocation or *user* is of another project, ``UnchangeableError`` for what is nobody's by its name.
    """
    if local_user == UNKNOWN:
        raise UnchangeableError(f"{UNKNOWN} is no local user: its usage stays unattributed")
    reason = f"{local_user} is {user or 'nobody'}"
    with changing(connection, Kind.MAPPING, origin, reason) as change:
        found = find_project(connection, project)
        allocation = find_allocation(connection, found, resource)
        wanted = _wanted(connection, found, local_user, user)
        known = associations(connection, allocation)
        held = {claim for claim in known.claims if claim.local_user == local_user}
        if local_user in known.decided and held == wanted:
            return Moved(None)
        name = next((str(claim.user_identifier) for claim in wanted), None)
        revision = change.next_revision()
        connection.execute(_DECIDE, [allocation, local_user, name, revision])
        connection.execute(_RETIRE, [revision, allocation, local_user, name])
        add_claims(connection, allocation, wanted - held)
        months = tell_anew(change, allocation, months_using(connection, allocation, {local_user}))
    return Moved(change.revision, tuple(months))


def _wanted(
    connection: Connection, project: Project, local_user: str, user: UserIdentifier | None
) -> set[Claim]:
    """Return the claims that are to hold, by the name that the project has today."""
    if user is None:
        return set()
    of = [project.id, str(user.project_identifier)]
    if connection.execute(_IS_NAME, of).fetchone() is None:
        raise UnknownNameError(f"{user} is not a user of {project.identifier}")
    return {Claim(local_user, replace(user, project=project.identifier.project))}
