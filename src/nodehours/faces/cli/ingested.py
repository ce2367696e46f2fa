"""What a run of ``nodehours ingest`` says of what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from nodehours.faces.cli.shown import legible
from nodehours.faces.cli.table import table
from nodehours.intake.run import ProjectPosted, Refused, Run
from nodehours.ledger.post import MonthPosted
from nodehours.terms.fault import Fault
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.statement import state_of

_DAYS = ("posted", "unchanged", "kept")
_FIGURES = ("unattributed h", "before h", "after h")


@contextmanager
def interruptible(*, is_dry: bool) -> Iterator[None]:
    """On Ctrl-C say how the ledger stands, and exit as shells expect it."""
    try:
        yield
    except KeyboardInterrupt:
        left = (
            "nothing was written" if is_dry else
            "what was posted stands, see `nodehours runs list`; the same command again brings the rest"
        )  # fmt: skip
        click.echo(f"interrupted: {left}", err=True)
        sys.exit(130)


def say(run: Run, most: int | None = None) -> None:
    """Say on standard error what was not taken in, *most* of it one by one, and what waits."""
    messages = run.messages
    for message in messages[:most]:
        click.echo(legible(message), err=True)
    if more := len(messages[most:]) if most else 0:
        click.echo(f"and {more} more", err=True)
    for posted in run.projects:
        for month in posted.months:
            if month.pending is not None:
                days = f"{month.waiting} day{'' if month.waiting == 1 else 's'}"
                days = days if month.waiting else "users known anew"
                pending = "would wait" if run.is_dry else f"waiting {month.pending}"
                click.echo(
                    f"{pending}: {posted.project}: {month.month}: {days}, since the month is closed",
                    err=True,
                )
            elif month.still_waiting is not None:
                waits = f"still waiting {month.still_waiting}"
                click.echo(f"{waits}: {posted.project}: {month.month}", err=True)
    if run.dropped:
        click.echo(f"dropped before, and left out again: {len(run.dropped)}", err=True)


def hint(run: Run) -> None:
    """Say where to go on."""
    lists = (
        ("quarantine", bool(run.quarantined)),
        ("pending", any(month.pending or month.still_waiting for month in run.months)),
    )
    commands = [f"`nodehours {name} list`" for name, is_wanted in lists if is_wanted]
    if commands and not run.is_dry:
        click.echo(f"what waits for a decision: {', '.join(commands)}", err=True)


def as_text(run: Run, revision: int) -> str:
    """Tell what was posted, a line for each project and month, and the verdict."""
    parts = [_table(run)] if run.months else []
    idle = [posted.project for posted in run.projects if not posted.months]
    if idle:
        parts.append(f"no days reported: {', '.join(idle)}")
    parts.append(_verdict(run, revision))
    return "\n".join(parts)


def _table(run: Run) -> str:
    days = (*_DAYS, "waiting") if run.counts["days_waiting"] else _DAYS
    head = ("project", "month", "state", *days, *_FIGURES)
    lines = (
        [
            posted.project, str(month.month), _marked_state(month),
            *(str(getattr(month, name)) for name in days),
            *_figures(month),
        ]
        for posted in run.projects
        for month in posted.months
    )  # fmt: skip
    return table(head, lines, right=head[3:])


def _figures(month: MonthPosted) -> list[str]:
    """What is unattributed, and the total before and after; there is none of a month without a statement."""
    has_statement = month.former is not None or month.revision is not None
    return [
        node_hours(month.unattributed) if has_statement else "-",
        "-" if month.former is None else node_hours(month.former),
        node_hours(month.total) if has_statement else "-",
    ]


def _state(month: MonthPosted) -> str:
    now = datetime.now(UTC)
    return state_of(month.month, month.complete_days, now, is_restated=month.is_restated).value


def _marked_state(month: MonthPosted) -> str:
    return f"{_state(month)} (closed)" if month.is_closed else _state(month)


def _verdict(run: Run, revision: int) -> str:
    counts = run.counts
    months = f"months posted {counts['months_posted']}, unchanged {counts['months_unchanged']}"
    told = (
        ("days kept", counts["days_kept"], True),
        ("waiting", counts["days_waiting"], False),
        ("quarantined", counts["quarantined"], False),
        ("dropped", counts["dropped"], False),
        ("refused", counts["refused"], True),
    )
    days = ", ".join(f"{name} {n}" for name, n, always in told if n or always)
    if run.is_dry:
        return (
            f"{months}; {days}; dry run: nothing was written, the ledger is at revision {revision}"
        )
    changed = counts["months_posted"]
    outcome = "the ledger is now" if changed else "nothing changed, the ledger stays"
    return f"{months}; {days}; {outcome} at revision {revision}"


def summary(run: Run, resource: str, revision: int, **more: object) -> str:
    """Tell the same as JSON, with *more* of it."""
    counts = run.counts
    told = {
        "run": None if run.is_dry else run.id,
        "resource": resource,
        "dry_run": run.is_dry,
        "revision": revision,
        "months_posted": counts["months_posted"],
        "months_unchanged": counts["months_unchanged"],
        "projects": [_project(posted) for posted in run.projects],
        "quarantined": [_quarantined(one, is_dry=run.is_dry) for one in run.quarantined],
        "refused": [_fault(one.fault) for one in run.refused],
        "dropped": counts["dropped"],
        **more,
    }
    return json.dumps(told, indent=2)


def _quarantined(one: Refused, *, is_dry: bool) -> dict[str, Any]:
    known = one.held.id if one.held and not (is_dry and one.held.is_new) else None
    return {"id": known, "reason": one.reason and one.reason.value, **_fault(one.fault)}


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "document": fault.document,
        "sentence": fault.sentence,
        "project": fault.project,
        "place": fault.place,
    }


def _project(posted: ProjectPosted) -> dict[str, Any]:
    return {
        "project": posted.project,
        "document": posted.document,
        "months": [_month(month) for month in posted.months],
    }


def _month(month: MonthPosted) -> dict[str, Any]:
    return {
        "month": str(month.month),
        "state": _state(month),
        "is_closed": month.is_closed,
        "days_posted": month.posted,
        "days_unchanged": month.unchanged,
        "days_kept": month.kept,
        "days_waiting": month.waiting,
        "days_doubted": sum(len(doubt.days) for doubt in month.doubts),
        "pending": month.pending or month.still_waiting,
        "unattributed_node_seconds": month.unattributed,
        "before_node_seconds": month.former,
        "after_node_seconds": month.total,
        "revision": month.revision,
    }
