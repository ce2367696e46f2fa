"""``nodehours association``: who has which local user."""

from __future__ import annotations

import click

from nodehours.faces.cli.listing import JSON, Listing
from nodehours.faces.cli.moved import DRY_RUN, REASON, carry_out, example
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.projects import PROJECT
from nodehours.faces.cli.store import ledger
from nodehours.ledger import mapping
from nodehours.terms.identifiers import (
    ProjectIdentifier,
    UserIdentifier,
    read_local_user,
    read_resource,
)

# Click's \b keeps the lines below it as they are.
_KNOWN = """\
\b
How it is known:
  reported   a report said so
  decided    staff said so, and reports have no say
  disputed   reports name several people: its usage is unattributed
  unclaimed  nobody has claimed it: its usage is unattributed
"""
_USER = Parsed("user.project.portal", UserIdentifier.parse)
_LOCAL_USERS: Listing[mapping.LocalUser] = Listing(
    ("project", "resource", "local user", "known", "whose"),
    lambda one: (
        one.project, one.resource, one.name, one.word, " ".join(one.user_identifiers) or "nobody",
    ),
    lambda one: {
        "project": one.project,
        "resource": one.resource,
        "local_user": one.name,
        "known": one.word,
        "user_identifiers": one.user_identifiers,
    },
    "There are no local users yet: `nodehours ingest` brings them in.",
)  # fmt: skip


@click.group()
def association() -> None:
    """Local users: whose they are.

    A local user is an account on the machine. Usage of one that nobody claims, or that two people do, is
    unattributed until staff say whose it is.
    """


@association.command("list", epilog=_KNOWN)
@click.argument("project", metavar="[PROJECT]", required=False, type=PROJECT)
@JSON
def list_associations(project: ProjectIdentifier | None, as_json: bool) -> None:
    """List whose the local users of PROJECT are, or of all projects."""
    with ledger() as connection:
        found = mapping.list_local_users(connection, project)
    _LOCAL_USERS.show(found, as_json=as_json)


@association.command(
    "map",
    epilog=example(
        'nodehours association map climate.brics isca al77 alice.climate.brics --reason "left in May"',
        "nodehours association map climate.brics isca testing --nobody",
    ),
)
@click.argument("project", metavar="PROJECT", type=PROJECT)
@click.argument("resource", metavar="RESOURCE", type=Parsed("name", read_resource))
@click.argument("local_user", metavar="LOCAL_USER", type=Parsed("name", read_local_user))
@click.argument("user", metavar="[USER.PROJECT.PORTAL]", required=False, type=_USER)
@click.option("--nobody", is_flag=True, help="It is nobody's: its usage is unattributed.")
@REASON
@DRY_RUN
def map_local_user(
    project: ProjectIdentifier,
    resource: str,
    local_user: str,
    user: UserIdentifier | None,
    nobody: bool,
    reason: str,
    dry_run: bool,
) -> None:
    """Say whose LOCAL_USER of PROJECT's allocation on RESOURCE is.

    All its usage, in all months, becomes that user's. Reports that say otherwise change nothing from then on;
    another `map` does.
    """
    if (user is None) != nobody:
        raise click.UsageError("say whose it is: either USER.PROJECT.PORTAL or --nobody")
    whose = f"{user}'s" if user else "nobody's"
    carry_out(
        lambda connection, origin: mapping.map_local_user(
            connection, project, resource, local_user, user, origin
        ),
        f"{local_user} of {project} on {resource} is {whose}",
        f"{local_user} of {project} on {resource} is {whose} already",
        reason,
        dry_run=dry_run,
    )
