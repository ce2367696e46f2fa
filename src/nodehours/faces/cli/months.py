"""``nodehours month``: closing months, opening them again, and how they stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from nodehours.faces.cli.asking import MONTH, answered, find_name
from nodehours.faces.cli.moved import REASON
from nodehours.faces.cli.shown import exact, legible, minute
from nodehours.faces.cli.store import ledger, operator
from nodehours.faces.cli.table import table
from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import Closed, close_month, reopen_month
from nodehours.queries.moment import find_moment
from nodehours.queries.months import ClosingTold, MonthTold, list_closings, list_months
from nodehours.queries.pool import Connection
from nodehours.queries.statements import StatementFilter, StatementThen, list_statements
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.scope import Scope

_HEAD = ("month", "state", "closed", "statements", "node-hours", "pending")
_HASHES_HEAD = ("month", "project", "resource", "state", "closed", "node-hours", "sha256")
_CLOSINGS_HEAD = ("closed", "of", "since UTC", "revision", "by whom", "reason")

# Click's \b keeps the lines below it as they are.
_LIST_HELP = """\
List the months and how they stand.

NAME is a project or an organisation; a project answers to every name it ever had.

\b
A line for each month says
  state       open while it runs; then provisional as long as any statement is, restated if any is, or complete
  closed      yes, no, or how many of its statements are
  statements  how many there are: one for each allocation with usage
  pending     how many restatements wait for a decision: see `nodehours pending list`

Below are the closings that hold. They also hold for statements that are not there yet.
"""


@click.group()
def month() -> None:
    """Closing months: what was reported of them stays as it is.

    What is posted into a closed month waits as a pending restatement, until you accept or decline it (see
    `nodehours pending`).
    """


_NAME = click.argument("name", metavar="ORGANISATION|PROJECT")
_MONTH = click.argument("of_month", metavar="YYYY-MM", type=MONTH)


@month.command("close", short_help="Close a month that is over: its figures stay.")
@_NAME
@_MONTH
@REASON
def close(name: str, of_month: Month, reason: str) -> None:
    """Close a month that is over: no figure of it changes any more unless you accept the change.

    Closing an organisation's month closes it for all its projects. What is provisional is closed as it is.
    """
    with ledger() as connection:
        done = close_month(connection, name, of_month, Origin(None, reason, operator()))
    click.echo("\n".join(_closed(done)))


@month.command("reopen")
@_NAME
@_MONTH
@REASON
def reopen(name: str, of_month: Month, reason: str) -> None:
    """Open a closed month again: what is posted from then on is written straight in.

    What waits goes on waiting for your decision. A month that was closed with its organisation is opened with it.
    """
    with ledger() as connection:
        done = reopen_month(connection, name, of_month, Origin(None, reason, operator()))
    click.echo("\n".join(_reopened(done)))


def _closed(done: Closed) -> Iterator[str]:
    yield f"closed {done.month} of {done.of}: {_count(len(done.statements), 'statement')}"
    if done.provisional:
        yield f"{len(done.provisional)} of them provisional, not every day being known completely:"
    for one in done.provisional:
        yield f"  {one.project} on {legible(one.resource)}, {node_hours(one.node_seconds)} node-hours"
    yield f"the ledger is now at revision {done.revision}"


def _reopened(done: Closed) -> Iterator[str]:
    yield f"opened {done.month} of {done.of} again: {_count(len(done.statements), 'statement')}"
    if done.waiting:
        waits = "goes" if done.waiting == 1 else "go"
        what = _count(done.waiting, "pending restatement")
        yield f"{what} {waits} on waiting: see `nodehours pending list`"
    yield f"the ledger is now at revision {done.revision}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class _Told(NamedTuple):
    """What the list is made of; ``statements`` None: they are not asked for."""

    now: datetime
    months: list[MonthTold]
    closings: list[ClosingTold]
    statements: list[StatementThen] | None


@month.command("list", help=_LIST_HELP)
@click.argument("name", required=False)
@click.option(
    "--hashes", is_flag=True, help="A line for each statement, with its content hash (SHA-256)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_all(name: str | None, hashes: bool, as_json: bool) -> None:
    """Ask, and print what there is."""
    told = answered(lambda connection, scope: _ask(connection, scope, name, hashes=hashes))
    if as_json:
        click.echo(json.dumps(_json(told), indent=2))
    elif not told.months and not told.closings:
        click.echo("There are no statements yet: `nodehours ingest` takes usage in.", err=True)
    else:
        click.echo("\n\n".join(_tables(told)))


async def _ask(connection: Connection, scope: Scope, name: str | None, *, hashes: bool) -> _Told:
    named = None if name is None else await find_name(connection, scope, name)
    statements = None
    if hashes:
        moment = await find_moment(connection, scope, None)
        asked = StatementFilter(named)
        statements = await list_statements(connection, scope, asked, at=moment.revision)
    months = await list_months(connection, scope, named)
    closings = await list_closings(connection, scope, named)
    return _Told(datetime.now(UTC), months, closings, statements)


def _tables(told: _Told) -> Iterator[str]:
    if told.statements is not None:
        lines = (_statement_line(one, told.now) for one in told.statements)
        yield table(_HASHES_HEAD, lines, right=("node-hours",))
    elif told.months:
        lines = (_line(one, told.now) for one in told.months)
        yield table(_HEAD, lines, right=_HEAD[3:])
    if told.closings:
        yield table(_CLOSINGS_HEAD, _closing_lines(told.closings), right=("revision",))


def _line(one: MonthTold, now: datetime) -> list[str]:
    state = one.state(now)
    return [
        str(one.month), state.value if state else "-", _is_closed(one), str(one.statements),
        node_hours(one.node_seconds), str(one.waiting),
    ]  # fmt: skip


def _is_closed(one: MonthTold) -> str:
    if not one.statements:
        return "-"
    if one.closed in {0, one.statements}:
        return "yes" if one.closed else "no"
    return f"{one.closed} of {one.statements}"


def _statement_line(one: StatementThen, now: datetime) -> list[str]:
    return [
        str(one.month), one.project, legible(one.resource), one.state(now).value,
        "yes" if one.is_closed else "no", node_hours(one.node_seconds), one.sha256.hex(),
    ]  # fmt: skip


def _closing_lines(closings: Iterable[ClosingTold]) -> Iterator[list[str]]:
    for one in closings:
        yield [
            str(one.month), one.of, minute(one.recorded), str(one.revision),
            legible(one.by_whom) or "-", legible(one.reason) or "-",
        ]  # fmt: skip


def _json(told: _Told) -> dict[str, Any]:
    listed = {
        "months": [_month(one, told.now) for one in told.months],
        "closings": [_closing(one) for one in told.closings],
    }
    if told.statements is not None:
        listed["statements"] = [_statement(one, told.now) for one in told.statements]
    return listed


def _month(one: MonthTold, now: datetime) -> dict[str, Any]:
    state = one.state(now)
    return {
        "month": str(one.month),
        "state": state.value if state else None,
        "statements": one.statements,
        "closed": one.closed,
        "node_seconds": one.node_seconds,
        "node_hours": node_hours(one.node_seconds),
        "pending": one.waiting,
    }


def _closing(one: ClosingTold) -> dict[str, Any]:
    return {
        "month": str(one.month),
        "of": one.of,
        "since": exact(one.recorded),
        "revision": one.revision,
        "by_whom": one.by_whom,
        "reason": one.reason,
    }


def _statement(one: StatementThen, now: datetime) -> dict[str, Any]:
    return {
        "month": str(one.month),
        "project": one.project,
        "resource": one.resource,
        "allocation": one.allocation.hex,
        "state": one.state(now).value,
        "closed": one.is_closed,
        "node_seconds": one.node_seconds,
        "node_hours": node_hours(one.node_seconds),
        "revision": one.revision,
        "sha256": one.sha256.hex(),
    }
