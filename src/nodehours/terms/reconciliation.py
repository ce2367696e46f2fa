"""The ledger beside what somebody else says of the same usage: do they agree, and if not, where do they part.

*Ours* are the ledger's figures, *theirs* the other side's, both in node-seconds; a difference is ours less theirs.
A side that has no figure is not the same as one that has 0, but where the other has only 0 they agree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import NamedTuple, TypeVar

from nodehours.terms.figure import Figure
from nodehours.terms.month import Month

Key = TypeVar("Key", bound=Hashable)


class Verdict(Enum):
    """What comes of a month, in a word."""

    OK = "ok"
    HIGH = "ledger high"
    LOW = "ledger low"
    MISSING_HERE = "missing here"
    MISSING_THERE = "missing there"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two figures may be apart and still agree: the wider of node-seconds and a per cent of the larger."""

    node_seconds: int = 0
    percent: Decimal = Decimal(0)

    def allowed(self, ours: int, theirs: int) -> int:
        """Return by how many node-seconds *ours* and *theirs* may differ, rounding left aside."""
        relative = Fraction(self.percent) * max(ours, theirs) // 100
        return max(self.node_seconds, relative)


class Total(NamedTuple):
    """A sum of figures, and by how many node-seconds it may be off."""

    node_seconds: int
    rounding: int


@dataclass(frozen=True, slots=True)
class Side:
    """One side's figures. ``days`` are the same usage by day, None where the side does not tell days.

    ``rounding`` is how far one of its figures may be off: one that was left out may be a 0 that was rounded.
    """

    figures: Sequence[Figure]
    days: Sequence[Figure] | None = None
    rounding: int = 0

    @property
    def names_users(self) -> bool:
        """Whether every figure names a user."""
        return all(figure.user is not None for figure in self.figures)


class Part(NamedTuple):
    """The share of one user or day in a month, on both sides; None where a side has no figure of it."""

    name: str
    ours: int | None
    theirs: int | None
    agrees: bool

    @property
    def difference(self) -> int:
        """Ours less theirs."""
        return (self.ours or 0) - (self.theirs or 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A project's month, or with ``project`` None the month of all projects together, on both sides.

    ``ours`` and ``theirs`` are None where a side has no figure. ``allowed`` is how far they may be apart, the
    tolerance and the rounding together. ``users`` and ``days`` are all whose figures differ, the largest
    difference first; there are none where a side does not name them.
    """

    project: str | None
    month: Month
    ours: int | None
    theirs: int | None
    allowed: int
    users: tuple[Part, ...] = ()
    days: tuple[Part, ...] = ()

    @property
    def difference(self) -> int:
        """Ours less theirs."""
        return (self.ours or 0) - (self.theirs or 0)

    @property
    def verdict(self) -> Verdict:
        """What comes of it."""
        if abs(self.difference) <= self.allowed:
            return Verdict.OK
        if self.ours is None:
            return Verdict.MISSING_HERE
        if self.theirs is None:
            return Verdict.MISSING_THERE
        return Verdict.HIGH if self.difference > 0 else Verdict.LOW

    @property
    def is_shifted(self) -> bool:
        """Whether the totals agree, but not who used it."""
        return self.verdict is Verdict.OK and not all(user.agrees for user in self.users)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every project's month, in the order of months and projects, and each month of all projects together."""

    projects: list[Comparison] = field(default_factory=list)
    months: list[Comparison] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        """Whether every verdict is ok, and every user's figure too."""
        return all(
            one.verdict is Verdict.OK and not one.is_shifted
            for one in (*self.projects, *self.months)
        )

    def counts(self) -> Mapping[Verdict, int]:
        """Return how many projects' months there are of each verdict."""
        found = Counter(one.verdict for one in self.projects)
        return {verdict: found[verdict] for verdict in Verdict}


class Agreement(NamedTuple):
    """When the ledger last said the same as the other side, and which days have changed since."""

    revision: int
    posted: datetime
    changed_days: tuple[date, ...]


class _Pair(NamedTuple):
    """Both sides' totals of one thing; None where a side has no figure of it."""

    ours: Total | None
    theirs: Total | None


@dataclass(frozen=True, slots=True)
class _Judge:
    """What it needs to tell whether two totals agree."""

    tolerance: Tolerance
    ours_rounding: int
    theirs_rounding: int

    def allowed(self, pair: _Pair) -> int:
        ours = pair.ours or Total(0, self.ours_rounding)
        theirs = pair.theirs or Total(0, self.theirs_rounding)
        wanted = self.tolerance.allowed(ours.node_seconds, theirs.node_seconds)
        return wanted + ours.rounding + theirs.rounding

    def part(self, name: str, pair: _Pair) -> Part:
        part = Part(name, _plain(pair.ours), _plain(pair.theirs), agrees=True)
        return part._replace(agrees=abs(part.difference) <= self.allowed(pair))

    def comparison(
        self, project: str | None, month: Month, pair: _Pair, *parts: tuple[Part, ...]
    ) -> Comparison:
        return Comparison(
            project, month, _plain(pair.ours), _plain(pair.theirs), self.allowed(pair), *parts
        )


def reconcile(ours: Side, theirs: Side, tolerance: Tolerance) -> Reconciliation:
    """Compare what both sides say of every project's month that either has a figure of.

    The sum of the users' differences is the difference of the totals; of the days' also, where a side's
    ``days`` and ``figures`` have the same sum.
    """
    judge = _Judge(tolerance, ours.rounding, theirs.rounding)
    users = _users(ours, theirs, judge)
    days = _days(ours, theirs, judge)
    by_project = _paired(ours.figures, theirs.figures, lambda one: (one.month, one.project))
    by_month = _paired(ours.figures, theirs.figures, lambda one: one.month)
    return Reconciliation(
        [
            judge.comparison(project, month, pair, users[month, project], days[month, project])
            for (month, project), pair in sorted(by_project.items())
        ],
        [judge.comparison(None, month, pair) for month, pair in sorted(by_month.items())],
    )


_Parts = Mapping[tuple[Month, str], tuple[Part, ...]]


def _users(ours: Side, theirs: Side, judge: _Judge) -> _Parts:
    if not (ours.names_users and theirs.names_users):
        return defaultdict(tuple)
    pairs = _paired(
        ours.figures, theirs.figures, lambda one: (one.month, one.project, str(one.user))
    )
    return _differing(pairs, judge)


def _days(ours: Side, theirs: Side, judge: _Judge) -> _Parts:
    if ours.days is None or theirs.days is None:
        return defaultdict(tuple)
    pairs = _paired(ours.days, theirs.days, lambda one: (one.month, one.project, str(one.day)))
    return _differing(pairs, judge)


def _differing(pairs: Mapping[tuple[Month, str, str], _Pair], judge: _Judge) -> _Parts:
    parts: dict[tuple[Month, str], list[Part]] = defaultdict(list)
    for (month, project, name), pair in pairs.items():
        part = judge.part(name, pair)
        if part.difference:
            parts[month, project].append(part)
    found: dict[tuple[Month, str], tuple[Part, ...]] = defaultdict(tuple)
    for key, some in parts.items():
        found[key] = tuple(sorted(some, key=lambda part: (-abs(part.difference), part.name)))
    return found


def _paired(
    ours: Iterable[Figure], theirs: Iterable[Figure], key: Callable[[Figure], Key]
) -> dict[Key, _Pair]:
    our_totals, their_totals = _totals(ours, key), _totals(theirs, key)
    return {
        name: _Pair(our_totals.get(name), their_totals.get(name))
        for name in {**our_totals, **their_totals}
    }


def _totals(figures: Iterable[Figure], key: Callable[[Figure], Key]) -> dict[Key, Total]:
    totals: dict[Key, Total] = {}
    for figure in figures:
        name = key(figure)
        former = totals.get(name, Total(0, 0))
        totals[name] = Total(
            former.node_seconds + figure.node_seconds, former.rounding + figure.rounding
        )
    return totals


def _plain(total: Total | None) -> int | None:
    return None if total is None else total.node_seconds
