"""Content hashes: SHA-256 of lines of text, one a figure, so that anybody can reckon them again.

Fields are parted by tabs, which no name can hold; lines end in a newline and come in the order of their names'
code points. The store reckons the same in SQL, from what it keeps (``day_sha256``, ``statement_sha256``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

from nodehours.terms.days import DayDigest
from nodehours.terms.month import Month
from nodehours.terms.usage import Day


class RowContent(NamedTuple):
    """What a usage row adds to its statement's hash; ``user`` is None on the unattributed row."""

    id: int
    user: UUID | None
    username: str
    node_seconds: int


class StatementContent(NamedTuple):
    """What a statement's hash is of: its allocation, its sums, its rows, and the hashes of its days."""

    allocation: UUID
    month: Month
    node_seconds: int
    complete_days: int
    rows: Iterable[RowContent]
    days: Mapping[date, bytes]


def day_sha256(day: date, whole: Day) -> bytes:
    """Return the SHA-256 of all that is known of an allocation's *day*.

    ``day ␉ 2026-09-01 ␉ complete ␉ jobs ␉ wait-seconds``, then ``rule ␉ rule`` unless the day is as it was reported,
    then ``usage ␉ local user ␉ node-seconds ␉ jobs ␉ wait-seconds`` for each local user, then ``component ␉ local user
    ␉ component ␉ seconds``.
    """
    return hashlib.sha256("".join(_lines(day, whole)).encode()).digest()


def digest(day: date, whole: Day) -> DayDigest:
    """Return what a day is told by: whether it is complete, its node-seconds and its hash."""
    return DayDigest(whole.is_complete, whole.node_seconds, day_sha256(day, whole))


def statement_sha256(content: StatementContent) -> bytes:
    """Return the SHA-256 of a statement.

    ``statement ␉ allocation ␉ 2026-09 ␉ node-seconds ␉ complete days``, then ``row ␉ id ␉ user ␉ user identifier ␉
    node-seconds`` for each usage row by its id, then ``day ␉ 2026-09-01 ␉ SHA-256`` for each day that is known.
    Allocation and user are their UUIDs; the unattributed row has none.
    """
    return hashlib.sha256("".join(_statement_lines(content)).encode()).digest()


def proposal_sha256(
    days: Mapping[date, Day], figures: Iterable[tuple[str, int]], node_seconds: int
) -> bytes:
    """Return the SHA-256 of all that a restatement would change.

    ``proposal ␉ node-seconds``, then ``row ␉ user identifier ␉ node-seconds`` for each row that the statement would
    have, then ``day ␉ 2026-09-01 ␉ SHA-256`` for each day that would be another.
    """
    hashes = {day: day_sha256(day, whole) for day, whole in days.items()}
    rows = (f"row\t{username}\t{figure}\n" for username, figure in sorted(figures))
    lines = [f"proposal\t{node_seconds}\n", *rows, *_day_lines(hashes)]
    return hashlib.sha256("".join(lines).encode()).digest()


def _statement_lines(content: StatementContent) -> Iterator[str]:
    allocation, month, node_seconds, complete_days, rows, days = content
    yield f"statement\t{allocation}\t{month}\t{node_seconds}\t{complete_days}\n"
    for row in sorted(rows):
        yield f"row\t{row.id}\t{row.user or ''}\t{row.username}\t{row.node_seconds}\n"
    yield from _day_lines(days)


def _day_lines(hashes: Mapping[date, bytes]) -> Iterator[str]:
    for day in sorted(hashes):
        yield f"day\t{day}\t{hashes[day].hex()}\n"


def _lines(day: date, whole: Day) -> Iterator[str]:
    known = "complete" if whole.is_complete else "incomplete"
    yield f"day\t{day}\t{known}\t{whole.jobs}\t{whole.wait_seconds}\n"
    if whole.rule:
        yield f"rule\t{whole.rule}\n"
    for local_user, used in sorted(whole.usage.items()):
        yield f"usage\t{local_user}\t{used.node_seconds}\t{used.jobs}\t{used.wait_seconds}\n"
    for (local_user, component), seconds in sorted(whole.components.items()):
        yield f"component\t{local_user}\t{component}\t{seconds}\n"
