"""What is asked of usage rows, and what a scope leaves of them, as conditions in SQL.

They are of a ``row`` of ``usage_rows``, beside its ``allocations`` and ``users`` where they name these.
"""

from __future__ import annotations

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope

ANY = sql.SQL("true")
VISIBLE_ALLOCATION = sql.SQL("allocation_id = any(%(allocations)s)")
_VISIBLE_ROW = sql.SQL("(allocation_id = any(%(allocations)s) or user_id = %(reader)s)")
_WHICH = sql.SQL("allocations.uuid = %(allocation)s")
_WHOSE = sql.SQL("users.uuid = %(user)s")


def when(asked: UsageFilter) -> sql.Composed:
    """Only the year and month asked for."""
    wanted: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in ("year", "month")
        if getattr(asked, name) is not None
    ]
    return sql.SQL(" and ").join(wanted or [ANY])


def which(asked: UsageFilter) -> sql.SQL:
    """Only the allocation asked for."""
    return ANY if asked.allocation is None else _WHICH


def whose(asked: UsageFilter) -> sql.SQL:
    """Only the user asked for."""
    return ANY if asked.user is None else _WHOSE


def visible(scope: Scope) -> sql.SQL:
    """Only what is in the scope."""
    return ANY if scope.everything else _VISIBLE_ROW


def values(scope: Scope, asked: UsageFilter, at: int | None) -> dict[str, object]:
    """Give the conditions their values.

    Numbers go as bigint: left alone, psycopg sends each as the smallest type that holds it, and sums overflow.
    """
    revisions = {"after": asked.after, "at": at, "reader": scope.reader}
    return {
        **asked._asdict(),
        **{name: None if number is None else Int8(number) for name, number in revisions.items()},
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }
