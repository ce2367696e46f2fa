"""``nodehours project`` and ``organisation``: what they are called, and which project is whose."""

from __future__ import annotations

import click

from nodehours.faces.cli.listing import JSON, Listing
from nodehours.faces.cli.moved import DRY_RUN, REASON, carry_out, example
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.store import ledger
from nodehours.ledger import inventory
from nodehours.ledger.inventory import ListedProject, Organisation
from nodehours.ledger.moves import move_project, rename_project
from nodehours.terms.identifiers import PortalIdentifier, ProjectIdentifier, read_full_name

PROJECT = Parsed("project.portal", ProjectIdentifier.parse)
_ORGANISATION = Parsed("identifier", lambda text: str(PortalIdentifier.parse(text)))
_NAME = Parsed("text", read_full_name)
_PROJECTS: Listing[ListedProject] = Listing(
    ("project", "organisation", "resources", "former names"),
    lambda one: (
        one.identifier, one.organisation, " ".join(one.resources) or "-", " ".join(one.former) or "-",
    ),
    lambda one: {
        "project": one.identifier,
        "organisation": one.organisation,
        "resources": one.resources,
        "former_names": one.former,
    },
    "There are no projects yet: `nodehours ingest` brings them in.",
)  # fmt: skip
_ORGANISATIONS: Listing[Organisation] = Listing(
    ("organisation", "name", "projects"),
    lambda one: (one.identifier, one.name, str(one.projects)),
    lambda one: {"organisation": one.identifier, "name": one.name, "projects": one.projects},
    "There are no organisations yet: reports bring one for each portal, and `nodehours organisation add` makes others.",
    right=("projects",),
)


@click.group()
def project() -> None:
    """Projects, their names and their organisations.

    A project is found by any name that it ever had.
    """


@project.command("list")
@JSON
def list_projects(as_json: bool) -> None:
    """List all projects, with their organisations, former names and resources."""
    with ledger() as connection:
        found = inventory.list_projects(connection)
    _PROJECTS.show(found, as_json=as_json)


@project.command(
    "rename",
    epilog=example(
        'nodehours project rename climate.brics weather.brics --reason "renamed at the portal"',
    ),
)
@click.argument("old", metavar="OLD", type=PROJECT)
@click.argument("new", metavar="NEW", type=PROJECT)
@REASON
@DRY_RUN
def rename(old: ProjectIdentifier, new: ProjectIdentifier, reason: str, dry_run: bool) -> None:
    """Give the project OLD the name NEW, at the same portal.

    Its users are called after it: alice.climate.brics becomes alice.weather.brics in all months. No figure
    changes. Reports under the old name are still posted to it.

    Do it before reports come under the new name: they would make a project of their own, and two projects cannot
    be made one.
    """
    carry_out(
        lambda connection, origin: rename_project(connection, old, new, origin),
        f"{old} is now {new}",
        "",
        reason,
        dry_run=dry_run,
    )


@project.command(
    "move",
    epilog=example(
        'nodehours project move climate.brics weather-office --reason "the group moved"',
    ),
)
@click.argument("moved", metavar="PROJECT", type=PROJECT)
@click.argument("organisation", metavar="ORGANISATION", type=_ORGANISATION)
@REASON
def move(moved: ProjectIdentifier, organisation: str, reason: str) -> None:
    """Put PROJECT under ORGANISATION.

    The people of that organisation see all its usage from then on, those of the former one no longer do. No
    statement changes, and months that were closed for it stay closed.
    """
    carry_out(
        lambda connection, origin: move_project(connection, moved, organisation, origin),
        f"{moved} is now of {organisation}",
        f"{moved} is of {organisation} already",
        reason,
    )


@click.group()
def organisation() -> None:
    """Organisations, under which projects are put."""


@organisation.command(
    "add",
    epilog=example(
        'nodehours organisation add weather-office --name "Weather Office"',
    ),
)
@click.argument("identifier", type=_ORGANISATION)
@click.option("--name", default="", type=_NAME, help="How it is shown; without it, IDENTIFIER.")
def add_organisation(identifier: str, name: str) -> None:
    """Make an organisation that reports do not bring."""
    with ledger() as connection:
        inventory.add_organisation(connection, identifier, name)
    click.echo(f"added {identifier}: `nodehours project move` puts projects under it")


@organisation.command(
    "name",
    epilog=example(
        'nodehours organisation name brics "Centre for Computing"',
    ),
)
@click.argument("identifier", type=_ORGANISATION)
@click.argument("name", type=_NAME)
def name_organisation(identifier: str, name: str) -> None:
    """Show the organisation IDENTIFIER as NAME; its identifier stays."""
    with ledger() as connection:
        inventory.name_organisation(connection, identifier, name)
    click.echo(f"{identifier} is shown as {name}")


@organisation.command("list")
@JSON
def list_organisations(as_json: bool) -> None:
    """List all organisations, with how many projects each has."""
    with ledger() as connection:
        found = inventory.list_organisations(connection)
    _ORGANISATIONS.show(found, as_json=as_json)
