"""Signing in to the dashboard: passwords, sessions, links that open once, accounts at OpenID providers.

Only hashes are kept: argon2id of passwords, the SHA-256 of what is random itself. Nothing here holds a transaction
while a password is hashed. Lifetimes are counted by the database's clock, which also judges them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nodehours.ledger.errors import (
    TakenNameError,
    UnchangeableError,
    UnfitPasswordError,
    UnknownNameError,
)
from nodehours.ledger.people import Token, find_login
from nodehours.ledger.store import Connection
from nodehours.terms.fault import shown
from nodehours.terms.identifiers import read_username
from nodehours.terms.token import new_token, token_sha256

PASSWORD_MIN: Final = 12
PASSWORD_MAX: Final = 1000
LIFETIME: Final = timedelta(hours=12)
LINK_LIFETIME: Final = timedelta(days=1)
WINDOW: Final = timedelta(minutes=15)
"""For how long a failure counts."""
NAME_FAILURES: Final = 10
ADDRESS_FAILURES: Final = 50
_MAX_AGENT = 200
_MAX_TRIED = 100

_SET_PASSWORD = """
insert into passwords (user_id, hash) values (%s, %s)
on conflict (user_id) do update set hash = excluded.hash, changed = now()
"""
_FIND_PASSWORD = """
select users.id, passwords.hash from users join passwords on passwords.user_id = users.id
where users.username = %s and users.is_active
"""
# Unless the password was changed meanwhile.
_HASH_ANEW = "update passwords set hash = %s where user_id = %s and hash = %s"
_HAS_PASSWORD = "select from passwords where user_id = %s"
_IS_ACTIVE = "select is_active from users where id = %s"

# What ended long ago is of no use to anybody.
_FORGET_SESSIONS = (
    "delete from sessions where user_id = %s and least(ended, expires) < now() - interval '30 days'"
)
# Of a user who is gone since, because their login became somebody known, there is none.
_START_SESSION = """
insert into sessions (user_id, sha256, expires, how, agent)
select id, %(sha256)s, now() + %(lifetime)s, %(how)s, %(agent)s from users
where id = %(user)s and is_active for key share
returning id
"""
_END_SESSION = "update sessions set ended = now() where sha256 = %s and ended is null"
_END_SESSIONS = """
update sessions set ended = now() where user_id = %s and ended is null and expires > now() returning id
"""

_FORGET_LINKS = (
    "delete from sign_in_links where user_id = %s and expires < now() - interval '30 days'"
)
_MAKE_LINK = "insert into sign_in_links (sha256, user_id, expires) values (%s, %s, now() + %s)"
_DROP_LINKS = "delete from sign_in_links where user_id = %s"
# Of two who come at once the second waits for the first, and then finds it used.
_USE_LINK = """
update sign_in_links set used = now() from users
where sha256 = %s and used is null and expires > now() and users.id = user_id and users.is_active
returning user_id
"""

_WAIT = """
select max(tried) + %(window)s - now()
from (
    (select tried from sign_in_attempts where name = %(name)s and tried > now() - %(window)s
     order by tried desc offset %(of_name)s limit 1)
    union all
    (select tried from sign_in_attempts where address = %(address)s and tried > now() - %(window)s
     order by tried desc offset %(of_address)s limit 1)
) as oldest_that_counts
"""
_NOTE_FAILURE = "insert into sign_in_attempts (name, address) values (%s, %s)"
_FORGET_OLD = "delete from sign_in_attempts where tried <= now() - %s"
_FORGET_FAILURES = "delete from sign_in_attempts where name = %s"

_USER_OF_LOGIN = """
select users.id from logins join users on users.id = logins.user_id
where issuer = %s and subject = %s and users.is_active
"""
# Locked, so that of two accounts that come at once with one name only one gets it.
_LOCK_LOGIN = "select id from users where username = %s and is_active for no key update"
_ACCOUNTS = (
    "select subject, user_id from logins where issuer = %s and (subject = %s or user_id = %s)"
)
_BIND = "insert into logins (issuer, subject, user_id) values (%s, %s, %s) on conflict do nothing returning user_id"
_UNBIND = "delete from logins where user_id = %s returning subject"

_TOKENS_OF = """
select tokens.id, users.username, rights, tokens.created, expires, revoked, name, last_used
from tokens join users on users.id = tokens.user_id
where users.id = %s order by tokens.id
"""
_REVOKE_OWN = "update tokens set revoked = coalesce(revoked, now()) where id = %s and user_id = %s returning id"
# In one order, so that two who note at once do not wait for each other.
_NOTE_USED = """
with used as (
    select tokens.id, new.used
    from unnest(%s::bytea[], %s::timestamptz[]) as new (sha256, used) join tokens on tokens.sha256 = new.sha256
    order by tokens.id for no key update of tokens
)
update tokens set last_used = greatest(last_used, used.used) from used where tokens.id = used.id
"""

_hasher = PasswordHasher()
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$4/TBOXEj1owIELxEZSo7gg$PiKM+SIf+YPUj2FNVs2Q9pdMrq07VgpOCzWmZn0yYgI"
"""The hash of a password that nobody knows, of the same costs as those that are made."""


def set_password(connection: Connection, username: str, password: str) -> None:
    """Let *username* sign in by *password* from now on; sessions end, and links that are open are dropped.

    Raises ``UnfitPasswordError``, ``UnknownNameError``, and ``UnchangeableError`` when the user is shut out.
    """
    _refuse_unfit(username, password)
    hashed = _hasher.hash(_bytes(password))
    with connection.transaction():
        user = _find_active(connection, username)
        connection.execute(_SET_PASSWORD, [user, hashed])
        for statement in (_END_SESSIONS, _DROP_LINKS):
            connection.execute(statement, [user])


def password_user(connection: Connection, username: str, password: str) -> int | None:
    """Return the id of the active user whom *username* and *password* sign in; None when they do not.

    It takes as long for a name that is nobody's.
    """
    user, hashed = _password_of(connection, username) or (None, _NOBODYS)
    try:
        _hasher.verify(hashed, _bytes(password[:PASSWORD_MAX]))
    except (VerificationError, InvalidHashError):
        return None
    if user is None or len(password) > PASSWORD_MAX:
        return None
    if _hasher.check_needs_rehash(hashed):
        connection.execute(_HASH_ANEW, [_hasher.hash(_bytes(password)), user, hashed])
    return user


def has_password(connection: Connection, user: int) -> bool:
    """Tell whether the *user* can sign in by a password."""
    return connection.execute(_HAS_PASSWORD, [user]).fetchone() is not None


def _refuse_unfit(username: str, password: str) -> None:
    lengths = len(password), len(unicodedata.normalize("NFKC", password))
    if min(lengths) < PASSWORD_MIN:
        raise UnfitPasswordError(f"a password has {PASSWORD_MIN} characters or more")
    if max(lengths) > PASSWORD_MAX:
        raise UnfitPasswordError(f"a password has at most {PASSWORD_MAX} characters")
    if password.strip().casefold() == username.casefold():
        raise UnfitPasswordError("a password is not the username")


def _bytes(password: str) -> bytes:
    """Return what is hashed: keyboards write one character as one code point or as several."""
    return unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")


def _password_of(connection: Connection, username: str) -> tuple[int, str] | None:
    try:
        found = connection.execute(_FIND_PASSWORD, [read_username(username)]).fetchone()
    except ValueError:
        return None
    return (int(found[0]), str(found[1])) if found else None


def _find_active(connection: Connection, username: str) -> int:
    user = find_login(connection, username)
    ((is_active,),) = connection.execute(_IS_ACTIVE, [user])
    if not is_active:
        raise UnchangeableError(f"{username} is shut out")
    return user


def start_session(connection: Connection, user: int, how: str, agent: str) -> str:
    """Begin a session of the *user*, who came by a ``password``, ``oidc`` or ``link``, and return its secret.

    *agent* is what the browser calls itself. Raises ``UnknownNameError`` when the user is gone or shut out.
    """
    secret = new_token()
    values = {
        "user": user,
        "sha256": token_sha256(secret),
        "lifetime": LIFETIME,
        "how": how,
        "agent": _legible(agent)[:_MAX_AGENT],
    }
    connection.execute(_FORGET_SESSIONS, [user])
    if connection.execute(_START_SESSION, values).fetchone() is None:
        raise UnknownNameError("there is no such user any more")
    return secret


def end_session(connection: Connection, secret_sha256: bytes) -> None:
    """End the session with that SHA-256, if there is one."""
    connection.execute(_END_SESSION, [secret_sha256])


def end_all_sessions(connection: Connection, user: int) -> int:
    """End every session of the *user*, and return how many there were."""
    return len(connection.execute(_END_SESSIONS, [user]).fetchall())


def sign_out(connection: Connection, username: str) -> int:
    """End every session of *username*, and return how many there were. Raises ``UnknownNameError``."""
    with connection.transaction():
        return end_all_sessions(connection, find_login(connection, username))


def make_link(connection: Connection, username: str, lifetime: timedelta = LINK_LIFETIME) -> str:
    """Return the secret of a link by which *username* can sign in once within *lifetime*.

    Raises ``UnknownNameError``, and ``UnchangeableError`` when the user is shut out.
    """
    secret = new_token()
    with connection.transaction():
        user = _find_active(connection, username)
        connection.execute(_FORGET_LINKS, [user])
        connection.execute(_MAKE_LINK, [token_sha256(secret), user, lifetime])
    return secret


def use_link(connection: Connection, secret: str) -> int | None:
    """Use up the link with that *secret* and return the id of its user.

    None when it is unknown, used or expired, or its user is shut out.
    """
    digest = token_sha256(_legible(secret))
    found = connection.execute(_USE_LINK, [digest]).fetchone()
    return int(found[0]) if found else None


def is_throttled(connection: Connection, name: str, address: str) -> timedelta | None:
    """Return how long who tries to sign in as *name*, or from *address*, has to wait; None: not at all."""
    values = {
        "name": _tried(name),
        "address": _tried(address),
        "window": WINDOW,
        "of_name": NAME_FAILURES - 1,
        "of_address": ADDRESS_FAILURES - 1,
    }
    ((wait,),) = connection.execute(_WAIT, values)
    return wait if isinstance(wait, timedelta) else None


def note_failure(connection: Connection, name: str, address: str) -> None:
    """Note that somebody at *address* failed to sign in as *name*; what counts no more is forgotten."""
    connection.execute(_FORGET_OLD, [WINDOW])
    connection.execute(_NOTE_FAILURE, [_tried(name), _tried(address)])


def forget_failures(connection: Connection, name: str) -> None:
    """Forget the failures of *name*, who has signed in."""
    connection.execute(_FORGET_FAILURES, [_tried(name)])


def _tried(text: str) -> str:
    return _legible(text.strip().lower())[:_MAX_TRIED]


def _legible(text: str) -> str:
    """Return *text* as PostgreSQL can keep it and a terminal can show it, whatever was sent."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def user_of_login(connection: Connection, issuer: str, subject: str) -> int | None:
    """Return the id of the active user whom the provider *issuer* knows as *subject*."""
    found = connection.execute(_USER_OF_LOGIN, [issuer, subject]).fetchone()
    return int(found[0]) if found else None


def bind_login(connection: Connection, issuer: str, subject: str, username: str) -> int:
    """Say that the *subject* of the provider *issuer* is *username*, and return their id.

    Raises ``UnknownNameError`` when that is no active user, and ``TakenNameError`` when the subject is somebody else
    already or another subject is this user: the provider may have given a name that was free again to somebody new.
    """
    with connection.transaction():
        user = _locked_login(connection, username)
        known = connection.execute(_ACCOUNTS, [issuer, subject, user]).fetchall()
        if (subject, user) in known:
            return user
        if known or connection.execute(_BIND, [issuer, subject, user]).fetchone() is None:
            raise TakenNameError(f"{username} and this account at {issuer} are two people")
    return user


def _locked_login(connection: Connection, username: str) -> int:
    try:
        found = connection.execute(_LOCK_LOGIN, [read_username(username)]).fetchone()
    except ValueError:
        found = None
    if found is None:
        raise UnknownNameError(f"there is no user {shown(username)} who may sign in")
    return int(found[0])


def unbind_logins(connection: Connection, username: str) -> int:
    """Forget which accounts at providers *username* has, and return how many that were. Raises ``UnknownNameError``."""
    with connection.transaction():
        user = find_login(connection, username)
        return len(connection.execute(_UNBIND, [user]).fetchall())


def tokens_of(connection: Connection, user: int) -> list[Token]:
    """Return all tokens that the *user* ever had, in the order they were made."""
    return [Token(*row) for row in connection.execute(_TOKENS_OF, [user])]


def revoke_own_token(connection: Connection, user: int, token_id: int) -> bool:
    """Make a token of the *user*'s answer no more; False when they have no such token."""
    return connection.execute(_REVOKE_OWN, [token_id, user]).fetchone() is not None


def note_tokens_used(connection: Connection, uses: Mapping[bytes, datetime]) -> None:
    """Note when tokens, by their SHA-256, were used last; what is no token's is passed over."""
    connection.execute(_NOTE_USED, [list(uses), list(uses.values())])
