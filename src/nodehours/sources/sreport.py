"""Slurm's own account of usage: ``sreport -P cluster AccountUtilizationByUser``, with its banner or without.

    sreport -P -t Seconds -T node cluster AccountUtilizationByUser Start=2026-09-01 End=2026-10-01

The banner tells the period and the unit; without it (``-n``) both have to be said. Only lines with a login are
usage: those of an account alone are sums, a parent's with those of its children. Without ``-T`` Slurm counts CPUs,
which say nothing of nodes. Days are those of the time zone that sreport ran in; the ledger's are UTC.
OpenPortal calls the account of the project ``climate.brics`` by ``brics.climate``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.figure_lines import Line, Lines, read_figure, read_name
from nodehours.terms.fault import shown
from nodehours.terms.figure import Naming, StatedUsage, Unit
from nodehours.terms.identifiers import BLANKS, ProjectIdentifier
from nodehours.terms.month import Month, read_day

TITLE = "Cluster/Account/User Utilization "
NODE = "node"

HEADER = "Cluster|Account|Login|Proper Name|"
_OTHER_HEADER = re.compile(r"\s*Cluster\s+Account\b|Cluster\|(?!Account\|Login\|Proper Name\|)")
PERIOD = re.compile(
    re.escape(TITLE) + r"(\S+)T00:00:00 - (\S+)T([0-9]{2}:[0-9]{2}:[0-9]{2}) \(([0-9]+) secs\)"
)
UNIT = re.compile(r"Usage reported in (.+) (Second|Minute|Hour)s(?:/Percentage of Total)?")
SHARE = re.compile(r"\([0-9.]+%\)")
UNITS = {"Second": Unit.SECONDS, "Minute": Unit.MINUTES, "Hour": Unit.HOURS}
TRES = 4
LOGIN = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """What holds for the lines that follow: the period, the unit, and the TRES unless each line names its own."""

    month: Month | None = None
    day: date | None = None
    unit: Unit | None = None
    tres: str | None = None


def read_sreport(document: Document, given: Frame = Frame(), tres: str = NODE) -> StatedUsage:
    """Read the usage of *tres*; *given* is what a banner would say, where there is none.

    Raises ``UnreadableError`` when neither says what is needed, or the output is of another kind.
    """
    lines = Lines(document.name)
    frame = given
    for number, text in texts(document):
        if text.startswith(TITLE):
            frame = _with_period(lines, frame, text, given.month)
        elif told := UNIT.fullmatch(text):
            frame = replace(frame, unit=UNITS[told[2]], tres=told[1].lower())
        elif is_usage(text):
            with lines.at(f"line {number}"):
                if line := _line(frame, text.split("|"), tres):
                    lines.add(line)
    return lines.stated_usage(Naming.LOCAL_USERS)


def texts(document: Document) -> Iterator[tuple[int, str]]:
    """Give the lines that say something, with their numbers."""
    content = io.BytesIO(document.content[:])
    with io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape") as text:
        for number, line in enumerate(text, 1):
            if line.strip(BLANKS) and not line.startswith("----"):
                yield number, line.strip("\n")


def is_usage(text: str) -> bool:
    """Tell whether this is a line of usage, not a header; refuse output that would be misread."""
    if _OTHER_HEADER.match(text):
        raise UnreadableError(
            f"{shown(text)} is not how `sreport -P cluster AccountUtilizationByUser` begins"
        )
    return not text.startswith(HEADER)


def _with_period(lines: Lines, frame: Frame, text: str, running: Month | None) -> Frame:
    """Read the banner's period: a whole month or day, or what there is yet of the month said to be *running*."""
    told = PERIOD.fullmatch(text)
    if told is None:
        raise UnreadableError(f"the period cannot be read: {shown(text)}")
    try:
        start, last = read_day(told[1]), read_day(told[2])
    except ValueError as error:
        raise UnreadableError(f"the period cannot be read: {error}") from None
    month = Month.of(start)
    is_whole = told[3] == "23:59:59"
    is_day = is_whole and start == last
    is_month = (start, last) == (month.start, month.end - timedelta(days=1)) and is_whole
    if not (is_day or is_month or (start == month.start and Month.of(last) == month == running)):
        raise UnreadableError(
            f"from {start} to {last} {told[3]} is neither a month nor a day; a month that still runs is read with"
            f" --month {month}"
        )
    if is_whole:
        _note_zone(lines, start, last, int(told[4]))
    lines.cover(month)
    return replace(frame, month=month, day=start if is_day else None)


def _note_zone(lines: Lines, start: date, last: date, counted: int) -> None:
    """Note that the period has not the seconds that it has in UTC."""
    seconds = ((last - start).days + 1) * 86_400
    if counted != seconds:
        lines.note(
            f"sreport counted {counted} seconds from {start} to {last}, where UTC has {seconds}: run it with TZ=UTC"
        )


def _line(frame: Frame, fields: Sequence[str], tres: str) -> Line | None:
    """Read a line of usage; None is a sum of an account, or of another TRES."""
    if len(fields) not in {6, 7} or (len(fields) == 7 and fields[6]):
        raise ValueError(f"{len(fields)} fields, where sreport -P writes 6")
    if not fields[LOGIN].strip(BLANKS):
        return None
    names_tres = not fields[TRES][:1].isdigit()
    found = fields[TRES] if names_tres else _counted(frame, tres)
    if found != tres:
        return None
    if frame.month is None or frame.unit is None:
        raise UnreadableError("there is no banner: --month and --unit have to say what it would")
    used = SHARE.sub("", fields[TRES + names_tres])
    account, login = read_name(fields[1], "an account"), read_name(fields[LOGIN], "a login")
    return Line(
        project_of_account(account), None, frame.month, frame.day, login, frame.unit,
        read_figure(used),
    )  # fmt: skip


def _counted(frame: Frame, tres: str) -> str:
    """Return the TRES that lines without a name of one are of."""
    found = frame.tres or "cpu"
    if found != tres:
        raise UnreadableError(
            f"it counts {found}, which says nothing of {tres}: run sreport with -T {tres},"
            f" or say --tres {found} if here they are the same"
        )
    return found


def project_of_account(account: str) -> str:
    """Return the project of an account: ``brics.climate`` is ``climate.brics``, any other is called as it is."""
    return str(ProjectIdentifier.of_account(account) or account)
