"""The ledger beside sreport, as a table to read, as CSV and as JSON: every cause has a line of its own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from nodehours.faces.cli.beside_slurm import Beside
from nodehours.faces.cli.shown import signed
from nodehours.faces.cli.table import table
from nodehours.sources.slurm.beside import Cell
from nodehours.terms.node_seconds import node_hours

OK, UNEXPLAINED = "ok", "unexplained"
_WHO = ("account", "user", "month", "TRES")
_HEAD = (*_WHO, "ledger h", "sreport h", "difference s", "unexplained s", "verdict")
_CAUSES = (*_WHO, "seconds", "hours", "why")
_CSV = (
    "kind", "account", "project", "user", "month", "tres", "ledger_seconds", "sreport_seconds",
    "difference_seconds", "cause", "cause_seconds", "unexplained_seconds", "verdict",
)  # fmt: skip


def verdict(cell: Cell) -> str:
    """Say it in a word."""
    return OK if cell.explained.is_whole else UNEXPLAINED


def as_table(found: Beside, *, details: bool) -> str:
    """Lay it out for a person: a line for each figure, then the causes, then the counts."""
    parts = [table(_HEAD, map(_line, found.cells), right=_HEAD[4:8])] if found.cells else []
    causes = [line for cell in found.cells for line in _cause_lines(cell)]
    if details and causes:
        parts.append(table(_CAUSES, causes, right=_CAUSES[4:6]))
    if not found.cells and not found.faults:
        parts.append("nothing to compare: neither side has usage of what was asked for")
    where = f"ledger: revision {found.revision}, resource {found.resource}"
    parts.append(f"{where}; differences are the ledger's figures less sreport's")
    return "\n\n".join([*parts, _counts(found)])


def _who(cell: Cell) -> list[str]:
    return [",".join(cell.accounts) or cell.project, cell.user, str(cell.period), cell.tres]


def _line(cell: Cell) -> list[str]:
    hours = [node_hours(cell.ours), node_hours(cell.theirs)]
    seconds = [_signed(cell.difference), _signed(cell.explained.unexplained)]
    return [*_who(cell), *hours, *seconds, verdict(cell)]


def _signed(seconds: int) -> str:
    return f"{seconds:+d}" if seconds else "0"


def _cause_lines(cell: Cell) -> Iterator[list[str]]:
    for seconds, why in _told(cell):
        yield [*_who(cell), _signed(seconds), signed(seconds), why]


def _told(cell: Cell) -> Iterator[tuple[int, str]]:
    for cause in cell.explained.causes:
        yield cause.seconds, cause.why.value
    if not cell.explained.is_whole:
        yield cell.explained.unexplained, f"unexplained{_from_archive(cell)}"


def _from_archive(cell: Cell) -> str:
    """Tell when the ledger is not what the archive comes to."""
    if cell.archive in {None, cell.ours}:
        return ""
    return (
        f"; the archive of jobs comes to {cell.archive} s, the ledger has {cell.ours} s"
        " (nodehours pending, nodehours rebuild)"
    )


def _counts(found: Beside) -> str:
    counts = {
        word: sum(verdict(cell) == word for cell in found.cells) for word in (OK, UNEXPLAINED)
    }
    said = ", ".join(f"{word} {count}" for word, count in counts.items())
    return f"{said}; not read {len(found.faults)}"


def as_csv(found: Beside, *, details: bool) -> str:
    """Write a line for each figure, and one for each cause."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for cell in found.cells:
        writer.writerows(_csv_lines(cell, details=details))
    return text.getvalue().rstrip("\n")


def _csv_lines(cell: Cell, *, details: bool) -> Iterable[list[object]]:
    accounts = ",".join(cell.accounts)
    who = [accounts, cell.project, cell.user, str(cell.period), cell.tres]
    figures = [cell.ours, cell.theirs, cell.difference]
    yield ["figure", *who, *figures, "", "", cell.explained.unexplained, verdict(cell)]
    for cause in cell.explained.causes if details else ():
        yield ["cause", *who, "", "", "", cause.why.name.lower(), cause.seconds, "", ""]


def as_json(found: Beside, *, details: bool) -> str:
    """Write all of it as one JSON object; figures are seconds of the TRES."""
    whole = {
        "is_ok": found.is_ok,
        "revision": found.revision,
        "resource": found.resource,
        "figures": [_plain(cell, details=details) for cell in found.cells],
        "notes": list(found.notes),
        "not_read": [str(fault) for fault in found.faults],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(cell: Cell, *, details: bool) -> dict[str, Any]:
    found = {
        "accounts": list(cell.accounts), "project": cell.project, "user": cell.user,
        "month": str(cell.period), "tres": cell.tres, "verdict": verdict(cell),
        "ledger_seconds": cell.ours, "sreport_seconds": cell.theirs, "archive_seconds": cell.archive,
        "difference_seconds": cell.difference, "unexplained_seconds": cell.explained.unexplained,
    }  # fmt: skip
    causes = [
        {"cause": cause.why.name.lower(), "seconds": cause.seconds, "why": cause.why.value}
        for cause in cell.explained.causes
    ]
    return found | ({"causes": causes} if details else {})
