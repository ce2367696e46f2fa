"""``nodehours ingest``: usage taken in from where it is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from nodehours.faces.cli.ingested import as_text, hint, interruptible, say, summary
from nodehours.faces.cli.jobs import slurm
from nodehours.faces.cli.moved import REASON
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.progress import bars
from nodehours.faces.cli.store import ledger, operator
from nodehours.intake.openportal import Watch, unwatched
from nodehours.intake.openportal import ingest as ingest_reports
from nodehours.ledger.post import current_revision
from nodehours.terms.identifiers import read_resource

# Click's \b keeps the lines below it as they are.
_OPENPORTAL_HELP = """\
Post OpenPortal usage reports.

FILE is a ProjectUsageReport or a portal-wide UsageReport, plain or gzip; - is standard input.

\b
The summary has a line for each project and month:
  posted        days that were new or replaced what was there
  unchanged     days that were there already
  kept          days whose report was set aside: incomplete, while what is known is complete or higher
  waiting       days that wait for a decision, since the month is closed (if there are any)
  unattributed  node-hours that no known user owns
  before, after the month's node-hours before and after this run

What is wrong with a report is said on standard error, with file and place, and stops nothing else. It is held in
quarantine until it is released or dropped: a project's report that is not understood as a whole, days that cannot be
true by themselves. Those are days in the future, usage before the allocation's start, more than the resource can give
in a day, and figures that bring a month's total down to half or less.

\b
Exit status:
  0  everything was posted, was there already, or waits since the month is closed
  1  some of it is in quarantine, or was refused
  2  the command was not understood
  3  the ledger cannot be used
  130  it was interrupted: what was posted until then stands, and the same command again brings the rest
"""


@click.group()
def ingest() -> None:
    """Take usage in."""


ingest.add_command(slurm)


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
@REASON
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def openportal(
    files: tuple[str, ...], resource: str, dry_run: bool, reason: str, as_json: bool
) -> None:
    """Post the reports, print the summary, and exit with the verdict."""
    with interruptible(is_dry=dry_run), ledger() as connection, _progress(len(files)) as watch:
        run = ingest_reports(
            connection,
            files,
            resource,
            dry_run=dry_run,
            reason=reason,
            by_whom=operator(),
            watch=watch,
        )
        revision = current_revision(connection)
    say(run)
    click.echo(summary(run, resource, revision) if as_json else as_text(run, revision))
    hint(run)
    sys.exit(1 if run.faults else 0)


@contextmanager
def _progress(documents: int) -> Iterator[Watch]:
    """Show how far it is on a terminal, and nothing anywhere else."""
    with bars() as shown:
        if shown is None:
            yield unwatched
            return
        files = shown.add_task("files", total=documents, visible=documents > 1)
        projects = shown.add_task("projects", total=None)

        def watch(document: str, done: int, count: int) -> None:
            shown.update(projects, description=click.format_filename(document, shorten=True),
                         completed=done, total=count)  # fmt: skip
            if done == 0:
                shown.advance(files)

        yield watch
