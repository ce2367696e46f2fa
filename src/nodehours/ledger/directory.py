"""Who and what exists as far as reports tell: organisations, projects, resources, allocations, associations.

Everything here is made when it is first seen and found again ever after. Reports only add associations;
they never take one away, so a user who left a project keeps the usage they had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import Identity, ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim

_LOCK = "select revision from ledger for update"
_ENSURE_ORGANISATION = """
insert into organisations (identifier, name) values (%(portal)s, %(portal)s)
on conflict (identifier) do nothing
"""
_ENSURE_PROJECT = """
insert into projects (identifier, organisation_id)
select %(project)s, id from organisations where identifier = %(portal)s
on conflict (identifier) do nothing
"""
_ENSURE_RESOURCE = (
    "insert into resources (name) values (%(resource)s) on conflict (name) do nothing"
)
_FIND_ALLOCATION = """
select allocation.id
from allocations allocation
join projects project on project.id = allocation.project_id
join resources resource on resource.id = allocation.resource_id
where project.identifier = %(project)s and resource.name = %(resource)s
"""
_MAKE_ALLOCATION = """
insert into allocations (project_id, resource_id)
select project.id, resource.id
from projects project, resources resource
where project.identifier = %(project)s and resource.name = %(resource)s
returning id
"""
_LIST_ASSOCIATIONS = (
    "select local_user, user_identifier, user_id from associations where allocation_id = %s"
)
_ENSURE_IDENTITIES = """
with unknown as (
    select asked.identity, nextval(pg_get_serial_sequence('users', 'id')) as user_id
    from unnest(%(identities)s::text[]) as asked (identity)
    where not exists (select from identities known where known.identity = asked.identity)
),
made as (
    insert into users (id) overriding system value select user_id from unknown
)
insert into identities (identity, user_id) select identity, user_id from unknown
"""
_ADD_ASSOCIATION = """
insert into associations (allocation_id, user_id, user_identifier, local_user)
select %(allocation)s, user_id, %(user_identifier)s, %(local_user)s
from identities where identity = %(identity)s
"""


@dataclass(frozen=True, slots=True)
class Associations:
    """All claims on an allocation's local users, and which user (by internal id) each user identifier is."""

    claims: frozenset[Claim]
    user_ids: dict[UserIdentifier, int]


def locked_revision(connection: Connection) -> int:
    """Lock the ledger's clock for the rest of the transaction and return its revision.

    Whoever posts, or says who somebody is, begins with it: one waits for the other, and never both.
    """
    ((revision,),) = connection.execute(_LOCK)
    return int(revision)


def ensure_allocation(connection: Connection, project: ProjectIdentifier, resource: str) -> int:
    """Return the internal id of *project*'s allocation on *resource*, making what is not there yet.

    A new project's organisation is a placeholder named after its portal.
    """
    names = {"project": str(project), "portal": project.portal, "resource": resource}
    if found := connection.execute(_FIND_ALLOCATION, names).fetchone():
        return int(found[0])
    for ensure in (_ENSURE_ORGANISATION, _ENSURE_PROJECT, _ENSURE_RESOURCE):
        connection.execute(ensure, names)
    (made,) = connection.execute(_MAKE_ALLOCATION, names)
    return int(made[0])


def associations(connection: Connection, allocation: int) -> Associations:
    """Return the associations of *allocation* (its internal id)."""
    claims: set[Claim] = set()
    user_ids: dict[UserIdentifier, int] = {}
    for local_user, identifier, user_id in connection.execute(_LIST_ASSOCIATIONS, [allocation]):
        user = UserIdentifier.parse(identifier)
        claims.add(Claim(local_user, user))
        user_ids[user] = user_id
    return Associations(frozenset(claims), user_ids)


def add_claims(connection: Connection, allocation: int, claims: Iterable[Claim]) -> None:
    """Add associations for *claims*, none of which is there yet; users not yet known become users without a login."""
    new = sorted(claims)
    identities = sorted({str(claim.user_identifier.identity) for claim in new})
    connection.execute(_ENSURE_IDENTITIES, {"identities": identities})
    with connection.cursor() as cursor:
        cursor.executemany(_ADD_ASSOCIATION, [_association(allocation, claim) for claim in new])


def _association(allocation: int, claim: Claim) -> dict[str, object]:
    identity: Identity = claim.user_identifier.identity
    return {
        "allocation": allocation,
        "user_identifier": str(claim.user_identifier),
        "local_user": claim.local_user,
        "identity": str(identity),
    }
