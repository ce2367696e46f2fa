"""The ledger beside what Slurm rolled up: by account, user, period and TRES, with the causes of each difference.

Both sides are cut at each other's bounds. Where both count the same seconds, sreport counts all of them for nodes,
graphics processors, memory and billing, and for processors those in which the job was not suspended; the ledger always
counts the latter. What only one of them counts is another time zone's days, or hours that were not rolled up yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from nodehours.sources.slurm.portions import Jobs, Portion
from nodehours.sources.slurm.reservations import Reserved
from nodehours.sources.slurm.rolled_up import HOUR, Period, Use
from nodehours.terms.cause import Explained, Span, Why, explain
from nodehours.terms.rule import CPU

Place: TypeAlias = tuple[str, str]
"""A project and a local user."""


class Cell(NamedTuple):
    """A user's figure on both sides, in seconds of a TRES; ``archive`` is what the jobs of the archive come to.

    ``difference`` is the ledger's less sreport's.
    """

    project: str
    accounts: tuple[str, ...]
    user: str
    period: Period
    tres: str
    ours: int
    theirs: int
    archive: int | None
    explained: Explained

    @property
    def difference(self) -> int:
        """Ours less theirs."""
        return self.ours - self.theirs


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared of one period: its own seconds and those of the ledger's days, and all that is known.

    ``ours`` are the ledger's figures by place and TRES, ``project_of`` names the project of an account and cluster.
    ``is_certain``: it cannot be that the last hour was not rolled up. ``changes`` tells from which second on only last
    attempts count for the ledger, or all.
    """

    period: Period
    theirs_span: tuple[int, int]
    ours_span: tuple[int, int]
    tres: Sequence[str]
    uses: Sequence[Use]
    ours: Mapping[tuple[Place, str], int]
    project_of: Callable[[str, str], str]
    jobs: Jobs | None = None
    reserved: Reserved = field(default_factory=Reserved)
    is_certain: bool = True
    changes: Mapping[int, bool] = field(default_factory=dict)

    def only_last(self, second: int) -> bool:
        """Whether only last attempts count at *second*."""
        before = [at for at in self.changes if at <= second]
        return bool(before) and self.changes[max(before)]


def compare(sides: Sides) -> list[Cell]:
    """Compare, and explain.

    Where it is not certain that the last hour was rolled up, that is taken which leaves less unexplained.
    """
    ends = [sides.theirs_span[1]] if sides.is_certain else _ends(sides.theirs_span)
    found = [_compared(sides, end) for end in ends]
    return min(found, key=lambda cells: sum(abs(one.explained.unexplained) for one in cells))


def _ends(span: tuple[int, int]) -> list[int]:
    return [end for end in (span[1], span[1] - HOUR) if end >= span[0]]


Known: TypeAlias = dict[tuple[Place, str], dict[Why, Span]]


@dataclass(slots=True)
class _Facts:
    """What is known by place and TRES: accounts, figures, and causes."""

    accounts: dict[Place, set[tuple[str, str]]]
    theirs: dict[tuple[Place, str], int]
    archive: dict[tuple[Place, str], int]
    causes: Known

    def add(self, place: Place, tres: str, why: Why, span: Span) -> None:
        """Add to a cause."""
        known = self.causes[place, tres]
        former = known.get(why, Span(0, 0))
        known[why] = Span(former.least + span.least, former.most + span.most)

    def exactly(self, place: Place, tres: str, why: Why, seconds: int) -> None:
        """Add what is exactly known of a cause."""
        self.add(place, tres, why, Span(seconds, seconds))


def _compared(sides: Sides, end: int) -> list[Cell]:
    facts = _Facts(defaultdict(set), defaultdict(int), defaultdict(int), defaultdict(dict))
    for use in sides.uses:
        place = sides.project_of(use.account, use.cluster), use.user
        facts.accounts[place].add((use.cluster, use.account))
        facts.theirs[place, use.tres] += use.seconds
        facts.add(place, use.tres, Why.ROUNDED, Span(-use.rounding, use.rounding))
    if sides.jobs:
        _add_jobs(facts, sides, sides.jobs, end)
    _add_reserved(facts, sides, end)
    keys = {*facts.theirs, *sides.ours, *facts.archive}
    return [_cell(facts, sides, *key) for key in sorted(keys) if _is_told(facts, sides, key)]


def _is_told(facts: _Facts, sides: Sides, key: tuple[Place, str]) -> bool:
    figures = sides.ours.get(key), facts.theirs.get(key), facts.archive.get(key)
    return key[1] in sides.tres and any(figures)


def _cell(facts: _Facts, sides: Sides, place: Place, tres: str) -> Cell:
    ours, theirs = sides.ours.get((place, tres), 0), facts.theirs.get((place, tres), 0)
    known = facts.causes.get((place, tres), {})
    accounts = tuple(sorted({account for _, account in facts.accounts[place]}))
    archive = facts.archive.get((place, tres), 0) if sides.jobs else None
    explained = explain(ours - theirs, known.items())
    return Cell(place[0], accounts, place[1], sides.period, tres, ours, theirs, archive, explained)


class _Part(NamedTuple):
    """A span of seconds, and who counts it."""

    span: tuple[int, int]
    is_ours: bool
    is_theirs: bool
    is_later: bool


def _parts(sides: Sides, theirs: tuple[int, int], *, is_running: bool) -> Iterator[_Part]:
    ours = sides.ours_span
    bounds = sorted({*ours, *theirs})
    bounds = sorted({*bounds, *(at for at in sides.changes if bounds[0] < at < bounds[-1])})
    for start, end in pairwise(bounds):
        is_ours = ours[0] <= start < ours[1]
        is_theirs = theirs[0] <= start < theirs[1]
        yield _Part((start, end), is_ours, is_theirs, is_running and start >= theirs[1])


def _add_jobs(facts: _Facts, sides: Sides, jobs: Jobs, end: int) -> None:
    theirs = sides.theirs_span[0], end
    is_running = not sides.period.is_whole or end < sides.theirs_span[1]
    for part in _parts(sides, theirs, is_running=is_running):
        only_last = sides.only_last(part.span[0])
        for portion in jobs.portions(part.span, sides.tres, only_last=only_last):
            place = sides.project_of(portion.account, portion.cluster), portion.user
            facts.accounts[place].add((portion.cluster, portion.account))
            for why, seconds in _whys(part, portion):
                facts.exactly(place, portion.tres, why, seconds)
            if part.is_ours and portion.counts:
                facts.archive[place, portion.tres] += portion.live
    if CPU in sides.tres:
        _add_spread(facts, sides, jobs.portions(theirs, [CPU]))


def _whys(part: _Part, portion: Portion) -> Iterable[tuple[Why, int]]:
    """Tell what of a portion only one side counts."""
    theirs = portion.live if portion.tres == CPU else portion.all
    if not part.is_theirs:
        why = Why.LATER if part.is_later else Why.OTHER_DAYS
        return [(why, portion.live)] if part.is_ours and portion.counts else []
    if not part.is_ours:
        return [(Why.OTHER_DAYS, -theirs)]
    if not portion.counts:
        return [(Why.REQUEUED, -theirs)]
    return [(Why.SUSPENDED, portion.live - theirs)]


def _add_spread(facts: _Facts, sides: Sides, portions: Iterable[Portion]) -> None:
    for one in portions:
        place = sides.project_of(one.account, one.cluster), one.user
        facts.add(place, CPU, Why.SPREAD, Span(-one.spread.most, -one.spread.least))


def _add_reserved(facts: _Facts, sides: Sides, end: int) -> None:
    span = sides.theirs_span[0], end
    for place, accounts in facts.accounts.items():
        for cluster, account in accounts:
            for one in sides.reserved.of((cluster, account, place[1])):
                for tres in sides.tres:
                    facts.add(place, tres, Why.RESERVED, Span(-one.idle(tres, span), 0))


def told_twice(uses: Iterable[Use]) -> Collection[Use]:
    """Return the uses of which another line told already."""
    seen: set[tuple[str, str, str, str]] = set()
    twice = []
    for use in uses:
        key = use[:4]
        if key in seen:
            twice.append(use)
        seen.add(key)
    return twice
