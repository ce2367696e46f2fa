"""Which mails were sent to whom, and whether somebody wants any.

A mail is claimed in a transaction of its own before it is sent, and marked as sent when the mail server took it. Who is
killed in between leaves a claim of which nobody knows: it is tried once more after an hour (see ``terms/mailing.py``),
under the same UUID, so that mailboxes can tell. So nobody gets a mail more than twice, and twice only when its sender
was killed, or cut off, after the mail server had it and before this was written down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.numeric import Int8

from nodehours.ledger.people import find_login
from nodehours.ledger.store import Connection
from nodehours.terms.mailing import PATIENCE, TRIES, Told

_ADVISORY_LOCK = 0x6E6F64656D61696C
"""The bytes of "nodemail", so that no other program's lock is met by chance."""

_LOCK = "select pg_try_advisory_lock(%s)"
_UNLOCK = "select pg_advisory_unlock(%s)"
# What was tried for the last time counts as sent.
_SETTLE = """
update mails set sent = claimed
where user_id = %(user)s and project_id = %(project)s and sent is null and tries = %(tries)s
    and claimed <= %(stale)s
"""
_CLAIM = """
insert into mails (user_id, project_id, is_report, claimed)
select id, %(project)s, %(is_report)s, %(at)s from users where id = %(user)s and is_active and wants_mail
on conflict (user_id, project_id) where sent is null do update
set is_report = excluded.is_report, claimed = excluded.claimed, tries = mails.tries + 1
where mails.claimed <= %(stale)s
returning id, uuid
"""
_FORGET_FIGURES = "delete from mail_figures where mail_id = %s"
_TELL = """
insert into mail_figures (mail_id, allocation_id, node_seconds, node_limit_node_seconds)
select %s, * from unnest(%s::bigint[], %s::bigint[], %s::bigint[])
"""
_MARK_SENT = "update mails set sent = %s where id = %s"
# A first try before this one may have arrived: it still counts.
_RELEASE = """
with gone as (delete from mails where id = %(mail)s and tries = 1)
update mails set tries = tries - 1 where id = %(mail)s and tries > 1
"""
_WANTS_MAIL = "select wants_mail from users where id = %s"
_SET_WISH = "update users set wants_mail = %s where id = %s"


class Claim(NamedTuple):
    """A mail that is ours to send: its internal id, and the UUID that tells it from all others."""

    id: int
    uuid: UUID


@contextmanager
def only_sender(connection: Connection) -> Iterator[bool]:
    """Yield whether nobody else sends mails of this ledger; inside, nobody else does."""
    ((is_ours,),) = connection.execute(_LOCK, [_ADVISORY_LOCK])
    try:
        yield is_ours
    finally:
        if is_ours and not connection.closed:
            connection.execute(_UNLOCK, [_ADVISORY_LOCK])


def claim_mail(
    connection: Connection,
    user: int,
    project: int,
    told: Iterable[Told],
    *,
    is_report: bool,
    at: datetime,
) -> Claim | None:
    """Claim, *at* that time, the mail to *user* about *project* (internal ids) which tells what is *told*.

    None when somebody else has claimed it within the hour, or the user is shut out or wants none any more.
    """
    values = {
        "user": user,
        "project": project,
        "is_report": is_report,
        "at": at,
        "stale": at - PATIENCE,
        "tries": TRIES,
    }
    with connection.transaction():
        connection.execute(_SETTLE, values)
        found = connection.execute(_CLAIM, values).fetchone()
        if found is None:
            return None
        claim = Claim(*found)
        connection.execute(_FORGET_FIGURES, [claim.id])
        _tell(connection, claim, list(told))
    return claim


def _tell(connection: Connection, claim: Claim, told: list[Told]) -> None:
    columns = [[Int8(figure) for figure in column] for column in zip(*told, strict=True)]
    connection.execute(_TELL, [claim.id, *columns])


def mark_sent(connection: Connection, claim: Claim, at: datetime) -> None:
    """Note that the mail server took the mail."""
    connection.execute(_MARK_SENT, [at, claim.id])


def release(connection: Connection, claim: Claim) -> None:
    """Give the claim back: the mail was certainly not sent this time."""
    connection.execute(_RELEASE, {"mail": claim.id})


def wants_mail(connection: Connection, user: int) -> bool:
    """Tell whether the *user* wants mails."""
    ((wants,),) = connection.execute(_WANTS_MAIL, [user])
    return bool(wants)


def set_wish(connection: Connection, user: int, *, wants: bool) -> None:
    """Note whether the *user* wants mails."""
    connection.execute(_SET_WISH, [wants, user])


def set_wish_of(connection: Connection, username: str, *, wants: bool) -> None:
    """Note whether *username* wants mails. Raises ``UnknownNameError``."""
    with connection.transaction():
        set_wish(connection, find_login(connection, username), wants=wants)
