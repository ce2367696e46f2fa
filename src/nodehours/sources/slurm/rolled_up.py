"""What Slurm has rolled up: ``sreport -P cluster AccountUtilizationByUser``, of every TRES that it tells.

    sreport -P -t Seconds -T cpu,mem,node cluster AccountUtilizationByUser Start=2026-09-01 End=2026-10-01

The banner tells the period by the clocks of the time zone that sreport ran in, and how many seconds it has. Only lines
with a login are usage. Slurm rolls up whole hours only; of a period that still runs the banner tells the last of them,
or, in the second half of an hour, the next one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.figure_lines import read_figure, read_name
from nodehours.sources.sreport import (
    LOGIN,
    PERIOD,
    SHARE,
    TITLE,
    TRES,
    UNIT,
    UNITS,
    is_usage,
    texts,
)
from nodehours.terms.calendar import Calendar
from nodehours.terms.fault import Fault, shown
from nodehours.terms.figure import Unit, Writing
from nodehours.terms.identifiers import BLANKS
from nodehours.terms.month import Month, read_day

HOUR: Final = 3_600
_OTHER_BANNER = re.compile(r"T\d\d:\d\d:\d\d - .*secs\)", re.ASCII)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):59:59", re.ASCII)


class Period(NamedTuple):
    """From the beginning of the day ``first`` to the end of the hour ``until`` of the day ``last``; its seconds."""

    first: date
    last: date
    until: int
    counted: int

    @property
    def is_whole(self) -> bool:
        """Whether its last day is over."""
        return self.until == 24

    @property
    def is_running(self) -> bool:
        """Whether it is cut off before a day is over, or before the month is that it began with."""
        return not self.is_whole or (self.first.day == 1 and self.last.day < self.month.day_count)

    @property
    def month(self) -> Month:
        """The month that it begins in."""
        return Month.of(self.first)

    def __str__(self) -> str:
        """Name it: by its month where it begins with one and does not leave it, else by its days."""
        if self.first.day == 1 and Month.of(self.last) == self.month:
            return str(self.month)
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"

    def span(self, calendar: Calendar) -> tuple[int, int]:
        """Return from when to when it is, in seconds since 1970, by the clocks of *calendar*.

        Raises ``UnreadableError`` when there it has not the seconds that sreport counted.
        """
        start = calendar.start_of(self.first)
        end = start + self.counted
        told = datetime.fromtimestamp(end - 1, calendar.zone)
        if (told.date(), told.hour + 1) != (self.last, self.until):
            raise UnreadableError(
                f"sreport counted {self.counted} seconds from {self.first} to {self.last}, hour {self.until}, which"
                f" are not those of {calendar.zone}: --timezone says in which time zone sreport ran"
            )
        return start, end


class Use(NamedTuple):
    """How many seconds of a TRES a user of an account had, and by how many that may be off."""

    cluster: str
    account: str
    user: str
    tres: str
    seconds: int
    rounding: int


@dataclass(frozen=True, slots=True)
class RolledUp:
    """One output: the usage of ``period``, and which TRES were asked for."""

    name: str
    period: Period
    uses: list[Use] = field(default_factory=list)
    tres: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Frame:
    told: RolledUp | None = None
    unit: Unit | None = None
    tres: str = ""


def read_rolled_up(document: Document, faults: list[Fault]) -> list[RolledUp]:
    """Read one output of sreport, or several one after the other; a line that is not understood is added to *faults*.

    Raises ``UnreadableError`` when it is another report, or has no banner.
    """
    found: list[RolledUp] = []
    frame = _Frame()
    for number, text in texts(document):
        if text.startswith(TITLE):
            found.append(RolledUp(document.name, _period(text)))
            frame = _Frame(found[-1])
        elif told := UNIT.fullmatch(text):
            frame = replace(frame, unit=UNITS[told[2]], tres=told[1].lower())
        elif is_usage(text):
            if not found:
                raise UnreadableError(_what_it_is(text))
            try:
                _add(frame, text.split("|"))
            except ValueError as error:
                faults.append(Fault(document.name, str(error), place=f"line {number}"))
    if not found:
        raise UnreadableError("it has no banner that tells the period: run sreport without -n")
    return found


def _what_it_is(text: str) -> str:
    """Say what begins with the line *text*, and no banner."""
    if _OTHER_BANNER.search(text):
        return f"it is another report than AccountUtilizationByUser: {shown(text)}"
    if text.count("|") in {5, 6}:
        return "it has no banner that tells the period: run sreport without -n"
    return f"it is not what `sreport -P cluster AccountUtilizationByUser` tells: it begins with {shown(text)}"


def _period(text: str) -> Period:
    told = PERIOD.fullmatch(text)
    clock = told and _CLOCK.fullmatch(told[3])
    if not told or not clock:
        raise UnreadableError(f"the period cannot be read: {shown(text)}")
    try:
        first, last = read_day(told[1]), read_day(told[2])
    except ValueError as error:
        raise UnreadableError(f"the period cannot be read: {error}") from None
    return Period(first, last, int(clock[1]) + 1, int(told[4]))


def _add(frame: _Frame, fields: Sequence[str]) -> None:
    """Take in a line of usage; a line without a login is a sum of others."""
    if frame.told is None or frame.unit is None:
        raise UnreadableError("it has no banner that tells the period: run sreport without -n")
    if len(fields) not in {6, 7} or (len(fields) == 7 and fields[6]):
        raise ValueError(f"{len(fields)} fields, where sreport -P writes 6")
    names_tres = not fields[TRES][:1].isdigit()
    tres = fields[TRES].lower() if names_tres else frame.tres
    frame.told.tres.add(tres)
    if fields[LOGIN].strip(BLANKS):
        account, login = read_name(fields[1], "an account"), read_name(fields[LOGIN], "a login")
        seconds, rounding = _seconds(fields[TRES + names_tres], frame.unit)
        frame.told.uses.append(Use(fields[0], account, login, tres, seconds, rounding))


def _seconds(text: str, unit: Unit) -> tuple[int, int]:
    figure = read_figure(SHARE.sub("", text))
    exponent = Decimal(figure).as_tuple().exponent
    writing = Writing(unit, max(0, -exponent) if isinstance(exponent, int) else 0)
    return writing.node_seconds(figure), writing.rounding
