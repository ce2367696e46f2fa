"""How fast a grant is used up, in a word and in node-seconds, so that anybody can reckon it again.

*Known* are the days from the grant's first one up to the last one, before today, of which there is a figure; a day
before it without one counts as 0. The *projection* is what the known days come to, and for each day that is left
the mean of the last 28 known days: four whole weeks, so that it does not matter on which weekday it is reckoned. Its
*spread* comes from the sums of the last 8 whole weeks: with sample variance v of n weekly sums and w weeks left, what
is left is taken to have the variance v (w + w²/n), that of the weeks to come and that of a mean of n, and the spread
is 1.28 standard deviations to each side, which four totals in five stay within where weeks differ by chance.

All figures are whole node-seconds: a projection is rounded down, a spread up. More usage on a known day never lowers a
projection, and a run-out day is told exactly when a projection reaches the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from itertools import accumulate
from math import isqrt
from typing import Final, NamedTuple

METHOD: Final[str] = (
    "The projected total is what was used so far, and for each day that is left the mean of the last 28 known days"
    " (a day without a figure counts as 0); four times in five the total stays within the spread, if the weeks to"
    " come differ as the last 8 did."
)
"""How it is reckoned, for people to read beside it."""

_MEAN_DAYS = 28
_WEEKS = 8
_SETTLING_DAYS = 14
"""Two whole weeks: with fewer there is no spread, and people are only just setting up."""
_SETTLING_PERCENT = 10
_SETTLING_MOST_DAYS = 30
"""After a month there is something to say of a grant of any length."""
_BEHIND_PERCENT = 85
"""Less than this of the limit: more would be left over than two weeks of even use in a grant of a quarter."""
_AHEAD_PERCENT = 100
"""More than this of the limit: it runs out before it ends."""
_SPREAD_SQUARED = (16_384, 10_000)
"""1.28², as a fraction."""


class Pace(Enum):
    """How fast a grant is used up, in a word."""

    SETTLING = "settling"
    BEHIND = "behind"
    ON_TRACK = "on track"
    AHEAD = "ahead"
    EXHAUSTED = "exhausted"
    ENDED = "ended"


class Grant(NamedTuple):
    """What is granted, in node-seconds, from the day it ``starts`` to the day it ``ends``, both included."""

    starts: date
    ends: date
    node_limit: int

    @property
    def day_count(self) -> int:
        """How many days it has; 0 when it ends before it starts."""
        return max(0, self.ends.toordinal() + 1 - self.starts.toordinal())


class PaceTold(NamedTuple):
    """The pace of a grant, in node-seconds.

    ``even`` is what would be used by the end of the last known day if it were used evenly; ``known_until`` is the
    first day not known. ``projected`` is the total at the end, from ``low`` to ``high``: None while it is settling
    and once it ended. ``run_out`` is the day on which the limit is reached if it goes on so, None if that is not
    within the grant or was already; ``exhausted_on`` the known day on which it was reached, if it was.
    """

    pace: Pace
    used: int
    even: int
    known_until: date
    projected: int | None
    low: int | None
    high: int | None
    run_out: date | None
    exhausted_on: date | None


class _Known(NamedTuple):
    """The known days of a grant in order, in node-seconds, and how many ``days_left`` there are."""

    days: list[int]
    days_left: int

    @property
    def recent(self) -> list[int]:
        return self.days[-_MEAN_DAYS:]

    @property
    def projected(self) -> int:
        """What is used in the end, if the days left are like the recent ones."""
        return sum(self.days) + sum(self.recent) * self.days_left // len(self.recent)

    @property
    def spread(self) -> int:
        """How far the total may be off, to either side.

        With n weekly sums, v n (n - 1) = n Σx² - (Σx)², and w is the days left / 7.
        """
        weeks = self._weeks()
        n, left = len(weeks), self.days_left
        scatter = n * sum(week * week for week in weeks) - sum(weeks) ** 2
        square, unit = _SPREAD_SQUARED
        squared = square * scatter * left * (left + 7 * n)
        return _root_up(-(-squared // (unit * 49 * n * n * (n - 1))))

    def _weeks(self) -> list[int]:
        whole = min(_WEEKS, len(self.days) // 7)
        recent = self.days[len(self.days) - 7 * whole :]
        return [sum(recent[place : place + 7]) for place in range(0, len(recent), 7)]

    def days_until(self, node_limit: int) -> int | None:
        """After how many more days like the recent ones the limit is reached; None when it is not before the end."""
        missing, pace = node_limit - sum(self.days), sum(self.recent)
        if missing <= 0 or not pace:
            return None
        days = -(-missing * len(self.recent) // pace)
        return days if days <= self.days_left else None


def pace_of(
    grant: Grant, by_day: Mapping[date, int], today: date, *, known_until: date | None = None
) -> PaceTold:
    """Tell the pace of *grant*, of which *by_day* has the node-seconds of the days that are known, as of *today*.

    What was used on other days than its own is not of it. What is known of today counts as used, and not as a known
    day: it is not over. Who knows that there was no usage on later days says from which day on it is not known.
    """
    used = sum(figure for day, figure in by_day.items() if grant.starts <= day <= grant.ends)
    known = _known(grant, by_day, today, known_until or grant.starts)
    told = PaceTold(
        Pace.SETTLING,
        used,
        _even(grant, len(known.days)),
        date.fromordinal(grant.starts.toordinal() + len(known.days)),
        *(None, None, None, None),
        _reached(grant, known),
    )
    if today > grant.ends:
        return told._replace(pace=Pace.ENDED)
    if not _is_settling(grant, known):
        told = _projected(told, grant, known)
    return told._replace(pace=Pace.EXHAUSTED, run_out=None) if used >= grant.node_limit else told


def _known(grant: Grant, by_day: Mapping[date, int], today: date, known_until: date) -> _Known:
    first = grant.starts.toordinal()
    before = min(today.toordinal(), first + grant.day_count)
    figures = {day.toordinal(): figure for day, figure in by_day.items()}
    told = [day + 1 for day in figures if first <= day < before]
    until = max([min(known_until.toordinal(), before), *told])
    days = [figures.get(day, 0) for day in range(first, until)]
    return _Known(days, grant.day_count - len(days))


def _is_settling(grant: Grant, known: _Known) -> bool:
    share = -(-grant.day_count * _SETTLING_PERCENT // 100)
    return len(known.days) < min(_SETTLING_MOST_DAYS, max(_SETTLING_DAYS, share))


def _projected(told: PaceTold, grant: Grant, known: _Known) -> PaceTold:
    """Add the projection. What was used today may be more than a day's mean already."""
    projected, spread = max(told.used, known.projected), known.spread
    days = known.days_until(grant.node_limit)
    run_out = None if days is None else told.known_until.toordinal() + days - 1
    return told._replace(
        pace=_word(projected, grant.node_limit),
        projected=projected,
        low=max(told.used, projected - spread),
        high=projected + spread,
        run_out=None if run_out is None else date.fromordinal(run_out),
    )


def _word(projected: int, node_limit: int) -> Pace:
    if projected * 100 < node_limit * _BEHIND_PERCENT:
        return Pace.BEHIND
    return Pace.AHEAD if projected * 100 > node_limit * _AHEAD_PERCENT else Pace.ON_TRACK


def _even(grant: Grant, days: int) -> int:
    return grant.node_limit * days // grant.day_count if grant.day_count else 0


def _reached(grant: Grant, known: _Known) -> date | None:
    reached = enumerate(accumulate(known.days), grant.starts.toordinal())
    return next((date.fromordinal(day) for day, used in reached if used >= grant.node_limit), None)


def _root_up(square: int) -> int:
    """Return the smallest whole number whose square is no less than *square*."""
    return isqrt(square - 1) + 1 if square > 0 else 0
