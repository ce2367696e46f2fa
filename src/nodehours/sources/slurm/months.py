"""A month's usage out of the archive, and which of its days are known completely.

A day is known completely when it lies within a span of which somebody said that all of it was asked for, or when the
records themselves show it: some attempt ended no later, and some began no earlier, each within a week. Besides it must
be over, and no attempt may be there that was still running when it was last looked at, before the day was over.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import ibis
import pyarrow as pa

from nodehours.sources.slurm.engines import DuckDB, Engine
from nodehours.sources.slurm.joining import joined, sure
from nodehours.sources.slurm.kept import NEAR_DAYS, Coverage, Kept, Part, months_of
from nodehours.sources.slurm.usage import ATTEMPTS, Reckoning, daily_usage, requeued
from nodehours.terms.calendar import Calendar, day_of
from nodehours.terms.month import Month
from nodehours.terms.rule import Rule

if TYPE_CHECKING:
    from ibis.expr.types import Table

ORDER: Final = ("cluster", "account", "user", "day")


class RuleFrom(NamedTuple):
    """A rule and the first day on which it holds."""

    since: date
    rule: Rule


@dataclass(frozen=True, slots=True)
class Setting:
    """By which rules, in the order of their days, and on whose days."""

    rules: Sequence[RuleFrom]
    calendar: Calendar

    @property
    def may_count_last(self) -> bool:
        """Whether on some days only last attempts count."""
        return any(one.rule.only_last for one in self.rules)

    def rule_of(self, day: date) -> Rule:
        """Return the rule that holds on *day*: before the first one holds, that one."""
        found = [one.rule for one in self.rules if one.since <= day]
        return found[-1] if found else self.rules[0].rule

    def spans(self, month: Month) -> Iterable[tuple[date, date]]:
        """Give the (first, last) days of *month* by runs of days with one rule."""
        changes = sorted({one.since for one in self.rules if month.start < one.since < month.end})
        bounds = [month.start, *changes, month.end]
        return [(first, last - timedelta(1)) for first, last in pairwise(bounds)]


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """The usage of a month, and which days are known: ``complete`` ones, and the others of which there is usage.

    ``usage`` has the columns of ``daily_usage``, in the order of cluster, account, user and day.
    """

    month: Month
    usage: pa.Table
    complete: frozenset[date]

    @property
    def days(self) -> list[date]:
        """All days of which anything is known."""
        used = map(day_of, self.usage["day"].unique().to_pylist())
        return sorted({*used, *self.complete})


def month_usage(
    kept: Kept, month: Month, setting: Setting, now: int, engine: Engine | None = None
) -> MonthUsage:
    """Return what *month* comes to at the second *now*; *engine* reckons it, DuckDB if none is named."""
    engine = engine or DuckDB()
    attempts = _attempts(kept)
    tables = [
        engine.answer(daily_usage(attempts, how), files)
        for how in _reckonings(kept, month, setting)
        if (files := _files(kept, how))
    ]
    usage = pa.concat_tables(tables) if tables else _NOTHING
    return MonthUsage(
        month,
        usage.sort_by([(name, "ascending") for name in ORDER]),
        frozenset(_complete(kept, engine, month, setting.calendar, now)),
    )


def reopened_months(kept: Kept, engine: Engine, changed: Iterable[Month]) -> set[Month]:
    """Return the months of attempts after which their job began again in one of the *changed* months.

    Where only last attempts count, these are told anew as well.
    """
    files, months = kept.files(0, 2**62), set(changed)
    found = engine.answer(requeued(_attempts(kept)), files).to_pylist() if files else []
    return {
        month
        for row in found
        if months & set(months_of(row["next_start"], row["next_start"]))
        for month in months_of(row["start"], row["end"])
    }


def unended_jobs(kept: Kept, engine: Engine, cluster: str, before: int) -> list[str]:
    """Return the jobs of *cluster* that still ran when they were last seen, if that was before the second *before*."""
    if kept.seen_until.get(cluster, before) >= before:
        return []
    attempts = _attempts(kept)
    unended = _unended(attempts.filter(attempts.cluster == cluster))
    jobs = unended.filter(unended.end < before).select("job").distinct().order_by("job")
    return [str(row["job"]) for row in engine.answer(jobs, kept.files(0, 2**62)).to_pylist()]


def _attempts(kept: Kept) -> Table:
    return ATTEMPTS if kept.holds_once else joined(ATTEMPTS)


_NOTHING: Final = pa.table(
    {name: pa.array([], pa.string()) for name in ORDER[:3]}
    | {
        name: pa.array([], pa.int64())
        for name in ("day", "counted", "jobs", "wait_seconds", "cpu", "gpu", "memory", "billing")
    }
)


def _reckonings(kept: Kept, month: Month, setting: Setting) -> Iterable[Reckoning]:
    return [
        Reckoning(
            setting.rule_of(first), setting.calendar, first, last,
            has_unsure=kept.has_unsure,
        )
        for first, last in setting.spans(month)
    ]  # fmt: skip


def _files(kept: Kept, how: Reckoning) -> list[str]:
    start, end = how.calendar.start_of(how.first), how.calendar.start_of(how.last + timedelta(1))
    # What came after an attempt says whether it was the last one.
    return kept.files(start, 2**62 if how.rule.only_last else end)


class _Known(NamedTuple):
    """What is known of a cluster around a month: on which days (their numbers, in order) attempts began and ended.

    ``since`` is when its first attempt began, ``seen_until`` how far at least all had come that are not ended, and
    ``asked`` are the spans of time of which all was asked for; seconds since 1970.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    since: int
    seen_until: int
    asked: Sequence[Coverage]

    def has_say(self, end: int) -> bool:
        """Tell whether it was there before *end*."""
        return end > self.since or any(one.since < end for one in self.asked)

    def is_complete(self, number: int, start: int, end: int) -> bool:
        """Tell whether all is known of the day of that number, from *start* to *end*."""
        return end <= self.seen_until and (self._was_asked(start, end) or self._is_shown(number))

    def _was_asked(self, start: int, end: int) -> bool:
        return any(one.since <= start and end <= one.until for one in self.asked)

    def _is_shown(self, number: int) -> bool:
        before, after = bisect_right(self.ends, number), bisect_left(self.starts, number)
        return (
            before > 0
            and after < len(self.starts)
            and number - self.ends[before - 1] <= NEAR_DAYS
            and self.starts[after] - number <= NEAR_DAYS
        )


def _complete(
    kept: Kept, engine: Engine, month: Month, calendar: Calendar, now: int
) -> Iterator[date]:
    known = _known(kept, engine, month, calendar)
    days = calendar.days(month.start, month.end - timedelta(1))
    for number, start, end in days:
        telling = [one for one in known if one.has_say(end)]
        if end <= now and telling and all(one.is_complete(number, start, end) for one in telling):
            yield day_of(number)


def _known(kept: Kept, engine: Engine, month: Month, calendar: Calendar) -> list[_Known]:
    near = timedelta(NEAR_DAYS + 2)
    span = calendar.start_of(month.start - near), calendar.start_of(month.end + near)
    days, seen_until = _busy_days(kept, engine, span, calendar), _seen_until(kept, engine)
    parts: dict[str, list[Part]] = {name: [] for name in kept.clusters}
    for _, name, part in kept.parts:
        parts[name].append(part)
    return [
        _Known(
            sorted(days[name, "start"]),
            sorted(days[name, "end"]),
            min([part.start for part in parts[name]], default=2**62),
            seen_until.get(name, 2**62),
            cluster.known,
        )
        for name, cluster in kept.clusters.items()
    ]  # fmt: skip


def _seen_until(kept: Kept, engine: Engine) -> Mapping[str, int]:
    """Return how far at least the attempts of each cluster had come that are not ended, where there are any."""
    seen = kept.seen_until
    if not seen or not kept.has_unsure:
        return seen
    # What became of them may be told by records that are not known to be of the same attempt.
    unended = _unended(_attempts(kept))
    asked = unended.group_by("cluster").aggregate(seen_until=unended.end.min())
    found = engine.answer(asked, kept.files(0, 2**62)).to_pylist()
    return {row["cluster"]: row["seen_until"] for row in found}


def _unended(attempts: Table) -> Table:
    jobs = attempts.filter(~attempts.is_ended).select("cluster", "job").distinct()
    known = sure(attempts.semi_join(jobs, ["cluster", "job"]))
    return known.filter(~known.is_ended)


def _busy_days(
    kept: Kept, engine: Engine, span: tuple[int, int], calendar: Calendar
) -> Mapping[tuple[str, str], set[int]]:
    """Return the days of *span* on which attempts have their ``start`` or ``end``, by cluster and which of them."""
    days: dict[tuple[str, str], set[int]] = defaultdict(set)
    if files := kept.files(*span):
        for found in engine.answer(_moments(_attempts(kept), *span), files).to_pylist():
            days[found["cluster"], found["which"]].add(calendar.number_at(found["at"]))
    return days


def _moments(attempts: Table, start: int, end: int) -> Table:
    """The quarters of an hour in which attempts begin or end: days begin at one of them in every time zone."""
    told = [
        attempts.select("cluster", which=ibis.literal(name), at=attempts[name])
        for name in ("start", "end")
    ]
    both = told[0].union(told[1])
    both = both.filter(both["at"] >= start, both["at"] < end)
    return both.mutate(at=both["at"] - both["at"] % 900).distinct()
