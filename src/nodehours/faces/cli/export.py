"""``nodehours export``: the whole usage listing as a file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import click

from nodehours.faces.cli.asking import answered, as_of_option, resource_option
from nodehours.faces.cli.export_asked import calendar, find, read_month_or_number, read_year
from nodehours.faces.cli.export_target import STDOUT, Target, target
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.progress import progress
from nodehours.faces.cli.shown import legible
from nodehours.faces.export.forms import FORMS, streamed
from nodehours.faces.export.found import Names
from nodehours.faces.export.readme import readme
from nodehours.queries.export import Export, export_usage
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Connection
from nodehours.settings import PSEUDONYM_KEY, Settings
from nodehours.terms.as_of import AsOf
from nodehours.terms.month import Month
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.scope import Scope

# Click's \b keeps the lines below it as they are.
_HELP = f"""\
Write the usage listing to FILE: every usage row, or those asked for, in the order of the API.

FILE is a name, or - for standard output, which is also where it goes without FILE. Its form is guessed from the name:

\b
  usage.csv       CSV as RFC 4180 says
  usage.ndjson    one JSON object a line
  usage.parquet   Parquet: exact columns, node-hours as a decimal
  usage.xlsx      sheets of 1 048 575 rows, with a readme sheet before them
  usage.csv.zip   any of the others with its README.txt

A readme tells what the listing is of: filters, scope, as of when, the unit, the state of each month in it, and by which
rules jobs became node-seconds. With CSV, NDJSON and Parquet it is FILE.README.txt. For standard output there is none,
unless --readme names one.

The listing is of one moment, whatever is posted meanwhile; --as-of the revision in its readme gives the same figures
at any later time. It is written beside FILE and gets its name, in place of a file that had it, when it is
whole; one that was killed leaves FILE.unfinished-…, which can be removed. Only you may read it.

In CSV, a text that a spreadsheet could take for a formula has an apostrophe before it, and so has one that begins with
an apostrophe: taking one away gives every text back.

With --pseudonymous, user identifiers, names and UUIDs are keyed hashes, and only `unknown` stays. A user has the same
one in all rows, and in all exports made with the same {PSEUDONYM_KEY.variable}; without that, each export has
a key of its own, which nobody knows. The figures stay: whoever knows some of them may still recognise somebody.

\b
Exit status:
  0  written, be it that there was nothing
  2  the command was not understood, or asks for what has not come yet
  3  there is no such project, organisation or user, the file cannot be written, or the ledger cannot be used
"""


@click.command(help=_HELP, short_help="Write the usage listing as CSV, NDJSON, Parquet or XLSX.")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format", "form", type=click.Choice(list(FORMS)), help="The form, whatever FILE is called."
)
@click.option("--project", metavar="NAME", help="Only this project, by any name it ever had.")
@click.option("--organisation", metavar="NAME", help="Only the projects of this organisation.")
@resource_option
@click.option(
    "--user",
    metavar="USER",
    help="Only this user, in all projects: a username, an identity, a user identifier or a UUID.",
)
@click.option("--year", metavar="YYYY", type=Parsed("year", read_year), help="Only this year.")
@click.option(
    "--month",
    metavar="YYYY-MM",
    type=Parsed("month", read_month_or_number),
    help="Only this month; 3 is March of any year, or of that of --year.",
)
@as_of_option
@click.option("--pseudonymous", is_flag=True, help="With keyed hashes in the place of people.")
@click.option(
    "--readme",
    "readme_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the readme there.",
)
def export(
    *,
    file: Path,
    form: str | None,
    project: str | None,
    organisation: str | None,
    resource: str | None,
    user: str | None,
    year: int | None,
    month: Month | int | None,
    as_of: AsOf | None,
    pseudonymous: bool,
    readme_file: Path | None,
) -> None:
    """Find what is asked for, and write it as it is read."""
    goal = target(file, form, readme_file)
    names = Names(project, organisation, resource, user, *calendar(year, month))
    if project is not None and organisation is not None:
        raise click.UsageError("a project has one organisation: say --project or --organisation")
    pseudonyms = _pseudonyms() if pseudonymous else None

    async def write(connection: Connection, scope: Scope) -> tuple[int, int]:
        at = await find_moment(connection, scope, as_of)
        found = await find(connection, scope, names)
        reading = export_usage(connection, scope, found.filter, at=at, pseudonyms=pseudonyms)
        async with reading as listing:
            await _write(listing, goal, found.told(pseudonyms))
            return listing.rows, at.revision

    rows, revision = answered(write)
    to = "" if goal.path == STDOUT else f" to {legible(str(file))}"
    click.echo(f"exported {rows} rows as of revision {revision}{to}", err=goal.path == STDOUT)


async def _write(listing: Export, goal: Target, told: Mapping[str, str]) -> None:
    made = datetime.now(UTC)
    about = readme(listing, told, goal.kind.form.notes, made)
    with progress() as watch, goal.opened(about) as file:
        writer = goal.kind.writer(about, goal.path.name, made)
        async with aclosing(streamed(listing, writer)) as pieces:
            async for piece in pieces:
                file.write(piece.data)
                watch("rows", piece.rows, listing.rows)


def _pseudonyms() -> Pseudonyms:
    key = Settings.from_environment().pseudonym_key
    if key is None:
        return Pseudonyms.for_once()
    try:
        return Pseudonyms.of(key)
    except ValueError as error:
        raise click.UsageError(f"{PSEUDONYM_KEY.variable}: {error}") from None
