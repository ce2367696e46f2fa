"""``nodehours ingest``: usage taken in from where it is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.store import ledger
from nodehours.faces.cli.table import table
from nodehours.intake.openportal import ProjectPosted, Run, Watch, unwatched
from nodehours.intake.openportal import ingest as ingest_reports
from nodehours.ledger.post import MonthPosted, current_revision
from nodehours.terms.identifiers import read_resource
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.statement import state_of

_HEAD = (
    "project", "month", "state", "posted", "unchanged", "kept",
    "unattributed h", "before h", "after h",
)  # fmt: skip


# Click's \b keeps the lines below it as they are.
_OPENPORTAL_HELP = """\
Post OpenPortal usage reports.

FILE is a ProjectUsageReport or a portal-wide UsageReport, plain or gzip; - is standard input.

\b
The summary has a line for each project and month:
  posted        days that were new or replaced what was there
  unchanged     days that were there already
  kept          days whose report was set aside: incomplete, while what is known is complete or higher
  unattributed  node-hours that no known user owns
  before, after the month's node-hours before and after this run

Each project is posted whole or not at all. What is wrong with a report is said on standard error, with
file and place, and stops nothing else.

\b
Exit status:
  0  everything was posted, or was there already
  1  some of it was refused
  2  the command was not understood
  3  the ledger cannot be used
"""


@click.group()
def ingest() -> None:
    """Take usage in."""


@ingest.command(help=_OPENPORTAL_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--resource",
    required=True,
    metavar="NAME",
    type=Parsed("name", read_resource),
    help="The resource (machine) the usage is of; it is made when new.",
)
@click.option("--dry-run", is_flag=True, help="Do all the same and take it back.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def openportal(files: tuple[str, ...], resource: str, dry_run: bool, as_json: bool) -> None:
    """Post the reports, print the summary, and exit with the verdict."""
    with ledger() as connection, _progress(len(files)) as watch:
        run = ingest_reports(connection, files, resource, dry_run=dry_run, watch=watch)
        revision = current_revision(connection)
    for fault in run.faults:
        click.echo(f"refused: {fault}", err=True)
    click.echo(
        _json(run, resource, revision, dry_run) if as_json else _text(run, revision, dry_run)
    )
    sys.exit(1 if run.faults else 0)


@contextmanager
def _progress(documents: int) -> Iterator[Watch]:
    """Show a progress bar on a terminal, and nothing anywhere else."""
    if not sys.stderr.isatty():
        yield unwatched
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        files = progress.add_task("files", total=documents, visible=documents > 1)
        projects = progress.add_task("projects", total=None)

        def watch(document: str, done: int, count: int) -> None:
            progress.update(projects, description=click.format_filename(document, shorten=True),
                            completed=done, total=count)  # fmt: skip
            if done == 0:
                progress.advance(files)

        yield watch


def _text(run: Run, revision: int, dry_run: bool) -> str:
    parts = [table(_HEAD, _lines(run), right=_HEAD[3:])] if run.months else []
    idle = [posted.project for posted in run.projects if not posted.months]
    if idle:
        parts.append(f"no days reported: {', '.join(idle)}")
    parts.append(_verdict(run, revision, dry_run))
    return "\n".join(parts)


def _lines(run: Run) -> Iterator[list[str]]:
    for posted in run.projects:
        for month in posted.months:
            yield [
                posted.project, str(month.month), _state(month),
                str(month.posted), str(month.unchanged), str(month.kept),
                node_hours(month.unattributed),
                "-" if month.former is None else node_hours(month.former),
                node_hours(month.total),
            ]  # fmt: skip


def _state(month: MonthPosted) -> str:
    return state_of(month.month, month.complete_days, datetime.now(UTC)).value


def _verdict(run: Run, revision: int, dry_run: bool) -> str:
    changed = sum(month.revision is not None for month in run.months)
    counts = f"months posted {changed}, unchanged {len(run.months) - changed}"
    days = f"days kept {sum(month.kept for month in run.months)}, refused {len(run.faults)}"
    if dry_run:
        return (
            f"{counts}; {days}; dry run: nothing was written, the ledger is at revision {revision}"
        )
    outcome = "the ledger is now" if changed else "nothing changed, the ledger stays"
    return f"{counts}; {days}; {outcome} at revision {revision}"


def _json(run: Run, resource: str, revision: int, dry_run: bool) -> str:
    changed = sum(month.revision is not None for month in run.months)
    summary = {
        "resource": resource,
        "dry_run": dry_run,
        "revision": revision,
        "months_posted": changed,
        "months_unchanged": len(run.months) - changed,
        "projects": [_project(posted) for posted in run.projects],
        "refused": run.faults,
    }
    return msgspec.json.format(msgspec.json.encode(summary)).decode()


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
        "days_posted": month.posted,
        "days_unchanged": month.unchanged,
        "days_kept": month.kept,
        "unattributed_node_seconds": month.unattributed,
        "before_node_seconds": month.former,
        "after_node_seconds": month.total,
        "revision": month.revision,
    }
