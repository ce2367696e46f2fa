"""What was reported, as a table to read, as CSV and as JSON.

In CSV, names that a spreadsheet would take for formulas are made inert; JSON has them as they are.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nodehours.faces.cli.shown import NODE_HOURS, exact, inert, minute, moment, plain_rules
from nodehours.faces.cli.table import table
from nodehours.queries.clock import Snapshot
from nodehours.queries.statements import RowThen, StatementThen
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.reckoned import told_rules

_HEAD = (
    "project", "resource", "month", "state", "closed", "node-hours", "unattributed h", "complete days",
    "revision", "recorded (UTC)",
)  # fmt: skip
_ROW_HEAD = ("user", "full name", "node-hours", "row", "revision")
_CSV_STATEMENT = (
    "project", "resource", "month", "state", "is_closed", "complete_days", "days", "revision", "recorded",
    "content_sha256", "rule",
)  # fmt: skip
_CSV_TOTALS = (
    "node_seconds",
    "node_hours",
    "unattributed_node_seconds",
    "unattributed_node_hours",
)
_CSV_ROW = ("row", "user", "full_name", "node_seconds", "node_hours", "row_revision")
_CSV_MOMENT = ("as_of_revision", "as_of")


@dataclass(frozen=True, slots=True)
class Reported:
    """Statements as of a moment; ``rows`` are theirs, None when only totals were asked for."""

    snapshot: Snapshot
    statements: list[StatementThen]
    rows: list[RowThen] | None

    def rows_of(self) -> Mapping[tuple[int, Month], list[RowThen]]:
        """The rows by the statement that they are of."""
        found: dict[tuple[int, Month], list[RowThen]] = defaultdict(list)
        for row in self.rows or ():
            found[row.allocation, row.month].append(row)
        return found

    def state(self, statement: StatementThen) -> str:
        """The word for the state a statement was in."""
        return statement.state(self.snapshot.instant).value


def as_table(found: Reported) -> str:
    """Lay it out for a person: a line for each statement or, with rows, a block; last, as of when and the unit."""
    if found.rows is None:
        parts = [table(_HEAD, _lines(found), right=_HEAD[5:9])] if found.statements else []
    else:
        rows = found.rows_of()
        parts = [_block(found, one, rows[one.id, one.month]) for one in found.statements]
    return "\n\n".join([*parts, f"{moment(found.snapshot)}; {NODE_HOURS}"])


def _lines(found: Reported) -> Iterator[list[str]]:
    for one in found.statements:
        yield [
            one.project, one.resource, str(one.month), found.state(one), _yes(one.is_closed),
            node_hours(one.node_seconds), node_hours(one.unattributed),
            f"{one.complete_days}/{one.month.day_count}", str(one.revision), minute(one.recorded),
        ]  # fmt: skip
    if len(found.statements) > 1:
        total = sum(one.node_seconds for one in found.statements)
        unattributed = sum(one.unattributed for one in found.statements)
        yield ["all", "", "", "", "", node_hours(total), node_hours(unattributed), "", "", ""]


def _block(found: Reported, one: StatementThen, rows: list[RowThen]) -> str:
    closed = ", closed" if one.is_closed else ""
    days = f"{one.complete_days} of {one.month.day_count} days complete"
    lines = [
        f"{one.project} on {one.resource}, {one.month}: {found.state(one)}{closed}, {days}",
        table(_ROW_HEAD, _row_lines(one, rows), right=_ROW_HEAD[2:]),
        f"revision {one.revision}, {minute(one.recorded)} UTC; content sha256 {one.sha256.hex()}",
        f"rule: {told_rules(one.rules)}",
    ]
    return "\n".join(lines)


def _row_lines(one: StatementThen, rows: list[RowThen]) -> Iterator[list[str]]:
    for row in rows:
        hours = node_hours(row.node_seconds)
        yield [row.username, row.full_name or "-", hours, str(row.id), str(row.revision)]
    yield ["all", "", node_hours(one.node_seconds), "", ""]


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def as_csv(found: Reported) -> str:
    """Write a line for each statement or, with rows, for each row; figures exact and rounded, the unit in the head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    moment_cells = [found.snapshot.revision, exact(found.snapshot.instant)]
    if found.rows is None:
        writer.writerow([*_CSV_STATEMENT, *_CSV_TOTALS, *_CSV_MOMENT])
        for one in found.statements:
            writer.writerow([*_cells(found, one), *_totals(one), *moment_cells])
        return text.getvalue().rstrip("\n")
    writer.writerow([*_CSV_STATEMENT, *_CSV_ROW, *_CSV_MOMENT])
    rows = found.rows_of()
    for one in found.statements:
        cells = _cells(found, one)
        writer.writerows(
            [*cells, *_row_cells(row), *moment_cells] for row in rows[one.id, one.month]
        )
    return text.getvalue().rstrip("\n")


def _cells(found: Reported, one: StatementThen) -> list[object]:
    return [
        one.project, inert(one.resource), str(one.month), found.state(one), _yes(one.is_closed),
        one.complete_days, one.month.day_count, one.revision, exact(one.recorded), one.sha256.hex(),
        told_rules(one.rules),
    ]  # fmt: skip


def _totals(one: StatementThen) -> list[object]:
    figures = (one.node_seconds, one.unattributed)
    return [cell for figure in figures for cell in (figure, node_hours(figure))]


def _row_cells(row: RowThen) -> list[object]:
    name = inert(row.full_name)
    hours = node_hours(row.node_seconds)
    return [row.id, row.username, name, row.node_seconds, hours, row.revision]


def as_json(found: Reported) -> str:
    """Write all of it as one JSON object."""
    rows = found.rows_of()
    whole = {
        "as_of_revision": found.snapshot.revision,
        "as_of": exact(found.snapshot.instant),
        "unit": NODE_HOURS,
        "statements": [
            _plain(found, one)
            | (
                {}
                if found.rows is None
                else {"rows": [_row(row) for row in rows[one.id, one.month]]}
            )
            for one in found.statements
        ],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(found: Reported, one: StatementThen) -> dict[str, Any]:
    return {
        "project": one.project,
        "resource": one.resource,
        "allocation": one.allocation.hex,
        "month": str(one.month),
        "state": found.state(one),
        "is_closed": one.is_closed,
        "node_seconds": one.node_seconds,
        "node_hours": node_hours(one.node_seconds),
        "unattributed_node_seconds": one.unattributed,
        "unattributed_node_hours": node_hours(one.unattributed),
        "complete_days": one.complete_days,
        "days": one.month.day_count,
        "revision": one.revision,
        "recorded": exact(one.recorded),
        "rules": plain_rules(one.rules),
        "content_sha256": one.sha256.hex(),
    }


def _row(row: RowThen) -> dict[str, Any]:
    return {
        "row": row.id,
        "user": row.username,
        "full_name": row.full_name,
        "node_seconds": row.node_seconds,
        "node_hours": node_hours(row.node_seconds),
        "revision": row.revision,
    }
