"""The list as it was before a row in twenty was restated, beside the list as it is, over HTTP.

What was answered before the restatement is kept, and asked for again as of then: it must be the same to the byte.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from bench import http_client
from bench.ledger import ROWS_PER_STATEMENT, Reader, allocations_for, fill, readers, restate
from bench.places import Place, ask_all, count_rows, places, request
from bench.scratch import embedded_ledger, say, scratch, served
from bench.tables import Result, Wanted
from nodehours.ledger.store import connected

BOUND = 2.0
_WHOLE = "X-Result-Count"


class Asked(NamedTuple):
    """A page, and whether as of before."""

    place: Place
    is_former: bool


def measure_as_of(rows: int, months: int, blocks: int, rounds: int) -> Result:
    """Make a ledger of about *rows* usage rows in *months*, restate a row in twenty, and measure pages of both."""
    allocations = allocations_for(rows, months)
    with scratch() as directory, embedded_ledger(directory / "data") as url:
        with connected(url) as connection:
            say(f"as_of: making a ledger of {months} months of {allocations} allocations …")
            fill(connection, allocations, months)
            asking = readers(connection)
            totals = asyncio.run(count_rows(url, asking))
            asked_for = list(places(totals))
            with served(directory / "data") as port:
                before = _bodies(port, _requests(asked_for, asking, port, None))
            say("as_of: restating a row in twenty …")
            former = restate(connection)
        with served(directory / "data") as port:
            requests = _requests(asked_for, asking, port, former)
            _check(_bodies(port, requests), before)
            say(f"as_of: {len(asked_for)} places, {blocks} blocks of rounds …")
            seconds: dict[Asked, list[float]] = defaultdict(list)
            for block in range(blocks):
                ask_all(port, [requests] * rounds, seconds, random.Random(block))
    shape = f"{months} months of {allocations:,} allocations of {ROWS_PER_STATEMENT} rows"
    return _result([shape, _how(blocks * rounds)], asked_for, totals, seconds)


def _requests(
    asked_for: Sequence[Place], asking: Sequence[Reader], port: int, former: int | None
) -> dict[Asked, bytes]:
    """The requests for all places; with *former*, a revision, also those as of it."""
    now = {Asked(place, is_former=False): request(place, asking, port) for place in asked_for}
    if former is None:
        return now
    then = f"&as_of={former}"
    return now | {
        Asked(place, is_former=True): request(place, asking, port, then) for place in asked_for
    }


def _bodies(port: int, requests: Mapping[Asked, bytes]) -> dict[Asked, tuple[str, bytes]]:
    """What is answered: the count, and the rows without the server's own address."""
    with http_client.client(port) as client:
        replies = {asked: client.ask(wanted) for asked, wanted in requests.items()}
    own = f"127.0.0.1:{port}".encode()
    return {
        asked: (reply.header(_WHOLE), reply.body.replace(own, b""))
        for asked, reply in replies.items()
    }


def _check(
    found: Mapping[Asked, tuple[str, bytes]], before: Mapping[Asked, tuple[str, bytes]]
) -> None:
    """As of then is what was answered then, and now something else is, wherever a page has a restated row."""
    for asked, told in before.items():
        assert found[asked._replace(is_former=True)] == told
    restated = [asked for asked, told in before.items() if found[asked] != told]
    assert {asked.place for asked in restated} >= {
        asked.place for asked in before if asked.place.size > ROWS_PER_STATEMENT
    }


def _how(times: int) -> str:
    return f"one worker; medians over HTTP of {times} requests each; a row in every statement is restated"


def _result(
    notes: list[str],
    asked_for: Sequence[Place],
    totals: Mapping[str, int],
    seconds: Mapping[Asked, Sequence[float]],
) -> Result:
    middle = {asked: median(found) for asked, found in seconds.items()}
    lines = [_line(place, middle) for place in asked_for]
    worst: dict[str, float] = {}
    for place in asked_for:
        what = f"as of ÷ now at worst, {place.reader}, {place.size} rows"
        worst[what] = max(worst.get(what, 0.0), _ratio(place, middle))
    wanted = [Wanted(what, ratio, BOUND) for what, ratio in worst.items()]
    return Result(f"As of before, {totals['staff']:,} usage rows", notes, lines, wanted)


def _line(place: Place, middle: Mapping[Asked, float]) -> dict[str, str | float]:
    return {
        "reader": place.reader,
        "size": place.size,
        "page": place.name,
        "now ms": middle[Asked(place, is_former=False)] * 1e3,
        "as of ms": middle[Asked(place, is_former=True)] * 1e3,
        "as of ÷ now": _ratio(place, middle),
    }


def _ratio(place: Place, middle: Mapping[Asked, float]) -> float:
    return middle[Asked(place, is_former=True)] / middle[Asked(place, is_former=False)]
