"""Every page of the dashboard over HTTP, beside the first page of the API's list, for each reader.

The ledger has every day of its months: the days after a month's first one have a local user whose usage is 0, so that
the sums hold. A page comes in one piece, so the time to its first byte is the time to its last, within the network's.
All is warm; the charts' program and drawings are not part of a page. A server remembers some sums for as long as the
ledger stays at its revision: what the overview takes when it has none yet is measured as well.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from bench import http_client
from bench.ledger import ROWS_PER_STATEMENT, Reader, allocations_for, fill, readers
from bench.pages import Effort
from bench.places import ask_all
from bench.scratch import embedded_ledger, one_core, say, scratch, served
from bench.tables import Result, Wanted
from nodehours.faces.api.wire import USAGE_PATH
from nodehours.faces.web import address
from nodehours.faces.web.cookies import SESSION
from nodehours.ledger import sign_in
from nodehours.ledger.clock import Change, Kind, Origin, locked_revision
from nodehours.ledger.store import Connection, connected

MAX_TIMES_LIST = 10
MAX_OVERVIEW_MS = 100
_LIST = "the API's list, first page"
_OVERVIEW = "overview"
_PROJECT = "project5.portal5"
_OWNED = "project1.portal1"
"""Projects that the member and the owner see, as staff does."""

_DAYS = (
    """
    insert into usage_days (allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, revision, sha256)
    select allocation_id, day::date, false, 0, 0, 0, revision, sha256('')
    from statements, generate_series(make_date(year, month, 2),
                                     make_date(year, month, 1) + interval '1 month - 1 day', '1 day') as day
    """,
    """
    insert into daily_usage (allocation_id, day, local_user, node_seconds, jobs, wait_seconds, revision)
    select allocation_id, day, 'local1', 0, 0, 0, revision from usage_days where not is_complete
    """,
)
_FIND_ALLOCATION = """
select allocations.uuid from allocations join projects on projects.id = project_id where projects.identifier = %s
"""
_FIND_USER_ID = "select id from users where username = %s"
_COUNT_DAYS = "select count(*) from usage_days"


class Page(NamedTuple):
    """A page that a reader asks for."""

    reader: str
    name: str


_CHANGED = Page("staff", "overview, first after a change")


def measure_dashboard(rows: int, months: int, effort: Effort) -> Result:
    """Make a ledger of about *rows* usage rows in *months*, with every day of them, and measure the pages."""
    allocations = allocations_for(rows, months)
    with one_core(), scratch() as directory, embedded_ledger(directory / "data") as url:
        with connected(url) as connection:
            say(f"dashboard: making a ledger of {months} months of {allocations} allocations …")
            fill(connection, allocations, months)
            days = _add_days(connection)
            asking = readers(connection)
            cookies = {one.name: _session(connection, f"{one.name}1") for one in asking}
            paths = _paths(connection)
        with served(directory / "data") as port:
            requests = _requests(port, asking, cookies, paths)
            _check(port, requests)
            say(f"dashboard: {len(requests)} pages, {effort.blocks} blocks of rounds …")
            seconds: dict[Page, list[float]] = defaultdict(list)
            for block in range(effort.blocks):
                ask_all(
                    port, [requests] * max(2, effort.requests // 4), seconds, random.Random(block)
                )
            staff = requests[Page("staff", _OVERVIEW)]
            with connected(url) as connection, http_client.client(port) as client:
                for _ in range(max(2, effort.blocks * 4)):
                    _change(connection)
                    seconds[_CHANGED].append(client.ask(staff).seconds)
    shape = (
        f"{months} months of {allocations:,} allocations of {ROWS_PER_STATEMENT} rows,"
        f" {days:,} days of allocations; one core, one worker"
    )
    return _result(shape, {page: median(found) for page, found in seconds.items()}, seconds)


def _change(connection: Connection) -> None:
    """Bring the ledger to its next revision, so that nothing that is remembered of it holds any more."""
    with connection.transaction():
        locked_revision(connection)
        change = Change(connection, Kind.NAMING, Origin(by_whom="bench"))
        change.next_revision()
        change.record()


def _add_days(connection: Connection) -> int:
    """Make the days after the first of each month known, with usage of 0; return how many days there are."""
    with connection.transaction():
        for statement in _DAYS:
            connection.execute(statement)
    connection.execute("vacuum analyze")
    ((count,),) = connection.execute(_COUNT_DAYS)
    return int(count)


def _session(connection: Connection, username: str) -> str:
    ((user,),) = connection.execute(_FIND_USER_ID, [username])
    return sign_in.start_session(connection, user, "password", "bench")


def _paths(connection: Connection) -> Mapping[str, str]:
    """Return the pages that every reader may see, by name: the member is one of that project."""
    ((allocation,),) = connection.execute(_FIND_ALLOCATION, [_PROJECT])
    return {
        _OVERVIEW: address.OVERVIEW,
        "overview by project": f"{address.OVERVIEW}?by=project",
        "projects": address.PROJECTS,
        "project": address.project_path(_PROJECT),
        "project by day and user": f"{address.project_path(_PROJECT)}?per=day&split=user",
        "allocation": address.allocation_path(allocation),
        "months": address.MONTHS,
        "month": f"{address.MONTHS}2025-06/",
        "explained": f"{address.MONTHS}2025-06/{_PROJECT}/",
        "own usage": address.OWN,
        "export": address.EXPORT,
        "account": address.ACCOUNT,
    }


def _requests(
    port: int, asking: Sequence[Reader], cookies: Mapping[str, str], paths: Mapping[str, str]
) -> dict[Page, bytes]:
    requests = {}
    for one in asking:
        first = f"{USAGE_PATH}?page_size=10"
        requests[Page(one.name, _LIST)] = http_client.request(first, port, one.token)
        headers = {"Cookie": f"{SESSION}={cookies[one.name]}"}
        for name, path in paths.items():
            if one.name == "owner" and name == "allocation":
                continue
            own = path.replace(_PROJECT, _OWNED) if one.name == "owner" else path
            requests[Page(one.name, name)] = http_client.request(own, port, "none", headers)
    return requests


def _check(port: int, requests: Mapping[Page, bytes]) -> None:
    """Each answers with what it is of."""
    with http_client.client(port) as client:
        for page, asking in requests.items():
            reply = client.ask(asking)
            assert (b"<h1>" in reply.body) == (page.name != _LIST), page


def _result(
    shape: str, found: Mapping[Page, float], seconds: Mapping[Page, Sequence[float]]
) -> Result:
    lines: list[dict[str, str | float]] = [
        {
            "reader": page.reader,
            "page": page.name,
            "ms": of * 1e3,
            "÷ list": of / found[Page(page.reader, _LIST)],
        }
        for page, of in sorted(found.items(), key=lambda one: (one[0].reader, one[1]))
    ]
    staff = found[Page("staff", _OVERVIEW)]
    wanted = [
        Wanted(
            "overview of staff ÷ list", staff / found[Page("staff", _LIST)], MAX_TIMES_LIST, "times"
        ),
        Wanted("overview of staff", staff * 1e3, MAX_OVERVIEW_MS, "ms"),
    ]
    counts = [len(found) for page, found in seconds.items() if page != _CHANGED]
    told = f"medians of {min(counts)} requests, of {len(seconds[_CHANGED])} after a change"
    return Result("Pages of the dashboard", [shape, told], lines, wanted)
