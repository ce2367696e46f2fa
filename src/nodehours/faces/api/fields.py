"""What a usage row can say on the wire, and ``field=``, which chooses from it.

``field`` may be repeated. As with Waldur's ``RestrictedSerializerMixin``, names that are none are ignored, the keys
come in their own order whatever the order they are asked in, and who names no key gets those that all get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from nodehours.faces.api.leniency import no_choice
from nodehours.faces.api.wire import (
    USAGE_PATH,
    Parameters,
    WireUsage,
    allocation_url,
    user_url,
)
from nodehours.queries.usage_details import Details
from nodehours.terms.history import RowVersion
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.row import UsageRow
from nodehours.terms.statement import State

HISTORY: Final = "history"
"""The one key that is a list: see ``queries/history.py``."""

_OF_ROW: Final[Mapping[str, Callable[[UsageRow], object]]] = {
    "id": lambda row: row.id,
    "allocation_uuid": lambda row: row.allocation.hex,
    "user_uuid": lambda row: row.user and row.user.hex,
    "node_seconds": lambda row: row.node_seconds,
    "revision": lambda row: row.revision,
}
_OF_PLACE: Final[Mapping[str, Callable[[Details], object]]] = {
    "resource_uuid": lambda told: told.resource.hex,
    "resource_name": lambda told: told.resource_name,
    "project_uuid": lambda told: told.project.hex,
    "modified": lambda told: told.modified,
}
_OF_STATEMENT: Final[Mapping[str, Callable[[Details, datetime], object]]] = {
    "project_identifier": lambda told, _: told.project_identifier,
    "customer_uuid": lambda told, _: told.organisation.hex,
    "state": lambda told, now: told.state(now).value,
    "is_complete": lambda told, now: told.state(now) in {State.COMPLETE, State.RESTATED},
    "is_closed": lambda told, _: told.is_closed,
}
STATEMENT_KEYS: Final = frozenset(_OF_STATEMENT)
"""The keys that may change while the row does not."""
CLOCK_KEYS: Final = frozenset({"state", "is_complete"})
"""The keys that change with the month as well."""
DETAIL_KEYS: Final = STATEMENT_KEYS | frozenset(_OF_PLACE)
"""The keys that are not in the row itself."""

NAMES: Final = (
    *WireUsage.__struct_fields__,
    "id", "url", "allocation_uuid", "user_uuid", "project_uuid", "project_identifier", "customer_uuid",
    "resource_uuid", "resource_name", "node_seconds", "state", "is_complete", "is_closed", "modified", "revision",
    HISTORY,
)  # fmt: skip
"""Every key, in the order in which they are sent."""


class WireVersion(msgspec.Struct, frozen=True):
    """One entry of ``history``: what the row said from ``revision`` on; ``recorded`` is UTC."""

    revision: int
    recorded: datetime
    node_seconds: int
    node_usage: str
    username: str
    kind: str
    reason: str
    source: str | None
    run: int | None


class Fields(NamedTuple):
    """The keys that are chosen, in the order they are sent (none: those that all get), and what is wrong."""

    names: Sequence[str]
    faults: dict[str, str]

    @property
    def of_statement(self) -> bool:
        """Whether something is told that may change while the row does not."""
        return not STATEMENT_KEYS.isdisjoint(self.names)

    @property
    def of_clock(self) -> bool:
        """Whether something is told that changes with the month."""
        return not CLOCK_KEYS.isdisjoint(self.names)

    @property
    def need_details(self) -> bool:
        """Whether something is told that is not in the row itself."""
        return not DETAIL_KEYS.isdisjoint(self.names)

    @property
    def need_history(self) -> bool:
        """Whether the history is told."""
        return HISTORY in self.names


class Beside(NamedTuple):
    """What is told beside a row, where it is asked for; ``instant`` is that at which states are judged."""

    instant: datetime
    details: Details | None
    history: Sequence[RowVersion]


def read_fields(params: Parameters, names: Sequence[str] = NAMES) -> Fields:
    """Return the keys out of *names* that ``field=`` chooses."""
    asked = params.get("field", [])
    unknown = [name for name in asked if name and name not in names]
    faults = {"field": no_choice(unknown[0])} if unknown else {}
    return Fields([name for name in names if name in asked], faults)


def wire_row(row: UsageRow, base: str) -> WireUsage:
    """Return what is sent of *row* when nothing is chosen."""
    return WireUsage(
        node_usage=node_hours(row.node_seconds),
        month=row.month,
        year=row.year,
        allocation=allocation_url(base, row.allocation),
        user=user_url(base, row.user),
        username=row.username,
        full_name=row.full_name,
    )


def chosen(row: UsageRow, base: str, names: Sequence[str], beside: Beside) -> Mapping[str, object]:
    """Return the keys *names* of *row*, and only those; what is *beside* it is looked at if it is among them."""
    told: dict[str, object] = msgspec.structs.asdict(wire_row(row, base))
    told |= {name: read(row) for name, read in _OF_ROW.items()}
    told["url"] = f"{base}{USAGE_PATH}{row.id}/"
    if beside.details:
        details, instant = beside.details, beside.instant
        told |= {name: read(details) for name, read in _OF_PLACE.items()}
        told |= {name: judge(details, instant) for name, judge in _OF_STATEMENT.items()}
    told[HISTORY] = [_wire_version(version) for version in beside.history]
    return {name: told[name] for name in names}


def _wire_version(version: RowVersion) -> WireVersion:
    return WireVersion(**version._asdict(), node_usage=node_hours(version.node_seconds))
