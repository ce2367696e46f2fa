"""Figures of usage as somebody states them: whose, of when, how many node-seconds, and how exactly they are written.

A figure written in hours with two places is only known to 18 seconds. That rounding is reckoned with, in whole
numbers: ``rounding`` is by how many node-seconds a figure may at most differ from what was rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import Enum, IntEnum
from typing import NamedTuple

from nodehours.terms.fault import Fault
from nodehours.terms.month import Month

MAX_PLACES = 60
"""The most decimal places that a figure is read with."""

_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


class Unit(IntEnum):
    """What figures are written in; the value is its seconds."""

    SECONDS = 1
    MINUTES = 60
    HOURS = 3600


class Writing(NamedTuple):
    """How figures are written: in which unit, and with how many decimal places."""

    unit: Unit
    places: int

    @property
    def rounding(self) -> int:
        """By how many node-seconds a figure that is written so may be off: half of its last place, at most.

        >>> [Writing(Unit.HOURS, places).rounding for places in (0, 1, 2, 3, 4)]
        [1800, 180, 18, 2, 0]
        """
        scale: int = 10**self.places
        # Where a figure need not be a whole number of seconds, making it one may add half a second.
        added = scale if self.unit % scale else 0
        return (self.unit + added) // (2 * scale)

    def node_seconds(self, figure: Decimal) -> int:
        """Return *figure* (of at most ``places`` places) in node-seconds, a half second to the even one."""
        scale: int = 10**self.places
        whole, rest = divmod(int(_EXACT.scaleb(figure, self.places)) * self.unit, scale)
        return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))

    def __str__(self) -> str:
        """Say it: ``hours with 2 places``, ``whole seconds``."""
        name = self.unit.name.lower()
        return f"{name} with {self.places} places" if self.places else f"whole {name}"


class Naming(Enum):
    """By which names figures tell users apart."""

    NONE = "no users"
    USER_IDENTIFIERS = "user identifiers"
    LOCAL_USERS = "local users"


class Figure(NamedTuple):
    """Node-seconds of a project in a month; of one user and on one day, where it names them."""

    project: str
    month: Month
    node_seconds: int
    user: str | None = None
    day: date | None = None
    rounding: int = 0

    def named_anew(self, projects: Mapping[str, str]) -> Figure:
        """Call its project, and that of its user identifier, by the names that *projects* has for theirs."""
        user = self.user
        if user is not None:
            name, _, project = user.partition(".")
            user = f"{name}.{projects[project]}" if project in projects else user
        return self._replace(project=projects.get(self.project, self.project), user=user)


@dataclass(frozen=True, slots=True)
class StatedUsage:
    """What somebody else says of the same usage.

    ``months`` are those it is about, whether it has figures of them or not. Figures name all of them a day or
    none does (``names_days``), and all of them users or none (``naming``). ``writings`` is how they are
    written, ``notes`` are sentences a reader should know, ``faults`` is what could not be read.
    """

    name: str
    figures: Sequence[Figure]
    naming: Naming
    names_days: bool
    months: frozenset[Month]
    writings: tuple[Writing, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def rounding(self) -> int:
        """By how many node-seconds one figure may at most be off."""
        return max((writing.rounding for writing in self.writings), default=0)

    @property
    def span(self) -> frozenset[Month]:
        """Every month from the first to the last that it is about."""
        found: list[Month] = sorted(self.months)[:1]
        while found and found[-1] < max(self.months):
            found.append(Month.of(found[-1].end))
        return frozenset(found)

    def without_users(self) -> StatedUsage:
        """Leave out who used it."""
        figures = [figure._replace(user=None) for figure in self.figures]
        return replace(self, figures=figures, naming=Naming.NONE)

    def renamed(self, projects: Mapping[str, str]) -> StatedUsage:
        """Call the projects by the names that *projects* has for theirs."""
        return self._with(
            figure._replace(project=projects.get(figure.project, figure.project))
            for figure in self.figures
        )

    def named_anew(self, projects: Mapping[str, str]) -> StatedUsage:
        """Call the projects, and those of the user identifiers, by the names that *projects* has for theirs."""
        return self._with(figure.named_anew(projects) for figure in self.figures)

    def limited(self, projects: frozenset[str], months: frozenset[Month]) -> StatedUsage:
        """Keep the figures of *projects* and *months*; none of either stands for all."""
        return self._with(
            figure
            for figure in self.figures
            if (not projects or figure.project in projects)
            and (not months or figure.month in months)
        )

    def _with(self, figures: Iterable[Figure]) -> StatedUsage:
        return replace(self, figures=list(figures))
