"""Calendar months and days, always UTC; every range is half-open: start inclusive, end exclusive."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime

from nodehours.terms.fault import shown
from nodehours.terms.identifiers import BLANKS

FIRST_DAY = date(1970, 1, 1)
"""The first day usage can be of; OpenPortal accepts the years 1970 to 2200."""
END_DAY = date(2201, 1, 1)
"""The first day usage can no longer be of."""

_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", re.ASCII)
_MONTH = re.compile(r"([0-9]{4})-([0-9]{1,2})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One calendar month: ``Month(2026, 3)`` is March 2026. Months sort in time."""

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse a month that is not in the calendar."""
        if not 1 <= self.month <= 12:
            message = f"month must be 1 to 12, not {self.month}"
            raise ValueError(message)

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month that *day* is in."""
        return cls(day.year, day.month)

    @property
    def start(self) -> date:
        """The first day of the month."""
        return date(self.year, self.month, 1)

    @property
    def end(self) -> date:
        """The first day of the next month."""
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)

    @property
    def day_count(self) -> int:
        """How many days the month has: 28 to 31."""
        return monthrange(self.year, self.month)[1]

    def is_over(self, now: datetime) -> bool:
        """Tell whether the month has ended at the instant *now* (which carries its zone)."""
        return now.astimezone(UTC).date() >= self.end

    def __str__(self) -> str:
        """Write the month as ISO 8601 does: ``2026-03``."""
        return f"{self.year:04d}-{self.month:02d}"


def read_day(text: str) -> date:
    """Read a day as OpenPortal writes it: ``2026-09-01``, and ``2026-9-1`` as its reader accepts it.

    Raises ``ValueError`` with a sentence when *text* is no day of the years 1970 to 2200.
    """
    match = _DAY.fullmatch(text)
    if match is None:
        message = f"{shown(text)} is not a date of the form YYYY-MM-DD"
        raise ValueError(message)
    year, month, day = map(int, match.groups())
    try:
        found = date(year, month, day)
    except ValueError:
        message = f"{shown(text)} is not a day of the calendar"
        raise ValueError(message) from None
    if not FIRST_DAY <= found < END_DAY:
        message = f"{shown(text)} is outside the years 1970 to 2200"
        raise ValueError(message)
    return found


def read_month(text: str) -> Month:
    """Read a month as ISO 8601 writes it: ``2026-03``; blanks around it are dropped.

    Raises ``ValueError`` with a sentence when *text* is no month of the years 1970 to 2200.
    """
    match = _MONTH.fullmatch(text.strip(BLANKS))
    if match is None:
        message = f"{shown(text)} is not a month of the form YYYY-MM"
        raise ValueError(message)
    return month_of(int(match[1]), int(match[2]))


def month_of(year: int, month: int) -> Month:
    """Return a month that usage can be of. Raises ``ValueError`` with a sentence."""
    if not FIRST_DAY.year <= year < END_DAY.year:
        message = f"{shown(str(year))} is outside the years 1970 to 2200"
        raise ValueError(message)
    return Month(year, month)
