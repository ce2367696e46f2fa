"""``nodehours history``: how a figure came to be."""

from __future__ import annotations

import click

from nodehours.faces.cli.asking import MONTH, Where, answered, find_target, resource_option
from nodehours.faces.cli.recounted import Recounted, as_json, as_text
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Connection
from nodehours.queries.statements import StatementFilter, list_rows, list_statements
from nodehours.queries.versions import row_versions, statement_versions
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

# Click's \b keeps the lines below it as they are.
_HELP = """\
Tell how a figure came to be: each version of it, oldest first, with the revision that made it, when and why, from
which document of which run, and by whom.

\b
  nodehours history PROJECT YYYY-MM         the statement's total
  nodehours history PROJECT YYYY-MM USER    the usage row of a user
  nodehours history ROW                     a usage row by its id

PROJECT may be any name that the project ever had, or the UUID or the API address of an allocation. USER is a user
identifier, a username, or `unknown` for what no known user owns.

\b
Exit status:
  0  told
  2  the command was not understood, or a project has several resources and --resource does not say which
  3  there is no such project, month, user or row, or the ledger cannot be used
"""


@click.command(help=_HELP, short_help="Tell how a figure came to be, version by version.")
@click.argument("subject", metavar="PROJECT|ROW")
@click.argument("month", required=False, metavar="[YYYY-MM]", type=MONTH)
@click.argument("user", required=False)
@resource_option
@click.option("--json", "as_machine", is_flag=True, help="Print it as one JSON object.")
def history(
    subject: str, month: Month | None, user: str | None, resource: str | None, as_machine: bool
) -> None:
    """Ask for the versions and print them."""
    where = Where(subject, month, user, resource)

    async def ask(connection: Connection, scope: Scope) -> Recounted:
        target = await find_target(connection, scope, where)
        at = (await find_moment(connection, scope, None)).revision
        wanted = StatementFilter(month=target.month, allocation=target.allocation)
        (statement,) = await list_statements(connection, scope, wanted, at=at)
        named = (statement.project, statement.resource, target.month)
        if target.row is None:
            versions = await statement_versions(
                connection, scope, target.allocation, target.month, at=at
            )
            return Recounted(*named, None, None, "", versions)
        rows = await list_rows(connection, scope, wanted, at=at)
        (row,) = (one for one in rows if one.id == target.row.id)
        versions = await row_versions(connection, scope, target.row, at=at)
        return Recounted(*named, row.id, row.username, row.full_name, versions)

    found = answered(ask)
    click.echo((as_json if as_machine else as_text)(found))
