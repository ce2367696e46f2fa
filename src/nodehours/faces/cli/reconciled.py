"""What came of a reconciliation, as a table to read, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from nodehours.faces.cli.table import table
from nodehours.terms.figure import StatedUsage
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.reconciliation import (
    Agreement,
    Comparison,
    Part,
    Reconciliation,
    Tolerance,
    Verdict,
)

ALL = "all projects"
_HEAD = ("project", "month", "ledger h", "theirs h", "difference h", "verdict")
_PART_HEAD = ("ledger h", "theirs h", "difference h", "node-seconds")
_CSV_HEAD = (
    "kind", "project", "month", "user", "day", "ledger_node_seconds", "theirs_node_seconds",
    "difference_node_seconds", "allowed_node_seconds", "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The whole of it: both sides, how they were compared, and what came of it.

    ``agreements`` tells of a project's month that differs when the ledger last said the same as the other side.
    ``projects`` are those asked for, by the names they have today; none stands for all.
    """

    told: StatedUsage
    revision: int
    resource: str | None
    tolerance: Tolerance
    result: Reconciliation
    agreements: Mapping[tuple[str, Month], Agreement] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()

    @property
    def is_ok(self) -> bool:
        """Whether something was compared, all of it could be read, and it agrees."""
        return bool(self.result.projects) and self.result.is_ok and not self.told.faults


def as_table(found: Reconciled, *, details: bool) -> str:
    """Lay it out for a person: a line for each month, then what makes the differences, then the counts."""
    result = found.result
    parts = [table(_HEAD, _lines(result), right=_HEAD[2:5])] if result.projects else []
    if details:
        parts += [_details(one, found.agreements) for one in result.projects if _is_told(one)]
    parts.append("\n".join(_circumstances(found)))
    if not result.projects:
        parts.append("nothing to compare: neither side has usage of what was asked for")
    parts.append(_counts(found))
    return "\n\n".join(parts)


def _lines(result: Reconciliation) -> Iterator[list[str]]:
    """A project's month a line, and below those of a month the month itself where it has several projects."""
    for month in result.months:
        of_month = [one for one in result.projects if one.month == month.month]
        for one in of_month if len(of_month) == 1 else (*of_month, month):
            shifted = " (not by user)" if one.is_shifted else ""
            yield [one.project or ALL, str(one.month), *_hours(one), one.verdict.value + shifted]


def _hours(one: Comparison | Part) -> list[str]:
    return [_or_none(one.ours), _or_none(one.theirs), _signed(one.difference)]


def _or_none(node_seconds: int | None) -> str:
    return "-" if node_seconds is None else node_hours(node_seconds)


def _signed(node_seconds: int) -> str:
    hours = node_hours(abs(node_seconds))
    sign = "-" if node_seconds < 0 else "+"
    return hours if hours == "0.00" else sign + hours


def _is_told(one: Comparison) -> bool:
    return one.verdict is not Verdict.OK or one.is_shifted


def _details(one: Comparison, agreements: Mapping[tuple[str, Month], Agreement]) -> str:
    by = f"{abs(one.difference)} node-seconds, {one.allowed} allowed"
    said = "agrees in total, but not by user" if one.is_shifted else f"{one.verdict.value} by {by}"
    lines = [f"{one.project} {one.month}: {said}"]
    for kind, parts in (("user", one.users), ("day", one.days)):
        if made := list(_making(parts)):
            head = (kind, *_PART_HEAD)
            text = table(head, (_part(part) for part in made), right=_PART_HEAD)
            lines += [f"  {line}" for line in text.splitlines()]
    if agreement := agreements.get((str(one.project), one.month)):
        lines.append(f"  {agreed(agreement)}")
    return "\n".join(lines)


def _making(parts: Sequence[Part]) -> Iterable[Part]:
    """The parts that make the difference: those that do not agree, and where each one does, all."""
    return [part for part in parts if not part.agrees] or parts


def _part(part: Part) -> list[str]:
    return [part.name, *_hours(part), f"{part.difference:+d}"]


def agreed(agreement: Agreement) -> str:
    """Say when the ledger last agreed, and what changed since."""
    days = ", ".join(map(str, agreement.changed_days)) or "none"
    posted = f"{agreement.posted.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"the ledger agreed as of revision {agreement.revision} ({posted}); days changed since: {days}"


def _circumstances(found: Reconciled) -> Iterator[str]:
    told = found.told
    where = f"resource {found.resource}" if found.resource else "all resources"
    yield f"ledger: revision {found.revision}, {where}"
    written = " and ".join(map(str, told.writings)) or "no figures"
    rounded = f", each off by up to {told.rounding} node-seconds" if told.rounding else ""
    yield f"theirs: {told.name}, {written}{rounded}; {told.naming.value}"
    tolerance = found.tolerance
    yield f"tolerance: {tolerance.node_seconds} node-seconds or {tolerance.percent} %, whichever is more"


def _counts(found: Reconciled) -> str:
    counts = {verdict.value: str(n) for verdict, n in found.result.counts().items()}
    if shifted := sum(one.is_shifted for one in found.result.projects):
        counts[Verdict.OK.value] += f" ({shifted} not by user)"
    said = ", ".join(f"{word} {count}" for word, count in counts.items())
    return f"{said}; not read {len(found.told.faults)}"


def as_csv(found: Reconciled, *, details: bool) -> str:
    """Write a line for each project's month, what makes its difference, and each month of all projects."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for one in found.result.projects:
        writer.writerow(_csv_line("project", one, one))
        if details and _is_told(one):
            writer.writerows(_csv_line("user", one, part) for part in one.users)
            writer.writerows(_csv_line("day", one, part) for part in one.days)
    writer.writerows(_csv_line("month", one, one) for one in found.result.months)
    return text.getvalue().rstrip("\n")


def _csv_line(kind: str, whole: Comparison, one: Comparison | Part) -> list[object]:
    name = one.name if isinstance(one, Part) else ""
    user, day = (name, "") if kind == "user" else ("", name)
    last = ["", ""] if isinstance(one, Part) else [one.allowed, one.verdict.value]
    figures = [one.ours, one.theirs, one.difference]
    return [kind, whole.project or "", str(whole.month), user, day, *figures, *last]


def as_json(found: Reconciled, *, details: bool) -> str:
    """Write all of it as one JSON object; figures are node-seconds."""
    told = found.told
    whole = {
        "is_ok": found.is_ok,
        "revision": found.revision,
        "resource": found.resource,
        "against": told.name,
        "written": [str(writing) for writing in told.writings],
        "rounding_node_seconds": told.rounding,
        "naming": told.naming.value,
        "tolerance_node_seconds": found.tolerance.node_seconds,
        "tolerance_percent": str(found.tolerance.percent),
        "counts": {verdict.value: n for verdict, n in found.result.counts().items()},
        "projects": [
            _plain(one, details=details) | _plain_agreement(found, one)
            for one in found.result.projects
        ],
        "months": [_plain(one, details=False) for one in found.result.months],
        "notes": list(told.notes),
        "not_read": [str(fault) for fault in told.faults],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(one: Comparison, *, details: bool) -> dict[str, Any]:
    found: dict[str, Any] = {} if one.project is None else {"project": one.project}
    found |= {"month": str(one.month), "verdict": one.verdict.value} | _plain_figures(one)
    found |= {"allowed_node_seconds": one.allowed}
    if one.project is not None:
        found |= {"users_agree": all(user.agrees for user in one.users)}
    if details and _is_told(one):
        found |= {
            "users": [{"user": part.name} | _plain_figures(part) for part in one.users],
            "days": [{"day": part.name} | _plain_figures(part) for part in one.days],
        }
    return found


def _plain_agreement(found: Reconciled, one: Comparison) -> dict[str, Any]:
    agreement = found.agreements.get((str(one.project), one.month))
    if agreement is None:
        return {}
    return {
        "agreed": {
            "revision": agreement.revision,
            "recorded": agreement.posted.astimezone(UTC).isoformat(),
            "days_changed_since": [str(day) for day in agreement.changed_days],
        }
    }


def _plain_figures(one: Comparison | Part) -> dict[str, Any]:
    return {
        "ledger_node_seconds": one.ours,
        "theirs_node_seconds": one.theirs,
        "difference_node_seconds": one.difference,
    }
