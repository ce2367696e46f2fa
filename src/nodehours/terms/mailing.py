"""Who is to be mailed about a project, and when: a report once a fortnight at most, and word of each threshold once.

Every mail tells what is used of the limit of each allocation, and what it told is kept. A threshold is a part of the
limit in per cent. Somebody knows of it when a mail of this grant told them of a use that reached it under the limit of
then and reaches it under that of today: so a raised limit can be reached anew, and nothing else is told twice.

A mail is claimed before it is sent. Of one that was claimed and not sent nobody knows whether it arrived: whoever sent
it may have been killed before or after. It is tried once more after an hour, and then counts as sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

THRESHOLDS: Final = (50, 80, 100)
REPORT_DAYS: Final = 14
PATIENCE: Final = timedelta(hours=1)
"""How long whoever claimed a mail has time to send it."""
TRIES: Final = 2
_SATURDAY = 5


class Hours(NamedTuple):
    """The hours of the day, Monday to Friday, in which mails are sent: half-open, local time."""

    opens: time
    closes: time


class Told(NamedTuple):
    """What a mail told of an allocation, by internal id: what was ``used`` of its limit, in node-seconds."""

    allocation: int
    used: int
    node_limit: int


class Standing(NamedTuple):
    """How an allocation, by internal id, stands today: what is ``used`` of its limit (> 0) since the day it ``starts``.

    Both are node-seconds.
    """

    allocation: int
    starts: date
    used: int
    node_limit: int


class Mailed(NamedTuple):
    """A mail that somebody got about a project, or may have got: ``sent`` None is one that was claimed, and no more.

    It was claimed ``tries`` times, the last time at ``claimed``. Instants have an offset.
    """

    is_report: bool
    tries: int
    claimed: datetime
    sent: datetime | None
    told: Sequence[Told]

    def is_under_way(self, now: datetime) -> bool:
        """Whether somebody else may be sending it at *now*."""
        return self.sent is None and now - self.claimed < PATIENCE

    def arrived(self, now: datetime) -> datetime | None:
        """Return when it was sent, as far as that counts at *now*."""
        if self.sent is None and self.tries >= TRIES and not self.is_under_way(now):
            return self.claimed
        return self.sent


class Crossing(NamedTuple):
    """A threshold, in per cent of the limit, that an allocation reached."""

    allocation: int
    percent: int


class Due(NamedTuple):
    """A mail that is due: as a report, for the thresholds crossed (the highest of each allocation), or as both."""

    is_report: bool
    crossings: tuple[Crossing, ...]


def is_office_hours(now: datetime, zone: tzinfo, hours: Hours) -> bool:
    """Tell whether *now* is within the office *hours* of the time *zone*, whatever its clocks did that day."""
    local = now.astimezone(zone)
    return local.weekday() < _SATURDAY and hours.opens <= local.time() < hours.closes


def mail_due(
    standings: Sequence[Standing], mailed: Iterable[Mailed], now: datetime, zone: tzinfo
) -> Due | None:
    """Tell which mail about a project with these *standings* is due to somebody who was *mailed* so far; None: none.

    Fortnights are counted in days of the time *zone*: a report comes on the same day of the week as the last one.
    """
    known = list(mailed)
    if not standings or any(mail.is_under_way(now) for mail in known):
        return None
    arrived = [(mail, at) for mail in known if (at := mail.arrived(now))]
    reports = [at for mail, at in arrived if mail.is_report]
    told = [(one, at) for mail, at in arrived for one in mail.told]
    due = Due(_is_fortnight(reports, now, zone), tuple(_crossings(standings, told)))
    return due if due.is_report or due.crossings else None


def _is_fortnight(reports: Iterable[datetime], now: datetime, zone: tzinfo) -> bool:
    """Whether the last of the *reports* was a fortnight ago, or there was none."""
    today = now.astimezone(zone).date()
    return all((today - at.astimezone(zone).date()).days >= REPORT_DAYS for at in reports)


def _crossings(
    standings: Iterable[Standing], told: Sequence[tuple[Told, datetime]]
) -> Iterator[Crossing]:
    for one in standings:
        reached = _reached(one.used, one.node_limit)
        known = [
            _reached(each.used, max(each.node_limit, one.node_limit))
            for each, at in told
            if each.allocation == one.allocation and at.astimezone(UTC).date() >= one.starts
        ]
        if reached > max(known, default=0):
            yield Crossing(one.allocation, reached)


def _reached(used: int, node_limit: int) -> int:
    """Return the highest threshold that is reached; 0: none."""
    return max((one for one in THRESHOLDS if used * 100 >= one * node_limit), default=0)
