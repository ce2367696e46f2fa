"""What a usage row can say on the wire, and ``field=``, which chooses from it.

``field`` may be repeated. As with Waldur's ``RestrictedSerializerMixin``, names that are none are ignored, the keys
come in their own order whatever the order they are asked in, and who names no key gets those that all get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from nodehours.faces.api.wire import Parameters, WireUsage, allocation_url, user_url
from nodehours.terms.history import RowVersion
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.row import UsageRow

HISTORY: Final = "history"
"""The one key that is not in the row itself: see ``queries/history.py``."""

_MORE: Final[Mapping[str, Callable[[UsageRow], int]]] = {
    "id": lambda row: row.id,
    "node_seconds": lambda row: row.node_seconds,
    "revision": lambda row: row.revision,
}
_NAMES: Final = (*WireUsage.__struct_fields__, *_MORE, HISTORY)


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


def read_fields(params: Parameters) -> Sequence[str]:
    """Return the keys that ``field=`` chooses, in the order they are sent; empty: it chooses none."""
    asked = set(params.get("field", []))
    return [name for name in _NAMES if name in asked]


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


def chosen(
    row: UsageRow, base: str, fields: Sequence[str], history: Sequence[RowVersion]
) -> Mapping[str, object]:
    """Return the chosen *fields* of *row*; *history* is looked at only if it is among them."""
    told: dict[str, object] = msgspec.structs.asdict(wire_row(row, base))
    told |= {name: read(row) for name, read in _MORE.items()}
    told[HISTORY] = [_wire_version(version) for version in history]
    return {name: told[name] for name in fields}


def _wire_version(version: RowVersion) -> WireVersion:
    return WireVersion(**version._asdict(), node_usage=node_hours(version.node_seconds))
