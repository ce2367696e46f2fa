"""As of when the ledger is read: at a revision, at an instant, or at the end of a day. Instants and days are UTC.

12                              revision 12; 0 is the ledger before its first posting
2026-03-31T23:59:59+01:00       an instant, as RFC 3339 writes it: with its offset
2026-03-31                      the end of that day
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TypeAlias

from nodehours.terms.fault import shown

_NUMBER = re.compile(r"(-?)0*([0-9]+)", re.ASCII)
_MAX_DIGITS = 18
"""What surely fits PostgreSQL's bigint."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# The blank before the offset is a '+' that a query string has lost.
_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<offset>[Zz]|(?P<sign>[+\- ])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))?",
    re.ASCII,
)
_FORMS = (
    "a revision's number, a date (2026-03-31) or an instant with its offset (2026-03-31T12:00:00Z)"
)


@dataclass(frozen=True, slots=True)
class AtRevision:
    """As of a revision; 0 is before the first posting."""

    revision: int

    def __str__(self) -> str:
        """Write it as a sentence goes on: ``revision 12``."""
        return f"revision {self.revision}"


@dataclass(frozen=True, slots=True)
class AtInstant:
    """As of an instant, which is UTC and has whole microseconds, as the ledger's clock has."""

    instant: datetime

    def __str__(self) -> str:
        """Write it as RFC 3339 does: ``2026-03-31T12:00:00Z``."""
        return f"{self.instant.replace(tzinfo=None).isoformat()}Z"


@dataclass(frozen=True, slots=True)
class AtDay:
    """As of the end of a day, UTC."""

    day: date

    @property
    def last_instant(self) -> datetime:
        """The last microsecond of the day."""
        return datetime.combine(self.day, time.max, UTC)

    def __str__(self) -> str:
        """Write it as ISO 8601 does: ``2026-03-31``."""
        return str(self.day)


AsOf: TypeAlias = AtRevision | AtInstant | AtDay


def read_as_of(text: str) -> AsOf:
    """Read what somebody asked for as ``as_of``. Raises ``ValueError`` with a sentence when it is none of the three.

    A fraction of a second may have any number of digits; what is finer than a microsecond is cut off. A leap
    second, 60, is the second after it.
    """
    if number := _NUMBER.fullmatch(text):
        return _revision(number, text)
    if _DATE.fullmatch(text):
        return AtDay(_day(text, text))
    if instant := _INSTANT.fullmatch(text):
        return _instant(instant, text)
    message = f"{shown(text)} is not {_FORMS}"
    raise ValueError(message)


def _revision(number: re.Match[str], text: str) -> AtRevision:
    sign, digits = number.groups()
    if sign:
        message = f"{shown(text)} is no revision: they count from 1, and 0 is before the first"
        raise ValueError(message)
    if len(digits) > _MAX_DIGITS:
        message = f"{shown(text)} is beyond any revision"
        raise ValueError(message)
    return AtRevision(int(digits))


def _instant(found: re.Match[str], text: str) -> AtInstant:
    if found["offset"] is None:
        message = f"{shown(text)} has no offset: end it with Z for UTC, or with one like +01:00"
        raise ValueError(message)
    day, is_leap = _day(found["day"], text), found["second"] == "60"
    seconds = 59 if is_leap else int(found["second"])
    microseconds = 0 if is_leap else int((found["fraction"] or "")[:6].ljust(6, "0"))
    try:
        clock = time(
            int(found["hour"]), int(found["minute"]), seconds, microseconds, _offset(found)
        )
        instant = datetime.combine(day, clock).astimezone(UTC) + timedelta(seconds=is_leap)
    except (ValueError, OverflowError):
        message = f"{shown(text)} is not a time of day of the calendar"
        raise ValueError(message) from None
    if is_leap and (instant.day, instant.time()) != (1, time.min):
        message = f"{shown(text)} has a second 60, and leap seconds end a month in UTC"
        raise ValueError(message)
    return AtInstant(instant)


def _offset(found: re.Match[str]) -> timezone:
    if found["sign"] is None:
        return UTC
    if found["minutes"] > "59":
        raise ValueError(found["minutes"])
    distance = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return timezone(-distance if found["sign"] == "-" else distance)


def _day(day: str, text: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        message = f"{shown(text)} is not a day of the calendar"
        raise ValueError(message) from None
