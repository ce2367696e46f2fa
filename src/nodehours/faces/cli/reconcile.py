"""``nodehours reconcile``: the ledger beside what somebody else says of the same usage."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from nodehours.faces.cli.against_slurm import (
    SlurmOptions,
    beside_options,
    is_slurm,
    reconcile_slurm,
)
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.reconciled import Reconciled, as_csv, as_json, as_table
from nodehours.faces.cli.store import asked
from nodehours.queries.access import operator_scope
from nodehours.queries.agreements import Stated, find_agreement
from nodehours.queries.figures import (
    FigureFilter,
    LedgerFigures,
    former_names,
    ledger_figures,
    projects_of_allocations,
)
from nodehours.queries.pool import Connection
from nodehours.settings import RECONCILE_TOKEN, Settings
from nodehours.sources.document import UnreadableError
from nodehours.sources.figure_lines import read_allocation, read_figure, read_name
from nodehours.sources.sreport import NODE, project_of_account
from nodehours.sources.waldur import is_address
from nodehours.sources.witness import Form, Question, read_witness
from nodehours.terms.fault import Fault
from nodehours.terms.figure import Naming, StatedUsage, Unit
from nodehours.terms.identifiers import read_resource
from nodehours.terms.month import Month, read_month
from nodehours.terms.reconciliation import Agreement, Reconciliation, Side, Tolerance, Verdict
from nodehours.terms.reconciliation import reconcile as compare

_SHOWN_FAULTS = 20
_FACES = {"table": as_table, "csv": as_csv, "json": as_json}

# Click's \b keeps the lines below it as they are.
_HELP = f"""\
Put the ledger beside an independent statement of the same usage.

\b
  nodehours reconcile --against FILE|URL                            of whatever usage there is
  nodehours reconcile --against sreport FILE… --resource NAME       of usage reckoned from Slurm's jobs
  nodehours reconcile --against sreport live --resource NAME        the same; sreport is run here

\b
FILE (plain, gzip, or - for standard input) is one of these, told apart by how it begins:
  waldur   a JSON array of Waldur's /api/openportal-allocation-user-usage/
  sreport  sreport -P -t Seconds -T node cluster AccountUtilizationByUser
  csv      a header and lines of: project or allocation, month or year and month or day, node_seconds or
           node_hours (hours, node_usage, seconds …), and user or local_user where there is one; , ; tab or |
URL is a Waldur or another nodehours; its token is read from {RECONCILE_TOKEN.variable}.

\b
Every project's month, and every month of all projects together, gets a verdict in a word:
  ok             both sides agree, within the tolerance and the other side's own rounding
  ledger high    the ledger has more
  ledger low     the ledger has less
  missing here   the ledger has nothing of it
  missing there  the other side has nothing of it

With --against sreport every account's user and month is compared in each TRES that both sides know, to the second, and
gets one of two verdicts: ok, or unexplained. A difference is ok when known causes make all of it, and each of them is
told with its seconds: suspended jobs, reservations that no job used, hours that sreport has not counted yet, days of
another time zone, attempts that the rule leaves out. Ask for every TRES at once:

\b
  sreport -P -t Seconds -T node,cpu,gres/gpu,mem,billing cluster AccountUtilizationByUser Start=… End=…

Without --month all months from the first to the last that the other side names are compared. Figures of the same
project, month and user are added up. What cannot be read is said on standard error, with its line, and stops
nothing else.

\b
Exit status:
  0  everything is ok
  1  something is not, not by user, is unexplained, could not be read, or there was nothing to compare
  2  the command was not understood
  3  the ledger, the archive of jobs or Slurm cannot be used
"""


class _ProjectName(NamedTuple):
    """What the other side calls a project, and the project."""

    theirs: str
    project: str


def _read_project_name(text: str) -> _ProjectName:
    theirs, equals, project = text.rpartition("=")
    if not equals:
        raise ValueError(f"{text!r} is not of the form THEIRS=PROJECT")
    name = read_name(theirs, "a project's name")
    return _ProjectName(read_allocation(name) or name, _read_project(project))


def _read_project(text: str) -> str:
    return read_name(text, "a project")


@click.command(help=_HELP, short_help="Put the ledger beside somebody else's statement of usage.")
@click.argument("files", nargs=-1, metavar="[FILE…|live]")
@click.option(
    "--against",
    required=True,
    metavar="FILE|URL|sreport",
    help="The independent statement of usage.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Form]),
    help="The form of FILE, if it is not told right by how it begins.",
)
@click.option(
    "--month",
    "months",
    multiple=True,
    metavar="YYYY-MM",
    type=Parsed("month", read_month),
    help="Only this month. Repeatable.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="PROJECT",
    type=Parsed("project", _read_project),
    help="Only this project. Repeatable.",
)
@click.option(
    "--resource",
    metavar="NAME",
    type=Parsed("name", read_resource),
    help="Only the ledger's usage of this resource (machine); without it, of all together. With --against sreport,"
    " it has to be said.",
)
@click.option(
    "--project-name",
    "project_names",
    multiple=True,
    metavar="THEIRS=PROJECT",
    type=Parsed("name", _read_project_name),
    help="What the other side calls a project: a Slurm account, an allocation's UUID … Repeatable.",
)
@click.option(
    "--unit",
    type=click.Choice([unit.name.lower() for unit in Unit]),
    help="The unit of sreport output without a banner (-n).",
)
@click.option(
    "--tres",
    default=NODE,
    show_default=True,
    metavar="NAME",
    help="The TRES of sreport output that is compared with node-seconds. With --against sreport: only this TRES.",
)
@click.option(
    "--tolerance-hours",
    default="0",
    show_default=True,
    metavar="H",
    type=Parsed("hours", read_figure),
    help="Agree if no more than this many node-hours apart.",
)
@click.option(
    "--tolerance-percent",
    default="0",
    show_default=True,
    metavar="P",
    type=Parsed("percent", read_figure),
    help="Agree if no more than this much of the larger figure apart.",
)
@click.option("--totals-only", is_flag=True, help="Do not compare users, even if both sides do.")
@click.option(
    "--details/--no-details",
    default=True,
    show_default=True,
    help="Show the users and days that make a difference.",
)
@beside_options
@click.option("--output", default="table", show_default=True, type=click.Choice(list(_FACES)))
@click.pass_context
def reconcile(
    context: click.Context,
    /,
    *,
    files: tuple[str, ...],
    against: str,
    form: str | None,
    months: tuple[Month, ...],
    projects: tuple[str, ...],
    resource: str | None,
    project_names: tuple[_ProjectName, ...],
    unit: str | None,
    tres: str,
    tolerance_hours: Decimal,
    tolerance_percent: Decimal,
    totals_only: bool,
    details: bool,
    output: str,
    **beside: Any,
) -> None:
    """Read the other side, ask the ledger for the same, compare, print, and exit with the verdict."""
    if is_slurm(context, against, files):
        reconcile_slurm(
            files,
            SlurmOptions(months, projects, resource, _given(context, "tres"), **beside),
            details=details,
            output=output,
        )
    if is_address(against) and form not in {None, Form.WALDUR.value}:
        raise click.UsageError("--format is of a file; what a URL answers is Waldur's")
    question = Question(
        frozenset(months), Form(form) if form else None, Unit[unit.upper()] if unit else None,
        tres.lower(), resource, Settings.from_environment().reconcile_token,
    )  # fmt: skip
    told = _named(_told(against, question), project_names)
    told = told.without_users() if totals_only else told
    tolerance = Tolerance(int(Fraction(tolerance_hours) * Unit.HOURS), tolerance_percent)
    wanted = FigureFilter(frozenset(projects), frozenset(months) or told.span, resource)
    found = _reconciled(told, wanted, tolerance)
    _say(found)
    if output != "table" or not _is_unread(told):
        click.echo(_FACES[output](found, details=details))
    sys.exit(0 if found.is_ok else 1)


def _given(context: click.Context, name: str) -> str:
    """Return what was said of an option; nothing if it was left to what holds otherwise."""
    said = context.get_parameter_source(name) is not ParameterSource.DEFAULT
    return str(context.params[name]) if said else ""


def _named(told: StatedUsage, names: Iterable[_ProjectName]) -> StatedUsage:
    """Call the projects as the command line says; a Slurm account may be named as Slurm does."""
    stated = {figure.project for figure in told.figures}
    known = {
        one.theirs if one.theirs in stated else project_of_account(one.theirs): one for one in names
    }
    notes = [
        f"the other side has no project {one.theirs}, which --project-name tells of"
        for theirs, one in known.items()
        if stated and theirs not in stated
    ]
    renamed = told.renamed({theirs: one.project for theirs, one in known.items()})
    return replace(renamed, notes=(*told.notes, *notes))


def _told(against: str, question: Question) -> StatedUsage:
    """What the other side says; one that cannot be read at all has a fault and nothing else."""
    try:
        return read_witness(against, question)
    except UnreadableError as error:
        name = "<stdin>" if against == "-" else against.encode(errors="backslashreplace").decode()
        fault = Fault(name, str(error))
        return StatedUsage(name, [], Naming.NONE, False, frozenset(), faults=(fault,))


def _reconciled(told: StatedUsage, wanted: FigureFilter, tolerance: Tolerance) -> Reconciled:
    """Compare what was *told*; of a statement in which there is nothing to be read, nothing is missing there."""

    async def ask(connection: Connection) -> Reconciled:
        projects = await projects_of_allocations(connection, operator_scope())
        former = await former_names(connection, operator_scope())
        asked_for = frozenset(former.get(name, name) for name in wanted.projects)
        ours = await ledger_figures(
            connection,
            operator_scope(),
            wanted._replace(projects=asked_for),
            by_local_user=told.naming is Naming.LOCAL_USERS,
            by_day=told.names_days,
        )
        # On both sides: a closed month still has the user identifiers that it was closed with.
        ours = ours._replace(by_user=[one.named_anew(former) for one in ours.by_user])
        theirs = _noted(told.renamed(projects), former).named_anew(former)
        theirs = theirs.limited(asked_for, wanted.months)
        result = _compared(ours, theirs, tolerance)
        agreements = await _agreements(connection, result, wanted.resource)
        return Reconciled(
            theirs, ours.revision, wanted.resource, tolerance, result, agreements, asked_for
        )

    return asked(ask)


def _compared(ours: LedgerFigures, theirs: StatedUsage, tolerance: Tolerance) -> Reconciliation:
    if _is_unread(theirs):
        return Reconciliation()
    days = theirs.names_days or None
    return compare(
        Side(ours.by_user, days and ours.by_day),
        Side(theirs.figures, days and theirs.figures, theirs.rounding),
        tolerance,
    )


async def _agreements(
    connection: Connection, result: Reconciliation, resource: str | None
) -> dict[tuple[str, Month], Agreement]:
    """Find out, for each project's month that differs, when the ledger last said the same."""
    agreements = {}
    for one in result.projects:
        if one.verdict in {Verdict.HIGH, Verdict.LOW} and one.project and one.theirs is not None:
            stated = Stated(one.project, one.month, one.theirs, one.allowed)
            found = await find_agreement(connection, operator_scope(), stated, resource)
            if found:
                agreements[one.project, one.month] = found
    return agreements


def _is_unread(told: StatedUsage) -> bool:
    """Tell whether nothing at all could be read, so that there is nothing to lay out."""
    return bool(told.faults) and not told.figures


def _noted(told: StatedUsage, former: Mapping[str, str]) -> StatedUsage:
    """Note which figures are of an allocation of which neither side tells the project, or go by a *former* name."""
    names = sorted({figure.project for figure in told.figures})
    notes = [
        f"nothing tells whose allocation {uuid} is: say --project-name {uuid}=PROJECT"
        for uuid in names
        if read_allocation(uuid)
    ]
    notes += [f"{name} is {former[name]} today" for name in names if name in former]
    return replace(told, notes=(*told.notes, *notes))


def _say(found: Reconciled) -> None:
    """Say on standard error what could not be read, and what a reader should know."""
    faults = found.told.faults
    for fault in faults[:_SHOWN_FAULTS]:
        click.echo(f"not read: {fault}", err=True)
    if len(faults) > _SHOWN_FAULTS:
        click.echo(f"not read: {len(faults) - _SHOWN_FAULTS} more", err=True)
    for note in found.told.notes:
        click.echo(f"note: {note}", err=True)
    compared = {one.project for one in found.result.projects}
    for project in sorted(found.projects):
        if project not in compared:
            click.echo(f"note: neither side has usage of {project}", err=True)
