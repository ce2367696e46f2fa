"""Posting: writing what a source says of one project's allocation, months as statements, in one transaction.

The transaction begins by locking the ledger's clock, so postings come one after the other: two runs at once
give what one after the other would. It ends with the database's own check that every sum holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import psycopg

from nodehours.ledger.clock import Change, Kind, Origin, current_revision, locked_revision
from nodehours.ledger.days import months_using
from nodehours.ledger.directory import (
    Allocation,
    add_claims,
    associations,
    ensure_allocation,
)
from nodehours.ledger.errors import UnavailableError, UnpostableError
from nodehours.ledger.statements import MonthPosted, Telling, post_month
from nodehours.ledger.store import Connection
from nodehours.terms.doubt import Limits
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import Claim, Day, ProjectUsage

__all__ = ["MonthPosted", "Origin", "current_revision", "post", "refusals"]

_FIND_LIMITS = """
select starts, nodes from allocations join resources on resources.id = resource_id where allocations.id = %s
"""


def post(
    connection: Connection,
    usage: ProjectUsage,
    resource: str,
    origin: Origin,
    *,
    today: date | None = None,
    aside: frozenset[bytes] = frozenset(),
    last_word: bool = False,
) -> list[MonthPosted]:
    """Post *usage* to its project's allocation on *resource*, all of it or nothing.

    With *today* (UTC), days that cannot be true are not posted but returned as doubts; without it all is
    believed. *aside* are the content hashes of days that halved a total before, and are doubted still. Months that
    *usage* does not name are posted again when it tells who a local user in them is. As the *last_word*, days replace
    what is known of them, complete or not and higher or lower: who reckoned them anew from all their jobs has it.
    Raises ``UnpostableError`` when a total is beyond what the ledger can keep, ``UnavailableError`` when the
    database cannot be reached any more; the ledger is then as it was.
    """
    with refusals(f"{usage.project} was posted"), connection.transaction():
        locked_revision(connection)
        change = Change(connection, Kind.POSTING, origin)
        posted = _post(change, usage, resource, _Belief(today, aside, last_word))
        change.record()
    return posted


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Say what the database says in a sentence, while *what* is done.

    Raises ``UnavailableError`` when it failed, ``UnpostableError`` when it refused what it was told.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        raise UnavailableError(f"the database failed while {what}: {error}") from error
    except psycopg.Error as error:
        raise UnpostableError(f"the database refused it: {error}") from error


class _Belief(NamedTuple):
    """How far what is posted is believed; without ``today`` all of it is."""

    today: date | None
    aside: frozenset[bytes]
    last_word: bool


def _post(change: Change, usage: ProjectUsage, resource: str, belief: _Belief) -> list[MonthPosted]:
    connection = change.connection
    allocation = ensure_allocation(connection, usage.project, resource)
    known = associations(connection, allocation.id)
    new = known.new(_renamed(usage.claims, allocation.project))
    if new:
        add_claims(connection, allocation.id, new)
        known = associations(connection, allocation.id)
    limits = _limits(connection, allocation, belief)
    telling = Telling(change, allocation, known, limits, last_word=belief.last_word)
    retold = months_using(connection, allocation.id, {claim.local_user for claim in new})
    days: dict[Month, dict[date, Day]] = defaultdict(dict)
    for day in sorted(usage.days):
        days[Month.of(day)][day] = usage.days[day]
    return [
        post_month(telling, month, days.get(month, {}), retold=month in retold)
        for month in sorted({*days, *retold})
    ]


def _renamed(claims: frozenset[Claim], project: ProjectIdentifier) -> frozenset[Claim]:
    """Tell *claims* by the name that *project* has today."""
    return frozenset(
        claim._replace(user_identifier=replace(claim.user_identifier, project=project.project))
        for claim in claims
    )


def _limits(connection: Connection, allocation: Allocation, belief: _Belief) -> Limits | None:
    if belief.today is None:
        return None
    ((starts, nodes),) = connection.execute(_FIND_LIMITS, [allocation.id])
    return Limits(belief.today, starts, nodes, belief.aside)
