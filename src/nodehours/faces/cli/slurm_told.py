"""What Slurm says of usage and of reservations: out of files, or asked now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from nodehours.sources.document import UnreadableError, opened
from nodehours.sources.slurm import sacct
from nodehours.sources.slurm.reservations import Reserved, read_reserved
from nodehours.sources.slurm.rolled_up import RolledUp, read_rolled_up
from nodehours.terms.fault import Fault
from nodehours.terms.month import Month
from nodehours.terms.period import months_after

LIVE = "live"


@dataclass(slots=True)
class Told:
    """What Slurm says; ``asked_at`` is the second at which it was asked, if it was asked now.

    ``knows_reserved``: it was asked for reservations.
    """

    outputs: list[RolledUp] = field(default_factory=list)
    reserved: Reserved = field(default_factory=Reserved)
    asked_at: int | None = None
    knows_reserved: bool = False
    faults: list[Fault] = field(default_factory=list)

    def read(self, name: str, called: str = "") -> None:
        """Read sreport's output in the file *name*, that is *called* otherwise."""
        self._tried(called or name, lambda: self._read(name, called))

    def read_reserved(self, name: str, zone: ZoneInfo, called: str = "") -> None:
        """Read sacctmgr's output in the file *name*, that is *called* otherwise; times are of *zone*."""
        self.knows_reserved = True
        self._tried(called or name, lambda: self._read_reserved(name, zone, called))

    def _read(self, name: str, called: str) -> None:
        with opened(name) as document:
            found = replace(document, name=called or document.name)
            self.outputs += read_rolled_up(found, self.faults)

    def _read_reserved(self, name: str, zone: ZoneInfo, called: str) -> None:
        with opened(name) as document:
            found = replace(document, name=called or document.name)
            read_reserved(found, zone, self.reserved, self.faults)

    def _tried(self, called: str, read: Callable[[], None]) -> None:
        try:
            read()
        except UnreadableError as error:
            self.faults.append(Fault(called, str(error)))


@dataclass(frozen=True, slots=True)
class Asking:
    """How Slurm is asked: for which ``clusters`` (none: its commands' own), which TRES, in which ``zone``'s months."""

    clusters: Sequence[str]
    tres: Sequence[str]
    zone: ZoneInfo
    patience: float


def ask(asking: Asking, months: Iterable[Month]) -> Told:
    """Ask sreport and sacctmgr; without *months* for this one and the one before. Raises ``SacctError``."""
    told = Told(asked_at=int(datetime.now(UTC).timestamp()))
    this = Month.of(datetime.now(asking.zone).date())
    for month in sorted(set(months) or {this, months_after(this, -1)}):
        # sreport tells the first hour of a month that is yet to come.
        if month <= this:
            _ask(told, asking, month)
    return told


def _ask(told: Told, asking: Asking, month: Month) -> None:
    zone, days = str(asking.zone), (month.start, month.end)
    with sacct.rolled_up(asking.clusters, days, asking.tres, zone, asking.patience) as path:
        told.read(str(path), f"sreport {month}")
    with sacct.reserved(asking.clusters, days, zone, asking.patience) as path:
        told.read_reserved(str(path), asking.zone, f"sacctmgr {month}")
