"""What readers choose on several pages: the months that are looked at, and how figures and names are told."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Final

from nodehours.faces.web.address import Address
from nodehours.faces.web.visit import Visit
from nodehours.queries.seen_usage import newest_month
from nodehours.terms.month import Month, read_month
from nodehours.terms.period import Period, months_after

MONTHS_SHOWN: Final = 12
_MAX_MONTHS: Final = 240


class Unit(Enum):
    """How a chart tells figures: in node-hours, or each as its share of the whole."""

    HOURS = "hours"
    SHARE = "share"


class Names(Enum):
    """How people are told: by their names, or by their user identifiers."""

    NAMES = "names"
    IDENTIFIERS = "identifiers"


def unit_of(address: Address) -> Unit:
    """Return how figures are told."""
    return address.choice("unit", Unit.HOURS)


def names_of(address: Address) -> Names:
    """Return how people are told."""
    return address.choice("names", Names.NAMES)


def period_of(address: Address, latest: Month) -> Period:
    """Return the months from ``from`` to ``to``; else the twelve that end with the *latest*.

    Of two that are the wrong way round, the earlier one is the first.
    """
    last = _month(address.text("to")) or latest
    first = _month(address.text("from")) or months_after(last, 1 - MONTHS_SHOWN)
    first, last = sorted((first, last))
    return Period(max(first, months_after(last, 1 - _MAX_MONTHS)), months_after(last, 1))


async def chosen_period(visit: Visit) -> Period:
    """Return the months to look at: those chosen, or the last twelve of which the reader sees anything."""
    known = await newest_month(visit.connection, visit.scope)
    return period_of(visit.address, latest_month(known, visit.today))


def latest_month(known: Month | None, today: date) -> Month:
    """Return the month to look at first: the one that runs, or the last one *known* if that was long ago."""
    runs = Month.of(today)
    if known is None or months_after(known, MONTHS_SHOWN // 2) >= runs:
        return runs
    return known


def person(username: str, full_name: str, names: Names) -> str:
    """Return how a person is called."""
    return full_name if full_name and names is Names.NAMES else username


def _month(text: str) -> Month | None:
    try:
        return read_month(text) if text else None
    except ValueError:
        return None
