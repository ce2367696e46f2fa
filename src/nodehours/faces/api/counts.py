"""Counts that a server's worker remembers: what was counted once need not be counted again until it may have changed.

A count is remembered by all that it depends on: the ledger, the revision that it was told at, the reader's scope and
what was asked. So it is never stale, and nobody is told what was counted for a scope that is not theirs.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from nodehours.terms.lately import Lately
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope

_MOST: Final = 2048


class Counted(NamedTuple):
    """What was counted: *at* the newest revision of what the reader may see, or an earlier one."""

    ledger: UUID
    at: int
    scope: Scope
    asked: UsageFilter


class Counts(Lately[Counted, int]):
    """The counts that were asked for last."""

    def __init__(self, most: int = _MOST) -> None:
        super().__init__(most)
