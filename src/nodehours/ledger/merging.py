"""Merging users: two that the ledger took for two people turn out to be one."""

from __future__ import annotations

from typing import NamedTuple

from nodehours.ledger.clock import Kind, Origin
from nodehours.ledger.days import months_using
from nodehours.ledger.errors import UnchangeableError, UnknownNameError
from nodehours.ledger.moves import Moved, OneRevision, changing, tell_anew
from nodehours.ledger.store import Connection

# Locked, so that a role or a token given meanwhile is given to whoever the user is afterwards.
_FIND = """
select users.id, users.username, users.is_active, (
    select coalesce(target.username, (select min(identity) from identities where user_id = target.id))
    from users as target where target.id = users.merged_into
)
from users
where users.username = %(name)s or users.id = (select user_id from identities where identity = %(name)s)
order by users.id
for update of users
"""
_GIVE_IDENTITIES = "update identities set user_id = %(target)s where user_id = %(source)s"
_RETIRE = """
update associations set retired_revision = %(revision)s
where user_id = %(source)s and retired_revision is null
returning allocation_id, local_user
"""
_ASSOCIATE_ANEW = """
insert into associations (allocation_id, user_id, user_identifier, local_user, local_group)
select allocation_id, %(target)s, user_identifier, local_user, local_group
from associations where retired_revision = %(revision)s order by id
"""
_GIVE_ROLES = """
insert into roles (user_id, role, organisation_id, project_id, granted)
select %(target)s, role, organisation_id, project_id, granted from roles where user_id = %(source)s
on conflict do nothing
"""
_TAKE_ROLES = "delete from roles where user_id = %(source)s"
_GIVE_LOGINS = "update logins set user_id = %(target)s where user_id = %(source)s"
# Who got a mail before is not sent it again under their other name; what is under way counts as sent.
_GIVE_MAILS = """
update mails set user_id = %(target)s, sent = coalesce(sent, claimed) where user_id = %(source)s
"""
_CLOSE_DOORS = (
    "update tokens set revoked = coalesce(revoked, now()) where user_id = %(source)s",
    "update sessions set ended = now() where user_id = %(source)s and ended is null",
    "delete from passwords where user_id = %(source)s",
    "delete from sign_in_links where user_id = %(source)s",
)
_GIVE_DOORS = (
    "update tokens set user_id = %(target)s where user_id = %(source)s",
    "update sessions set user_id = %(target)s where user_id = %(source)s",
    "update passwords set user_id = %(target)s where user_id = %(source)s",
    "update sign_in_links set user_id = %(target)s where user_id = %(source)s",
)
_SHUT = """
update users set merged_into = %(target)s, is_active = false, is_staff = false, is_support = false,
                 username = case when %(keeps_login)s then username end
where id = %(source)s
"""
# So that whoever was merged leads to the user they are now, however many merges ago.
_LEAD_ON = "update users set merged_into = %(target)s where merged_into = %(source)s"
_GIVE_LOGIN = """
update users set username = %(username)s, full_name = coalesce(nullif(source.full_name, ''), users.full_name),
                 email = source.email, wants_mail = source.wants_mail
from users as source where users.id = %(target)s and source.id = %(source)s
"""


class _User(NamedTuple):
    """A user by internal id; ``merged_into`` is the name of whom they were merged with."""

    id: int
    username: str | None
    is_active: bool
    merged_into: str | None


def merge_users(connection: Connection, source: str, target: str, origin: Origin) -> Moved:
    """Make everything of the user *source* the user *target*'s; each is named by a username or an identity.

    In each month *source*'s row falls to 0 and *target*'s rises by as much. A login of *target*'s stays: then
    *source*'s tokens, password, sessions and links open nothing any more. Where only *source* has one, it becomes
    *target*'s with all of these. Accounts at OpenID providers are *target*'s then; staff and support rights are not.
    Raises ``UnknownNameError``, and ``UnchangeableError`` when either was merged already or is shut out, or when both
    are one user.
    """
    reason = f"{source} is {target}"
    with changing(connection, Kind.MERGING, origin, reason) as change:
        old, new = _find(connection, source), _find(connection, target)
        if old.id == new.id:
            raise UnchangeableError(f"{source} and {target} are one user already")
        _refuse_gone(old, source)
        _refuse_gone(new, target)
        used = _give_usage(change, old, new)
        _give_rights(change, old, new)
        months = [
            month
            for allocation, local_users in sorted(used.items())
            for month in tell_anew(
                change, allocation, months_using(connection, allocation, local_users)
            )
        ]
    return Moved(change.revision, tuple(months))


def _find(connection: Connection, name: str) -> _User:
    found = [_User(*row) for row in connection.execute(_FIND, {"name": name})]
    if not found:
        raise UnknownNameError(f"there is no user {name}: see `nodehours user list`")
    if len(found) > 1:
        raise UnchangeableError(
            f"{name} is one user's username and another's identity: say who is meant by another name"
        )
    return found[0]


def _refuse_gone(user: _User, name: str) -> None:
    if user.merged_into:
        raise UnchangeableError(f"{name} was merged with {user.merged_into} already")
    if not user.is_active:
        raise UnchangeableError(f"{name} is shut out, and a merge would undo that")


def _give_usage(change: OneRevision, old: _User, new: _User) -> dict[int, set[str]]:
    """Make *old*'s identities and associations *new*'s; return the local users they are of, by allocation."""
    values = {"source": old.id, "target": new.id, "revision": change.next_revision()}
    used: dict[int, set[str]] = {}
    for allocation, local_user in change.connection.execute(_RETIRE, values):
        used.setdefault(allocation, set()).add(local_user)
    change.connection.execute(_ASSOCIATE_ANEW, values)
    change.connection.execute(_GIVE_IDENTITIES, values)
    return used


def _give_rights(change: OneRevision, old: _User, new: _User) -> None:
    gives_login = old.username is not None and new.username is None
    values = {
        "source": old.id,
        "target": new.id,
        "username": old.username,
        "keeps_login": not gives_login,
    }
    login = (*_GIVE_DOORS, _SHUT, _GIVE_LOGIN) if gives_login else (*_CLOSE_DOORS, _SHUT)
    for statement in (_GIVE_ROLES, _TAKE_ROLES, _GIVE_LOGINS, _GIVE_MAILS, *login, _LEAD_ON):
        change.connection.execute(statement, values)
