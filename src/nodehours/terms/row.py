"""A usage row as it is read, and what a reader may ask for."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class UsageRow(NamedTuple):
    """One (allocation, year, month, user). ``user`` None: the unattributed row, ``username`` then ``unknown``.

    ``revision`` is the one under which it began to say what it says.
    """

    id: int
    year: int
    month: int
    allocation: UUID
    user: UUID | None
    username: str
    full_name: str
    node_seconds: int
    revision: int


class UsageFilter(NamedTuple):
    """Which rows are asked for; None asks for all. ``after``: those that say what they say since a later revision."""

    allocation: UUID | None = None
    user: UUID | None = None
    year: int | None = None
    month: int | None = None
    after: int | None = None


class OrderBy(NamedTuple):
    """One key that rows are put in order by, a key of the API, upwards or downwards."""

    key: str
    is_descending: bool


class Page(NamedTuple):
    """Some of the rows, in order, and how many there are in all, as the ledger was at ``revision``."""

    total: int
    rows: list[UsageRow]
    revision: int


class FoundUsage(NamedTuple):
    """A row, None when there is none that is visible and asked for, as the ledger was at ``revision``."""

    row: UsageRow | None
    revision: int


class Count(NamedTuple):
    """How many rows there are, as the ledger was at ``revision``."""

    total: int
    revision: int
