"""The versions of a figure, one after the other, as lines to read and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from nodehours.faces.cli.shown import NODE_HOURS, exact, legible, minute, signed
from nodehours.faces.cli.table import table
from nodehours.queries.versions import Version
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours

_HEAD = ("revision", "recorded (UTC)", "kind", "state", "before h", "after h", "difference h")


class Recounted(NamedTuple):
    """A figure's versions, oldest first, and what the figure is of; ``row`` and ``user`` None: a statement's total."""

    project: str
    resource: str
    month: Month
    row: int | None
    user: str | None
    full_name: str
    versions: list[Version]

    @property
    def title(self) -> str:
        """What the figure is of, in a line."""
        statement = f"{self.project} on {self.resource}, {self.month}"
        if self.row is None:
            return f"{statement}: all usage"
        person = f" ({self.full_name})" if self.full_name else ""
        return f"{statement}: {self.user}{person}, row {self.row}"


def as_text(found: Recounted) -> str:
    """Lay it out for a person: a line of figures for each version, below it why and whence."""
    versions = found.versions
    head, *lines = table(_HEAD, map(_line, versions), right=(_HEAD[0], *_HEAD[4:])).splitlines()
    told = [head]
    former = None
    for version, line in zip(versions, lines, strict=True):
        told += [line, f"{'':8}  {_why(version, former)}"]
        former = version
    last = versions[-1]
    now = f"{last.node_seconds} node-seconds since revision {_since(versions)}; {NODE_HOURS}"
    return "\n".join([found.title, "", *told, "", now])


def _line(one: Version) -> list[str]:
    before = "-" if one.former is None else node_hours(one.former)
    state = one.state.value + (", closed" if one.is_closed else "")
    figures = [before, node_hours(one.node_seconds), signed(one.difference)]
    return [str(one.revision), minute(one.recorded), one.kind, state, *figures]


def _since(versions: list[Version]) -> int:
    """The revision since which the figure is what it is: the last one that changed it."""
    changing = [one for one in versions if one.former is None or one.difference]
    return (changing or versions)[-1].revision


def _why(one: Version, former: Version | None) -> str:
    return "; ".join(_reasons(one, former))


def _reasons(one: Version, former: Version | None) -> Iterator[str]:
    if one.reason:
        yield legible(one.reason)
    if former is not None and one.name != former.name:
        yield f"{one.name}, before {former.name}"
    if one.run is not None:
        yield f"run {one.run} ({one.source}), {legible(one.document or 'a document')}"
    if one.by_whom:
        yield f"by {legible(one.by_whom)}"


def as_json(found: Recounted) -> str:
    """Write it as one JSON object; figures are node-seconds."""
    whole = {
        "project": found.project,
        "resource": found.resource,
        "month": str(found.month),
        "row": found.row,
        "user": found.user,
        "full_name": found.full_name,
        "unit": "node-seconds",
        "versions": [_plain(one) for one in found.versions],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(one: Version) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "recorded": exact(one.recorded),
        "kind": one.kind,
        "reason": one.reason,
        "by_whom": one.by_whom,
        "run": one.run,
        "source": one.source,
        "document": one.document,
        "document_sha256": one.sha256.hex() if one.sha256 else None,
        "name": one.name,
        "before_node_seconds": one.former,
        "after_node_seconds": one.node_seconds,
        "difference_node_seconds": one.difference,
        "state": one.state.value,
        "is_closed": one.is_closed,
        "complete_days": one.complete_days,
    }
