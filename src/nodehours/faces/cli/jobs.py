"""``nodehours ingest slurm`` and ``nodehours rebuild``: usage out of Slurm's job logs."""

from __future__ import annotations

import glob
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodehours.faces.cli.ingested import as_text, hint, interruptible, say, summary
from nodehours.faces.cli.moved import REASON
from nodehours.faces.cli.options import refuse_given, with_options
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.progress import progress
from nodehours.faces.cli.shown import legible
from nodehours.faces.cli.store import ledger, operator
from nodehours.faces.cli.wanted import usage_wanted, wanted_options
from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection
from nodehours.sources.document import UnreadableError
from nodehours.terms.calendar import Calendar, read_zone
from nodehours.terms.month import Month, read_day, read_month
from nodehours.terms.period import Period
from nodehours.terms.rule import Rule

if TYPE_CHECKING:
    from nodehours.intake.slurm import JobLog, JobRun, LogRead
    from nodehours.ledger.moment import Watch
    from nodehours.sources.slurm.engines import Asked

_EXIT = """
\b
Exit status:
  0  everything was posted, was there already, or waits since the month is closed
  1  some records are in quarantine, or something was refused
  2  the command was not understood
  3  the ledger, the archive or Slurm cannot be used
  130  it was interrupted: the same command again brings the rest
"""
_MOST_SAID = 20
_OF_FILES = frozenset(("until", "zone", "names"))
_OF_LIVE = frozenset(("overlap", "patience"))
_SLURM_HELP = f"""\
Post usage out of Slurm's job logs.

FILE is what sacct told, plain, gzip or Zstandard; - is standard input, and a pattern such as 'jobs-*.txt.gz' all files
that fit:

\b
  text     sacct -a -X -D --parsable2 --noconvert -o FIELDS; run it with SLURM_TIME_FORMAT=%s and TZ=UTC
  JSON     sacct -a -X -D --json, of Slurm 22.05 to 24.11; run it without SLURM_TIME_FORMAT
  Parquet  with sacct's fields as columns

\b
FIELDS  JobID,Cluster,Account,User,State,Submit,Eligible,Start,End,ElapsedRaw,Suspended,
        AllocNodes,AllocCPUS,AllocTRES

With --live it asks sacct itself, for all that happened since it did so last.

Jobs are kept in an archive, and months are reckoned from all jobs that it has: it does not matter in how many files
and windows they come, nor how often. What became of a job that still ran is told by the next log.

Node-seconds are reckoned by the resource's rule; the first time, --rule says which (allocated-nodes, if it does not):

\b
  allocated-nodes                   nodes times seconds: Slurm's own figure
  largest-share:cpus=128,gpus=4,memory=512000
                                    seconds times the largest share of such a node: OpenPortal's figure
  tres:NAME*FACTOR                  seconds times the count of a TRES, such as tres:gres/gpu*0.25

Each may end in ,last-attempts: of a job that was put back into the queue only the last attempt counts, and not all.

The account portal.project is the project project.portal, its user u is u.project.portal; any other account is a project
of its own in a portal called as the cluster. --accounts and --associations say otherwise.

A record that is not understood is held in quarantine with its line, and stops nothing else.
{_EXIT}"""
_REBUILD_HELP = f"""\
Post months again from the archive of jobs.

What became of Slurm's jobs is reckoned anew: by the rules and in the time zone that `nodehours resource set` says now,
and with the accounts of now. What changes by it is a restatement.
{_EXIT}"""


_RUN = with_options(
    click.option("--dry-run", is_flag=True, help="Do all the same and take it back."),
    REASON,
    click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object."),
)


@click.command(help=_SLURM_HELP)
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--live", is_flag=True, help="Ask sacct itself, from where the last run ended.")
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    help="What the cluster is called, where records do not say: otherwise as the only one there is, or as the"
    " resource. With --live, which one to ask for; repeatable there.",
)
@click.option(
    "--since",
    type=Parsed("day", read_day),
    metavar="YYYY-MM-DD",
    help="From this day on all jobs were asked for; with --live, where to begin.",
)
@click.option(
    "--until",
    type=Parsed("day", read_day),
    metavar="YYYY-MM-DD",
    help="To this day (inclusive) all jobs were asked for.",
)
@click.option(
    "--timezone",
    "zone",
    type=Parsed("time zone", read_zone),
    metavar="ZONE",
    help="The time zone of local times, such as Europe/London. Seconds since 1970 need none.",
)
@click.option(
    "--format", "names", metavar="FIELDS", help="The fields of text without a first line of names."
)
@click.option(
    "--rule",
    type=Parsed("rule", Rule.parse),
    metavar="RULE",
    help="By which rule node-seconds are reckoned.",
)
@click.option(
    "--requeues",
    type=click.Choice(["all", "last"]),
    help="Which attempts that rule counts of a job that was put back into the queue: all, if nothing is said.",
)
@click.option(
    "--overlap",
    type=click.IntRange(0, 366),
    default=2,
    show_default=True,
    metavar="DAYS",
    help="With --live, how far to go back for what Slurm learned late.",
)
@click.option(
    "--patience",
    type=click.IntRange(1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="With --live, how long sacct may take; after that, it is asked for less at once.",
)
@wanted_options
@click.option(
    "--new-archive",
    is_flag=True,
    help="Begin an archive though usage was reckoned from one that is lost: take in all jobs again.",
)
@_RUN
def slurm(
    *,
    files: tuple[str, ...], live: bool, clusters: tuple[str, ...], since: date | None, until: date | None,
    zone: Any, names: str | None, rule: Rule | None, requeues: str | None, overlap: int, patience: int,
    resource: str, mapping: str | None, associations: str | None, archive: str | None, new_archive: bool,
    engine: Asked, dry_run: bool, reason: str, as_json: bool,
) -> None:  # fmt: skip
    """Post the usage, print the summary, and exit with the verdict."""
    _check(files, clusters, since, until, live=live)
    if archive and "://" in archive:
        raise click.UsageError("jobs are taken into an archive on this machine: --archive DIR")
    from nodehours.intake.slurm import JobLog, ingest
    from nodehours.intake.slurm_live import Live, ingest_live

    only_last = None if requeues is None else requeues == "last"
    wanted = replace(
        usage_wanted(resource, mapping, associations, archive, engine),
        rule=rule, only_last=only_last, begins_anew=new_archive,
    )  # fmt: skip
    told: dict[str, Any] = {"dry_run": dry_run, "reason": reason, "by_whom": operator()}

    def done(connection: Connection, watch: Watch) -> JobRun:
        if live:
            start = None if since is None else Calendar(read_zone("UTC")).start_of(since)
            asked = Live(clusters, start, overlap * 86_400, patience)
            return ingest_live(connection, asked, wanted, **told, watch=watch)
        log = JobLog(clusters[0] if clusters else None, zone, _names(names))
        return ingest(
            connection, _files(files), _covering(log, since, until), wanted, **told, watch=watch
        )

    _do(done, resource, is_dry=dry_run, as_json=as_json)


@click.command(help=_REBUILD_HELP)
@click.option(
    "--month",
    "months",
    multiple=True,
    type=Parsed("month", read_month),
    metavar="YYYY-MM",
    help="Which month. Repeatable.",
)
@click.option(
    "--since", type=Parsed("month", read_month), metavar="YYYY-MM", help="From this month on."
)
@click.option(
    "--until",
    type=Parsed("month", read_month),
    metavar="YYYY-MM",
    help="To this month (inclusive).",
)
@wanted_options
@_RUN
def rebuild(
    *,
    months: tuple[Month, ...], since: Month | None, until: Month | None,
    resource: str, mapping: str | None, associations: str | None, archive: str | None,
    engine: Asked, dry_run: bool, reason: str, as_json: bool,
) -> None:  # fmt: skip
    """Post the months, print the summary, and exit with the verdict."""
    if bool(months) == bool(since):
        raise click.UsageError(
            "say which months: --month, or --since, and --until if not to this month"
        )
    if since and until and since > until:
        raise click.UsageError("--since is later than --until")
    from nodehours.intake.slurm import rebuild as rebuild_months

    last = until or Month.of(datetime.now(UTC).date())
    wanted_months = months or Period(since or last, _after(last)).months
    wanted = usage_wanted(resource, mapping, associations, archive, engine)

    def done(connection: Connection, watch: Watch) -> JobRun:
        return rebuild_months(
            connection,
            wanted_months,
            wanted,
            dry_run=dry_run,
            reason=reason,
            by_whom=operator(),
            watch=watch,
        )

    _do(done, resource, is_dry=dry_run, as_json=as_json)


def _check(
    files: Sequence[str],
    clusters: Sequence[str],
    since: date | None,
    until: date | None,
    *,
    live: bool,
) -> None:
    """Refuse what cannot be meant."""
    if live == bool(files):
        raise click.UsageError("say which files, or --live" + (", and not both" if live else ""))
    names, other = (_OF_FILES, "FILE") if live else (_OF_LIVE, "--live")
    refuse_given(click.get_current_context(), names, f"goes only with {other}")
    if not live and len(clusters) > 1:
        raise click.UsageError("records without a cluster are of one: --cluster once")
    if not live and (since is None) != (until is None):
        raise click.UsageError("--since and --until go together")
    if since and until and since > until:
        raise click.UsageError("--since is later than --until")


def _files(names: Iterable[str]) -> list[str]:
    """Return the files that are named, and those that fit a pattern."""
    found: list[str] = []
    for name in names:
        is_pattern = glob.has_magic(name) and not Path(name).exists()
        fit = sorted(glob.glob(name)) if is_pattern else []  # noqa: PTH207 # Path.glob takes none from the root on
        found += fit or [name]
    return found


def _names(text: str | None) -> tuple[str, ...]:
    from nodehours.sources.slurm.fields import read_names

    try:
        return read_names(text) if text else ()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--format'") from None


def _covering(log: JobLog, since: date | None, until: date | None) -> JobLog:
    if since is None or until is None:
        return log
    calendar = Calendar(log.zone or read_zone("UTC"))
    return replace(log, known=(calendar.start_of(since), calendar.start_of(until + timedelta(1))))


def _after(month: Month) -> Month:
    return Month.of(month.end)


def _do(
    done: Callable[[Connection, Watch], JobRun], resource: str, *, is_dry: bool, as_json: bool
) -> None:
    """Have it done, print the summary, and exit with the verdict."""
    watching: AbstractContextManager[Any] = progress()
    try:
        with interruptible(is_dry=is_dry), ledger() as connection, watching as watch:
            told = done(connection, watch)
            revision = current_revision(connection)
    except UnreadableError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    say(told.run, _MOST_SAID)
    if not (told.run.months or told.run.faults):
        why = "were read" if told.read else "are known of these months"
        click.echo(f"nothing to post: no jobs {why}", err=True)
    if as_json:
        click.echo(summary(told.run, resource, revision, logs=[one._asdict() for one in told.read]))
    else:
        for one in told.read:
            click.echo(legible(_read_line(one)))
        click.echo(as_text(told.run, revision))
    hint(told.run)
    sys.exit(1 if told.run.faults else 0)


def _read_line(one: LogRead) -> str:
    bad = f", {one.bad} not understood" if one.bad else ""
    used = f"{one.attempts} that used something, {one.changed} new or changed"
    return f"{one.document}: {one.records} records, {used}{bad}"
