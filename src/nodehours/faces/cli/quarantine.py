"""``nodehours quarantine``: what is not believed, and what is decided of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import click

from nodehours.faces.cli.asking import answered
from nodehours.faces.cli.moved import REASON
from nodehours.faces.cli.parsed import Number
from nodehours.faces.cli.shown import cut, end, exact, legible, minute
from nodehours.faces.cli.store import ledger, operator
from nodehours.faces.cli.table import table
from nodehours.intake.openportal import SOURCE as REPORTED
from nodehours.intake.release import release_record
from nodehours.ledger.errors import LedgerError, UnavailableError, UnknownNameError
from nodehours.ledger.post import MonthPosted
from nodehours.ledger.quarantine import drop_record
from nodehours.ledger.store import Connection
from nodehours.queries.quarantine import RecordLine, RecordTold, find_record, list_quarantine
from nodehours.terms.node_seconds import node_hours

_ID = Number(1, 2**63 - 1)
_PLACE_WIDTH = 48
_DOCUMENT_WIDTH = 32
_HEAD = ("id", "held UTC", "resource", "project", "document", "place", "reason", "what is wrong")
_ALL_HEAD = (*_HEAD[:2], "status", "by whom", *_HEAD[2:])


@click.group(short_help="Records that are not believed, until you decide.")
def quarantine() -> None:
    """Records that are not believed: held until you release or drop them.

    A release posts what the record says as if it had been believed when it came. What was dropped is not held again
    when it comes again. Either decision is written down, with who took it, when and why.
    """


@quarantine.command("list")
@click.option("--all", "decided", is_flag=True, help="Show also what was released or dropped.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_held(decided: bool, as_json: bool) -> None:
    """List the records that are held, oldest first."""
    found = answered(lambda connection, scope: list_quarantine(connection, scope, decided=decided))
    if as_json:
        click.echo(json.dumps([_record(one) for one in found], indent=2))
        return
    if not found:
        click.echo(
            "Nothing was ever held." if decided
            else "Nothing waits for a decision: `nodehours quarantine list --all` shows what did.",
            err=True,
        )  # fmt: skip
        return
    head = _ALL_HEAD if decided else _HEAD
    click.echo(table(head, (_line(one, decided=decided) for one in found), right=("id",)))


def _line(one: RecordLine, *, decided: bool) -> list[str]:
    decision = [one.status, legible(one.decided_by or "-")] if decided else []
    return [
        str(one.id), minute(one.held), *decision, legible(one.resource), legible(one.project) or "-",
        end(legible(one.document or "-"), _DOCUMENT_WIDTH), cut(legible(one.place) or "-", _PLACE_WIDTH),
        one.reason, legible(one.sentence),
    ]  # fmt: skip


@quarantine.command("show")
@click.argument("record_id", metavar="ID", type=_ID)
@click.option(
    "--raw",
    is_flag=True,
    help="Print the record alone, as it came, byte by byte; on a terminal, what could steer it is escaped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, without the record.")
def show(record_id: int, raw: bool, as_json: bool) -> None:
    """Show all that is known of one record."""
    told = answered(lambda connection, scope: find_record(connection, scope, record_id))
    if told is None:
        raise UnknownNameError(
            f"there is no record {record_id} in quarantine: see `nodehours quarantine list --all`"
        )
    if raw:
        _print_raw(told.record)
    else:
        click.echo(json.dumps(_told(told), indent=2) if as_json else "\n".join(_page(told)))


def _print_raw(record: bytes) -> None:
    if sys.stdout.isatty():
        lines = record.decode(errors="backslashreplace").split("\n")
        click.echo("\n".join(map(legible, lines)))
    else:
        click.echo(record, nl=False)


def _page(told: RecordTold) -> Iterator[str]:
    line = told.line
    yield f"record {line.id}: {line.reason}, {line.status}"
    yield f"what is wrong  {legible(line.sentence)}"
    yield f"place          {legible(line.place) or '-'}"
    yield f"project        {legible(line.project) or '-'}"
    yield f"resource       {legible(line.resource)}"
    yield f"held           {_second(line.held)}"
    yield f"run            {'-' if told.run is None else told.run}"
    sha256 = f", SHA-256 {told.document_sha256.hex()}" if told.document_sha256 else ""
    yield f"document       {legible(line.document or '-')}{sha256}"
    yield f"record         {line.size_bytes} bytes: `nodehours quarantine show {line.id} --raw`"
    if line.decided:
        yield f"{line.status:<15}{_second(line.decided)} by {legible(line.decided_by or '-')}"
        yield f"why            {legible(line.decision_reason or '') or '-'}"
    elif line.source == REPORTED:
        yield f"decide         `nodehours quarantine release {line.id}` or `nodehours quarantine drop {line.id}`"
    else:
        yield f"decide         mend the log and take it in again, then `nodehours quarantine drop {line.id}`"


def _second(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID…", type=_ID)


@quarantine.command("release")
@_IDS
@REASON
def release(ids: tuple[int, ...], reason: str) -> None:
    """Believe records: post what they say.

    Into a closed month nothing is posted: it waits there for another decision. Exit status 1 when one of the
    records could not be released; the others are.
    """

    def released(connection: Connection, record_id: int) -> Iterator[str]:
        for done in release_record(connection, record_id, operator(), reason):
            for month in done.months:
                yield f"released {record_id}: {done.project} {month.month}: {_what_came(month)}"
            if not done.months:
                yield f"released {record_id}: {done.project}: it tells of no day"

    _decide(ids, released)


@quarantine.command("drop")
@_IDS
@REASON
def drop(ids: tuple[int, ...], reason: str) -> None:
    """Do not believe records, now or when they come again. They are kept all the same.

    Exit status 1 when one of them could not be dropped; the others are.
    """

    def dropped(connection: Connection, record_id: int) -> Iterator[str]:
        record = drop_record(connection, record_id, operator(), reason)
        named = f"{record.project} {record.place}".strip() or "a document"
        yield f"dropped {record_id}: {legible(named)}"

    _decide(ids, dropped)


def _decide(ids: Iterable[int], decide: Callable[[Connection, int], Iterable[str]]) -> None:
    """Take the same decision on each of several records."""
    failed = False
    with ledger() as connection:
        for record_id in dict.fromkeys(ids):
            try:
                for line in decide(connection, record_id):
                    click.echo(line)
            except UnavailableError:
                raise
            except LedgerError as error:
                failed = True
                click.echo(f"Error: {legible(str(error))}", err=True)
    sys.exit(1 if failed else 0)


def _what_came(month: MonthPosted) -> str:
    """Say what became of the days, one way or several."""
    pending = "" if month.pending is None else f" as pending {month.pending}"
    former = "nothing" if month.former is None else node_hours(month.former)
    ways = (
        (month.posted, f"posted, from {former} to {node_hours(month.total)} node-hours"),
        (
            month.waiting,
            f"waiting{pending}, since the month is closed: see `nodehours pending list`",
        ),
        (month.unchanged, "known so already"),
        (month.kept, "kept as known, which is complete, or higher, or what staff decided"),
    )
    return "; ".join(f"{n} day{'' if n == 1 else 's'} {what}" for n, what in ways if n)


def _record(one: RecordLine) -> dict[str, Any]:
    return one._asdict() | {
        "held": exact(one.held),
        "decided": exact(one.decided) if one.decided else None,
    }


def _told(told: RecordTold) -> dict[str, Any]:
    return _record(told.line) | {
        "run": told.run,
        "document_sha256": told.document_sha256.hex() if told.document_sha256 else None,
    }
