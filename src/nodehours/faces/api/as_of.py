"""``as_of=``: as of when a request asks. Read like a filter: blank is none, and of a repeated one the last counts."""

from __future__ import annotations

from typing import NamedTuple

from nodehours.faces.api.exchange import Exchange
from nodehours.faces.api.wire import last_value
from nodehours.queries.clock import NoSnapshotError, find_snapshot
from nodehours.terms.as_of import read_as_of

_NAME = "as_of"


class Moment(NamedTuple):
    """The revision to answer at, None for now; or what is wrong with the parameter, by its name."""

    revision: int | None
    faults: dict[str, str]


async def read_moment(exchange: Exchange) -> Moment:
    """Read ``as_of`` by the ledger's clock. What is no time, or has not come yet, is a fault."""
    text = last_value(exchange.params, _NAME).strip()
    if not text:
        return Moment(None, {})
    try:
        as_of = read_as_of(text)
        found = await find_snapshot(exchange.connection, exchange.reader.scope, as_of)
    except (ValueError, NoSnapshotError) as error:
        return Moment(None, {_NAME: _sentence(str(error))})
    return Moment(found.revision, {})


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
