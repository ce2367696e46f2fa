"""For staff: the runs, what is not believed, and what waits for a decision."""

from __future__ import annotations

from typing import Any

from nodehours.faces.web.address import PENDING, QUARANTINE, RUNS, month_path
from nodehours.faces.web.page import Cell, Column, Kind, Page, Table, cells
from nodehours.faces.web.segments import read_id
from nodehours.faces.web.tables import Asked, sorted_table
from nodehours.faces.web.visit import Visit
from nodehours.queries.pending import PendingLine, PendingTold, find_pending, list_pending
from nodehours.queries.quarantine import RecordLine, find_record, list_quarantine
from nodehours.queries.runs import RunLine, RunTold, find_run, list_runs

_RUNS_SHOWN = 500
_MAX_RECORD = 20_000
"""How much of a record is shown, in bytes."""


async def runs_page(visit: Visit) -> Page:
    """List the newest runs."""
    visit.only_if(visit.sees_everything)
    found = await list_runs(visit.connection, visit.scope, limit=_RUNS_SHOWN)
    table = sorted_table(
        Asked(visit.address, "runs"), "Runs", _RUNS, [_run_line(one) for one in found],
        empty="Nothing was taken in yet: nodehours ingest openportal REPORT.json --resource NAME does.",
        sort="-id", is_searched=True,
    )  # fmt: skip
    return Page("Runs", "list.html", {"lead": _RUNS_LEAD}, tables=[table])


_RUNS_LEAD = "What was read when, from where, and what came of it."
_RUNS = (
    Column("id", "Run", Kind.ID),
    Column("started", "Started", Kind.TIME),
    Column("source", "Source", Kind.TEXT),
    Column("resource", "Resource", Kind.NAME),
    Column("verdict", "Came of it", Kind.TEXT),
    Column("counts", "Counts", Kind.TEXT, is_sorted=False),
    Column("by_whom", "By whom", Kind.NAME),
)


def _run_line(one: RunLine) -> tuple[Cell, ...]:
    return cells(
        Cell(one.id, f"{RUNS}{one.id}/"),
        one.started,
        one.source,
        one.resource,
        one.state.value,
        counts_of(one),
        one.by_whom,
    )


def counts_of(one: RunLine) -> str:
    """Write a run's counts in a line, those of 0 left out."""
    return ", ".join(f"{number:,} {what}" for what, number in one.counts.items() if number)


async def run_page(visit: Visit, run: str) -> Page:
    """Show one run with its documents, its messages and what it posted."""
    visit.only_if(visit.sees_everything)
    told = visit.found(await find_run(visit.connection, visit.scope, read_id(run)))
    tables = [_documents_table(visit, told), _postings_table(visit, told)]
    given = {"told": told, "counts": counts_of(told.run)}
    return Page(f"Run {told.run.id}", "run.html", given, tables=tables)


def _documents_table(visit: Visit, told: RunTold) -> Table:
    columns = [
        Column("name", "Document", Kind.NAME),
        Column("size_bytes", "Bytes", Kind.COUNT),
        Column("sha256", "SHA-256", Kind.TEXT, is_sorted=False),
    ]
    rows = [cells(one.name, one.size_bytes, one.sha256.hex()) for one in told.documents]
    empty = "The run read no document."
    return sorted_table(Asked(visit.address, "documents"), "Documents", columns, rows, empty=empty)


def _postings_table(visit: Visit, told: RunTold) -> Table:
    columns = [
        Column("revision", "Revision", Kind.ID),
        Column("recorded", "When", Kind.TIME),
        Column("project", "Project", Kind.NAME),
        Column("resource", "Resource", Kind.NAME),
        Column("month", "Month", Kind.MONTH),
        Column("before", "Before", Kind.HOURS),
        Column("after", "After", Kind.HOURS),
    ]
    rows = [
        cells(
            one.revision,
            one.recorded,
            one.project,
            one.resource,
            Cell(one.month, month_path(one.month, one.project)),
            one.former,
            one.node_seconds,
        )
        for one in told.postings
    ]
    empty = "The run changed nothing: what it read was known."
    return sorted_table(
        Asked(visit.address, "postings"),
        "What it posted",
        columns,
        rows,
        empty=empty,
        is_searched=True,
    )


async def quarantine_page(visit: Visit) -> Page:
    """List the records that are not believed, or all that ever were."""
    visit.only_if(visit.sees_everything)
    decided = _are_decided_shown(visit)
    found = await list_quarantine(visit.connection, visit.scope, decided=decided)
    table = sorted_table(
        Asked(visit.address, "records"), "Records", _RECORDS, [_record_line(one) for one in found],
        empty="Nothing is held: every record was believed, or decided on.",
        sort="id", is_searched=True,
    )  # fmt: skip
    return _waiting("Quarantine", _RECORDS_LEAD, table, decided=decided)


def _are_decided_shown(visit: Visit) -> bool:
    return visit.address.text("all") == "yes"


def _waiting(title: str, lead: str, table: Table, *, decided: bool) -> Page:
    """Show what waits for a decision; *decided*: what was decided as well."""
    return Page(title, "waiting.html", {"lead": lead, "decided": decided}, tables=[table])


_RECORDS_LEAD = (
    "Records that are not believed, until you release or drop them. None of them is lost."
)
_RECORDS = (
    Column("id", "Record", Kind.ID),
    Column("held", "Held since", Kind.TIME),
    Column("status", "Status", Kind.TEXT),
    Column("resource", "Resource", Kind.NAME),
    Column("project", "Project", Kind.NAME),
    Column("place", "Place", Kind.NAME, is_sorted=False),
    Column("sentence", "What is wrong", Kind.NAME, is_sorted=False),
)


def _record_line(one: RecordLine) -> tuple[Cell, ...]:
    return cells(
        Cell(one.id, f"{QUARANTINE}{one.id}/"),
        one.held,
        one.status,
        one.resource,
        one.project,
        one.place,
        one.sentence,
    )


async def record_page(visit: Visit, record: str, sentence: str = "") -> Page:
    """Show one record, and offer the decision."""
    visit.only_if(visit.sees_everything)
    told = visit.found(await find_record(visit.connection, visit.scope, read_id(record)))
    given = {
        "told": told,
        "text": told.record[:_MAX_RECORD].decode(errors="backslashreplace"),
        "is_cut": len(told.record) > _MAX_RECORD,
        "sentence": sentence,
    }
    return Page(f"Record {told.line.id}", "record.html", given)


async def pending_page(visit: Visit) -> Page:
    """List the restatements that wait, or all that ever did."""
    visit.only_if(visit.sees_everything)
    decided = _are_decided_shown(visit)
    found = await list_pending(visit.connection, visit.scope, decided=decided)
    table = sorted_table(
        Asked(visit.address, "pending"), "Pending restatements", _PENDING, [_pending_line(one) for one in found],
        empty="Nothing waits for a decision.",
        sort="id", is_searched=True,
    )  # fmt: skip
    return _waiting("Pending restatements", _PENDING_LEAD, table, decided=decided)


_PENDING_LEAD = "What was posted into closed months waits here until you accept or decline it."
_PENDING = (
    Column("id", "Pending", Kind.ID),
    Column("made", "Since", Kind.TIME),
    Column("status", "Status", Kind.TEXT),
    Column("month", "Month", Kind.MONTH),
    Column("project", "Project", Kind.NAME),
    Column("resource", "Resource", Kind.NAME),
    Column("before", "Before", Kind.HOURS),
    Column("after", "After", Kind.HOURS),
    Column("change", "Change", Kind.CHANGE),
    Column("why", "Why", Kind.NAME, is_sorted=False),
)


def _pending_line(one: PendingLine) -> tuple[Cell, ...]:
    return cells(
        Cell(one.id, f"{PENDING}{one.id}/"),
        one.made,
        one.status,
        one.month,
        one.project,
        one.resource,
        one.former,
        one.node_seconds,
        one.node_seconds - (one.former or 0),
        one.reason,
    )


async def restatement_page(visit: Visit, pending: str, sentence: str = "") -> Page:
    """Show what accepting one would change, or did, and offer the decision."""
    visit.only_if(visit.sees_everything)
    told = visit.found(await find_pending(visit.connection, visit.scope, read_id(pending)))
    given: dict[str, Any] = {"told": told, "sentence": sentence}
    tables = [_day_changes(visit, told), _user_changes(visit, told)]
    return Page(f"Pending restatement {told.line.id}", "restatement.html", given, tables=tables)


def _day_changes(visit: Visit, told: PendingTold) -> Table:
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("before", "Before", Kind.HOURS),
        Column("after", "After", Kind.HOURS),
        Column("change", "Change", Kind.CHANGE),
        Column("note", "", Kind.TEXT, is_sorted=False),
    ]
    rows = [
        cells(
            one.day,
            one.before,
            one.after,
            one.after - (one.before or 0),
            "posted anew since: the newer word stands" if one.is_overtaken else "",
        )
        for one in told.days
    ]
    empty = "No day differs: whose the usage is does."
    return sorted_table(Asked(visit.address, "days"), "Days", columns, rows, empty=empty)


def _user_changes(visit: Visit, told: PendingTold) -> Table:
    columns = [
        Column("user", "User", Kind.NAME),
        Column("before", "Before", Kind.HOURS),
        Column("after", "After", Kind.HOURS),
        Column("change", "Change", Kind.CHANGE),
    ]
    rows = [
        cells(
            Cell(one.username, note=f"before: {one.former}" if one.former else ""),
            one.before,
            one.after,
            one.after - (one.before or 0),
        )
        for one in told.users or ()
    ]
    return sorted_table(
        Asked(visit.address, "users"),
        "Whose figures",
        columns,
        rows,
        empty="Nobody's figure changes.",
    )
