"""Some months in a row: the first one inclusive, the last one exclusive."""

from __future__ import annotations

from typing import NamedTuple

from nodehours.terms.month import Month


def months_after(month: Month, count: int) -> Month:
    """Return the month that comes *count* months after *month*, or before it when *count* is negative.

    >>> str(months_after(Month(2025, 11), 3)), str(months_after(Month(2026, 2), -2))
    ('2026-02', '2025-12')
    """
    year, place = divmod(_number(month) + count, 12)
    return Month(year, place + 1)


class Period(NamedTuple):
    """The months from ``since`` up to, not including, ``before``; without any when that is no later.

    >>> year = Period(Month(2025, 4), Month(2026, 4))
    >>> len(year.months), str(year.previous.since), str(year.previous.before)
    (12, '2024-04', '2025-04')
    """

    since: Month
    before: Month

    @classmethod
    def until(cls, last: Month, count: int) -> Period:
        """Return the *count* months of which *last* is the last one."""
        before = months_after(last, 1)
        return cls(months_after(before, -count), before)

    @property
    def length(self) -> int:
        """How many months it has."""
        return max(0, _number(self.before) - _number(self.since))

    @property
    def months(self) -> tuple[Month, ...]:
        """Its months, in order."""
        return tuple(months_after(self.since, count) for count in range(self.length))

    @property
    def previous(self) -> Period:
        """The period of the same length that ends where this one begins."""
        return Period(months_after(self.since, -self.length), self.since)


def _number(month: Month) -> int:
    return month.year * 12 + month.month - 1
