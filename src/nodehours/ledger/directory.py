"""Who and what exists as far as reports tell: organisations, projects, resources, allocations, associations.

Everything here is made when it is first seen and found again ever after. Reports only add associations;
they never take one away, so a user who left a project keeps the usage they had. Only staff retire one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import Identity, ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim

_ENSURE_ORGANISATION = """
insert into organisations (identifier, name) values (%(portal)s, %(portal)s)
on conflict (identifier) do nothing
"""
# Only who holds the ledger's clock makes anything: nobody else can make it in between.
_ENSURE_PROJECT = """
with made as (
    insert into projects (identifier, organisation_id)
    select %(project)s, id from organisations
    where identifier = %(portal)s and not exists (select from project_names where identifier = %(project)s)
    returning identifier, id
)
insert into project_names (identifier, project_id) select identifier, id from made
"""
_ENSURE_RESOURCE = (
    "insert into resources (name) values (%(resource)s) on conflict (name) do nothing"
)
_FIND_ALLOCATION = """
select allocation.id, project.identifier
from allocations allocation
join projects project on project.id = allocation.project_id
join project_names named on named.project_id = project.id
join resources resource on resource.id = allocation.resource_id
where named.identifier = %(project)s and resource.name = %(resource)s
"""
_MAKE_ALLOCATION = """
insert into allocations (project_id, resource_id)
select named.project_id, resource.id
from project_names named, resources resource
where named.identifier = %(project)s and resource.name = %(resource)s
"""
_LIST_ASSOCIATIONS = """
select local_user, user_identifier, user_id from associations
where allocation_id = %s and retired_revision is null
"""
_LIST_DECIDED = "select distinct local_user from mappings where allocation_id = %s"
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


class Allocation(NamedTuple):
    """An allocation's internal id, and its project as it is named today."""

    id: int
    project: ProjectIdentifier


@dataclass(frozen=True, slots=True)
class Associations:
    """Who has which local user of an allocation.

    ``claims`` are those that hold, ``user_ids`` which user (by internal id) each user identifier is, ``decided``
    the local users of which staff said whose they are.
    """

    claims: frozenset[Claim]
    user_ids: dict[UserIdentifier, int]
    decided: frozenset[str]

    def new(self, claimed: Iterable[Claim]) -> frozenset[Claim]:
        """Return what *claimed* adds; of a local user that is decided, a report has no say."""
        return frozenset(
            claim
            for claim in claimed
            if claim not in self.claims and claim.local_user not in self.decided
        )

    def by_person(self) -> frozenset[Claim]:
        """Return the claims, of several by one person on one local user only the first.

        A person of two user identifiers has no dispute with themselves.
        """
        first: dict[tuple[str, int], Claim] = {}
        for claim in sorted(self.claims):
            first.setdefault((claim.local_user, self.user_ids[claim.user_identifier]), claim)
        return frozenset(first.values())


def ensure_allocation(
    connection: Connection, project: ProjectIdentifier, resource: str
) -> Allocation:
    """Return *project*'s allocation on *resource*, making what is not there yet.

    *project* may be a name that it had before. A new project's organisation is a placeholder named after its
    portal.
    """
    names = {"project": str(project), "portal": project.portal, "resource": resource}
    found = connection.execute(_FIND_ALLOCATION, names).fetchone()
    if found is None:
        for ensure in (_ENSURE_ORGANISATION, _ENSURE_PROJECT, _ENSURE_RESOURCE, _MAKE_ALLOCATION):
            connection.execute(ensure, names)
        (found,) = connection.execute(_FIND_ALLOCATION, names)
    return Allocation(int(found[0]), ProjectIdentifier.parse(found[1]))


def ensure_resource(connection: Connection, resource: str) -> None:
    """Make *resource* if there is none called so."""
    connection.execute(_ENSURE_RESOURCE, {"resource": resource})


def associations(connection: Connection, allocation: int) -> Associations:
    """Return the associations of *allocation* (its internal id) that hold."""
    claims: set[Claim] = set()
    user_ids: dict[UserIdentifier, int] = {}
    for local_user, identifier, user_id in connection.execute(_LIST_ASSOCIATIONS, [allocation]):
        user = UserIdentifier.parse(identifier)
        claims.add(Claim(local_user, user))
        user_ids[user] = user_id
    decided = frozenset(name for (name,) in connection.execute(_LIST_DECIDED, [allocation]))
    return Associations(frozenset(claims), user_ids, decided)


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
