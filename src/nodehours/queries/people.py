"""Users, with or without a login, and their roles.

An email address is for its owner, and for those who see everything: for others it is not there, to filters neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import (
    ANY,
    Found,
    Listing,
    Tie,
    any_of,
    contains,
    find_page,
    in_utc,
    tied_users,
    values,
    wanted,
)
from nodehours.terms.scope import Scope

_USERNAME = """
coalesce(users.username, (
    select identity from identities where user_id = users.id order by identity collate "C" limit 1
), '')
"""
_EMAIL = "case when %(everything)s or users.id = %(reader)s then users.email end"
_IDENTITIES = (
    'array(select identity from identities where user_id = users.id order by identity collate "C")'
)
_FOUND = """
select row_number() over (order by users.full_name collate "C", users.id) as place, users.id
from users
where {visible} and {which}
"""
_TOLD = """
select page.place, users.uuid, {username}, users.full_name, {email}, users.is_staff, users.is_support,
       users.is_active, users.created, users.username is not null, {identities}
from page join users on users.id = page.id
"""
_ROLES = """
select roles.role, case when project_id is null then 'organisation' else 'project' end,
       coalesce(projects.uuid, organisations.uuid), coalesce(projects.identifier, organisations.name),
       organisations.uuid, organisations.name, roles.granted
from roles
join users on users.id = roles.user_id
left join projects on projects.id = roles.project_id
join organisations on organisations.id in (roles.organisation_id, projects.organisation_id)
where users.uuid = %(user)s and (%(everything)s or users.id = %(reader)s)
order by organisations.name collate "C", organisations.id, projects.identifier collate "C" nulls first, roles.role
"""

_READER = sql.SQL("users.id = %(reader)s")
_ASKED = sql.SQL("user_id = (select id from users where uuid = %(uuid)s)")
_TO_ANYTHING = Tie(ANY, ANY)
_TO_ORGANISATION = Tie(
    sql.SQL(
        "projects.organisation_id = (select id from organisations where uuid = %(organisation)s)"
    ),
    sql.SQL("""
(organisation_id = (select id from organisations where uuid = %(organisation)s)
 or project_id = any(array(
    select projects.id from projects join organisations on organisations.id = organisation_id
    where organisations.uuid = %(organisation)s)))
"""),
)
_TO_PROJECT = Tie(
    sql.SQL("projects.uuid = %(project)s"),
    sql.SQL("project_id = (select id from projects where uuid = %(project)s)"),
)


def _in_names(asked: str) -> sql.Composed:
    identity = contains("identity", asked)
    known = sql.SQL("exists (select from identities where user_id = users.id and {})")
    names = [contains(name, asked) for name in ("users.username", "users.full_name")]
    return any_of([*names, known.format(identity)])


_WHICH = {
    "uuid": sql.SQL("users.uuid = %(uuid)s"),
    "username": sql.SQL("{} = %(username)s").format(sql.SQL(_USERNAME)),
    "usernames": sql.SQL("{} = any(%(usernames)s)").format(sql.SQL(_USERNAME)),
    "full_name": contains("users.full_name", "full_name"),
    "email": contains(_EMAIL, "email"),
    "is_active": sql.SQL("users.is_active = %(is_active)s"),
    "is_staff": sql.SQL("users.is_staff = %(is_staff)s"),
    "is_support": sql.SQL("users.is_support = %(is_support)s"),
    "query": _in_names("query"),
    "user_keyword": _in_names("user_keyword"),
}


class UserFilter(NamedTuple):
    """Which users are asked for; None asks for all.

    ``full_name``, ``email``, ``query`` and ``user_keyword`` are contained, upper case or lower, the last two in
    username, full name or an identity. ``organisation`` and ``project`` ask for those who have a role there, usage or
    an association, as far as the reader sees that.
    """

    uuid: UUID | None = None
    username: str | None = None
    usernames: Sequence[str] | None = None
    full_name: str | None = None
    email: str | None = None
    is_active: bool | None = None
    is_staff: bool | None = None
    is_support: bool | None = None
    organisation: UUID | None = None
    project: UUID | None = None
    query: str | None = None
    user_keyword: str | None = None


class UserRow(NamedTuple):
    """A user; times in UTC.

    ``username`` is that of the login, or else the first of the identities, or else empty. ``email`` is None when it
    is not for the reader.
    """

    uuid: UUID
    username: str
    full_name: str
    email: str | None
    is_staff: bool
    is_support: bool
    is_active: bool
    created: datetime
    has_login: bool
    identities: list[str]


class RoleRow(NamedTuple):
    """A role of a user, since when (UTC), and what it is of: an ``organisation`` by its name or a ``project`` by its
    identifier, with its UUID. ``organisation`` is that, or the project's.
    """

    role: str
    kind: str
    uuid: UUID
    name: str
    organisation: UUID
    organisation_name: str
    granted: datetime


async def list_users(
    connection: Connection, scope: Scope, asked: UserFilter, *, offset: int, limit: int
) -> Found[UserRow]:
    """Return up to *limit* of the visible users after the first *offset*, by full name, then as they were made.

    A user who was merged with another is listed as any other is.
    """
    listing = _listing(_visible(scope, asked), _which(scope, asked))
    return await find_page(connection, scope, listing, _asked(asked), offset=offset, limit=limit)


async def find_user(connection: Connection, scope: Scope, uuid: UUID) -> UserRow | None:
    """Return the user with that *uuid*; None when none is visible."""
    return (await list_users(connection, scope, UserFilter(uuid=uuid), offset=0, limit=1)).first


async def find_reader(connection: Connection, scope: Scope) -> UserRow | None:
    """Return the user who is reading; None when that is no user."""
    listing = _listing(_READER, ANY)
    return (await find_page(connection, scope, listing, {}, offset=0, limit=1)).first


async def roles_of(connection: Connection, scope: Scope, user: UUID) -> list[RoleRow]:
    """Return the *user*'s roles, by organisation and by project; none of others' for who does not see everything."""
    found = await connection.execute(_ROLES, values(scope, {"user": user}), binary=True)
    return [RoleRow._make(map(in_utc, row)) for row in await found.fetchall()]


def _listing(visible: sql.Composable, which: sql.Composable) -> Listing[UserRow]:
    told = sql.SQL(_TOLD).format(
        username=sql.SQL(_USERNAME), email=sql.SQL(_EMAIL), identities=sql.SQL(_IDENTITIES)
    )
    return Listing(sql.SQL(_FOUND).format(visible=visible, which=which), told, UserRow._make)


def _asked(asked: UserFilter) -> dict[str, Any]:
    usernames = None if asked.usernames is None else list(asked.usernames)
    return asked._replace(usernames=usernames)._asdict()


def _visible(scope: Scope, asked: UserFilter) -> sql.Composable:
    """Whoever is tied to something asked for is visible anyway."""
    if scope.everything or asked.organisation is not None or asked.project is not None:
        return ANY
    return any_of([_READER, _tied(_TO_ANYTHING, scope, asked)])


def _which(scope: Scope, asked: UserFilter) -> sql.Composed:
    ties = {
        "organisation": _tied(_TO_ORGANISATION, scope, asked),
        "project": _tied(_TO_PROJECT, scope, asked),
    }
    return wanted(asked._asdict(), _WHICH | ties)


def _tied(tie: Tie, scope: Scope, asked: UserFilter) -> sql.Composed:
    whose = None if asked.uuid is None else _ASKED
    return sql.SQL("users.id in ({})").format(tied_users(tie, scope, whose))
