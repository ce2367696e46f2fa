"""Reservations, as sacctmgr tells them: whose they were, from when to when, of what, and how long no job used it.

    sacctmgr -P show reservation Start=2026-11-01 End=2026-12-01 format=Cluster,Name,Assoc,Start,End,TRES,UnusedWall
    sacctmgr -P show assoc withdeleted format=ID,Cluster,Account,User

The first names associations by numbers that the second explains. What no job used of a reservation Slurm divides among
its associations, TRES by TRES; nodes are no TRES of a reservation. For how long none did is told of all of it, and
Slurm takes off more for a job than that: it is the most that there can have been.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.figure_lines import read_figure
from nodehours.sources.slurm.attempt import read_time
from nodehours.sources.slurm.tres import read_tres
from nodehours.terms.fault import Fault
from nodehours.terms.rule import BILLING, CPU, GPU, MEMORY, NODE

ASKED: Final = "Cluster,Name,Assoc,Start,End,TRES,UnusedWall"
"""What sacctmgr is asked for of reservations."""

ASSOCIATIONS_ASKED: Final = "ID,Cluster,Account,User"
"""What it is asked for of associations."""

_RESERVATION: Final = ("cluster", "name", "assocs", "timestart", "timeend", "tres")
_ASSOCIATION: Final = ("id", "cluster", "account", "user")


class Reservation(NamedTuple):
    """A reservation: the numbers of its associations, its seconds since 1970, and how long at most nothing was used."""

    cluster: str
    name: str
    associations: tuple[str, ...]
    start: int
    end: int
    counts: Mapping[str, int]
    unused: int

    def idle(self, tres: str, span: tuple[int, int]) -> int:
        """Return the most seconds of *tres* in *span* that were reserved for one of the associations and not used."""
        seconds = min(self.end, span[1]) - max(self.start, span[0])
        return (
            max(0, min(seconds, self.unused)) * self.counts.get(tres, 0) // len(self.associations)
        )


@dataclass(frozen=True, slots=True)
class Reserved:
    """Reservations, and which (cluster, account, user) an association's (cluster, number) is."""

    reservations: list[Reservation] = field(default_factory=list)
    associations: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)

    def of(self, user: tuple[str, str, str]) -> list[Reservation]:
        """Return the reservations of *user*: cluster, account and user."""
        return [
            one
            for one in self.reservations
            if any(self.associations.get((one.cluster, of)) == user for of in one.associations)
        ]


def read_reserved(document: Document, zone: ZoneInfo, into: Reserved, faults: list[Fault]) -> None:
    """Add what *document* tells to *into*: reservations, associations, or both one after the other.

    Times are seconds since 1970, or of *zone*. A line that is not understood is added to *faults*. Raises
    ``UnreadableError`` when its first line does not name the columns.
    """
    head: Sequence[str] = ()
    for number, text in enumerate(io.StringIO(_text(document)), 1):
        fields = text.strip("\r\n").split("|")
        names = [name.strip().lower() for name in fields]
        if _is_head(names):
            head = names
        elif not head:
            raise UnreadableError(
                f"it is not what `sacctmgr -P show reservation format={ASKED}` or"
                f" `sacctmgr -P show assoc format={ASSOCIATIONS_ASKED}` tells"
            )
        elif text.strip():
            try:
                _add(dict(zip(head, fields, strict=False)), zone, into)
            except (ValueError, KeyError) as error:
                faults.append(Fault(document.name, str(error), place=f"line {number}"))


def _is_head(names: Iterable[str]) -> bool:
    return any(set(needed) <= set(names) for needed in (_RESERVATION, _ASSOCIATION))


def _add(line: Mapping[str, str], zone: ZoneInfo, into: Reserved) -> None:
    if "assocs" not in line:
        into.associations[line["cluster"], line["id"]] = (
            line["cluster"],
            line["account"],
            line["user"],
        )
        return
    start, end = read_time(line["timestart"], zone)[0], read_time(line["timeend"], zone)[-1]
    numbers = tuple(one for one in line["assocs"].split(",") if one)
    unused = line.get("unusedwall", "")
    found = Reservation(
        line["cluster"], line["name"], numbers, start, end, _counts(line["tres"]),
        ceil(Fraction(read_figure(unused))) if unused else end - start,
    )  # fmt: skip
    # One that lasts from a month into the next is told with both.
    if numbers and found not in into.reservations:
        into.reservations.append(found)


def _counts(text: str) -> dict[str, int]:
    """Return the counts by TRES."""
    found = read_tres(text)
    named = dict(part.split("=") for part in found.tres.split(",") if part)
    known = {
        NODE: 0,
        CPU: found.cpus,
        GPU: found.gpus,
        MEMORY: found.memory,
        BILLING: found.billing,
    }
    return {name: int(Decimal(count)) for name, count in named.items()} | known


def _text(document: Document) -> str:
    return document.content[:].decode("utf-8-sig", "backslashreplace")
