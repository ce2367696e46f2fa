"""``nodehours report``: what was reported, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from nodehours.faces.charts.wording import month_name
from nodehours.faces.cli.asking import MONTH, answered, as_of_option, find_name, resource_option
from nodehours.faces.cli.reported import Reported, as_csv, as_json, as_table
from nodehours.faces.cli.shown import legible
from nodehours.faces.cli.whole_file import whole_file
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Connection
from nodehours.queries.statements import StatementFilter, list_rows, list_statements
from nodehours.terms.as_of import AsOf
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

_FACES = {"table": as_table, "csv": as_csv, "json": as_json}

# Click's \b keeps the lines below it as they are.
_HELP = """\
Tell what is reported, or was at any time.

NAME is a project or an organisation; a project answers to every name it ever had. Without NAME it is everybody's
usage, without YYYY-MM every month's.

\b
A line for each project, resource and month says
  state          open, provisional, complete or restated, as it was then
  closed         whether the month was closed
  node-hours     the total, and what of it no known user owns
  complete days  how many days were known completely
  revision       under which it began to say this, and when

With --users, and in CSV and JSON, each statement says by which rule jobs became node-seconds, too.

With --as-of everything is exactly as it stood then: figures, states, names of projects and of people.

CSV and JSON have exact node-seconds beside node-hours, and the content hash of each statement, by which two reports
can be told to be the same. In CSV, the name of a person or a resource that a spreadsheet would take for a formula
begins with an apostrophe.

--html writes the same as one page for people, with charts.

\b
Exit status:
  0  told, be it that there was nothing
  2  the command was not understood, or asks for what has not come yet
  3  there is no such project or organisation, or the ledger cannot be used
"""


@click.command(help=_HELP)
@click.argument("name", required=False)
@click.argument("month", required=False, metavar="[YYYY-MM]", type=MONTH)
@resource_option
@as_of_option
@click.option(
    "--users/--totals",
    "by_user",
    default=False,
    help="With every user's figure, or (default) without.",
)
@click.option(
    "--format", "form", default="table", show_default=True, type=click.Choice(list(_FACES))
)
@click.option(
    "--html",
    "html_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write one page with charts to FILE instead, which can be mailed: it loads nothing and runs nothing.",
)
def report(
    name: str | None,
    month: Month | None,
    resource: str | None,
    as_of: AsOf | None,
    by_user: bool,
    form: str,
    html_file: Path | None,
) -> None:
    """Ask for the statements and print them."""
    name, month = _told_apart(name, month)

    async def ask(connection: Connection, scope: Scope) -> Reported:
        snapshot = await find_moment(connection, scope, as_of)
        named = await find_name(connection, scope, name) if name else None
        wanted = StatementFilter(named, month, resource)
        statements = await list_statements(connection, scope, wanted, at=snapshot.revision)
        rows = None
        if by_user:
            rows = await list_rows(connection, scope, wanted, at=snapshot.revision)
        return Reported(snapshot, statements, rows)

    found = answered(ask)
    if not found.statements:
        click.echo(_nothing(found, name, month, resource), err=True)
    if html_file is not None:
        _write_page(html_file, found, _heading(name, month, resource))
        return
    if found.statements or form != "table":
        click.echo(_FACES[form](found))


def _told_apart(name: str | None, month: Month | None) -> tuple[str | None, Month | None]:
    """A month alone is a month, though an organisation could be called so."""
    if name is None or month is not None:
        return name, month
    try:
        return None, MONTH.convert(name, None, None)
    except click.BadParameter:
        return name, None


def _heading(name: str | None, month: Month | None, resource: str | None) -> str:
    on = f" on {resource}" if resource else ""
    within = f" in {month_name(month)}" if month else ""
    return f"Usage of {name or 'all projects'}{on}{within}"


def _write_page(path: Path, found: Reported, heading: str) -> None:
    from nodehours.faces.web.mailed import mailed_page

    made = datetime.now(UTC)
    page = mailed_page(heading, found.snapshot, found.statements, found.rows, made)
    with whole_file(path) as file:
        file.write(page.encode(errors="replace"))
    click.echo(f"wrote {len(found.statements)} statements to {legible(str(path))}", err=True)


def _nothing(found: Reported, name: str | None, month: Month | None, resource: str | None) -> str:
    """Say that there was nothing, and what to do."""
    revision = found.snapshot.revision
    if revision == 0:
        return "Nothing was reported yet as of revision 0: `nodehours ingest` takes usage in."
    of = f" of {name}" if name else ""
    on = f" on {resource}" if resource else ""
    within = f" in {month}" if month else ""
    wider = "`nodehours report` without arguments tells all there is"
    return f"Nothing was reported{of}{on}{within} as of revision {revision}: {wider}."
