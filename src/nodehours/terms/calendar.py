"""The days of a time zone as spans of seconds since 1970, so that seconds can be given to days exactly.

A day begins at its first instant: 00:00 where that exists, and where a clock change leaves it out, the moment after
the change. A day may have 23 or 25 hours; the days of a month are that zone's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nodehours.terms.fault import shown

DAY_SECONDS = 86_400
_LOOK_SECONDS = 43_200  # clocks do not change twice within half a day
_EPOCH = date(1970, 1, 1).toordinal()


def read_zone(text: str) -> ZoneInfo:
    """Return the time zone of that name (``UTC``, ``Europe/London``). Raises ``ValueError`` with a sentence."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{shown(text)} is no time zone (such as UTC or Europe/London)") from None


def day_number(day: date) -> int:
    """Return how many days after 1970-01-01 *day* is."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """Return the day that is *number* days after 1970-01-01."""
    return date.fromordinal(number + _EPOCH)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of ``zone``."""

    zone: ZoneInfo

    def start_of(self, day: date) -> int:
        """Return the second since 1970 at which *day* begins; it ends where the next one begins.

        >>> london = Calendar(ZoneInfo("Europe/London"))
        >>> [
        ...     london.start_of(date(2026, 10, day + 1)) - london.start_of(date(2026, 10, day))
        ...     for day in (24, 25)
        ... ]
        [86400, 90000]
        """
        midnight = datetime.combine(day, time.min, self.zone)
        # Where clocks skip midnight, fold=0 reckons with the offset before the change: then that instant is the
        # change itself, and the day begins there.
        return round(midnight.astimezone(UTC).timestamp())

    def number_at(self, second: int) -> int:
        """Return which day it is at *second*, as days after 1970-01-01."""
        return day_number(datetime.fromtimestamp(second, self.zone).date())

    def offsets(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give (until, offset) of each run of seconds, from *start* to *end*, in which clocks are as far ahead of UTC.

        Clocks change on whole minutes; each change is found by halving, in the hours in which there is one.
        """
        since, offset = start, self._ahead(start)
        for at in [*range(start + _LOOK_SECONDS, end, _LOOK_SECONDS), end]:
            if self._ahead(at) != offset:
                until = self._change(since, at)
                yield until, offset
                offset = self._ahead(at)
            since = at
        yield end, offset

    def _ahead(self, second: int) -> int:
        offset = datetime.fromtimestamp(second, self.zone).utcoffset()
        return round(offset.total_seconds()) if offset else 0

    def _change(self, before: int, after: int) -> int:
        """Return the first second at which clocks tell another offset than at *before*; at *after* they do."""
        while after - before > 1:
            middle = (before + after) // 2
            if self._ahead(middle) == self._ahead(before):
                before = middle
            else:
                after = middle
        return after

    def days(self, first: date, last: date) -> list[tuple[int, int, int]]:
        """Return (number, start, end) of each day from *first* to *last*, both inclusive."""
        count = (last - first).days + 2
        starts = [self.start_of(first + timedelta(days)) for days in range(count)]
        number = day_number(first)
        return [(number + at, starts[at], starts[at + 1]) for at in range(count - 1)]
