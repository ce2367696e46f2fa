"""What a ledger says of one month, and what waits for it, read without the program's own queries."""

from __future__ import annotations

from datetime import date
from typing import Any

from nodehours.ledger.clock import Origin
from nodehours.ledger.decisions import accept, decline
from nodehours.ledger.store import Connection
from nodehours.terms.month import Month
from tests.ledger.written import Account, Lines

STAFF = Origin(by_whom="carol")
CLIMATE = "climate.brics"

_FIGURES = (
    """
    select allocation_id, node_seconds, complete_days, row_count, encode(sha256, 'hex') from statements
    where (year, month) = (%(year)s, %(month)s) order by 1
    """,
    """
    select id, user_id, username, node_seconds, revision, first_revision from usage_rows
    where (year, month) = (%(year)s, %(month)s) order by id
    """,
    "select * from usage_days where day >= %(start)s and day < %(end)s order by 1, 2",
    "select * from daily_usage where day >= %(start)s and day < %(end)s order by 1, 2, 3",
    "select * from daily_components where day >= %(start)s and day < %(end)s order by 1, 2, 3, 4",
)
_WAITING = "select id from pending where status = 'waiting' order by id"
_PENDING = "select id, status, node_seconds, days from pending order by id"


def figures(connection: Connection, month: Month) -> list[Lines]:
    """Every figure of *month*: statements with their hash, rows, days, daily usage and components."""
    of = {"year": month.year, "month": month.month, "start": month.start, "end": month.end}
    return [connection.execute(query, of).fetchall() for query in _FIGURES]


def waiting(connection: Connection) -> list[int]:
    """The ids of what waits for a decision."""
    return [pending for (pending,) in connection.execute(_WAITING)]


def pending(connection: Connection) -> list[tuple[int, str, int, list[date]]]:
    """All pending restatements, decided or not: id, status, total and days."""
    return [
        (one, status, total, sorted(date.fromisoformat(day) for day in days))
        for one, status, total, days in connection.execute(_PENDING)
    ]


def accept_all(connection: Connection) -> None:
    """Accept whatever waits."""
    for one in waiting(connection):
        accept(connection, one, STAFF)


def decline_all(connection: Connection) -> None:
    """Decline whatever waits."""
    for one in waiting(connection):
        decline(connection, one, STAFF.by_whom, "")


def used(account: Account) -> dict[str, Any]:
    """What an account says of usage: a row of 0 is as good as none, since only who claimed usage once has one."""
    return {
        "statements": [statement[:4] for statement in account.statements],
        "rows": [row for row in account.rows if row[3]],
        "days": account.days,
        "usage": account.usage,
        "components": account.components,
        "associations": account.associations,
    }
