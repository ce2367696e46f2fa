"""What goes with an exported listing, so that it is understood without us: what it is of, as of when, in which unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from nodehours import __version__
from nodehours.queries.export import Export, Reckoned, Tally
from nodehours.queries.export_text import COLUMNS
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.reckoned import AS_REPORTED
from nodehours.terms.scope import Scope

Line = Sequence[str]

_MEANINGS: Final[Mapping[str, str]] = {
    "id": "the usage row: one user in one allocation in one month; it never changes",
    "year": "calendar year (UTC)",
    "month": "calendar month, 1 to 12 (UTC)",
    "state": "of the allocation's month: open, provisional, complete or restated",
    "is_closed": "whether the month is closed for the project: then its figures change no more",
    "project_identifier": "the project, by its name as of then",
    "organisation": "the project's organisation as of then",
    "resource": "the machine",
    "allocation_uuid": "the project's grant on the resource",
    "user_uuid": "the user; nobody's for what no known user owns",
    "username": "the user identifier; unknown for what no known user owns",
    "full_name": "the user's name, as far as it is known",
    "node_seconds": "the usage in node-seconds, exact",
    "node_hours": "the usage in node-hours, rounded to 2 places",
    "revision": "the revision of the ledger since which the row says this",
    "modified": "when that was (UTC)",
}
_UNIT = (
    "node_hours is node_seconds / 3600, rounded to 2 places, half to even.",
    "To add figures up, add node_seconds and round the sum.",
)
_RULE = "By which rule jobs became node-seconds; as reported: by that of whoever reported them."
_RULES = ("month", "resource", "first day", "last day", "rule")
_MONTHS = ("month", "state", "closed", "statements", "rows", "node_seconds", "node_hours")


class Readme(NamedTuple):
    """Its parts: facts about the export, and sections under headings, each a table of lines."""

    facts: Sequence[tuple[str, str]]
    sections: Mapping[str, Sequence[Line]]

    def lines(self) -> Iterator[Line]:
        """Yield it all, for a sheet; an empty line is before each heading."""
        yield ("Usage of nodehours",)
        yield from self.facts
        for heading, lines in self.sections.items():
            yield from ((), (heading,), *lines)

    def text(self) -> str:
        """Write it for people."""
        parts = [f"Usage of nodehours\n==================\n\n{_laid_out(self.facts)}"]
        for heading, lines in self.sections.items():
            parts.append(f"{heading}\n{'-' * len(heading)}\n\n{_laid_out(lines)}")
        return "\n".join(parts)


def readme(
    export: Export, filters: Mapping[str, str], notes: Sequence[str], made: datetime
) -> Readme:
    """Describe *export*, made at the instant *made*; *filters* are what was asked for, *notes* what is of its form."""
    snapshot = export.snapshot
    facts = [
        ("as of revision", str(snapshot.revision)),
        ("as of (UTC)", _exact(snapshot.instant)),
        ("made (UTC)", _exact(made)),
        ("made by", f"nodehours {__version__}"),
        ("scope", _scope(export.scope)),
        ("filters", "; ".join(f"{name} {value}" for name, value in filters.items()) or "none"),
        ("people", _people(export)),
        ("rows", str(export.rows)),
        ("node_seconds", str(export.node_seconds)),
        ("node_hours", node_hours(export.node_seconds)),
    ]
    sections: dict[str, Sequence[Line]] = {
        "Unit": [(line,) for line in _UNIT],
        "Columns": [(name, _MEANINGS[name]) for name in COLUMNS],
        "Months": [_MONTHS, *map(_month, export.tallies)],
        "Rules": [(_RULE,), _RULES, *map(_rule, export.reckoned)],
    }
    return Readme(facts, sections | ({"Notes": [(note,) for note in notes]} if notes else {}))


def _scope(scope: Scope) -> str:
    if scope.everything:
        return "everything in the ledger"
    return f"{len(scope.allocations)} allocations whole, and the reader's own rows"


def _people(export: Export) -> str:
    if export.pseudonyms is None:
        return "by their names"
    return (
        f"by pseudonyms, made with the key of fingerprint {export.pseudonyms.fingerprint}:"
        " exports of the same fingerprint have the same pseudonyms"
    )


def _month(tally: Tally) -> Line:
    closed = "yes" if tally.is_closed else "no"
    counts = (tally.statements, tally.rows, tally.node_seconds)
    return (
        str(tally.month),
        tally.state.value,
        closed,
        *map(str, counts),
        node_hours(tally.node_seconds),
    )


def _rule(one: Reckoned) -> Line:
    return (str(one.month), one.resource, str(one.first), str(one.last), one.rule or AS_REPORTED)


def _exact(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _laid_out(lines: Sequence[Line]) -> str:
    """Put the columns under each other; the last one is as wide as it is."""
    count = max((len(line) for line in lines), default=0)
    widths = [
        max(len(line[column]) for line in lines if len(line) > column) for column in range(count)
    ]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip()
        + "\n"
        for line in lines
    )
