"""A difference between what the ledger keeps and what it should keep, and the place where it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from nodehours.terms.fault import shown
from nodehours.terms.month import Month


class Place(NamedTuple):
    """Where something is kept: of what, and as closely as is known the month or day, whose it is, the revision.

    ``of`` is an allocation, as in ``climate.brics on isca``, or what else the ledger keeps. ``revision`` is that of
    the version in question.
    """

    of: str
    month: Month | None = None
    day: date | None = None
    local_user: str | None = None
    component: str | None = None
    row: int | None = None
    revision: int | None = None

    def __str__(self) -> str:
        """Write the place in one line: ``climate.brics on isca, 2026-03-05, local user 'alice', revision 4``."""
        named = (
            self.of,
            None if self.month is None else str(self.month),
            None if self.day is None else str(self.day),
            None if self.local_user is None else f"local user {shown(self.local_user)}",
            None if self.component is None else f"component {shown(self.component)}",
            None if self.row is None else f"row {self.row}",
            None if self.revision is None else f"revision {self.revision}",
        )
        return ", ".join(part for part in named if part is not None)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is kept at a place other than it should be; ``expected`` is what the rest of the ledger says."""

    place: Place
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.place}: {self.what} should be {self.expected} and is {self.found}"
