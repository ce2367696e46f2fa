"""What reports do not say of the demo's world: its organisations, grants, machines and closed months.

All is said as staff would say it, and a second run says only what is new: what somebody has changed stays changed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from nodehours.faces.demo.reports import MONTHS, PORTAL, demo_grants
from nodehours.ledger import inventory
from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.errors import LedgerError, TakenNameError
from nodehours.ledger.moves import move_project
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.period import months_after

OWNED: Final = "earth"
"""The organisation that the demo's owner owns."""

_ORGANISATIONS: Final = {
    OWNED: ("Earth Sciences", "climate ocean glacier"),
    "life": ("Life Sciences", "genome proteins enzyme"),
    "computing": ("Computing and Language", "language corpus"),
    "matter": ("Matter and Stars", "fusion materials cosmos plasma lattice quasar"),
}
_NODES: Final = {"isca": 168, "tamar": 320}
_GRANT_MONTHS: Final = 18
# Demand grows: over a grant of 18 months it is about a third above what is ordinary.
_DEMAND_PER_CENT: Final = 134
_GENEROSITY_PER_CENT: Final = (108, 84, 140, 104, 62, 116, 96, 130, 100, 90)
"""So that the demo has projects at every pace."""
_OPEN_MONTHS: Final = 3
"""How many finished months stay open to corrections."""
_ORIGIN: Final = Origin(None, "the demo's world", "demo")


def arrange(connection: Connection, today: date) -> None:
    """Say what is missing of all that as of *today*."""
    for name, nodes in _NODES.items():
        inventory.set_resource(connection, name, nodes)
    _organise(connection)
    _grant(connection, today)
    _close(connection, today)


def _organise(connection: Connection) -> None:
    known = {one.identifier: one.organisation for one in inventory.list_projects(connection)}
    for organisation, (name, projects) in _ORGANISATIONS.items():
        with suppress(TakenNameError):
            inventory.add_organisation(connection, organisation, name)
        for project in projects.split():
            identifier = f"{project}.{PORTAL}"
            if known.get(identifier) == PORTAL:
                move_project(connection, ProjectIdentifier.parse(identifier), organisation, _ORIGIN)


def _grant(connection: Connection, today: date) -> None:
    """Grant what is asked for, more or less, from before the first report on: what was reported stays believed."""
    known = {
        (one.project, one.resource): one.grant for one in inventory.list_allocations(connection)
    }
    first = months_after(Month.of(today), -MONTHS)
    for number, (project, resource, node_hours) in enumerate(demo_grants(today)):
        grant = known.get((project, resource))
        if grant is None or grant.node_limit is not None:
            continue
        generosity = _GENEROSITY_PER_CENT[number % len(_GENEROSITY_PER_CENT)]
        hours = node_hours * _GRANT_MONTHS * _DEMAND_PER_CENT * generosity // 1_000_000 * 100
        inventory.set_allocation(
            connection,
            ProjectIdentifier.parse(project),
            resource,
            starts=first.start,
            ends=months_after(first, _GRANT_MONTHS).start - timedelta(days=1),
            node_limit=hours * 3600,
        )


def _close(connection: Connection, today: date) -> None:
    """Close the older months of the organisations: corrections to them wait from then on."""
    last = months_after(Month.of(today), -_OPEN_MONTHS - 1)
    for organisation in _ORGANISATIONS:
        for back in range(MONTHS):
            # It may be closed already, or there may be nothing in it.
            with suppress(LedgerError):
                close_month(connection, organisation, months_after(last, -back), _ORIGIN)
