"""How attempts become daily usage, said again in plain Python: what engines are compared with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from nodehours.sources.slurm.attempt import UNKNOWN_USER, Attempt
from nodehours.terms.rule import Kind, Rule

Cell = tuple[str, str, str, int]
FIGURES = ("counted", "jobs", "wait_seconds", "cpu", "gpu", "memory", "billing")
MAYBE_AGAIN = {"REQUEUED", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"}


class Piece(NamedTuple):
    """What of an attempt lies in one day."""

    attempt: Attempt
    day: date
    since: int
    until: int


def daily(
    attempts: Iterable[Attempt],
    rule: Rule,
    zone: ZoneInfo,
    days: Sequence[date],
    *,
    only_last: bool = False,
) -> dict[Cell, dict[str, int]]:
    """Return the figures of each cluster, account, user and day."""
    found: dict[Cell, Counter[str]] = defaultdict(Counter)
    known = sure(list(attempts))
    for piece in pieces(last(known) if only_last else known, zone, days):
        one, number = piece.attempt, (piece.day - date(1970, 1, 1)).days
        found[one.cluster, one.account, one.user, number].update(figures(piece, rule))
    return {cell: {name: of[name] for name in FIGURES} for cell, of in found.items()}


def sure(attempts: Sequence[Attempt]) -> list[Attempt]:
    """A job runs once at a time: what overlaps is one attempt, unless it is known to be several."""
    found: list[list[Attempt]] = []
    until = 0
    for one in sorted(attempts, key=lambda one: (one.cluster, one.job, one.start, -one.end)):
        before = found[-1][-1] if found else None
        if before and (before.cluster, before.job) == (one.cluster, one.job) and one.start < until:
            found[-1].append(one)
            until = max(until, one.end)
        else:
            found.append([one])
            until = one.end
    return [one for span in found for one in once(span)]


def once(span: Sequence[Attempt]) -> list[Attempt]:
    told = [one for one in span if one.submitted]
    return told if len(told) > 1 else [best(span)]


def best(records: Iterable[Attempt]) -> Attempt:
    """What was looked at last, from the earliest start, with the wait until then."""
    told = list(records)
    latest = max(told, key=weight)
    first = min(told, key=lambda one: (one.start, -one.waited))
    return latest._replace(start=first.start, waited=first.waited)


def weight(one: Attempt) -> list[Any]:
    seen = {"is_ended", "end", "start", "waited"}
    rest = [value for name, value in one._asdict().items() if name not in seen]
    tells = [one.user != UNKNOWN_USER, one.account != "", one.tres != ""]
    return [one.is_ended, one.end, *tells, *rest]


def last(attempts: Sequence[Attempt]) -> list[Attempt]:
    by_job: dict[tuple[str, ...], list[Attempt]] = defaultdict(list)
    for one in sorted(attempts, key=lambda one: (one.start, one.submitted)):
        by_job[one.cluster, one.job, one.account, one.user].append(one)
    return [
        one
        for job in by_job.values()
        for place, one in enumerate(job, 1)
        if one.state != "REQUEUED" and (one.state not in MAYBE_AGAIN or place == len(job))
    ]


def pieces(attempts: Iterable[Attempt], zone: ZoneInfo, days: Iterable[date]) -> Iterator[Piece]:
    bounds = [(day, begin(day, zone), begin(day + timedelta(1), zone)) for day in days]
    for one in attempts:
        for day, start, end in bounds:
            since, until = max(one.start, start), min(one.end, end)
            if since < until:
                yield Piece(one, day, since, until)


def begin(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())


def figures(piece: Piece, rule: Rule) -> dict[str, int]:
    one, live = piece.attempt, live_until(piece.attempt, piece.until)
    live -= live_until(piece.attempt, piece.since)
    began = one.start == piece.since
    parts = {"cpu": one.cpus, "gpu": one.gpus, "memory": one.memory, "billing": one.billing}
    return {
        "counted": counted(piece, live, rule),
        "jobs": int(began),
        "wait_seconds": one.waited if began else 0,
        **{name: live * count for name, count in parts.items()},
    }


def live_until(attempt: Attempt, second: int) -> int:
    """The seconds until then, less the suspended ones, which are spread evenly; whole seconds only."""
    length = attempt.end - attempt.start
    share = Fraction(length - min(attempt.suspended, length), length)
    return int((second - attempt.start) * share)


def counted(piece: Piece, live: int, rule: Rule) -> int:
    one = piece.attempt
    if rule.kind is Kind.ALLOCATED_NODES:
        return live * one.nodes
    if rule.kind is Kind.TRES:
        pairs = [part.split("=") for part in one.tres.split(",") if part]
        return live * {name: int(count) for name, count in pairs}.get(rule.tres, 0)
    assert rule.shape
    node = rule.shape
    shares = [
        Fraction(has, of)
        for has, of in zip(
            (one.cpus, one.gpus, one.memory, one.billing),
            (node.cpus, node.gpus, node.memory, node.billing),
            strict=True,
        )
        if of
    ]
    return max(1, ceil((piece.until - piece.since) * max(shares)))
