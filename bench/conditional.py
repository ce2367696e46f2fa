"""What clients ask often, beside a bare server that sends the very same bytes and does nothing else, over HTTP.

A count is anew when a reader asks who has not asked before: each time it is somebody else who sees as much. The
servers are asked in turns, in blocks of rounds, so that what else the machine does hits both alike; all run on one
core, so that it makes no difference which cores they wake.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import http_client
from bench.bare import NUMBER, write_replies
from bench.cases import Case, How, cases
from bench.heard import Listening, asked, counted, listening
from bench.http_client import Reply
from bench.ledger import ROWS_PER_STATEMENT, Reader, allocations_for, fill, readers, restate
from bench.pages import Effort
from bench.pgbench import Latencies, Scripts, medians, programs
from bench.places import ask_all
from bench.scratch import embedded_ledger, one_core, say, scratch, served, serving
from bench.tables import Result
from nodehours.ledger.clock import current_revision
from nodehours.ledger.store import Connection, connected
from nodehours.terms.scope import Scope

_BARE = [sys.executable, "-m", "bench.bare"]
_TOTAL = "X-Result-Count"
_SEARCHES = 4
"""How often in each block a page is asked for whose rows are searched: that takes far longer than the others."""

# Counted one by one, without any of the ledger's own counts.
_COUNT = """
select count(*) from usage_rows as row join allocations on allocations.id = row.allocation_id
where (%(everything)s or row.allocation_id = any(%(allocations)s) or row.user_id = %(reader)s)
    and row.revision > coalesce(%(after)s, 0) and allocations.uuid = coalesce(%(allocation)s, allocations.uuid)
    and row.year = coalesce(%(year)s, row.year) and row.month = coalesce(%(month)s, row.month)
"""


class Ledger(NamedTuple):
    """A ledger: where it is, who asks it in each round, beginning with one before the first; its last posting."""

    data_dir: Path
    url: str
    programs: Path
    asking: Sequence[Sequence[Reader]]
    revision: int


class Ask(NamedTuple):
    """How a case is asked for, before the first round and then in each; and what was replied at first."""

    requests: Sequence[bytes]
    reply: Reply


class Timings(NamedTuple):
    """Seconds: of the API, of the bare server, and of the SQL by the names of scripts."""

    api: dict[Case, list[float]]
    bare: dict[Case, list[float]]
    sql: list[Latencies]


Totals = Mapping[Case, int]
Asks = Mapping[Case, Ask]


def measure_conditional(rows: int, months: int, effort: Effort) -> Result:
    """Make a ledger of about *rows* usage rows in *months*, restate some, and measure what clients ask it often."""
    allocations = allocations_for(rows, months)
    with one_core(), scratch() as directory, embedded_ledger(directory / "data") as url:
        with connected(url) as connection:
            say(f"conditional: making a ledger of {months} months of {allocations} allocations …")
            asking = _fill(connection, allocations, months, effort)
            found = programs(connection), asking, current_revision(connection)
        ledger = Ledger(directory / "data", url, *found)
        quick, slow = Scripts(directory / "quick"), Scripts(directory / "slow")
        totals = asyncio.run(_prepare(ledger, quick, slow))
        with _servers(ledger, totals) as (ports, asks):
            _check(ports, asks, totals)
            say(f"conditional: {len(asks)} cases, {effort.blocks} blocks of rounds …")
            timings = Timings(defaultdict(list), defaultdict(list), [])
            for block in range(effort.blocks):
                for port, seconds in zip(ports, timings[:2], strict=True):
                    ask_all(port, _rounds(asks, effort, block), seconds, random.Random(block))
                of_quick = quick.run(url, ledger.programs, effort.statements, block)
                of_slow = slow.run(url, ledger.programs, effort.offsets, block)
                timings.sql.append({**of_quick, **of_slow})
            _check(ports, asks, totals)
    shape = f"{months} months of {allocations:,} allocations of {ROWS_PER_STATEMENT} rows"
    return _result([shape, *_how(effort), _visible(totals)], asks, timings)


def _fill(
    connection: Connection, allocations: int, months: int, effort: Effort
) -> list[list[Reader]]:
    """Make the ledger, and the readers who ask; then a row in every statement is restated."""
    fill(connection, allocations, months)
    rounds = range(effort.blocks * effort.requests + 1)
    asking = [readers(connection, number + 1) for number in rounds]
    restate(connection)
    return asking


async def _prepare(ledger: Ledger, quick: Scripts, slow: Scripts) -> Totals:
    """Tell how many rows each case is of, and make pgbench's scripts of the same SQL."""
    totals: dict[Case, int] = {}
    async with await listening(ledger.url) as connection:
        for reader in ledger.asking[0]:
            first = await asked(connection, reader.token, 0, 1)
            quick.add(_signing_in(reader.name), first.signing_in)
            for case in cases(reader.name, first.page, ledger.revision):
                totals[case] = await _count(connection, first.scope, case)
                scripts = slow if case.is_searched else quick
                await _add_script(connection, reader.token, case, scripts)
    return totals


async def _count(connection: Listening, scope: Scope, case: Case) -> int:
    of_scope = {name: getattr(scope, name) for name in ("everything", "reader")}
    values = {**case.rows._asdict(), **of_scope, "allocations": list(scope.allocations)}
    ((total,),) = await (await connection.execute(_COUNT, values)).fetchall()
    return int(total)


async def _add_script(connection: Listening, token: str, case: Case, scripts: Scripts) -> None:
    match case.how:
        case How.COUNTED:
            found = await counted(connection, token, case.rows)
        case How.PAGE:
            found = await asked(connection, token, 0, case.size, case.rows, case.order)
        case _:
            return
    scripts.add(_script(case), [*found.signing_in, *found.listing])


def _script(case: Case) -> str:
    """The script of what the database is asked: for what is not looked up, only who is asking."""
    if case.how in {How.COUNTED, How.PAGE}:
        return f"{case.reader} {case.how.value} {case.name}"
    return _signing_in(case.reader)


def _signing_in(reader: str) -> str:
    return f"{reader} signing in"


@contextmanager
def _servers(ledger: Ledger, totals: Totals) -> Iterator[tuple[tuple[int, int], Asks]]:
    """Serve the ledger, and beside it what it replied; yield both ports, and how to ask."""
    replies = ledger.data_dir.parent / "replies"
    with served(ledger.data_dir) as port:
        asks = _asks(port, totals, ledger.asking)
        write_replies(replies, [ask.reply for ask in asks.values()])
        with serving([*_BARE, str(replies)], ledger.data_dir) as bare_port:
            yield (port, bare_port), asks


def _asks(port: int, totals: Totals, asking: Sequence[Sequence[Reader]]) -> Asks:
    """Ask for each case once."""
    asks = {}
    with http_client.client(port) as client:
        for number, case in enumerate(totals):
            tokens = [one.token for each in asking for one in each if one.name == case.reader]
            headers = {NUMBER: str(number)}
            if case.how is How.UNCHANGED:
                reply = client.ask(http_client.request(case.target, port, tokens[0]))
                headers["If-None-Match"] = reply.header("ETag")
            requests = [
                http_client.request(case.target, port, token, headers, case.method)
                for token in (tokens if case.how is How.COUNTED else tokens[:1])
            ]
            asks[case] = Ask(requests, client.ask(requests[0]))
    return asks


def _rounds(asks: Asks, effort: Effort, block: int) -> Iterator[Mapping[Case, bytes]]:
    """The rounds of a block, those of what is searched last."""
    for turn in range(block * effort.requests, (block + 1) * effort.requests):
        yield {
            case: ask.requests[(turn + 1) % len(ask.requests)]
            for case, ask in asks.items()
            if not case.is_searched
        }
    yield from [
        {case: ask.requests[0] for case, ask in asks.items() if case.is_searched}
    ] * _SEARCHES


def _check(ports: tuple[int, int], asks: Asks, totals: Totals) -> None:
    """What is replied is right, has a body only where there is to be one, and comes from both servers alike."""
    port, bare_port = ports
    with http_client.client(bare_port) as bare:
        for case, ask in asks.items():
            first = ask.requests[0]
            _, body = http_client.whole_reply(first, port)
            assert body == ask.reply.body
            assert bool(body) == (case.how is How.PAGE)
            reply = bare.ask(first)
            assert (reply.undated_head, reply.body) == (ask.reply.undated_head, body)
            assert http_client.whole_reply(first, bare_port)[1] == body
            _check_rows(case, ask.reply, totals[case])


def _check_rows(case: Case, reply: Reply, total: int) -> None:
    if case.how is not How.UNCHANGED:
        assert int(reply.header(_TOTAL)) == total
    if case.how is How.PAGE:
        figures = [Decimal(row["node_usage"]) for row in json.loads(reply.body)]
        assert len(figures) == min(case.size, total)
        assert not case.order or figures == sorted(figures, reverse=True)


def _how(effort: Effort) -> list[str]:
    requests, searches = effort.blocks * effort.requests, effort.blocks * _SEARCHES
    runs, of_searches = effort.blocks * effort.statements, effort.blocks * effort.offsets
    return [
        "all on one core; one worker",
        f"medians over HTTP of {requests} requests to each server, {searches} where rows are searched",
        f"medians by pgbench of about {runs} runs each of the same SQL, {of_searches} where rows are searched",
    ]


def _visible(totals: Totals) -> str:
    whole = {case.reader: total for case, total in totals.items() if case == case.first_page}
    return "rows visible: " + ", ".join(f"{reader} {total:,}" for reader, total in whole.items())


def _result(notes: list[str], asks: Asks, found: Timings) -> Result:
    api, bare = (
        {case: median(seconds[case]) for case in asks} for seconds in (found.api, found.bare)
    )
    sql = medians(found.sql)
    lines: list[dict[str, str | float]] = [
        {
            "reader": case.reader,
            "reply": case.how.value,
            "of": case.name,
            "bytes": len(ask.reply.body),
            "HTTP ms": api[case] * 1e3,
            "bare ms": bare[case] * 1e3,
            "÷ bare": api[case] / bare[case],
            "÷ first page": api[case] / api[case.first_page],
            "SQL ms": sql[_script(case)] * 1e3,
        }
        for case, ask in asks.items()
    ]
    return Result("What clients ask often, beside a bare server", notes, lines, [])
