"""``nodehours ingest slurm`` and ``nodehours rebuild``: usage out of Slurm's job logs."""

from __future__ import annotations

import glob
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click

from nodehours.faces.cli.engine import engine_options
from nodehours.faces.cli.ingested import as_text, hint, interruptible, say, summary
from nodehours.faces.cli.moved import REASON
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.progress import progress
from nodehours.faces.cli.shown import legible
from nodehours.faces.cli.store import ledger, operator
from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection
from nodehours.settings import Settings
from nodehours.sources.document import UnreadableError, opened
from nodehours.terms.calendar import Calendar, read_zone
from nodehours.terms.identifiers import read_resource
from nodehours.terms.month import Month, read_day, read_month
from nodehours.terms.period import Period
from nodehours.terms.rule import Rule

if TYPE_CHECKING:
    from nodehours.intake.slurm import JobLog, JobRun, LogRead, Wanted
    from nodehours.ledger.moment import Watch
    from nodehours.sources.slurm.accounts import Accounts
    from nodehours.sources.slurm.engines import Asked

Command = TypeVar("Command", bound=Callable[..., Any])

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
_SLURM_HELP = f"""\
Post usage out of Slurm's job logs.

FILE is what sacct told, plain, gzip or Zstandard; - is standard input, and a pattern such as 'jobs-*.txt.gz' all files
that fit:

\b
  text     sacct -a -X -D --parsable2 --noconvert -o FIELDS; run it with SLURM_TIME_FORMAT=%s and TZ=UTC
  JSON     sacct -a -X -D --json, of Slurm 22.05 to 24.11
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

The account portal.project is the project project.portal, its user u is u.project.portal; any other account is a project
of its own in a portal called as the cluster. --accounts and --associations say otherwise.

A record that is not understood is held in quarantine with its line, and stops nothing else.
{_EXIT}"""
_REBUILD_HELP = f"""\
Post months again from the archive of jobs.

What became of Slurm's jobs is reckoned anew: by the rules and in the time zone that `nodehours resource set` says now,
and with the accounts of now. What changes by it is a restatement.
{_EXIT}"""


def _with(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


_WANTED = _with(
    click.option(
        "--resource", required=True, metavar="NAME", type=Parsed("name", read_resource),
        help="The resource (machine) the usage is of; it is made when new.",
    ),
    click.option(
        "--requeues", type=click.Choice(["all", "last"]), default="all", show_default=True,
        help="Which attempts count of a job that was put back into the queue.",
    ),
    click.option(
        "--accounts", "mapping", metavar="FILE",
        help="Lines of account,user,project,person that say which project an account is and which person a user;"
        " otherwise NODEHOURS_ACCOUNTS.",
    ),
    click.option(
        "--associations", metavar="FILE",
        help="The output of `sacctmgr -P show assoc`: only users it lists are people, all others are unattributed.",
    ),
    click.option(
        "--archive", metavar="DIR",
        help="Where jobs are kept; otherwise NODEHOURS_ARCHIVE. With Spark, `rebuild` reads a copy elsewhere, such as"
        " hdfs://host/slurm.",
    ),
    engine_options,
)  # fmt: skip
_RUN = _with(
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
@_WANTED
@_RUN
def slurm(
    *,
    files: tuple[str, ...], live: bool, clusters: tuple[str, ...], since: date | None, until: date | None,
    zone: Any, names: str | None, rule: Rule | None, overlap: int, patience: int,
    resource: str, requeues: str, mapping: str | None, associations: str | None, archive: str | None,
    engine: Asked, dry_run: bool, reason: str, as_json: bool,
) -> None:  # fmt: skip
    """Post the usage, print the summary, and exit with the verdict."""
    _check(files, clusters, since, until, live=live)
    if archive and "://" in archive:
        raise click.UsageError("jobs are taken into an archive on this machine: --archive DIR")
    from nodehours.intake.slurm import JobLog, ingest
    from nodehours.intake.slurm_live import Live, ingest_live

    wanted = usage_wanted(resource, requeues, mapping, associations, archive, rule, engine)
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
@_WANTED
@_RUN
def rebuild(
    *,
    months: tuple[Month, ...], since: Month | None, until: Month | None,
    resource: str, requeues: str, mapping: str | None, associations: str | None, archive: str | None,
    engine: Asked, dry_run: bool, reason: str, as_json: bool,
) -> None:  # fmt: skip
    """Post the months, print the summary, and exit with the verdict."""
    if bool(months) == bool(since):
        raise click.UsageError("say which months: --month, or --since and --until")
    from nodehours.intake.slurm import rebuild as rebuild_months

    last = until or Month.of(datetime.now(UTC).date())
    wanted_months = months or Period(since or last, _after(last)).months
    wanted = usage_wanted(resource, requeues, mapping, associations, archive, None, engine)

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
        raise click.UsageError("say which files, or --live")
    if not live and len(clusters) > 1:
        raise click.UsageError("records without a cluster are of one: --cluster once")
    if live and until:
        raise click.UsageError("--live reads until now: --until says nothing")
    if not live and (since is None) != (until is None):
        raise click.UsageError("--since and --until go together")
    if since and until and since > until:
        raise click.UsageError("--since is later than --until")


def _files(names: Iterable[str]) -> list[str]:
    """Return the files that are named, and those that fit a pattern."""
    found: list[str] = []
    for name in names:
        is_pattern = glob.has_magic(name) and not Path(name).exists()
        # Path.glob takes no pattern that begins at the root.
        fit = sorted(glob.glob(name)) if is_pattern else []  # noqa: PTH207
        found += fit or [name]
    return found


def _names(text: str | None) -> tuple[str, ...]:
    from nodehours.sources.slurm.fields import read_names

    try:
        return read_names(text) if text else ()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--format'") from None


def _covering(log: JobLog, since: date | None, until: date | None) -> JobLog:
    from dataclasses import replace

    if since is None or until is None:
        return log
    calendar = Calendar(log.zone or read_zone("UTC"))
    return replace(log, known=(calendar.start_of(since), calendar.start_of(until + timedelta(1))))


def usage_wanted(
    resource: str,
    requeues: str,
    mapping: str | None,
    associations: str | None,
    archive: str | None,
    rule: Rule | None,
    engine: Asked,
) -> Wanted:
    """Return what the options say of usage; what they leave out, the settings do."""
    from nodehours.intake.slurm import Wanted

    settings, name = Settings.from_environment(), quote(resource, safe="")
    home = Path(archive) if archive else settings.archive or settings.data_dir / "slurm"
    kept: Path | str = (
        f"{archive.rstrip('/')}/{name}" if archive and "://" in archive else home / name
    )
    if isinstance(kept, str) and engine.master is None:
        raise click.UsageError(f"{archive} is not on this machine: --engine spark reads it")
    accounts = _accounts(
        mapping or (str(settings.accounts) if settings.accounts else None), associations
    )
    return Wanted(resource, kept, accounts, rule, requeues == "last", engine)


def _accounts(mapping: str | None, associations: str | None) -> Accounts:
    from nodehours.sources.slurm.accounts import (
        Accounts,
        accounts_of,
        read_associations,
        read_mapping,
    )

    faults: list[Any] = []
    known, members = Accounts(), None
    try:
        if mapping:
            with opened(mapping) as document:
                known = read_mapping(document, faults)
        if associations:
            with opened(associations) as document:
                members = read_associations(document)
    except UnreadableError as error:
        raise click.UsageError(
            f"{mapping if members is None and mapping else associations}: {error}"
        ) from None
    if faults:
        raise click.UsageError("\n".join(map(str, faults)))
    return accounts_of(known, members)


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
