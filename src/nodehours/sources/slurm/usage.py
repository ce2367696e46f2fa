"""From attempts of jobs to daily usage: one expression, which DuckDB reckons on this machine and Spark on many.

Each attempt is cut at the days' bounds, and each piece reckoned by the rule; pieces are added up by account, user and
day. All of it is whole numbers. A quotient is only taken of what divides evenly, and rounded to the whole number that
it is, so that an engine that divides in floating point is exact as well (below 2**51).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING, Final

import ibis

from nodehours.sources.slurm.batches import SCHEMA
from nodehours.sources.slurm.joining import sure
from nodehours.terms.calendar import DAY_SECONDS, Calendar
from nodehours.terms.rule import BILLING, CPU, GPU, MEMORY, NODE, Kind, NodeShape, Rule

if TYPE_CHECKING:
    from ibis.expr.types import IntegerValue, Table

USAGE: Final = ("cluster", "account", "user", "day")
"""What usage is summed by."""

REQUEUED: Final = ("REQUEUED", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL")
"""The states of attempts after which a job may be back in the queue; whether it is, the next attempt tells."""

COMPONENTS: Final = {"cpu": "cpus", "gpu": "gpus", "memory": "memory", "billing": "billing"}
"""The components of usage that are kept beside it, and the column of attempts that each is of."""

_COLUMN_OF: Final = {NODE: "nodes", CPU: "cpus", GPU: "gpus", MEMORY: "memory", BILLING: "billing"}


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How attempts become usage: by which ``rule``, on whose days, and from which day to which, both inclusive.

    ``has_unsure``: some attempts may not tell when they were submitted.
    """

    rule: Rule
    calendar: Calendar
    first: date
    last: date
    has_unsure: bool = True


_TYPES: Final = {"int64": "int64", "string": "string", "bool": "boolean"}
ATTEMPTS: Final = ibis.table(
    {field.name: _TYPES[str(field.type)] for field in SCHEMA}, name="attempts"
)
"""What an engine knows as the table ``attempts``."""


def daily_usage(attempts: Table, how: Reckoning) -> Table:
    """Return the usage that *attempts* are, by cluster, account, user and day.

    Columns: ``cluster``, ``account``, ``user``, ``day`` (days after 1970-01-01), ``counted``
    (node-seconds; for a TRES, its seconds before the factor), ``jobs`` and ``wait_seconds`` of the attempts that began
    on the day, and seconds of each component.
    """
    days = _Days.of(how)
    known = sure(attempts) if how.has_unsure else attempts
    known = last_attempts(known) if how.rule.only_last else known
    used = known.filter(known.start < days.end, known.end > days.start, known.start < known.end)
    pieces = _pieces(used, days)
    live = live_seconds(pieces, pieces.until) - live_seconds(pieces, pieces.since)
    pieces = pieces.mutate(live=live).mutate(counted=_counted(pieces.mutate(live=live), how.rule))
    began = pieces.start == pieces.since
    sums = {
        "counted": pieces.counted.sum(),
        "jobs": began.cast("int64").sum(),
        "wait_seconds": began.ifelse(pieces.waited, 0).sum(),
        **{name: (pieces.live * pieces[column]).sum() for name, column in COMPONENTS.items()},
    }
    return pieces.group_by(*USAGE).aggregate(
        **{name: found.cast("int64") for name, found in sums.items()}
    )


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of a reckoning: their bounds, and by how many seconds the zone's clocks are ahead of UTC.

    ``clocks`` are (until, offset) of instants, ``midnights`` those of days' beginnings, told by the clocks' own time.
    """

    start: int
    end: int
    clocks: Sequence[tuple[int, int]]
    midnights: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, how: Reckoning) -> _Days:
        """Reckon them, with what a clock change may put a day further."""
        calendar, more = how.calendar, timedelta(days=2)
        days = calendar.days(how.first - more, how.last + more)
        midnights = [
            (number * DAY_SECONDS, number * DAY_SECONDS - start) for number, start, _ in days
        ]
        clocks = list(calendar.offsets(days[0][1], days[-1][2]))
        start, end = calendar.start_of(how.first), calendar.start_of(how.last + timedelta(days=1))
        return cls(start, end, clocks, _runs(midnights))

    def ahead(self, second: IntegerValue) -> IntegerValue:
        """By how much the clocks are ahead at *second*."""
        return _stepped(second, self.clocks)

    def bound(self, midnight: IntegerValue) -> IntegerValue:
        """At which second the day begins of which the clocks' own time is *midnight*."""
        return midnight - _stepped(midnight, self.midnights)


def _runs(stepped: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Turn the (beginning, offset) of each day into (until, offset) of as few runs as there are."""
    runs = [(next(run)[0], offset) for offset, run in groupby(stepped, key=lambda at: at[1])]
    untils = [begun for begun, _ in runs[1:]] + [runs[-1][0]]
    return [(until, offset) for until, (_, offset) in zip(untils, runs, strict=True)]


def _stepped(at: IntegerValue, steps: Sequence[tuple[int, int]]) -> IntegerValue:
    *before, (_, after) = steps
    if not before:
        return ibis.literal(after, "int64")
    return ibis.cases(*((at < until, offset) for until, offset in before), else_=after).cast(
        "int64"
    )


def requeued(attempts: Table) -> Table:
    """Return ``start`` and ``end`` of attempts after which their job began again, and when: ``next_start``."""
    marked = _with_next(attempts)
    found = marked.filter(marked.state.isin(REQUEUED), marked.next_start.notnull())
    return found.select("start", "end", "next_start")


def _with_next(attempts: Table) -> Table:
    job = ibis.window(
        group_by=["cluster", "job", "account", "user"], order_by=["start", "submitted"]
    )
    return attempts.mutate(next_start=attempts.start.lead().over(job))


def last_attempts(attempts: Table) -> Table:
    """Leave out each attempt after which its job was put back into the queue, and those that began again later."""
    marked = _with_next(attempts)
    is_over = marked.state.isin(REQUEUED) & marked.next_start.notnull()
    return marked.filter(~(is_over | (marked.state == REQUEUED[0])))


def _pieces(attempts: Table, days: _Days) -> Table:
    """Cut *attempts* at the days' bounds: each piece is ``since`` … ``until`` of its ``day``."""
    first = _midnight(ibis.greatest(attempts.start, days.start), days)
    last = _midnight(ibis.least(attempts.end, days.end) - 1, days)
    # Spark's range needs plain columns: Ibis writes `stop - start` of formulas without brackets.
    cut = attempts.mutate(first=first, beyond=last + 1)
    cut = cut.mutate(midnight=ibis.range(cut.first, cut.beyond, DAY_SECONDS).unnest())
    cut = cut.mutate(
        since=ibis.greatest(cut.start, days.bound(cut.midnight)),
        until=ibis.least(cut.end, days.bound(cut.midnight + DAY_SECONDS)),
        day=_quotient(cut.midnight, DAY_SECONDS),
    )
    # A zone that leaves out a whole day has one without seconds.
    return cut.filter(cut.since < cut.until)


def _midnight(second: IntegerValue, days: _Days) -> IntegerValue:
    """The beginning of the day of *second*, in the clocks' own time."""
    told = second + days.ahead(second)
    return told - told % DAY_SECONDS


def live_seconds(pieces: Table, until: IntegerValue) -> IntegerValue:
    """For how long an attempt was not suspended, from its beginning to *until*.

    Slurm says how long it was suspended in all and not when: it is taken to be spread evenly.
    """
    length, passed = pieces.end - pieces.start, until - pieces.start
    suspended = ibis.least(pieces.suspended, length)
    weighed = passed * (length - suspended)
    return (suspended == 0).ifelse(passed, _quotient(weighed, length))


def _quotient(number: IntegerValue, divisor: IntegerValue | int) -> IntegerValue:
    """Divide a whole number ≥ 0, rounding down."""
    return ((number - number % divisor) / divisor).round().cast("int64")


def _counted(pieces: Table, rule: Rule) -> IntegerValue:
    if rule.shape:
        return _share(pieces, rule.shape)
    return pieces.live * count_of(pieces, rule.tres if rule.kind is Kind.TRES else NODE)


def _share(pieces: Table, shape: NodeShape) -> IntegerValue:
    """The largest share of a node, times the seconds of the day: rounded up, and at least 1."""
    whole = shape.denominator
    shares = [pieces[_COLUMN_OF[tres]] * (whole // count) for tres, count in shape.by_tres.items()]
    largest: IntegerValue = reduce(ibis.greatest, shares)
    seconds = (pieces.until - pieces.since) * largest
    return ibis.greatest(_quotient(seconds + (whole - 1), whole), 1)


def count_of(pieces: Table, tres: str) -> IntegerValue:
    """How many of *tres* an attempt has."""
    if column := _COLUMN_OF.get(tres):
        return pieces[column]
    pattern = f"(^|,){tres.replace('.', '[.]')}=([0-9]+)"
    return pieces.tres.re_extract(pattern, 2).nullif("").cast("int64").fill_null(0)
