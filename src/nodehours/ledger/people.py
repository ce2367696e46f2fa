"""Users with a login, their roles and their tokens, as the ledger's operator keeps them.

A user may be known before they have a login: reports name them as a person at a portal, their *identity*
(``alice.brics``). Giving such a person a login is said outright, by naming the identity; that two names are
equal proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from nodehours.ledger.clock import Change, Kind, Origin, locked_revision
from nodehours.ledger.errors import TakenNameError, UnknownNameError
from nodehours.ledger.store import Connection
from nodehours.terms.token import new_token, token_sha256

ORGANISATION_ROLES = ("owner", "reader")
PROJECT_ROLES = ("manager", "member")


_LIST_USERS = """
select users.username, users.full_name, users.email, users.is_staff, users.is_support, users.is_active,
       array(select identity from identities where user_id = users.id order by identity)
from users
where username is not null or merged_into is null
order by users.username nulls last, users.id
"""
_ADD_USER = """
insert into users (username, full_name, email, is_staff, is_support)
values (%(username)s, %(full_name)s, %(email)s, %(is_staff)s, %(is_support)s)
returning id
"""
_GIVE_LOGIN = """
update users set username = %(username)s, full_name = %(full_name)s, email = %(email)s,
                 is_staff = %(is_staff)s, is_support = %(is_support)s, is_active = true
where id = %(user)s
"""
_OWNER_OF_IDENTITY = """
select users.id, users.username from identities join users on users.id = identities.user_id
where identity = %s
"""
_ADD_IDENTITY = "insert into identities (identity, user_id) values (%s, %s)"
_NAMESAKES = """
select identity from identities join users on users.id = user_id
where username is null and identity like %s order by identity
"""
# Such a name is told beside usage, so that it has to be remembered until when it was told.
_IS_NAMED_ANEW = """
select from users where id = %s and full_name <> %s and exists (select from usage_rows where user_id = users.id)
"""
_FULL_NAME = "select full_name from users where id = %s"
_HAS_IDENTITY = "select from identities where user_id = %s limit 1"
_MOVE_LOGIN = (
    "update tokens set user_id = %(known)s where user_id = %(user)s",
    "update passwords set user_id = %(known)s where user_id = %(user)s",
    "update sessions set user_id = %(known)s where user_id = %(user)s",
    "update sign_in_links set user_id = %(known)s where user_id = %(user)s",
    "update logins set user_id = %(known)s where user_id = %(user)s",
    "update mails set user_id = %(known)s, sent = coalesce(sent, claimed) where user_id = %(user)s",
    "update roles set user_id = %(known)s where user_id = %(user)s",
    "update users set merged_into = %(known)s where merged_into = %(user)s",
    """
    with login as (delete from users where id = %(user)s returning *)
    update users set username = login.username, full_name = login.full_name, email = login.email,
                     is_staff = login.is_staff, is_support = login.is_support, is_active = login.is_active,
                     wants_mail = login.wants_mail
    from login where users.id = %(known)s
    """,
)
_DEACTIVATE = (
    "update users set is_active = false where id = %s",
    "update sessions set ended = now() where user_id = %s and ended is null",
    "delete from sign_in_links where user_id = %s",
)
# Held until the transaction ends, so that a login that becomes a person known from reports waits for it.
_FIND_USER = """
select id, (
    select coalesce(target.username, (select min(identity) from identities where user_id = target.id))
    from users as target where target.id = users.merged_into
)
from users where username = %s for key share of users
"""
_FIND_ORGANISATION = "select id from organisations where identifier = %s"
_FIND_PROJECT = "select id from projects where identifier = %s"
_GRANT = """
insert into roles (user_id, role, organisation_id, project_id) values (%s, %s, %s, %s)
on conflict do nothing returning id
"""
_REVOKE_ROLE = """
delete from roles where user_id = %s and role = %s
and organisation_id is not distinct from %s and project_id is not distinct from %s returning id
"""
_LIST_ROLES = """
select users.username, roles.role, coalesce(organisations.identifier, projects.identifier), roles.granted
from roles
join users on users.id = roles.user_id
left join organisations on organisations.id = roles.organisation_id
left join projects on projects.id = roles.project_id
order by 1, 3, 2
"""
_ADD_TOKEN = """
insert into tokens (user_id, sha256, expires, name) values (%s, %s, now() + %s::interval, %s) returning expires
"""
_LIST_TOKENS = """
select tokens.id, users.username, tokens.rights, tokens.created, tokens.expires, tokens.revoked, tokens.name,
       tokens.last_used
from tokens join users on users.id = tokens.user_id
order by tokens.id
"""
_REVOKE_TOKEN = "update tokens set revoked = coalesce(revoked, now()) where id = %s returning id"


@dataclass(frozen=True, slots=True)
class User:
    """A user as the operator sees them; ``username`` None: no login."""

    username: str | None
    full_name: str
    email: str
    is_staff: bool
    is_support: bool
    is_active: bool
    identities: list[str]


@dataclass(frozen=True, slots=True)
class Role:
    """A user's role, and the identifier of the organisation or project it is of."""

    username: str
    role: str
    of: str
    granted: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed: never the token itself, which is not kept.

    ``name`` is what its owner calls it. ``last_used`` lags by up to a minute; None: never, as far as is known.
    """

    id: int
    username: str
    rights: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    name: str
    last_used: datetime | None

    def state(self, now: datetime) -> str:
        """Tell in a word whether it opens anything at *now*: ``valid``, ``expired`` or ``revoked``."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= now else "valid"


def add_user(connection: Connection, user: User, by_whom: str = "") -> None:
    """Make *user*, who has a username, with their identities.

    An identity known from reports becomes this user's, with all its usage; where that changes the full name told
    beside usage, it is a revision. Raises ``TakenNameError`` when the username or an identity is another user's.
    """
    with connection.transaction():
        if user.identities:
            locked_revision(connection)
        owners = [
            connection.execute(_OWNER_OF_IDENTITY, [identity]).fetchone()
            for identity in user.identities
        ]
        known = {owner[0] for owner in owners if owner}
        _refuse_taken(user, [owner[1] for owner in owners if owner], len(known))
        try:
            user_id = _written(connection, user, known, by_whom)
        except psycopg.errors.UniqueViolation:
            message = f"there is a user {user.username} already"
            raise TakenNameError(message) from None
        for identity, owner in zip(user.identities, owners, strict=True):
            if owner is None:
                connection.execute(_ADD_IDENTITY, [identity, user_id])


def _written(connection: Connection, user: User, known: set[int], by_whom: str) -> int:
    """Write *user*: anew, or as the login of the one whom reports know."""
    columns = ("username", "full_name", "email", "is_staff", "is_support")
    values = {name: getattr(user, name) for name in columns}
    for user_id in known:
        reason = f"{user.username} is {', '.join(user.identities)}"
        with _named(connection, user_id, user.full_name, Origin(None, reason, by_whom)):
            connection.execute(_GIVE_LOGIN, values | {"user": user_id})
        return user_id
    ((made,),) = connection.execute(_ADD_USER, values)
    return int(made)


def identify_user(connection: Connection, username: str, identity: str, by_whom: str = "") -> None:
    """Say that *username* is the person known as *identity*; it is a revision as in ``add_user``.

    Raises ``TakenNameError`` when somebody else is, or when both have a history of their own already.
    """
    with connection.transaction():
        locked_revision(connection)
        user = find_login(connection, username)
        owner = connection.execute(_OWNER_OF_IDENTITY, [identity]).fetchone()
        if owner is None:
            connection.execute(_ADD_IDENTITY, [identity, user])
        elif owner[0] != user:
            if owner[1] is not None:
                raise TakenNameError(f"{identity} is {owner[1]}'s already")
            _refuse_merge(connection, user, username, identity)
            ((full_name,),) = connection.execute(_FULL_NAME, [user])
            origin = Origin(None, f"{username} is {identity}", by_whom)
            with _named(connection, owner[0], full_name, origin):
                _take_over(connection, user, owner[0])


def _take_over(connection: Connection, user: int, known: int) -> None:
    """Make the person *known* from reports, with all their usage, and the login *user* one.

    The login moves to the person, since usage rows never change hands here; its roles and tokens follow.
    """
    for move in _MOVE_LOGIN:
        connection.execute(move, {"user": user, "known": known})


@contextmanager
def _named(connection: Connection, user: int, full_name: str, origin: Origin) -> Iterator[None]:
    """Take a revision for the change of name inside, if it is told beside usage."""
    change = Change(connection, Kind.NAMING, origin)
    if connection.execute(_IS_NAMED_ANEW, [user, full_name]).fetchone() is not None:
        change.next_revision()
    yield
    if change.reasons:
        change.record()


def _refuse_merge(connection: Connection, user: int, username: str, identity: str) -> None:
    if connection.execute(_HAS_IDENTITY, [user]).fetchone() is not None:
        raise TakenNameError(
            f"both have usage of their own: to make them one, run `nodehours user merge {identity} {username}`"
        )


def _refuse_taken(user: User, usernames: list[str | None], known: int) -> None:
    if taken := [name for name in usernames if name]:
        named = " or ".join(user.identities)
        message = f"{named} is {taken[0]}'s already"
        raise TakenNameError(message)
    if known > 1:
        message = (
            f"{', '.join(user.identities)} are {known} different users: make them one first, see"
            " `nodehours user merge --help`"
        )
        raise TakenNameError(message)


def namesakes(connection: Connection, username: str) -> list[str]:
    """Return the identities without a login that *username* might mean: ``alice.brics`` for ``alice``."""
    pattern = username.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + ".%"
    return [row[0] for row in connection.execute(_NAMESAKES, [pattern])]


def is_identity(connection: Connection, name: str) -> bool:
    """Tell whether *name* is the identity of somebody known."""
    return connection.execute(_OWNER_OF_IDENTITY, [name]).fetchone() is not None


def list_users(connection: Connection) -> list[User]:
    """Return all users: those with a login by name, then those known from reports only."""
    return [User(*row) for row in connection.execute(_LIST_USERS)]


def deactivate_user(connection: Connection, username: str) -> None:
    """Shut *username* out: their tokens answer no more, and their sessions end. Their usage stays."""
    with connection.transaction():
        user = find_login(connection, username)
        for statement in _DEACTIVATE:
            connection.execute(statement, [user])


def grant_role(connection: Connection, username: str, role: str, identifier: str) -> bool:
    """Give *username* the *role* in the organisation or project *identifier*; False when they had it already."""
    return _change_role(connection, _GRANT, username, role, identifier)


def revoke_role(connection: Connection, username: str, role: str, identifier: str) -> bool:
    """Take *role* in *identifier* from *username*; False when they did not have it."""
    return _change_role(connection, _REVOKE_ROLE, username, role, identifier)


def _change_role(
    connection: Connection, change: str, username: str, role: str, identifier: str
) -> bool:
    with connection.transaction():
        user = find_login(connection, username)
        organisation = project = None
        if role in ORGANISATION_ROLES:
            organisation = _id(
                connection, _FIND_ORGANISATION, identifier, f"organisation {identifier}"
            )
        else:
            project = _id(connection, _FIND_PROJECT, identifier, f"project {identifier}")
        changed = connection.execute(change, [user, role, organisation, project])
        return changed.fetchone() is not None


def list_roles(connection: Connection) -> list[Role]:
    """Return all roles, by user and by what they are of."""
    return [Role(*row) for row in connection.execute(_LIST_ROLES)]


def create_token(
    connection: Connection, username: str, lifetime: timedelta | None, name: str = ""
) -> tuple[str, datetime | None]:
    """Make a token for *username* that lives for *lifetime* (None: for ever); return it and when it expires.

    Its *name* is for people. The token itself is not kept. The lifetime is counted by the database's clock, which also
    judges it.
    """
    token = new_token()
    with connection.transaction():
        user = find_login(connection, username)
        values = [user, token_sha256(token), lifetime, name]
        ((expires,),) = connection.execute(_ADD_TOKEN, values)
    return token, expires


def list_tokens(connection: Connection) -> list[Token]:
    """Return all tokens ever made, in the order they were made."""
    return [Token(*row) for row in connection.execute(_LIST_TOKENS)]


def revoke_token(connection: Connection, token_id: int) -> None:
    """Make a token answer no more."""
    if connection.execute(_REVOKE_TOKEN, [token_id]).fetchone() is None:
        message = f"there is no token {token_id}: see `nodehours token list`"
        raise UnknownNameError(message)


def find_login(connection: Connection, username: str) -> int:
    """Return the id of the user who signs in as *username*. Raises ``UnknownNameError``.

    In a transaction the user stays who they are until it ends.
    """
    # Twice: a login that moved to another person while we waited for it is found at the second look.
    for _ in range(2):
        if found := connection.execute(_FIND_USER, [username]).fetchone():
            user, merged_into = found
            if merged_into is not None:
                raise UnknownNameError(f"{username} was merged with {merged_into}")
            return int(user)
    raise _unknown_user(connection, username)


def _unknown_user(connection: Connection, username: str) -> UnknownNameError:
    if is_identity(connection, username):
        return UnknownNameError(f"{username} has no login yet: run `nodehours user add {username}`")
    return UnknownNameError(f"there is no user {username}: see `nodehours user list`")


def _id(connection: Connection, find: str, identifier: str, what: str) -> int:
    if found := connection.execute(find, [identifier]).fetchone():
        return int(found[0])
    kind = what.partition(" ")[0]
    message = f"there is no {what}: see `nodehours {kind} list`"
    raise UnknownNameError(message)
