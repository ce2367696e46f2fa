"""``nodehours explain``: from a figure to what it was made of."""

from __future__ import annotations

import click

from nodehours.faces.cli.asking import (
    MONTH,
    Target,
    Where,
    answered,
    as_of_option,
    find_target,
    resource_option,
)
from nodehours.faces.cli.explained import as_text
from nodehours.faces.cli.explained_json import as_json
from nodehours.ledger.errors import UnknownNameError
from nodehours.queries.clock import Snapshot
from nodehours.queries.explain import explain_row, explain_statement
from nodehours.queries.explanation import Explanation
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Connection
from nodehours.terms.as_of import AsOf
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

# Click's \b keeps the lines below it as they are.
_HELP = """\
Tell what a figure is made of, in one screen: its days with their components, whose the local users are and why, the
documents that brought the days, former values, and what waits for a decision.

\b
  nodehours explain PROJECT YYYY-MM         the statement's total
  nodehours explain PROJECT YYYY-MM USER    the usage row of a user
  nodehours explain ROW                     a usage row by its id

PROJECT may be any name that the project ever had, or the UUID or the API address of an allocation. USER is a user
identifier, a username, or `unknown` for what no known user owns. Components are in hours of the component itself, as
the source counts it, and never part of node-hours; where there is no room for all, --json has them. A day's revision
is that since which it says what it says.

\b
Exit status:
  0  told
  1  told, but the days do not come to the figure: see `nodehours verify`
  2  the command was not understood, or a project has several resources and --resource does not say which
  3  there is no such project, month, user or row, or the ledger cannot be used
"""


@click.command(help=_HELP, short_help="Tell what a figure is made of, in one screen.")
@click.argument("subject", metavar="PROJECT|ROW")
@click.argument("month", required=False, metavar="[YYYY-MM]", type=MONTH)
@click.argument("user", required=False)
@resource_option
@as_of_option
@click.option("--json", "as_machine", is_flag=True, help="Print all of it as one JSON object.")
@click.pass_context
def explain(
    ctx: click.Context,
    subject: str,
    month: Month | None,
    user: str | None,
    resource: str | None,
    as_of: AsOf | None,
    as_machine: bool,
) -> None:
    """Ask for the explanation and print it."""
    where = Where(subject, month, user, resource)

    async def ask(connection: Connection, scope: Scope) -> Explanation:
        snapshot = await find_moment(connection, scope, as_of)
        target = await find_target(connection, scope, where)
        found = await _explained(connection, scope, target, snapshot)
        if found is None:
            raise UnknownNameError(
                f"it was not there yet as of revision {snapshot.revision}: `nodehours history` tells since when it is"
            )
        return found

    found = answered(ask)
    click.echo((as_json if as_machine else as_text)(found))
    ctx.exit(0 if found.adds_up else 1)


async def _explained(
    connection: Connection, scope: Scope, target: Target, snapshot: Snapshot
) -> Explanation | None:
    if target.row is not None:
        return await explain_row(connection, scope, target.row, snapshot)
    return await explain_statement(connection, scope, target.allocation, target.month, snapshot)
