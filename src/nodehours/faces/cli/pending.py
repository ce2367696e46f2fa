"""``nodehours pending``: what was posted into closed months, and what is decided of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import click

from nodehours.faces.cli.asking import answered
from nodehours.faces.cli.moved import REASON
from nodehours.faces.cli.parsed import Number
from nodehours.faces.cli.shown import exact, legible, minute, signed
from nodehours.faces.cli.store import ledger, operator
from nodehours.faces.cli.table import table
from nodehours.ledger.clock import Origin
from nodehours.ledger.decisions import Accepted, accept_each, decline_each, reconsider
from nodehours.ledger.errors import UnknownNameError
from nodehours.queries.pending import (
    DayChange,
    PendingLine,
    PendingTold,
    UserChange,
    find_pending,
    list_pending,
)
from nodehours.terms.node_seconds import node_hours

_ID = Number(1, 2**63 - 1)
_HEAD = (
    "id", "since UTC", "month", "project", "resource", "days", "before h", "after h", "difference h", "reason",
)  # fmt: skip
_ALL_HEAD = (*_HEAD[:2], "status", "by whom", *_HEAD[2:])
_FIGURES = ("before h", "after h", "difference h")
_DAYS_HEAD = ("day", *_FIGURES, "")
_USERS_HEAD = ("user", *_FIGURES, "")


@click.group(short_help="What was posted into closed months and waits for you.")
def pending() -> None:
    """Pending restatements: what was posted into closed months waits here until you accept or decline it.

    A statement has at most one that waits. A later report takes its place, with all that waited in it; a report that
    says again what the ledger says withdraws it. Every decision is written down, with who took it, when and why.
    """


@pending.command("list")
@click.option("--all", "decided", is_flag=True, help="Show also what was decided.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_waiting(decided: bool, as_json: bool) -> None:
    """List what waits for a decision, oldest first.

    Before is the statement's total when it was posted, after what it would be.
    """
    found = answered(lambda connection, scope: list_pending(connection, scope, decided=decided))
    if as_json:
        click.echo(json.dumps([_json(one) for one in found], indent=2))
    elif found:
        head = _ALL_HEAD if decided else _HEAD
        lines = (_line(one, decided=decided) for one in found)
        click.echo(table(head, lines, right=("id", "days", *_FIGURES)))
    else:
        click.echo(_nothing(decided=decided), err=True)


def _nothing(*, decided: bool) -> str:
    if decided:
        return "Nothing was ever posted into a closed month: `nodehours month close --help` says how one is closed."
    return "Nothing waits for a decision: `nodehours pending list --all` shows what did."


def _line(one: PendingLine, *, decided: bool) -> list[str]:
    decision = [one.status, legible(one.decided_by or "") or "-"] if decided else []
    return [
        str(one.id), minute(one.made), *decision, str(one.month), one.project, legible(one.resource),
        str(one.days), *_change(one.former, one.node_seconds), legible(one.reason) or "-",
    ]  # fmt: skip


def _change(before: int | None, after: int) -> list[str]:
    was = "-" if before is None else node_hours(before)
    return [was, node_hours(after), signed(after - (before or 0))]


@pending.command("show")
@click.argument("pending_id", metavar="ID", type=_ID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(pending_id: int, as_json: bool) -> None:
    """Show what accepting one would change: its days, and whose figures.

    Of one that was accepted, what that did change.
    """
    told = answered(lambda connection, scope: find_pending(connection, scope, pending_id))
    if told is None:
        raise UnknownNameError(
            f"there is no pending restatement {pending_id}: see `nodehours pending list --all`"
        )
    click.echo(json.dumps(_told(told), indent=2) if as_json else "\n".join(_page(told)))


def _page(told: PendingTold) -> Iterator[str]:
    line = told.line
    yield f"pending restatement {line.id}: {line.month} of {line.project} on {legible(line.resource)}, {line.status}"
    yield f"posted    {_second(line.made)}"
    yield f"from      {_source(line)}"
    yield f"reason    {legible(line.reason) or '-'}"
    yield from _decision(line)
    if told.days:
        yield "\n" + table(_DAYS_HEAD, map(_day_line, told.days), right=_FIGURES)
    else:
        yield "\nno day differs: whose the usage is does"
    if told.users:
        yield "\n" + table(_USERS_HEAD, map(_user_line, told.users), right=_FIGURES)
    elif told.users is not None:
        yield f"\nnobody's figure {'would change' if line.status == 'waiting' else 'changed'}"


def _decision(line: PendingLine) -> Iterator[str]:
    if line.decided is None:
        yield f"decide    `nodehours pending accept {line.id}` or `nodehours pending decline {line.id}`"
        return
    yield f"{line.status:<10}{_second(line.decided)} by {legible(line.decided_by or '') or '-'}"
    yield f"why       {legible(line.decision_reason or '') or '-'}"
    if line.status == "accepted":
        yield f"revision  {line.revision or '-'}"


def _source(line: PendingLine) -> str:
    if line.document is None:
        return "no document"
    return f"{legible(line.document)}, run {line.run} of {legible(line.source or '-')}"


def _second(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _day_line(one: DayChange) -> list[str]:
    notes = []
    if one.is_overtaken:
        notes.append("posted anew since: that stands")
    elif one.is_complete != one.was_complete or one.before is None:
        notes.append("complete" if one.is_complete else "incomplete")
    return [str(one.day), *_change(one.before, one.after), ", ".join(notes)]


def _user_line(one: UserChange) -> list[str]:
    note = f"was {one.former}" if one.former else "new" if one.before is None else ""
    return [one.username, *_change(one.before, one.after), note]


_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID…", type=_ID)


@pending.command("accept")
@_IDS
@REASON
def accept(ids: tuple[int, ...], reason: str) -> None:
    """Write what waits. The months stay closed. All of them are accepted, or none.

    A day that was posted anew since, while its month was open, keeps that newer figure.
    """
    with ledger() as connection:
        done = accept_each(connection, ids, Origin(None, reason, operator()))
    for one in done:
        click.echo(_accepted(one))


def _accepted(one: Accepted) -> str:
    said = f"accepted {one.pending.id}: {legible(str(one.pending))}"
    if one.overtaken:
        days = "1 day keeps its" if one.overtaken == 1 else f"{one.overtaken} days keep their"
        said += f", of which {days} newer figure"
    if one.month.revision is None:
        return f"{said}; the ledger says all of it already"
    former = "nothing" if one.month.former is None else node_hours(one.month.former)
    total = node_hours(one.month.total)
    return f"{said}; from {former} to {total} node-hours, revision {one.month.revision}"


@pending.command("decline")
@_IDS
@REASON
def decline(ids: tuple[int, ...], reason: str) -> None:
    """Leave the months as they are. All of them are declined, or none.

    What was declined does not come up again as long as the ledger's figure stays and the report says the same.
    """
    with ledger() as connection:
        done = decline_each(connection, ids, operator(), reason)
    for one in done:
        click.echo(f"declined {one.id}: {legible(str(one))} stays as it is")


@pending.command("reconsider")
@click.argument("pending_id", metavar="ID", type=_ID)
def wait_again(pending_id: int) -> None:
    """Have what was declined wait again, under a new id. That it was declined stays written."""
    with ledger() as connection:
        made = reconsider(connection, pending_id)
    click.echo(f"{pending_id} waits again as {made}: see `nodehours pending show {made}`")


def _json(one: PendingLine) -> dict[str, Any]:
    return one._asdict() | {
        "month": str(one.month),
        "made": exact(one.made),
        "decided": exact(one.decided) if one.decided else None,
    }


def _told(told: PendingTold) -> dict[str, Any]:
    users: Iterable[UserChange] | None = told.users
    return _json(told.line) | {
        "days": [one._asdict() | {"day": str(one.day)} for one in told.days],
        "users": None if users is None else [one._asdict() for one in users],
    }
