"""Records that cannot be believed: what a report says is well formed, and still cannot be true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

from nodehours.terms.content import day_sha256
from nodehours.terms.days import DayDigest
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.usage import Day

_DAY_SECONDS = 86_400  # leap seconds aside


class DoubtReason(Enum):
    """Why a record is not believed."""

    SHAPE = "unknown shape"
    FUTURE = "day in the future"
    BEFORE_START = "before the allocation's start"
    BEYOND_CAPACITY = "more than the resource could give"
    HALVED = "total halved"
    UNPOSTABLE = "more than the ledger can keep"


OF_DAYS = frozenset(
    {
        DoubtReason.FUTURE,
        DoubtReason.BEFORE_START,
        DoubtReason.BEYOND_CAPACITY,
        DoubtReason.HALVED,
    }
)
"""The reasons for which days are set aside, and not a report as a whole."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Days of one month that are not believed: why in a word, and in a sentence."""

    days: frozenset[date]
    reason: DoubtReason
    sentence: str

    @property
    def place(self) -> str:
        """The day, or the first and the last of several."""
        first, last = min(self.days), max(self.days)
        return str(first) if first == last else f"{first}..{last}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an allocation's days can be at all, as far as it is known.

    ``nodes`` is the size of its resource. ``aside`` are the content hashes of days that halved a total before and
    were not released since: they are doubted for as long, though other days may have raised the total meanwhile.
    """

    today: date
    starts: date | None = None
    nodes: int | None = None
    aside: frozenset[bytes] = frozenset()

    def doubts(
        self,
        month: Month,
        changed: Mapping[date, Day],
        known: Mapping[date, DayDigest],
        expected: Mapping[date, DayDigest],
    ) -> list[Doubt]:
        """Return why of the *changed* days of *month* some cannot be as reported, a doubt for each reason.

        *known* is what the ledger says of the month, *expected* that with what waits for a decision.
        """
        found: dict[DoubtReason, dict[date, str]] = {}
        for day in sorted(changed):
            if doubted := self._doubted(day, changed[day]):
                reason, sentence = doubted
                found.setdefault(reason, {})[day] = sentence
        doubted_days = {day for sentences in found.values() for day in sentences}
        rest = {day: whole for day, whole in changed.items() if day not in doubted_days}
        doubts = [_gathered(reason, sentences) for reason, sentences in found.items()]
        doubt = halved(month, rest, known, expected)
        return [*doubts, doubt] if doubt else doubts

    def _doubted(self, day: date, whole: Day) -> tuple[DoubtReason, str] | None:
        if day > self.today and _says_something(whole):
            return DoubtReason.FUTURE, f"{day} has not begun (it is {self.today})"
        if self.starts and day < self.starts and whole.node_seconds:
            sentence = f"usage on {day}, before the allocation's start on {self.starts}"
            return DoubtReason.BEFORE_START, sentence
        if sentence := self._beyond_capacity(day, whole):
            return DoubtReason.BEYOND_CAPACITY, sentence
        if self.aside and day_sha256(day, whole) in self.aside:
            return DoubtReason.HALVED, f"{day} helped to halve the total of its month before"
        return None

    def _beyond_capacity(self, day: date, whole: Day) -> str:
        if self.nodes is None or whole.node_seconds <= (most := self.nodes * _DAY_SECONDS):
            return ""
        name, used = max(whole.usage.items(), key=lambda item: item[1].node_seconds)
        what = f"{name} used {node_hours(used.node_seconds)} node-hours"
        if used.node_seconds <= most:
            what = f"all users together used {node_hours(whole.node_seconds)} node-hours"
        return f"on {day} {what}, and {self.nodes} nodes can give {node_hours(most)} in a day"


def _says_something(whole: Day) -> bool:
    """Tell a day with figures from an empty page of the calendar."""
    figures = (whole.node_seconds, whole.jobs, whole.wait_seconds, *whole.components.values())
    return whole.is_complete or any(figures)


def _gathered(reason: DoubtReason, sentences: Mapping[date, str]) -> Doubt:
    """Make one doubt of all days with one reason; the sentence of the first stands for all."""
    first, more = next(iter(sentences.values())), len(sentences) - 1
    also = f"; {more} more {'day is' if more == 1 else 'days are'} doubted with it" if more else ""
    return Doubt(frozenset(sentences), reason, first + also)


def halved(
    month: Month,
    changed: Mapping[date, Day],
    known: Mapping[date, DayDigest],
    expected: Mapping[date, DayDigest],
) -> Doubt | None:
    """Return the doubt about those of the *changed* days that bring the total of *month* down to half or less.

    That is half of what it is by the *known* days or of what is *expected*, whichever is less. Days that rise, or
    were not there, are not in doubt.
    """
    lowered = {
        day
        for day, whole in changed.items()
        if day in expected and whole.node_seconds < expected[day].node_seconds
    }
    before = sum(told.node_seconds for told in expected.values())
    total = before + sum(
        whole.node_seconds - (expected[day].node_seconds if day in expected else 0)
        for day, whole in changed.items()
    )
    former = min(before, sum(told.node_seconds for told in known.values()) if known else before)
    if not lowered or total * 2 > former:
        return None
    sentence = f"the total of {month} would fall from {node_hours(former)} to {node_hours(total)} node-hours"
    return Doubt(frozenset(lowered), DoubtReason.HALVED, sentence)
