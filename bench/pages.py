"""First, middle and last page of a large ledger over HTTP, beside pgbench running the same SQL and OFFSET.

All is warm: what is compared is the work of a page, not the speed of a disk.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from psycopg import sql

from bench import http_client
from bench.heard import Asked, Statement, asked, listening
from bench.ledger import ROWS_PER_STATEMENT, Reader, allocations_for, fill, readers
from bench.pgbench import Latencies, Scripts, medians, programs
from bench.places import SIZES, Place, ask_all, count_rows, places, request
from bench.scratch import embedded_ledger, say, scratch, served
from bench.tables import Result, Wanted
from nodehours.ledger.store import connected
from nodehours.terms.scope import Scope

BOUND = 1.5

# OFFSET at its best: in the same total order, by the same index, with the joins after the cut.
_OFFSET = """
select row.id, row.year, row.month, allocations.uuid, users.uuid, row.username,
       coalesce(users.full_name, ''), row.node_seconds, row.revision
from (
    select * from usage_rows where {visible}
    order by year, month, allocation_id, id offset %(offset)s limit %(limit)s
) as row
join allocations on allocations.id = row.allocation_id
left join users on users.id = row.user_id
order by row.year, row.month, row.allocation_id, row.id
"""
_COUNT = "select count(*) from usage_rows where {visible}"
_ALL = sql.SQL("true")
_SOME = sql.SQL("(allocation_id = any(%(allocations)s) or user_id = %(reader)s)")


class Effort(NamedTuple):
    """How often things are measured: blocks of rounds over HTTP, then of pgbench and of OFFSET."""

    blocks: int
    requests: int
    statements: int
    offsets: int


class Timings(NamedTuple):
    """Median seconds by place: over HTTP, and by pgbench; counts of rows by reader."""

    http: Mapping[Place, float]
    request: Mapping[Place, float]
    page: Mapping[Place, float]
    offset: Mapping[Place, float]
    counting: Mapping[str, float]


def measure_pages(rows: int, months: int, effort: Effort) -> Result:
    """Make a ledger of about *rows* usage rows in *months* and measure its pages."""
    allocations = allocations_for(rows, months)
    with scratch() as directory, embedded_ledger(directory / "data") as url:
        with connected(url) as connection:
            say(f"pages: making a ledger of {months} months of {allocations} allocations …")
            fill(connection, allocations, months)
            asking = readers(connection)
            bin_path = programs(connection)
        totals = asyncio.run(count_rows(url, asking))
        asked_for = list(places(totals))
        ours, theirs = Scripts(directory / "ours"), Scripts(directory / "theirs")
        asyncio.run(_prepare(url, asking, asked_for, ours, theirs))
        with served(directory / "data") as port:
            requests = {place: request(place, asking, port) for place in asked_for}
            _check(port, requests, totals)
            say(f"pages: {len(asked_for)} places, {effort.blocks} blocks of rounds …")
            http: dict[Place, list[float]] = defaultdict(list)
            statements, offsets = [], []
            for block in range(effort.blocks):
                ask_all(port, [requests] * effort.requests, http, random.Random(block))
                statements.append(ours.run(url, bin_path, effort.statements, block))
                offsets.append(theirs.run(url, bin_path, effort.offsets, block))
    shape = f"{months} months of {allocations:,} allocations of {ROWS_PER_STATEMENT} rows"
    return _result(shape, totals, _timings(asked_for, http, statements, offsets), effort)


async def _prepare(
    url: str, asking: Sequence[Reader], asked_for: Sequence[Place], ours: Scripts, theirs: Scripts
) -> None:
    """Make pgbench's scripts, and see that OFFSET finds the rows that we find."""
    tokens = {one.name: one.token for one in asking}
    async with await listening(url) as connection:
        for place in asked_for:
            found = await asked(connection, tokens[place.reader], place.offset, place.size)
            offset = Statement(_visible(_OFFSET, found.scope), _values(found, place))
            rows = await (await connection.execute(offset.text, offset.values)).fetchall()
            assert rows == found.page.rows
            assert len(rows) == place.size
            ours.add(_script("request", place), [*found.signing_in, *found.listing])
            ours.add(_script("page", place), found.listing)
            theirs.add(_script("offset", place), [offset])
            if (place.size, place.name) == (SIZES[0], "first"):
                count = Statement(_visible(_COUNT, found.scope), offset.values)
                theirs.add(f"count {place.reader}", [count])


def _visible(text: str, scope: Scope) -> str:
    visible = _ALL if scope.everything else _SOME
    return text.replace("{visible}", visible.as_string())


def _values(found: Asked, place: Place) -> dict[str, object]:
    scope = found.scope
    return {
        "allocations": list(scope.allocations),
        "reader": scope.reader,
        "offset": place.offset,
        "limit": place.size,
    }


def _script(kind: str, place: Place) -> str:
    return f"{kind} {place.reader} {place.size} {place.name}"


def _check(port: int, requests: Mapping[Place, bytes], totals: Mapping[str, int]) -> None:
    with http_client.client(port) as client:
        for place, wanted in requests.items():
            reply = client.ask(wanted)
            assert int(reply.header("X-Result-Count")) == totals[place.reader]
            assert len(json.loads(reply.body)) == place.size


def _timings(
    asked_for: Sequence[Place],
    http: Mapping[Place, Sequence[float]],
    statements: Sequence[Latencies],
    offsets: Sequence[Latencies],
) -> Timings:
    sql_seconds = medians(statements) | medians(offsets)
    readers = {place.reader for place in asked_for}
    return Timings(
        http={place: median(http[place]) for place in asked_for},
        request={place: sql_seconds[_script("request", place)] for place in asked_for},
        page={place: sql_seconds[_script("page", place)] for place in asked_for},
        offset={place: sql_seconds[_script("offset", place)] for place in asked_for},
        counting={reader: sql_seconds[f"count {reader}"] for reader in readers},
    )


def _result(shape: str, totals: Mapping[str, int], found: Timings, effort: Effort) -> Result:
    notes = [
        shape,
        f"one worker; medians over HTTP of {effort.blocks * effort.requests} requests each",
        f"medians by pgbench of about {effort.blocks * effort.statements} runs each of the same SQL",
        f"medians by pgbench of about {effort.blocks * effort.offsets} runs each of OFFSET",
        "rows visible: " + ", ".join(f"{reader} {total:,}" for reader, total in totals.items()),
    ]
    lines = [_line(place, found) for place in found.http]
    wanted = [
        Wanted(
            f"last page ÷ first, {place.reader}, {place.size} rows", _growth(place, found), BOUND
        )
        for place in found.http
        if place.name == "last"
    ]
    return Result(f"Pages of {totals['staff']:,} usage rows", notes, lines, wanted)


def _line(place: Place, found: Timings) -> dict[str, str | float]:
    http, request, page = found.http[place], found.request[place], found.page[place]
    offset = found.offset[place]
    return {
        "reader": place.reader,
        "size": place.size,
        "page": place.name,
        "HTTP ms": http * 1e3,
        "÷ first": _growth(place, found),
        "SQL ms": request * 1e3,
        "HTTP ÷ SQL": _ratio(http, request),
        "page SQL ms": page * 1e3,
        "OFFSET ÷ page SQL": _ratio(offset, page),
        "with count(*)": _ratio(offset + found.counting[place.reader], page),
    }


def _ratio(one: float, other: float) -> float:
    """One over the other; 0 when the clock saw no time pass, as one that a virtual machine sets back may."""
    return one / other if other > 0 else 0.0


def _growth(place: Place, found: Timings) -> float:
    first = place._replace(name="first", page=1)
    return found.http[place] / found.http[first]
