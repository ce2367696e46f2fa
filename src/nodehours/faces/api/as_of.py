"""``as_of=`` and ``modified_after=``: as of when a request asks, and since when what it asks for has changed.

Read like filters: blank is none, and of a repeated one the last counts. Both take a revision, an instant or a date.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from nodehours.faces.api.exchange import Exchange
from nodehours.faces.api.wire import last_value
from nodehours.queries.clock import NoSnapshotError, find_snapshot, revision_by
from nodehours.terms.as_of import AtDay, AtInstant, AtRevision, read_as_of

_AS_OF = "as_of"
_MODIFIED_AFTER = "modified_after"
_TICK = timedelta(microseconds=1)
_FIRST = date(1970, 1, 1)
"""Before any revision, and not the first day of the calendar, before which there is none."""


class Moment(NamedTuple):
    """The revision to answer at, None for now, and the instant at which states are judged; or what is wrong with the
    parameter, by its name.
    """

    revision: int | None
    instant: datetime
    faults: dict[str, str]


class After(NamedTuple):
    """The revision after which a row must have changed, None for any; or what is wrong with the parameter."""

    revision: int | None
    faults: dict[str, str]


async def read_moment(exchange: Exchange) -> Moment:
    """Read ``as_of`` by the ledger's clock. What is no time, or has not come yet, is a fault."""
    now = exchange.reader.sight.now
    text = last_value(exchange.params, _AS_OF).strip()
    if not text:
        return Moment(None, now, {})
    try:
        as_of = read_as_of(text)
        found = await find_snapshot(exchange.connection, exchange.reader.scope, as_of)
    except (ValueError, NoSnapshotError) as error:
        return Moment(None, now, {_AS_OF: _sentence(str(error))})
    return Moment(found.revision, found.instant, {})


async def read_after(exchange: Exchange) -> After:
    """Read ``modified_after``: after a revision, after an instant, or from the beginning of a day on (UTC).

    A time to come is none: nothing has changed after it.
    """
    text = last_value(exchange.params, _MODIFIED_AFTER).strip()
    if not text:
        return After(None, {})
    try:
        match read_as_of(text):
            case AtRevision(revision):
                return After(revision or None, {})
            case AtInstant(instant):
                last = instant
            case AtDay(day):
                last = datetime.combine(max(day, _FIRST), time.min, UTC) - _TICK
    except ValueError as error:
        return After(None, {_MODIFIED_AFTER: _sentence(str(error))})
    revision = await revision_by(exchange.connection, exchange.reader.scope, last)
    return After(revision or None, {})


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
