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
    """Which rows are asked for; None asks for all."""

    allocation: UUID | None = None
    user: UUID | None = None
    year: int | None = None
    month: int | None = None


class Page(NamedTuple):
    """Some of the rows, in order, and how many there are in all."""

    total: int
    rows: list[UsageRow]
